package draft

import (
	"bytes"
	"encoding/json"
	"fmt"

	"joulepay/wallet/money"
)

// Tariff is what stations of a draft ask for: an OCPI tariff.
type Tariff struct {
	JSON     []byte
	Currency string
}

// defaultPrice is of a kWh, in the range of public charging in Europe.
const defaultPrice = "0.45"

// DefaultTariff is a price of energy alone.
func DefaultTariff() Tariff { return energyTariff(defaultPrice) }

func energyTariff(price string) Tariff {
	return Tariff{[]byte(`{"elements": [{"price_components": [{"type": "ENERGY", "price": ` + price + `, "step_size": 1}]}]}`), "EUR"}
}

// ParseTariff reads a price of a kWh such as 0.45, in euro, or an OCPI tariff.
func ParseTariff(text []byte) (Tariff, error) {
	trimmed := bytes.TrimSpace(text)
	if !bytes.HasPrefix(trimmed, []byte("{")) {
		price, err := money.Parse(string(trimmed))
		if err != nil || price < 0 {
			return Tariff{}, fmt.Errorf("%w: %.40q is neither a price of a kWh nor an OCPI tariff", ErrOption, trimmed)
		}
		return energyTariff(price.String()), nil
	}
	var compact bytes.Buffer
	var says struct {
		Currency string `json:"currency"`
	}
	if err := json.Compact(&compact, trimmed); err != nil {
		return Tariff{}, fmt.Errorf("%w: the tariff: %w", ErrOption, err)
	}
	if err := json.Unmarshal(trimmed, &says); err != nil {
		return Tariff{}, fmt.Errorf("%w: the tariff: %w", ErrOption, err)
	}
	if says.Currency == "" {
		says.Currency = "EUR"
	}
	currency, err := money.ParseCurrency(says.Currency)
	if err != nil {
		return Tariff{}, fmt.Errorf("%w: the tariff: %w", ErrOption, err)
	}
	return Tariff{compact.Bytes(), currency.String()}, nil
}

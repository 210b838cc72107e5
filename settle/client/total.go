package client

import (
	"encoding/json"
	"fmt"

	"joulepay/wallet/money"
)

// Total is a price without and with VAT. Its JSON is two decimal texts; the currency stands beside it.
type Total struct {
	ExclVAT money.Amount
	InclVAT money.Amount
}

type totalJSON struct {
	ExclVAT string `json:"excl_vat"`
	InclVAT string `json:"incl_vat"`
}

// MarshalJSON implements json.Marshaler.
func (t Total) MarshalJSON() ([]byte, error) {
	return json.Marshal(totalJSON{t.ExclVAT.String(), t.InclVAT.String()})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Total) UnmarshalJSON(data []byte) error {
	var raw totalJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	excl, err := money.Parse(raw.ExclVAT)
	if err != nil {
		return fmt.Errorf("excl_vat: %w", err)
	}
	incl, err := money.Parse(raw.InclVAT)
	if err != nil {
		return fmt.Errorf("incl_vat: %w", err)
	}
	*t = Total{ExclVAT: excl, InclVAT: incl}
	return nil
}

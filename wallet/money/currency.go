package money

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Currency is an ISO 4217 alphabetic code, three capital letters. The zero value is no currency.
type Currency [3]byte

// ParseCurrency reads a code such as "EUR".
func ParseCurrency(code string) (Currency, error) {
	var c Currency
	if len(code) != len(c) {
		return c, fmt.Errorf("%w: %q", ErrCurrency, clip(code))
	}
	for i := range len(c) {
		if code[i] < 'A' || code[i] > 'Z' {
			return Currency{}, fmt.Errorf("%w: %q", ErrCurrency, clip(code))
		}
		c[i] = code[i]
	}
	return c, nil
}

// String gives the code, or "" for the zero value.
func (c Currency) String() string {
	if c == (Currency{}) {
		return ""
	}
	return string(c[:])
}

// MarshalText implements encoding.TextMarshaler.
func (c Currency) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Currency) UnmarshalText(text []byte) error {
	parsed, err := ParseCurrency(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// Money is an amount with its currency. Its JSON is {"value":"4.82","currency":"EUR"}.
type Money struct {
	Amount   Amount
	Currency Currency
}

// Of pairs an amount with its currency.
func Of(a Amount, c Currency) Money { return Money{Amount: a, Currency: c} }

// ParseMoney reads what a person types: "50EUR" or "50 EUR".
func ParseMoney(text string) (Money, error) {
	if len(text) < 4 {
		return Money{}, fmt.Errorf("%w: %q, want for example 50EUR", ErrSyntax, clip(text))
	}
	cut := len(text) - 3
	currency, err := ParseCurrency(text[cut:])
	if err != nil {
		return Money{}, err
	}
	amount, err := Parse(strings.TrimSuffix(text[:cut], " "))
	if err != nil {
		return Money{}, err
	}
	return Of(amount, currency), nil
}

// String gives "4.82 EUR".
func (m Money) String() string { return m.Amount.String() + " " + m.Currency.String() }

type moneyJSON struct {
	Value    string   `json:"value"`
	Currency Currency `json:"currency"`
}

// MarshalJSON implements json.Marshaler.
func (m Money) MarshalJSON() ([]byte, error) {
	return json.Marshal(moneyJSON{m.Amount.String(), m.Currency})
}

// UnmarshalJSON implements json.Unmarshaler. Both fields must be there.
func (m *Money) UnmarshalJSON(data []byte) error {
	var raw moneyJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	amount, err := Parse(raw.Value)
	if err != nil {
		return err
	}
	if raw.Currency == (Currency{}) {
		return fmt.Errorf("%w: missing", ErrCurrency)
	}
	*m = Of(amount, raw.Currency)
	return nil
}

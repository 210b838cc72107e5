package money

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestParseCurrencyTakesThreeCapitals(t *testing.T) {
	for _, code := range []string{"EUR", "NOK", "XTS"} {
		if c, err := ParseCurrency(code); err != nil || c.String() != code {
			t.Errorf("%q: got %q, %v", code, c, err)
		}
	}
	for _, code := range []string{"", "EU", "EURO", "eur", "E R", "€"} {
		if c, err := ParseCurrency(code); !errors.Is(err, ErrCurrency) || c != (Currency{}) {
			t.Errorf("%q: got %q, %v, want ErrCurrency", code, c, err)
		}
	}
}

func TestParseMoneyReadsWhatAPersonTypes(t *testing.T) {
	eur, _ := ParseCurrency("EUR")
	for _, text := range []string{"50EUR", "50 EUR", "50.00EUR"} {
		if m, err := ParseMoney(text); err != nil || m != Of(50*Nano, eur) {
			t.Errorf("%q: got %v, %v", text, m, err)
		}
	}
	tests := map[string]error{
		"": ErrSyntax, "EUR": ErrSyntax, "50": ErrSyntax, " EUR": ErrSyntax, "50  EUR": ErrSyntax, "EUR50": ErrCurrency,
		"50eur": ErrCurrency, "50€": ErrCurrency, "10000000000EUR": ErrOverflow,
	}
	for text, want := range tests {
		if m, err := ParseMoney(text); !errors.Is(err, want) {
			t.Errorf("%q: got %v, %v, want %v", text, m, err, want)
		}
	}
}

func TestI10_MoneyIsDecimalTextInJSON(t *testing.T) {
	eur, _ := ParseCurrency("EUR")
	const text = `{"value":"4.82","currency":"EUR"}`
	encoded, err := json.Marshal(Of(4_820_000_000, eur))
	if err != nil || string(encoded) != text {
		t.Fatalf("got %s, %v", encoded, err)
	}
	var back Money
	if err := json.Unmarshal(encoded, &back); err != nil || back != Of(4_820_000_000, eur) {
		t.Fatalf("got %v, %v", back, err)
	}
	for _, bad := range []string{
		`{"value":4.82,"currency":"EUR"}`, `{"value":"4.82"}`, `{"value":"4.82","currency":""}`, `{"currency":"EUR"}`,
		`{"value":"x","currency":"EUR"}`, `null`, `"4.82 EUR"`,
	} {
		before := back
		if err := json.Unmarshal([]byte(bad), &back); err == nil || back != before {
			t.Errorf("%s: got %v, %v, want an error and no change", bad, back, err)
		}
	}
}

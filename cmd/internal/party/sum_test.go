package party

import (
	"errors"
	"testing"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet/money"
)

func TestSumsAreInTheLedgersCurrency(t *testing.T) {
	eur, chf := money.Currency{'E', 'U', 'R'}, money.Currency{'C', 'H', 'F'}
	tests := []struct {
		text    string
		ledger  money.Currency
		want    money.Amount
		refused bool
	}{
		{"10EUR", eur, 10 * money.Nano, false},
		{"0.60", eur, 600_000_000, false},
		{"0.60", chf, 600_000_000, false},
		{"0", chf, 0, false},
		{"10EUR", chf, 0, true},
		{"10 CHF", chf, 10 * money.Nano, false},
	}
	for _, test := range tests {
		sum, err := ParseSum("deposit", test.text)
		if err != nil {
			t.Fatalf("%s: %v", test.text, err)
		}
		got, err := sum.In(test.ledger)
		if got != test.want || (err != nil) != test.refused {
			t.Errorf("%s in %s: %s, %v", test.text, test.ledger, got, err)
		}
	}
}

func TestI9_SumsThatAreNoneAreWrongUse(t *testing.T) {
	for _, text := range []string{"", "ten", "10 euros", "1e3", "0.0000000001"} {
		if _, err := ParseSum("deposit", text); !errors.Is(err, money.ErrSyntax) && !errors.Is(err, money.ErrCurrency) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var said *cli.Error
	if _, err := ParseSum("deposit", "-1EUR"); !errors.As(err, &said) || said.Code != cli.ExitUsage {
		t.Errorf("negative: %v", err)
	}
}

package party

import (
	"fmt"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet/money"
)

// Sum is an amount that somebody typed, in the ledger's currency or in one that is named.
type Sum struct {
	flag     string
	amount   money.Amount
	currency money.Currency // zero when none was named
}

// ParseSum reads what the named flag gives: "10EUR", or "10" in the ledger's currency. It must not be negative.
func ParseSum(flag, text string) (Sum, error) {
	s := Sum{flag: flag}
	var err error
	if s.amount, err = money.Parse(text); err != nil {
		var typed money.Money
		if typed, err = money.ParseMoney(text); err != nil {
			return s, fmt.Errorf("--%s: %w", flag, err)
		}
		s.amount, s.currency = typed.Amount, typed.Currency
	}
	if s.amount < 0 {
		return s, cli.Usage("name a sum such as 10EUR, or 0", "--%s %s is negative", flag, s.amount)
	}
	return s, nil
}

// In gives the amount in a ledger's currency, and refuses one in another.
func (s Sum) In(ledger money.Currency) (money.Amount, error) {
	if s.currency != (money.Currency{}) && s.currency != ledger {
		return 0, cli.Usage(fmt.Sprintf("write it in the ledger's currency: --%s %s%s", s.flag, s.amount, ledger),
			"--%s is in %s, the ledger has %s", s.flag, s.currency, ledger)
	}
	return s.amount, nil
}

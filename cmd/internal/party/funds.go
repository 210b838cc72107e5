package party

import (
	"context"
	"errors"
	"fmt"

	"joulepay/settle/client"
	"joulepay/wallet/money"
)

// ErrFunds is returned when the account has less than is needed.
var ErrFunds = errors.New("not enough money on the account")

// CheckFunds tells early whether the account can lock or spend so much. The error is client.ErrInsufficient too.
func CheckFunds(ctx context.Context, p *Party, needed money.Amount) error {
	account, err := p.Ledger.Account(ctx, p.Wallet.DID())
	if err != nil {
		return err
	}
	if account.Balance.Amount < needed {
		return fmt.Errorf("%w: %s available, %s needed: %w", ErrFunds, account.Balance, money.Of(needed, account.Balance.Currency), client.ErrInsufficient)
	}
	return nil
}

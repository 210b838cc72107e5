package vehiclecmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// balance is what a vehicle has.
type balance struct {
	DID        wallet.DID  `json:"did"`
	Balance    money.Money `json:"balance"`     // free to spend
	InChannels money.Money `json:"in_channels"` // what it would get back if all its channels ended now
	Channels   int         `json:"channels"`    // that are not closed
}

func balanceCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "balance", Short: "Show the money of this vehicle: on its account, and in its channels",
		Example: "  vehicle balance\n  vehicle balance --json",
	}
	r := addReach(app, command, true)
	command.RunE = func(command *cobra.Command, _ []string) error {
		b, err := readBalance(command.Context(), r)
		if err != nil {
			return err
		}
		return app.Print(b, func(p *cli.Printer) {
			p.Fields("DID", b.DID.String(), "balance", b.Balance.String(), "in channels", b.InChannels.String())
			if b.Balance.Amount == 0 && b.Channels == 0 {
				p.Line("put money on the account: ledger issue --to %s --amount 50%s", b.DID, b.Balance.Currency)
			}
		})
	}
	return command
}

func readBalance(ctx context.Context, r *reach) (b balance, err error) {
	p, err := r.open(ctx, true, party.AccessRead)
	if err != nil {
		return b, err
	}
	defer p.Close()
	account, err := p.Ledger.Account(ctx, p.Wallet.DID())
	if err != nil {
		return b, err
	}
	b = balance{DID: p.Wallet.DID(), Balance: account.Balance}
	var sum money.Amount
	sum, b.Channels, err = inChannels(ctx, p)
	b.InChannels = money.Of(sum, account.Balance.Currency)
	return b, err
}

// inChannels gives what the vehicle would be paid out of its channels, by the claims that it knows.
func inChannels(ctx context.Context, p *party.Party) (sum money.Amount, count int, err error) {
	records, err := p.Store.Channels(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, r := range records {
		if r.State != channel.Open && r.State != channel.Closing {
			continue
		}
		side, err := channel.Restore(r.Side)
		if err != nil {
			return 0, 0, err
		}
		shares, payoutErr := channel.Payout(side.Funds(), side.Lanes())
		more, sumErr := sum.Add(shares[side.Me()])
		if err := errors.Join(payoutErr, sumErr); err != nil {
			return 0, 0, err
		}
		sum, count = more, count+1
	}
	return sum, count, nil
}

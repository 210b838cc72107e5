package vehiclecmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/wallet"
)

// reach is what a command needs of the world: wallet, ledger and, for some, the broker.
type reach struct {
	app    *cli.App
	wallet *walletcmd.Selection
	ledger string
	nats   string
	tls    party.TLS

	registered      bool          // stations must be
	registrationAge time.Duration // of its proof; zero: the default
}

// addReach adds --wallet and --ledger; create lets the command make the default wallet on the first run.
func addReach(app *cli.App, command *cobra.Command, create bool) *reach {
	r := &reach{app: app}
	if create {
		r.wallet = walletcmd.AddCreateFlags(app, command)
	} else {
		r.wallet = walletcmd.AddFlags(app, command)
	}
	r.wallet.AddIdentity(command, create && slices.Contains(buyers, command.Name()))
	command.Flags().StringVar(&r.ledger, "ledger", party.LedgerDefault, "API of a ledger node")
	return r
}

// addNATS adds --nats.
func (r *reach) addNATS(command *cobra.Command) {
	command.Flags().StringVar(&r.nats, "nats", party.NATSDefault, "NATS server")
	r.tls.AddTrust(command)
}

// open unlocks the wallet, or makes it, and opens the party.
func (r *reach) open(ctx context.Context, create bool, access party.Access) (*party.Party, error) {
	var w *wallet.Wallet
	var err error
	if create {
		w, _, err = r.wallet.OpenOrCreate()
	} else {
		w, err = r.wallet.Open()
	}
	if err != nil {
		return nil, err
	}
	dir, err := party.Dir(r.app, r.wallet)
	if err != nil {
		return nil, err
	}
	trusted, err := r.tls.Trusted()
	if err != nil {
		return nil, err
	}
	return party.Open(ctx, party.Options{
		Wallet: w, Dir: dir, Access: access, NATS: r.nats, TLS: trusted, Ledger: r.ledger, Name: program, Log: r.app.Log(),
		OnNATS:     func(err error) { r.app.Log().Warn("NATS", "error", err) },
		Registered: r.registered, RegistrationAge: r.registrationAge,
	})
}

// refused tells whether a station refused with a code.
func refused(code wire.Code) func(error) bool {
	return func(err error) bool {
		return errors.Is(err, session.ErrRefused) && strings.Contains(err.Error(), session.ErrRefused.Error()+": "+string(code)+":")
	}
}

// Package channelscmd owns the group "channels" of the programs whose wallets have channels: list, show, topup, settle,
// close, export, import.
// It leaves the rules of channels to package channel, what is signed to channel/agent, and retries to its outbox.
// It keeps invariant I4 for whoever types a command: an operation is in the outbox before it is sent, so that the same
// command typed again goes on with it.
package channelscmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/internal/sqlite"
	"joulepay/settle/client"
)

// Programs that have channels.
const (
	Charger = "chargepoint"
	Vehicle = "vehicle"
)

// Command gives the group "channels" of a program.
func Command(app *cli.App, program string) *cobra.Command {
	group := &cobra.Command{
		Use: "channels", Short: "Show, top up, settle, close and carry over payment channels",
		Example: "  " + program + " channels list\n  " + program + " channels close ID",
	}
	group.AddCommand(listCommand(app, program), showCommand(app, program), topUpCommand(app, program), settleCommand(app, program),
		closeCommand(app, program), exportCommand(app, program), importCommand(app, program))
	return group
}

// actor is whoever acts on a channel: the only process that has the store open.
type actor struct {
	app     *cli.App
	program string
	wallet  *walletcmd.Selection
	ledger  string
	nats    string // empty where the peer is not needed
	tls     party.TLS
}

// addWallet adds the flags that say whose channels are meant. A vehicle may be somebody else to each operator.
func addWallet(app *cli.App, program string, command *cobra.Command) *walletcmd.Selection {
	selected := walletcmd.AddFlags(app, command)
	if program == Vehicle {
		selected.AddIdentity(command, false)
	}
	return selected
}

func addActor(app *cli.App, program string, command *cobra.Command) *actor {
	a := &actor{app: app, program: program, wallet: addWallet(app, program, command)}
	command.Flags().StringVar(&a.ledger, "ledger", party.LedgerDefault, "API of a ledger node")
	return a
}

// open gives the party, whose process must not run beside this one.
func (a *actor) open(ctx context.Context, nats string) (*party.Party, error) {
	w, err := a.wallet.Open()
	if err != nil {
		return nil, err
	}
	dir, err := party.Dir(a.app, a.wallet)
	if err != nil {
		return nil, err
	}
	trusted, err := a.tls.Trusted()
	if err != nil {
		return nil, err
	}
	p, err := party.Open(ctx, party.Options{
		Wallet: w, Dir: dir, NATS: nats, TLS: trusted, Ledger: a.ledger, Name: a.program, Log: a.app.Log(),
		OnNATS: func(err error) { a.app.Log().Warn("NATS", "error", err) },
	})
	if errors.Is(err, sqlite.ErrLocked) {
		return nil, cli.Hint(err, "a `"+a.program+"` works with this wallet: stop it (Ctrl-C), then run `{command}` again")
	}
	return p, err
}

// channelArgument reads the one argument of a command.
func channelArgument(program string, args []string) (channel.ID, error) {
	id, err := client.ParseID(args[0])
	if err != nil {
		return channel.ID{}, cli.Usage("`"+program+" channels list` shows the ids", "%w", err)
	}
	return channel.ID(id), nil
}

// reachesPeer tells whether a program can reach its peers: stations have an address, vehicles come and go.
func reachesPeer(program string) bool { return program == Vehicle }

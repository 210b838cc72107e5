// Package operator owns the ledger's side of the commands: a node composed of store, stream, runner and API, and the
// commands of the program "ledger".
// It leaves the rules to settle/dag, driving them to settle/node, routes to settle/api, and wallets to walletcmd.
// It keeps invariant I4 for whoever types a command: money is issued once for a reference and redeemed once, whatever
// is cut short and typed again.
//
// A main is os.Exit(cli.Main(operator.Root)). Who embeds a ledger calls StartNode, and serves Node.Config.
package operator

import (
	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
)

// Defaults of a node that is started without flags.
const (
	HTTPDefault = "127.0.0.1:8420"
	NATSDefault = "127.0.0.1:4222"
)

const program = "ledger"

// Root builds the program "ledger".
func Root(app *cli.App) *cobra.Command {
	app.Know(lightHints...)
	app.Know(knownErrors...)
	root := &cobra.Command{
		Use: program, Short: "Run a node of the settlement ledger, and issue money on it",
		Long: "A node of the ledger on which machines settle what they paid each other, without fees.\n" +
			"Without flags, run starts a whole ledger on this machine: broker, node and API.",
		Example: "  ledger run\n  ledger issue --to DID --amount 50EUR\n  ledger status",
	}
	root.AddCommand(runCommand(app), brokerCommand(app), devnetCommand(app), statusCommand(app), lightCommand(app), issueCommand(app), redeemCommand(app), submitCommand(app),
		channelsCommand(app), verifyCommand(app), snapshotCommand(app), genesisCommand(app), walletcmd.Command(app, program))
	return root
}

// Package stationcmd owns the commands of the program "chargepoint" with which energy is sold: run, sessions, tariff, ocmf.
// It leaves the charger to cmd/internal/station, the ledger that it may embed to cmd/internal/operator, channels to
// channelscmd, wallets to walletcmd and the demonstration to cmd/internal/demo.
// It keeps invariant I4 for whoever stops a charger: what was acknowledged is stored, what can be settled is settled, and
// the next run resumes the rest.
//
// Root builds the program. Start runs a charger for whoever embeds it.
package stationcmd

import (
	"github.com/spf13/cobra"

	"joulepay/cmd/internal/channelscmd"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
)

const program = "chargepoint"

// Root builds the program "chargepoint", demonstration aside.
func Root(app *cli.App) *cobra.Command {
	app.Know(knownErrors...)
	root := &cobra.Command{
		Use: program, Short: "Sell energy by the claim, and settle without fees",
		Long: "A charger that is paid while it charges: for every slice of energy the vehicle signs a claim, and the best claims\n" +
			"settle on a ledger without fees.",
		Example: "  chargepoint demo\n  chargepoint run",
	}
	root.AddCommand(runCommand(app), sessionsCommand(app), tariffCommand(app), ocmfCommand(app), channelscmd.Command(app, program),
		walletcmd.Command(app, program))
	return root
}

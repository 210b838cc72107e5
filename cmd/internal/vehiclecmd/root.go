// Package vehiclecmd owns the commands of the program "vehicle": finding stations, charging, money, receipts.
// It leaves the session to cmd/internal/vehicle, channels to channelscmd, and wallets to walletcmd.
// It keeps invariant I4 for whoever stops a vehicle: what was signed is stored, a session that is not over is resumed
// before another begins, and a payment typed again with its reference is made once.
package vehiclecmd

import (
	"github.com/spf13/cobra"

	"joulepay/cmd/internal/channelscmd"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
)

const program = "vehicle"

// Root builds the program "vehicle".
func Root(app *cli.App) *cobra.Command {
	app.Know(knownErrors...)
	root := &cobra.Command{
		Use: program, Short: "Buy energy, parking, passages and data by the claim, and keep the receipts",
		Long: "A vehicle that pays while it charges, parks, passes a gate or reads data: for what it measured itself it signs a claim.\n" +
			"Every session leaves a receipt that anybody verifies offline.",
		Example: "  vehicle stations\n  vehicle charge --energy 12kWh\n  vehicle park --for 45m\n  vehicle toll\n" +
			"  vehicle data --messages 1000\n  vehicle receipts",
	}
	root.AddCommand(stationsCommand(app), chargeCommand(app), parkCommand(app), tollCommand(app), dataCommand(app), resumeCommand(app), balanceCommand(app), payCommand(app),
		receiptsCommand(app), verifyCommand(app), channelscmd.Command(app, program), walletcmd.Command(app, program))
	return root
}

// Command chargepoint runs a charger, or everything at once as a demonstration.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/demo"
	"joulepay/cmd/internal/walletcmd"
)

func main() { os.Exit(cli.Main(root)) }

func root(app *cli.App) *cobra.Command {
	root := &cobra.Command{
		Use: "chargepoint", Short: "Sell energy by the claim, and settle without fees",
		Example: "  chargepoint demo\n  chargepoint run",
	}
	root.AddCommand(demo.Command(app), walletcmd.Command(app, "chargepoint"))
	return root
}

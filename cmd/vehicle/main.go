// Command vehicle charges, pays and keeps receipts. It leaves claims to cmd/internal/claimcmd, identities
// to cmd/internal/didcmd and all else to cmd/internal/vehiclecmd, and keeps the command contract of cmd/internal/cli.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/claimcmd"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/didcmd"
	"joulepay/cmd/internal/vehiclecmd"
)

func main() { os.Exit(cli.Main(root)) }

func root(app *cli.App) *cobra.Command {
	root := vehiclecmd.Root(app)
	root.AddCommand(claimcmd.Command(app, root.Name()))
	didcmd.Add(app, root)
	return root
}

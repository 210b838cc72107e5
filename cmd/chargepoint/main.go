// Command chargepoint runs a charger, or everything at once as a demonstration. It leaves the charger to
// cmd/internal/stationcmd, the demonstration to cmd/internal/demo, claims to cmd/internal/claimcmd and identities to
// cmd/internal/didcmd, and keeps the command contract of cmd/internal/cli.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/claimcmd"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/demo"
	"joulepay/cmd/internal/didcmd"
	"joulepay/cmd/internal/stationcmd"
)

func main() { os.Exit(cli.Main(root)) }

func root(app *cli.App) *cobra.Command {
	root := stationcmd.Root(app)
	root.AddCommand(demo.Command(app), claimcmd.Command(app, root.Name()))
	didcmd.Add(app, root)
	return root
}

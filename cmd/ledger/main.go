// Command ledger runs a node of the settlement ledger, and issues and redeems money on it. It leaves claims to
// cmd/internal/claimcmd, identities to cmd/internal/didcmd and all else to cmd/internal/operator, and keeps the command contract of cmd/internal/cli.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/claimcmd"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/didcmd"
	"joulepay/cmd/internal/operator"
)

func main() { os.Exit(cli.Main(root)) }

func root(app *cli.App) *cobra.Command {
	root := operator.Root(app)
	root.AddCommand(claimcmd.Command(app, root.Name()))
	didcmd.Add(app, root)
	return root
}

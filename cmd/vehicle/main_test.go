package main

import (
	"testing"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/claimcmd"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
	"joulepay/cmd/internal/didcmd"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/stationcmd"
)

func TestMain(m *testing.M) {
	clitest.Main(m, map[string]func(*cli.App) *cobra.Command{
		"vehicle": root, "chargepoint": whole(stationcmd.Root), "ledger": whole(operator.Root),
	})
}

// whole adds to a program what its main adds.
func whole(root func(*cli.App) *cobra.Command) func(*cli.App) *cobra.Command {
	return func(app *cli.App) *cobra.Command {
		command := root(app)
		command.AddCommand(claimcmd.Command(app, command.Name()))
		didcmd.Add(app, command)
		return command
	}
}

func TestScripts(t *testing.T) { clitest.Run(t, "testdata/script") }

func TestTreeIsWellFormed(t *testing.T) { clitest.CheckTree(t, root) }

// Package simulation owns the commands of simulate: running a scenario, sweeping over its settings, comparing reports,
// and listing what comes with the program. It leaves what happens to the engines in simulations/world and
// simulations/plant, and their report to simulations/report.
// It keeps the contract of commands: the result on stdout, progress on stderr, and a seed in every failure, so that it
// can be run again.
package simulation

import (
	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
)

// Root builds the tree of commands.
func Root(app *cli.App) *cobra.Command {
	root := &cobra.Command{
		Use: "simulate", Short: "Run stations, vehicles and a ledger in virtual time",
		Long: "Simulate runs the machines that chargepoint, vehicle and ledger run, on a virtual clock, from one seed.\n" +
			"The same scenario and seed give the same report, byte for byte.",
		Example: "  simulate run two-cars --out report\n  simulate sweep two-cars --set stations.north.power=22kW,50kW --seeds 1..5",
	}
	root.AddCommand(runCommand(app), listCommand(app), importCommand(app), sweepCommand(app), compareCommand(app), schemaCommand(app))
	return root
}

func oneScenario(command *cobra.Command, args []string) error {
	if len(args) != 1 {
		return cli.Usage("name one: `simulate run two-cars`; `simulate list` shows them", "%s wants one scenario, not %d",
			command.CommandPath(), len(args))
	}
	return nil
}

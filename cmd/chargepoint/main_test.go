package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/vehiclecmd"
)

func TestMain(m *testing.M) {
	clitest.Main(m, map[string]func(*cli.App) *cobra.Command{"chargepoint": root, "vehicle": vehiclecmd.Root, "ledger": operator.Root,
		"todays-prices": todaysPrices, "charging-station": chargingStation})
}

func TestScripts(t *testing.T) { clitest.Run(t, "testdata/script") }

func TestTreeIsWellFormed(t *testing.T) { clitest.CheckTree(t, root) }

// todaysPrices prints day-ahead prices from two hours ago for three days, all the same: what a script with a charger
// that sells by the clock needs.
func todaysPrices(*cli.App) *cobra.Command {
	return &cobra.Command{Use: "todays-prices PRICE", Args: cobra.ExactArgs(1), RunE: func(command *cobra.Command, args []string) error {
		out := command.OutOrStdout()
		if _, err := fmt.Fprintln(out, "start_utc,start_local,eur_per_mwh"); err != nil {
			return err
		}
		at := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
		for i := range 72 * 4 {
			slot := at.Add(time.Duration(i) * 15 * time.Minute).Format(time.RFC3339)
			if _, err := fmt.Fprintf(out, "%s,%s,%s\n", slot, slot, args[0]); err != nil {
				return err
			}
		}
		return nil
	}}
}

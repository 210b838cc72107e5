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
		"todays-prices": todaysPrices, "charging-station": chargingStation, "two-tariffs": twoTariffs})
}

func TestScripts(t *testing.T) { clitest.Run(t, "testdata/script") }

func TestTreeIsWellFormed(t *testing.T) { clitest.CheckTree(t, root) }

// twoTariffs prints an OCPI tariff that ends in a while, and one that follows it.
func twoTariffs(*cli.App) *cobra.Command {
	return &cobra.Command{Use: "two-tariffs SECONDS PRICE PRICE", Args: cobra.ExactArgs(3), RunE: func(command *cobra.Command, args []string) error {
		in, err := time.ParseDuration(args[0] + "s")
		if err != nil {
			return err
		}
		const tariff = `{"country_code":"DE","party_id":"JLP","id":%q,"currency":"EUR","last_updated":"2026-01-01T00:00:00Z",%q:%q,` +
			`"elements":[{"price_components":[{"type":"ENERGY","price":%s,"step_size":1}]}]}`
		at := time.Now().UTC().Add(in).Format(time.RFC3339)
		_, err = fmt.Fprintf(command.OutOrStdout(), "["+tariff+",\n"+tariff+"]\n",
			"before", "end_date_time", at, args[1], "after", "start_date_time", at, args[2])
		return err
	}}
}

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

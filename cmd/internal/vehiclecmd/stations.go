package vehiclecmd

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/quote"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/vehicle"
	"joulepay/meter"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

// waitMax bounds how long stations are listened for.
const waitMax = 5 * time.Minute

func stationsCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "stations", Short: "List the stations that make themselves known, cheapest first",
		Example: "  vehicle stations\n  vehicle stations --wait 5s --json",
	}
	r := addReach(app, command, true)
	r.addNATS(command)
	var wait time.Duration
	command.Flags().DurationVar(&wait, "wait", time.Second, "how long to wait for answers")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if wait <= 0 || wait > waitMax {
			return cli.Usage("for example --wait 5s", "--wait %s: want more than 0 and at most %s", wait, waitMax)
		}
		return listStations(command.Context(), r, wait)
	}
	return command
}

func listStations(ctx context.Context, r *reach, wait time.Duration) error {
	p, err := r.open(ctx, true, party.AccessNone)
	if err != nil {
		return err
	}
	defer p.Close()
	found, err := vehicle.Discover(ctx, p, vehicle.Wish{}, wait)
	if err != nil {
		return err
	}
	object := struct {
		Stations []client.Station `json:"stations"`
	}{[]client.Station{}}
	for _, a := range found {
		object.Stations = append(object.Stations, stationOf(a, p.Ledger.Trusted().Genesis.Currency))
	}
	return r.app.Print(object, func(p *cli.Printer) { printStations(p, object.Stations) })
}

func stationOf(a quote.Announcement, ledger money.Currency) client.Station {
	currency, err := money.ParseCurrency(a.Currency)
	if err != nil {
		currency = ledger // an announcement that parses names a currency
	}
	return client.Station{
		DID: a.Station, Service: a.Service, EVSE: a.EVSE, MaxPowerW: strconv.FormatInt(a.MaxPowerMw/1000, 10),
		UnitPrice: money.Of(a.UnitPrice, currency), Tariff: a.Tariff, Free: a.Free, Seen: a.At(),
		Estimates: party.PricesOf(a.Estimates, meter.Unit(a.Unit), currency),
	}
}

func printStations(p *cli.Printer, list []client.Station) {
	if len(list) == 0 {
		p.Line("no station answers; `vehicle stations --wait 5s` waits longer")
		return
	}
	var rows [][]string
	for _, s := range list {
		free := "in use"
		if s.Free {
			free = "free"
		}
		power := "-"
		watts, _ := strconv.ParseInt(s.MaxPowerW, 10, 64) // written by ourselves
		if watts > 0 {
			power = strconv.FormatInt(watts/1000, 10) + " kW"
		}
		rows = append(rows, []string{
			s.DID.String(), s.EVSE, s.Service,
			party.PriceWords(s.UnitPrice.Amount) + " " + s.UnitPrice.Currency.String() + "/" + party.PricedBy(s.Service), power, free, tariffInShort(s.Tariff), pricesInShort(s.Estimates),
		})
	}
	p.Table([]string{"STATION", "EVSE", "SERVICE", "PRICE", "POWER", "FREE", "TARIFF", "NOW"}, rows)
}

// pricesInShort gives what typical sessions cost now: "10 kWh 5.83, 20 kWh 11.66 (ENERGY 9.66, FLAT 2.00)". Components are
// told of the largest, where there are several.
func pricesInShort(prices []client.Price) string {
	var shown []string
	for i, price := range prices {
		text := quantityInShort(price) + " " + party.PriceWords(price.Amount.Amount)
		if i == len(prices)-1 && len(price.Components) > 1 {
			var parts []string
			for _, part := range price.Components {
				parts = append(parts, part.Type+" "+part.Amount.Amount.Cents())
			}
			text += " (" + strings.Join(parts, ", ") + ")"
		}
		shown = append(shown, text)
	}
	return strings.Join(shown, ", ")
}

// quantityInShort gives "10 kWh", "2h", "1 piece".
func quantityInShort(p client.Price) string {
	switch {
	case p.EnergyWh != nil:
		return strconv.FormatFloat(float64(*p.EnergyWh)/1e6, 'f', -1, 64) + " kWh"
	case p.Unit == meter.Seconds.String():
		return strconv.FormatFloat(float64(p.Quantity)/3600, 'f', -1, 64) + " h"
	case p.Quantity == 1:
		return "1 piece"
	}
	return strconv.FormatInt(p.Quantity, 10) + " pieces"
}

// tariffShown is how much of a tariff fits a line.
const tariffShown = 60

// tariffInShort gives the prices of a tariff in words, which stand on numbered lines, as far as they fit.
func tariffInShort(words string) string {
	var prices []string
	for line := range strings.Lines(words) {
		number, price, found := strings.Cut(strings.TrimSpace(line), ". ")
		if _, err := strconv.Atoi(number); found && err == nil {
			prices = append(prices, price)
		}
	}
	short := []rune(strings.Join(prices, "; "))
	if len(short) > tariffShown {
		return string(short[:tariffShown]) + "…"
	}
	return string(short)
}

package stationcmd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/quote"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/meter"
)

// services are what a station can sell.
var services = []string{station.Charging, station.Parking, station.Toll, station.Data}

// serviceFlags are the flags of what is sold besides energy.
type serviceFlags struct {
	places   int
	trusting bool
	source   string
	unpaid   int64
	deferred bool
}

func (s *serviceFlags) add(command *cobra.Command) {
	f := command.Flags()
	f.IntVar(&s.places, "places", 1, "with --service parking or data: how many vehicles are served at a time")
	f.BoolVar(&s.trusting, "trust-passage", false, "with --service toll: the barrier opens before the passage is paid; one may be unpaid")
	f.StringVar(&s.source, "data-source", "sim", "with --service data: where messages come from, one a line: sim, file:FILE or exec:COMMAND")
	f.Int64Var(&s.unpaid, "unpaid-max", 0, "with --service data: so many messages go out before the first is paid (default 50)")
	f.BoolVar(&s.deferred, "defer", false, "leave what a session came to in the channel until --settle-at, so that no session costs a vertex (toll: always)")
}

// check refuses flags that say nothing about the service, and values that it cannot have.
func (s *serviceFlags) check(service string, command *cobra.Command) error {
	for flag, of := range map[string][]string{
		"places": {station.Parking, station.Data}, "trust-passage": {station.Toll}, "data-source": {station.Data}, "unpaid-max": {station.Data},
	} {
		if command.Flags().Changed(flag) && !slices.Contains(of, service) {
			return cli.Usage("leave it out, or sell something else: `{command} --service "+of[0]+"`", "--%s says nothing about --service %s", flag, service)
		}
	}
	switch {
	case s.places < 1 || s.places > station.PlacesMax:
		return cli.Usage("for example --places 20", "--places %d: want 1 to %d", s.places, station.PlacesMax)
	case s.unpaid < 0 || s.unpaid > quote.UnpaidMaxMost:
		return cli.Usage("for example --unpaid-max 50", "--unpaid-max %d: want 1 to %d", s.unpaid, quote.UnpaidMaxMost)
	}
	return nil
}

// defaults gives the settings of the service, and lets flags that nobody set follow them.
func (c *runCmd) defaults() (station.Config, error) {
	settings, err := station.DefaultOf(c.service)
	if err != nil {
		return settings, err
	}
	f := c.command.Flags()
	if !f.Changed("evse") {
		c.evse = settings.EVSE
	}
	if !f.Changed("claim-every") {
		c.claimEvery = settings.ClaimEvery
	}
	if c.sold.unpaid > 0 {
		settings.UnpaidMax = c.sold.unpaid
	}
	settings.Deferred = settings.Deferred || c.sold.deferred
	return settings, nil
}

// sale gives what the service needs instead of a charger's outlet; nil for charging.
func (c *runCmd) sale(spec meter.Spec) (*station.Sale, error) {
	if c.service == station.Charging {
		return nil, nil
	}
	if spec.Kind != meter.KindSim && (spec.Kind != meter.KindExec || c.service != station.Parking) {
		return nil, cli.Usage("leave --meter out: a clock or a counter of this process does it; a car park takes --meter exec:COMMAND, too",
			"--meter %s does not measure what --service %s sells", spec, c.service)
	}
	source, err := station.ParseSource(c.sold.source)
	if err != nil {
		return nil, cli.Usage("for example --data-source file:messages.jsonl or --data-source 'exec:./sensor'", "--data-source: %w", err)
	}
	return &station.Sale{Places: c.sold.places, Trusting: c.sold.trusting, Source: source, Meter: spec}, nil
}

// sell gives the outlets of a station that sells something else than energy.
func (c *Charger) sell(ctx context.Context, p *party.Party, settings station.Config, free func() bool) ([]station.Place, error) {
	sale := *c.options.Sale
	sale.Dir = c.options.Dir
	places, closers, err := sale.Sell(ctx, p, settings, free, c.options.Log)
	for _, each := range closers {
		if err == nil {
			c.closing(each)
		}
	}
	return places, err
}

// tellOffer says in a line what is sold.
func (c *runCmd) tellOffer(p *cli.Printer, r ready) {
	switch c.service {
	case station.Parking:
		p.Line("the car park runs: %s at %s, about %s/h", places(c.sold.places), r.EVSE, r.UnitPrice)
	case station.Toll:
		p.Line("the toll gate runs: %s, %s/passage", r.EVSE, r.UnitPrice)
	case station.Data:
		p.Line("the data station runs: %s, %s/message", r.EVSE, r.UnitPrice)
	default:
		watts, _ := strconv.ParseFloat(r.MaxPowerW, 64) // written by ourselves
		p.Line("the charger runs: %s at %s, up to %g kW, about %s/kWh", r.Service, r.EVSE, watts/1000, r.UnitPrice)
	}
}

func places(n int) string {
	if n == 1 {
		return "1 place"
	}
	return fmt.Sprintf("%d places", n)
}

// buying is the command with which a vehicle buys each service.
var buying = map[string]string{
	station.Charging: "vehicle charge", station.Parking: "vehicle park --for 45m", station.Toll: "vehicle toll", station.Data: "vehicle data --messages 100",
}

// pulse gives how often the meters of the service are looked at.
func (c *runCmd) pulse() time.Duration { return station.PulseOf(c.service) }

package vehiclecmd

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/vehicle"
	"joulepay/meter"
)

// roundTripPPM is what a simulated battery gives back of what it took: 90 %, as a car and its charger do.
const roundTripPPM = 900_000

// giving are the flags by which a person lets a vehicle give energy back.
type giving struct {
	on                     bool
	floor, power, minPrice string
}

func (g *giving) add(f *pflag.FlagSet) {
	f.BoolVar(&g.on, "v2g", false, "let the station take energy back while plugged in, and be paid for it; it stays until --until or Ctrl-C")
	f.StringVar(&g.floor, "soc-floor", "40%", "with --v2g: the battery gives nothing below this state of charge")
	f.StringVar(&g.power, "return-power", "10kW", "with --v2g: the most that it gives back")
	f.StringVar(&g.minPrice, "min-return-price", "0", "with --v2g: the least for a kWh that it gives back, VAT included, such as 0.20; for less it gives nothing")
}

// price gives the least price as it is read with the other sums; commands without the flag have none.
func (g *giving) price() string {
	if g.minPrice == "" {
		return "0"
	}
	return g.minPrice
}

// give lets the simulated battery give back.
func (g *giving) give(c *vehicle.Config) error {
	if !g.on {
		return nil
	}
	if c.Measure.Kind != meter.KindSim {
		return cli.Usage("`{command} --v2g --measure sim`", "--v2g and --measure %s: this battery cannot be told what to give back", c.Measure.Kind)
	}
	power, err := meter.ParsePower(g.power)
	if err != nil {
		return cli.Usage("for example --return-power 10kW", "--return-power: %w", err)
	}
	floor, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(g.floor, "%")), 10, 8)
	if err != nil || floor > 100 {
		return cli.Usage("for example --soc-floor 40%", "--soc-floor %q: want 0%% to 100%%", g.floor)
	}
	g.allow(c, power, int16(10*floor))
	return nil
}

// allow makes a vehicle stay that gives back: a state of charge is what its battery is charged to, and no reason to leave.
func (g *giving) allow(c *vehicle.Config, powerMw int64, floorPermille int16) {
	c.Policy.ReturnMw, c.Policy.FullIsTarget, c.Policy.SoCPermille = powerMw, false, 0
	c.Battery.MaxReturnMilliwatts, c.Battery.ReturnFloorPermille, c.Battery.RoundTripPPM = powerMw, floorPermille, roundTripPPM
}

// goOn lets a session that is resumed give back as it did before.
func (g *giving) goOn(c *vehicle.Config, r session.SessionRecord) {
	if g.on || r.ReturnMw == 0 {
		return
	}
	const floor = 400
	g.allow(c, r.ReturnMw, floor)
}

package stationcmd

import (
	"github.com/spf13/pflag"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/meter"
)

// giveBackFlags are what somebody types about energy that vehicles give back.
type giveBackFlags struct {
	price, power, above string
}

func (g *giveBackFlags) add(f *pflag.FlagSet) {
	f.StringVar(&g.price, "give-back", "", "take energy back from vehicles (V2G), and pay so much for a kWh, VAT included; or an OCPI tariff of it, JSON `FILE`")
	f.StringVar(&g.power, "return-power", "10kW", "with --give-back: the most that the outlet takes back")
	f.StringVar(&g.above, "return-above", "", "with --give-back: take energy back while a kWh sells for more than this, VAT included (default: than is paid for it)")
}

// read gives what the station pays; nil where it takes nothing back.
func (g *giveBackFlags) read(c *runCmd) (*station.GiveBack, error) {
	if g.price == "" {
		for _, flag := range []string{"return-power", "return-above"} {
			if c.command.Flags().Changed(flag) {
				return nil, cli.Usage("for example --give-back 0.25", "--%s without --give-back", flag)
			}
		}
		return nil, nil
	}
	switch spec, err := meter.ParseSpec(c.meter); {
	case c.service != party.Charging:
		return nil, cli.Usage("leave one of them out", "--give-back and --service %s: only energy is given back", c.service)
	case err == nil && spec.Kind != meter.KindSim:
		return nil, cli.Usage("`{command} --meter sim --give-back 0.25`", "--give-back and --meter %s: this outlet does not take energy back", spec.Kind)
	case c.meterKey != "none":
		return nil, cli.Usage("leave --meter-key out", "--give-back and --meter-key: OCMF proves one register, and not what is given back")
	}
	back, err := station.ParseGiveBack(g.price, g.power, g.above)
	if err != nil {
		return nil, cli.Usage("for example --give-back 0.25 --return-power 10kW --return-above 0.35; a tariff has components ENERGY with step_size 0 alone", "%w", err)
	}
	return back, nil
}

package vehiclecmd

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/agent"
	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/vehicle"
	"joulepay/meter"
	"joulepay/meter/replay"
	"joulepay/meter/sim"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	// pulseEvery is how often the vehicle measures.
	pulseEvery = 250 * time.Millisecond
	// auto is the value of --station that takes the cheapest that fits.
	auto = "auto"
	// stateOfChargeDefault is where a simulated vehicle stops when nothing else is asked for, per cent.
	stateOfChargeDefault = 80
)

// limits are the flags by which a person says what a vehicle wants and accepts.
type limits struct {
	service                                 string
	energy, until, measure, battery         string
	maxCost, maxPrice, deposit, topUp, evse string
	stateOfCharge, stateOfChargeNow         int
	v2g                                     giving

	wanted wanted // of what is not charging

	byDefault bool                 // nobody said where to stop
	sums      map[string]party.Sum // of maxCost, maxPrice, deposit, topUp by flag, once plan has read them
}

func addLimits(command *cobra.Command) *limits {
	l := addTerms(command, party.Charging)
	f := command.Flags()
	f.StringVar(&l.energy, "energy", "", "stop after this energy: 12kWh, 500Wh")
	f.IntVar(&l.stateOfCharge, "soc", 0, fmt.Sprintf("stop at this state of charge, per cent (default %d, unless --energy or --measure is given)", stateOfChargeDefault))
	f.StringVar(&l.until, "until", "", "stop at this time, RFC 3339, or after this duration")
	addBattery(command, l)
	return l
}

// addBattery adds the flags of the vehicle itself.
func addBattery(command *cobra.Command, l *limits) {
	f := command.Flags()
	f.StringVar(&l.measure, "measure", "sim", "how the vehicle measures: sim, replay:FILE#ROW or exec:COMMAND")
	f.StringVar(&l.battery, "battery", "60kWh", "capacity of the simulated battery")
	l.v2g.add(f)
	f.IntVar(&l.stateOfChargeNow, "soc-now", 20, "its state of charge on arrival, per cent")
}

// gainPPM is the error of a simulated vehicle's own meter: it measures 0.4 % less than flows, as a real one might.
const gainPPM = -4000

// plan reads the flags into the settings of a vehicle; what depends on the ledger's currency follows in settle.
func (l *limits) plan(now time.Time, app *cli.App) (vehicle.Config, error) {
	if l.service != party.Charging {
		return l.planService(now, app)
	}
	c := vehicle.Config{
		Policy: session.DefaultPayerPolicy(), GainPPM: gainPPM, Clock: agent.WallClock{}, PulseEvery: pulseEvery,
	}
	c.Policy.EVSE = l.evse
	var err error
	if c.Measure, err = meter.ParseSpec(l.measure); err != nil {
		return c, fmt.Errorf("--measure: %w", err)
	}
	if c.Measure.Kind == meter.KindOCPP {
		return c, cli.Usage("take --measure sim, --measure replay:FILE#ROW or --measure exec:COMMAND", "--measure ocpp is for chargers")
	}
	if l.energy != "" {
		if c.Policy.Quantity, err = meter.ParseEnergy(l.energy); err != nil {
			return c, cli.Usage("for example --energy 12kWh or --energy 500Wh", "--energy: %w", err)
		}
	}
	if err := l.readTimes(&c, now); err != nil {
		return c, err
	}
	if err := l.readSums(); err != nil {
		return c, err
	}
	if err := l.readBattery(&c); err != nil {
		return c, err
	}
	return c, l.v2g.give(&c)
}

func (l *limits) readTimes(c *vehicle.Config, now time.Time) error {
	if l.until == "" {
		return nil
	}
	if d, err := time.ParseDuration(l.until); err == nil {
		c.Policy.Until = now.Add(d)
	} else if clock, err := time.Parse("15:04", l.until); err == nil {
		local := now.Local()
		c.Policy.Until = time.Date(local.Year(), local.Month(), local.Day(), clock.Hour(), clock.Minute(), 0, 0, time.Local)
		if !c.Policy.Until.After(now) {
			c.Policy.Until = c.Policy.Until.AddDate(0, 0, 1)
		}
	} else if c.Policy.Until, err = time.Parse(time.RFC3339, l.until); err != nil {
		return cli.Usage("for example --until 45m, --until 18:00 or --until 2026-01-02T18:00:00+01:00", "--until %q is no time", l.until)
	}
	if !c.Policy.Until.After(now) {
		return cli.Usage("for example --until 45m", "--until %s is past", l.until)
	}
	return nil
}

func (l *limits) readSums() error {
	for flag, text := range map[string]string{
		"max-cost": l.maxCost, "max-price": l.maxPrice, "deposit": l.deposit, "top-up": l.topUp, "min-return-price": l.v2g.price(),
	} {
		sum, err := party.ParseSum(flag, text)
		if err != nil {
			return err
		}
		l.sums[flag] = sum
	}
	return nil
}

// readBattery makes the simulated battery, or takes the target from the recording.
func (l *limits) readBattery(c *vehicle.Config) error {
	if l.stateOfCharge < 0 || l.stateOfCharge > 100 {
		return cli.Usage("for example --soc 80", "--soc %d: want 1 to 100", l.stateOfCharge)
	}
	if c.Measure.Kind == meter.KindReplay && c.Policy.Quantity == 0 {
		recording, err := replay.Open(c.Measure.Path, c.Measure.Row)
		if err != nil {
			return err
		}
		c.Policy.Quantity = recording.EnergyMilliwattHours()
	}
	if c.Measure.Kind == meter.KindSim && c.Policy.Quantity == 0 && l.stateOfCharge == 0 {
		l.stateOfCharge, l.byDefault = stateOfChargeDefault, true
	}
	c.Policy.SoCPermille = int16(10 * l.stateOfCharge)
	if c.Measure.Kind != meter.KindSim {
		return nil
	}
	return l.simulate(c)
}

// simulate makes a battery that asks for what is wanted, and has room for it.
func (l *limits) simulate(c *vehicle.Config) error {
	b := sim.DefaultBattery()
	var err error
	if b.CapacityMilliwattHours, err = meter.ParseEnergy(l.battery); err != nil {
		return cli.Usage("for example --battery 60kWh", "--battery: %w", err)
	}
	if l.stateOfChargeNow < 0 || l.stateOfChargeNow >= 100 {
		return cli.Usage("for example --soc-now 20", "--soc-now %d: want 0 to 99", l.stateOfChargeNow)
	}
	b.StateOfChargePermille, b.TargetPermille = int16(10*l.stateOfChargeNow), meter.StateOfChargeMax
	if l.stateOfCharge > 0 {
		b.TargetPermille = c.Policy.SoCPermille
	}
	if b.TargetPermille <= b.StateOfChargePermille {
		return cli.Usage("for example --soc-now 20 --soc 80", "--soc %d is not above --soc-now %d", l.stateOfCharge, l.stateOfChargeNow)
	}
	room := b.CapacityMilliwattHours * int64(meter.StateOfChargeMax-b.StateOfChargePermille) / 1000
	if c.Policy.Quantity > room {
		return cli.Usage("ask for less, or name a larger battery: `{command} --battery 100kWh`",
			"--energy %s: the battery has room for %.3f kWh", l.energy, float64(room)/1e6)
	}
	b.WantedMilliwattHours = c.Policy.Quantity
	c.Battery = b
	return nil
}

// settle finishes the policy with what depends on the ledger.
func (l *limits) settle(c *vehicle.Config, ledger money.Currency) error {
	c.Policy.Currency = ledger.String()
	for flag, into := range map[string]*money.Amount{
		"max-cost": &c.Policy.CostMax, "max-price": &c.Policy.UnitPriceMax, "deposit": &c.Policy.Deposit, "top-up": &c.Policy.TopUp,
		"min-return-price": &c.Policy.ReturnPriceMin,
	} {
		amount, err := l.sums[flag].In(ledger)
		if err != nil {
			return err
		}
		*into = amount
	}
	return nil
}

// parked continues what a session that is resumed wanted, and its battery: it has taken some already.
func (l *limits) parked(c *vehicle.Config, r session.SessionRecord) {
	c.Parked = true
	c.Policy.Quantity = r.Wanted
	if l.service != party.Charging {
		return
	}
	b := &c.Battery
	if r.Wanted > 0 && l.byDefault {
		c.Policy.SoCPermille, b.TargetPermille = 0, meter.StateOfChargeMax
	}
	if c.Measure.Kind != meter.KindSim {
		return
	}
	l.v2g.goOn(c, r)
	stored := r.Quantity - b.Drawn(r.Returned)
	b.StateOfChargePermille = max(0, min(b.StateOfChargePermille+int16(stored*1000/b.CapacityMilliwattHours), b.TargetPermille))
	if r.Wanted > 0 {
		b.WantedMilliwattHours = max(r.Wanted-r.Quantity, 1)
	}
}

// parseStation reads --station; the zero DID stands for auto.
func parseStation(text string) (wallet.DID, error) {
	if text == auto {
		return wallet.DID{}, nil
	}
	did, err := wallet.ParseDID(text)
	if err != nil {
		return did, cli.Usage("`vehicle stations` lists them; --station auto takes the cheapest that fits", "--station: %w", err)
	}
	return did, nil
}

package scenario

import (
	"math/big"
	"time"

	"gopkg.in/yaml.v3"

	"joulepay/meter/sim"
	"joulepay/simulations/control"
)

// Scales of what series hold.
const (
	milliwattsPerKilowatt = 1_000_000
	nanoPerUnit           = 1_000_000_000
)

func (s *Scenario) readSite(r *reader, n *yaml.Node) {
	site := &s.Site
	r.object(n, "site",
		field{"voltage", "of a phase to neutral", r.measure(&site.VoltageMillivolts, 1_000_000, "230V", map[string]int64{"V": 1000})},
		field{"circuits", "cables with their fuses, each after the one that feeds it", func(n *yaml.Node) { site.readCircuits(r, n) }},
		field{"base", "what else consumes power", func(n *yaml.Node) { readProfiles(r, n, &site.Base) }},
		field{"solar", "what produces power", func(n *yaml.Node) { readProfiles(r, n, &site.Solar) }},
		field{"storage", "a stationary battery", func(n *yaml.Node) { site.readStorage(r, n) }},
		field{"network", "a three-phase network in ACN-Sim's form", func(n *yaml.Node) { site.readNetwork(r, n) }},
		field{"demand_charge", "of one kW of the highest power", r.money(&site.DemandCharge)},
		field{"demand_window", "the highest power is a mean over so long", r.duration(&site.DemandWindow, time.Second, 24*time.Hour)},
	)
}

func (s *Site) readCircuits(r *reader, n *yaml.Node) {
	r.named(n, "circuits", func(name string, n *yaml.Node) {
		c := Circuit{Name: name}
		if len(s.Circuits) > 0 {
			c.Under = s.Circuits[0].Name
		}
		r.object(n, "circuit "+clip(name),
			field{"under", "the circuit that feeds it; the first one, when left out", r.text(&c.Under)},
			field{"limit", "of its power", r.power(&c.LimitMilliwatts, sim.PowerMilliwattsMax)},
			field{"fuse", "of each phase", r.current(&c.LimitMilliamps)},
		)
		s.Circuits = append(s.Circuits, c)
	})
}

func (s *Site) readNetwork(r *reader, n *yaml.Node) {
	s.Network = &Electric{CapacityMilliwatts: 50 * milliwattsPerKilowatt}
	r.object(n, "network",
		field{"file", "in which it is described", r.text(&s.Network.File)},
		field{"capacity", "of its transformer", r.power(&s.Network.CapacityMilliwatts, sim.PowerMilliwattsMax)},
		field{"stations", "group of stations that are those of the network", r.text(&s.Network.Stations)},
	)
}

func (s *Site) readStorage(r *reader, n *yaml.Node) {
	b := Storage{FromPermille: 500, EfficiencyPPM: 900_000}
	r.object(n, "storage",
		field{"circuit", "where it is", r.text(&b.Circuit)},
		field{"capacity", "usable", r.energy(&b.CapacityMilliwattHours, sim.EnergyMilliwattHoursMax)},
		field{"power", "either way", r.power(&b.PowerMilliwatts, sim.PowerMilliwattsMax)},
		field{"from", "state of charge at the start", r.permille(&b.FromPermille)},
		field{"efficiency", "of a round trip", r.share(&b.EfficiencyPPM, 1e6)},
	)
	s.Storage = &b
}

func readProfiles(r *reader, n *yaml.Node, into *[]Profile) {
	r.list(n, "profiles", "- {circuit: grid, every: 1h, values: [1.5, 2]}", func(n *yaml.Node) {
		p := Profile{Series: Series{Every: time.Hour}, ScalePPM: 1e6}
		fields := append(p.fields(r, milliwattsPerKilowatt, "kW"),
			field{"circuit", "where it is", r.text(&p.Circuit)},
			field{"scale", "of the values", r.measure(&p.ScalePPM, 1_000_000_000_000, "120%", map[string]int64{"%": 10_000})},
		)
		r.object(n, "a profile", fields...)
		*into = append(*into, p)
	})
}

// fields are what all series may say.
func (s *Series) fields(r *reader, scale int64, unit string) []field {
	return []field{
		{"every", "length of a slot", r.duration(&s.Every, time.Second, 366*24*time.Hour)},
		{"values", unit + " in each slot, from the start", r.values(&s.Values, scale)},
		{"repeats", "begins again after the last value", r.flag(&s.Repeats)},
		{"file", "with the values, in place of them", r.text(&s.File)},
		{"column", "of the file", r.text(&s.Column)},
	}
}

// values reads a list of numbers exactly.
func (r *reader) values(into *[]int64, scale int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.list(n, "values", "[0.30, 0.28]", func(n *yaml.Node) {
			if r.describes(Schema{Type: "number"}) {
				return
			}
			text, _ := r.scalar(n)
			digits, negative := text, false
			if len(digits) > 0 && digits[0] == '-' {
				digits, negative = digits[1:], true
			}
			number, ok := decimal(digits)
			if r.failed() || !ok {
				r.fail(n, "write numbers such as 0.30 or -2", "%q is not a number", clip(text))
				return
			}
			number.Mul(number, new(big.Rat).SetInt64(scale))
			if !number.IsInt() || !number.Num().IsInt64() || number.Num().Int64() > seriesValueMax || len(*into) >= ValuesMax {
				r.fail(n, "", "%q is too fine or too large, or one of more than %d", clip(text), ValuesMax)
				return
			}
			value := number.Num().Int64()
			if negative {
				value = -value
			}
			*into = append(*into, value)
		})
	}
}

// seriesValueMax is 1 GW in milliwatts: a thousand of them, for a year in milliseconds, would still be a 128 bit sum.
const seriesValueMax = 1_000_000_000_000

func (s *Scenario) readPrices(r *reader, n *yaml.Node) {
	p := Prices{Series: Series{Every: time.Hour}, FactorPPM: 1e6}
	fields := append(p.fields(r, nanoPerUnit, "price of a kWh"),
		field{"factor", "of what a file says", r.measure(&p.FactorPPM, 1e9, "119%", map[string]int64{"%": 10_000})},
		field{"margin", "added to it, a kWh", r.money(&p.Margin)},
		field{"feed_in", "for one kWh fed into the grid", r.money(&p.FeedIn)},
	)
	r.object(n, "prices", fields...)
	s.Prices = &p
}

func (s *Scenario) readCarbon(r *reader, n *yaml.Node) {
	c := Series{Every: time.Hour}
	r.object(n, "carbon", c.fields(r, 1, "g/kWh")...)
	s.Carbon = &c
}

func (s *Scenario) readControl(r *reader, n *yaml.Node) {
	c := &s.Control
	r.object(n, "control",
		field{"algorithm", "who is served first, and when", r.word(&c.Algorithm, "algorithm", control.Names()...)},
		field{"every", "how often it decides", r.duration(&c.Every, time.Second, time.Hour)},
		field{"horizon", "that a controller which plans looks ahead", r.duration(&c.Horizon, time.Minute, 7*24*time.Hour)},
		field{"guarantee", "that a vehicle gets before anything else is shared, or nothing", r.power(&c.GuaranteedMilliwatts, sim.PowerMilliwattsMax)},
		field{"guarantee_current", "the same, of each phase", r.current(&c.GuaranteedMilliamps)},
		field{"threshold", "price of a kWh up to which price_threshold charges", r.money(&c.Threshold)},
		field{"last_resort", "who waits for a better time charges at any price as soon as it would be late otherwise", r.flag(&c.LastResort)},
		field{"round", "increment of round_robin", r.current(&c.RoundMilliamps)},
		field{"halve_to", "greatest powers are found by halving down to it, as ACN-Sim does with 0.01A", r.current(&c.HalveToMilliamps)},
		field{"wear", "what an owner asks for a kWh that goes through the battery", r.money(&c.WearPerKilowattHour)},
	)
}

func (s *Scenario) readSignals(r *reader, n *yaml.Node) {
	r.list(n, "signals", "- {at: 17h, for: 2h, circuit: grid, limit: 20kW, source: grid-operator}", func(n *yaml.Node) {
		g := Signal{Source: "grid-operator"}
		r.object(n, "a signal",
			field{"at", "from the start", r.duration(&g.At, 0, DurationMax)},
			field{"for", "how long; to the end, when left out", r.duration(&g.For, time.Second, DurationMax)},
			field{"source", "who says so", r.text(&g.Source)},
			field{"circuit", "whose limit it is; the connection to the grid, when left out", r.text(&g.Circuit)},
			field{"limit", "in force", r.power(&g.LimitMilliwatts, sim.PowerMilliwattsMax)},
			field{"silent", "nothing is heard of the source", r.flag(&g.Silent)},
		)
		s.Signals = append(s.Signals, g)
	})
}

func (s *Scenario) readSources(r *reader, n *yaml.Node) {
	r.named(n, "sources", func(name string, n *yaml.Node) {
		source := Source{Name: name, Patience: time.Minute}
		r.object(n, "source "+clip(name),
			field{"circuit", "whose limits it sets", r.text(&source.Circuit)},
			field{"failsafe", "limit while nothing is heard of it", r.power(&source.FailsafeMilliwatts, sim.PowerMilliwattsMax)},
			field{"patience", "how long silence is borne", r.duration(&source.Patience, time.Second, 24*time.Hour)},
		)
		s.Sources = append(s.Sources, source)
	})
}

func (r *reader) current(into *int64) func(*yaml.Node) {
	return r.measure(into, 100_000_000, "6A", map[string]int64{"A": 1000})
}

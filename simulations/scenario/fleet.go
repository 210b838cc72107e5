package scenario

import (
	"time"

	"gopkg.in/yaml.v3"

	"joulepay/meter/sim"
)

func (s *Scenario) readFleets(r *reader, n *yaml.Node) {
	r.named(n, "fleets", func(name string, n *yaml.Node) {
		f := Fleet{
			Vehicle: ordinary(name), Count: 0, To: 1000,
			Arrive: Spread{Most: DurationMax.Milliseconds()}, Stay: Spread{Mean: 8 * time.Hour.Milliseconds(), Least: time.Minute.Milliseconds(), Most: DurationMax.Milliseconds()},
			Energy: Spread{Most: sim.EnergyMilliwattHoursMax}, From: Spread{Mean: 300, Most: 990},
		}
		fields := append(f.fields(r),
			field{"count", "how many are drawn", r.count(&f.Count, PartiesMax)},
			field{"stations", "where they go, by name or group: each to one that is free", func(n *yaml.Node) {
				r.list(n, "stations", "[garage]", func(n *yaml.Node) {
					name := ""
					r.text(&name)(n)
					f.Stations = append(f.Stations, name)
				})
			}},
			field{"arrive", "from the start, or from the start of each day", r.times(&f.Arrive)},
			field{"stay", "how long", r.times(&f.Stay)},
			field{"energy", "wanted", r.spread(&f.Energy, func(into *int64) func(*yaml.Node) { return r.energy(into, sim.EnergyMilliwattHoursMax) })},
			field{"from", "state of charge on arrival", r.spread(&f.From, func(into *int64) func(*yaml.Node) { return r.share(into, 1000) })},
			field{"to", "where they stop asking", r.permille(&f.To)},
			field{"daily", "every day of the duration", r.flag(&f.Daily)},
			field{"remains", "for all of their stay, though they have what they want", r.flag(&f.Remains)},
			field{"data", "file with sessions, in place of drawn ones", r.text(&f.Data)},
			field{"format", "of the file, as `simulate import` names it", r.text(&f.Format)},
			field{"limit", "of sessions that are taken from the file", r.count(&f.Limit, PartiesMax)},
			field{"begins", "sessions of the file before it are left out", r.instant(&f.Begins)},
		)
		r.object(n, "fleet "+clip(name), fields...)
		s.Fleets = append(s.Fleets, f)
	})
}

// spread reads how values are drawn: one value, or a mean and more.
func (r *reader) spread(into *Spread, value func(*int64) func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n != nil && n.Kind == yaml.ScalarNode {
			value(&into.Mean)(n)
			return
		}
		r.object(n, "a spread",
			field{"mean", "", value(&into.Mean)},
			field{"deviation", "standard deviation", value(&into.Deviation)},
			field{"least", "nothing below it", value(&into.Least)},
			field{"most", "nothing above it", value(&into.Most)},
		)
	}
}

// times is spread for durations, in milliseconds.
func (r *reader) times(into *Spread) func(*yaml.Node) {
	return r.spread(into, func(into *int64) func(*yaml.Node) {
		return func(n *yaml.Node) {
			var d time.Duration
			r.duration(&d, 0, DurationMax)(n)
			*into = d.Milliseconds()
		}
	})
}

package draft

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"joulepay/meter/sim"
	"joulepay/simulations/charging"
	"joulepay/simulations/dataset"
	"joulepay/simulations/measure"
	"joulepay/simulations/scenario"
	"joulepay/simulations/spiceev"
)

// SpiceEV makes a scenario of one of spice_ev's. A vehicle arrives with what its trip leaves of what it wanted before, as if
// it had got that: what spice_ev computes on the way stands in no file. Losses of batteries, their curves and the grid
// operator's signals are not carried over; `package spiceev` runs the file with them.
func SpiceEV(data []byte, open spiceev.Open, o Options) (*Draft, error) {
	data, err := dataset.Unpack(data)
	if err != nil {
		return nil, err
	}
	c, err := spiceev.Read(data, open)
	if err != nil {
		return nil, err
	}
	if o.Tariff.JSON == nil {
		o.Tariff = DefaultTariff()
	}
	if o.Engine == "" {
		o.Engine = scenario.EngineControl
	}
	s := &spice{config: c, options: o}
	s.draft = &Draft{Form: FormVehicles, Start: c.Start.UTC(), Duration: c.Duration, Stations: c.Site.Stations()}
	s.visits()
	if s.draft.Taken.Sessions == 0 {
		return nil, fmt.Errorf("%w: no vehicle wants anything", ErrEmpty)
	}
	var b bytes.Buffer
	s.draft.head(&b, o)
	s.site(&b)
	if err := s.prices(&b); err != nil {
		return nil, err
	}
	b.WriteString(s.vehicles.String())
	s.draft.Scenario = b.Bytes()
	return s.draft, check(s.draft.Scenario, o.Seed, beside{})
}

type spice struct {
	config   *charging.Config
	options  Options
	draft    *Draft
	vehicles strings.Builder
}

const (
	millijoulesPerMilliwattHour = 3600
	permille                    = 1000
	permillePerCent             = 10
)

// visits writes the vehicles, whose sessions follow one another in the list.
func (s *spice) visits() {
	fmt.Fprintf(&s.vehicles, "\nvehicles:\n")
	names := map[string]bool{}
	vehicle := ""
	left := 0
	for i := range s.config.Sessions {
		x := &s.config.Sessions[i]
		capacity := x.Battery.CapacityMillijoules / millijoulesPerMilliwattHour
		arrives, wants := s.charges(i)
		stay := (x.Departure - x.Arrival).Truncate(time.Second)
		if wants <= arrives || stay < time.Minute {
			left++
			continue
		}
		if x.Vehicle != vehicle {
			vehicle = x.Vehicle
			s.vehicle(x, capacity, names)
		}
		departs := x.Announced
		if departs == 0 {
			departs = x.Arrival + stay
		}
		energy := capacity / permille * (wants - arrives)
		fmt.Fprintf(&s.vehicles, "      - {at: %s, station: %s, from: %s%%, to: %s%%, energy: %skWh, stay: %s, departs: %s, remains: true}\n",
			duration(x.Arrival.Truncate(time.Second)), s.station(x.Station), exact(arrives, permillePerCent), exact(wants, permillePerCent),
			kilo(energy), duration(stay), duration(departs.Truncate(time.Second)))
		s.count(x, stay, energy)
	}
	if left > 0 {
		s.draft.LeftOut = []Count{{leftNothing, left}}
	}
}

// charges gives the states of charge of a session, in permille: on arrival, rounded down, and wanted.
func (s *spice) charges(i int) (arrives, wants int64) {
	x := &s.config.Sessions[i]
	capacity := max(x.Battery.CapacityMillijoules, 1)
	share := func(energy int64) int64 {
		return max(0, min(permille, int64(math.Floor(float64(energy)/float64(capacity)*permille))))
	}
	if !x.Continues || i == 0 {
		return share(x.Battery.StoredMillijoules), share(x.TargetMillijoules)
	}
	before := &s.config.Sessions[i-1]
	return share(max(before.TargetMillijoules, before.Battery.StoredMillijoules) - x.TripMillijoules), share(x.TargetMillijoules)
}

func (s *spice) vehicle(x *charging.Session, capacity int64, names map[string]bool) {
	name := plainName(x.Vehicle)
	for n := 2; names[name] || strings.HasPrefix(name, group+"-"); n++ {
		name = fmt.Sprintf("vehicle-%s-%d", plainName(x.Vehicle)[:min(20, len(plainName(x.Vehicle)))], n)
	}
	names[name] = true
	fmt.Fprintf(&s.vehicles, "  %s:\n    battery: {capacity: %skWh, power: %s, ideal: true}\n", word(name), kilo(capacity), kilowatts(x.Battery.MaxMilliwatts))
	fmt.Fprintf(&s.vehicles, "    %s\n", strings.ReplaceAll(purse, ", ", "\n    "))
	if x.Battery.ReturnMilliwatts > 0 {
		fmt.Fprintf(&s.vehicles, "    return: %s\n", kilowatts(x.Battery.ReturnMilliwatts))
	}
	fmt.Fprintf(&s.vehicles, "    visits:\n")
}

func (s *spice) count(x *charging.Session, stay time.Duration, energy int64) {
	d := &s.draft.Taken
	begins := s.draft.Start.Add(x.Arrival)
	if d.Sessions == 0 || begins.Before(d.First) {
		d.First = begins
	}
	if ends := begins.Add(stay); ends.After(d.Last) {
		d.Last = ends
	}
	d.Sessions++
	d.Requested += energy
	d.Delivered += energy
	d.Stations = s.draft.Stations
}

// station names a station by its place: those of spice_ev may have any name.
func (s *spice) station(i int) string { return fmt.Sprintf("%s-%d", group, i+1) }

func (s *spice) site(b *bytes.Buffer) {
	site := s.config.Site
	fmt.Fprintf(b, "\nsite:\n  circuits:\n    grid: {limit: %s}\n", kilowatts(min(site.Circuit(0).LimitMilliwatts, sim.PowerMilliwattsMax)))
	for _, kind := range []charging.Kind{charging.Base, charging.Solar} {
		loads := slices.DeleteFunc(slices.Clone(s.config.Loads), func(l charging.Load) bool { return l.Kind != kind })
		if len(loads) == 0 {
			continue
		}
		fmt.Fprintf(b, "  %s:\n", map[charging.Kind]string{charging.Base: "base", charging.Solar: "solar"}[kind])
		for _, l := range loads {
			fmt.Fprintf(b, "    - {every: %s, values: [%s]}\n", duration(s.config.Step), joined(s.spread(l.Series), milliwattsPerKilowatt))
		}
	}
	if len(s.config.Storages) > 0 { // a scenario has one: those of the file together
		capacity, stored, power := int64(0), int64(0), int64(0)
		for _, store := range s.config.Storages {
			capacity, stored, power = capacity+store.CapacityMillijoules, stored+store.StoredMillijoules, power+store.MaxMilliwatts
		}
		efficiency := s.config.Storages[0].ChargePermille * s.config.Storages[0].ReturnPermille
		capacity /= millijoulesPerMilliwattHour
		share := int64(math.Floor(float64(stored/millijoulesPerMilliwattHour) / float64(max(capacity, 1)) * permille))
		fmt.Fprintf(b, "  storage: {capacity: %skWh, power: %s, from: %s%%, efficiency: %s%%}\n", kilo(min(capacity, sim.EnergyMilliwattHoursMax)), kilowatts(power), exact(share, permillePerCent), exact(efficiency, 10_000))
	}
	fmt.Fprintf(b, "\nstations:\n")
	for i := range site.Stations() {
		fmt.Fprintf(b, "  %s: {power: %s, tariff: energy, circuit: grid, claim_every: 10m, gone_after: 30m} # %s\n", s.station(i), kilowatts(site.Station(i).MaxMilliwatts), oneLine(site.Station(i).Name))
	}
}

// spread lays a series over the steps of the scenario.
func (s *spice) spread(series charging.Series) []int64 {
	var all []int64
	for at := time.Duration(0); at < s.config.Duration && len(series.Values) > 0 && series.Step > 0; at += s.config.Step {
		i := max(int((at-series.From)/series.Step), 0)
		if series.Repeat {
			i %= len(series.Values)
		}
		all = append(all, series.Values[min(i, len(series.Values)-1)])
	}
	return all
}

func (s *spice) prices(b *bytes.Buffer) error {
	if len(s.config.Price.Values) == 0 {
		return nil
	}
	if slices.Contains(s.config.Price.Values, measure.Unknown) {
		return fmt.Errorf("%w: prices that begin later than the scenario", ErrOption)
	}
	fmt.Fprintf(b, "\nprices: {every: %s, values: [%s]}\n", duration(s.config.Price.Step), joined(s.config.Price.Values, nanoPerUnit))
	return nil
}

func joined(all []int64, scale int64) string {
	texts := make([]string, len(all))
	for i, value := range all {
		texts[i] = exact(value, scale)
	}
	return strings.Join(texts, ", ")
}

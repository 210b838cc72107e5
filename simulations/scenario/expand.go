package scenario

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"slices"
	"time"

	"joulepay/meter/sim"
	"joulepay/simulations/dataset"
	"joulepay/wallet/money"
)

// Expand gives the scenario with nothing left to draw or to read: series hold their values, and fleets have become
// vehicles. Files are looked up by the names that the scenario writes; nil has none. Errors are *Problem.
func (s *Scenario) Expand(seed uint64, files fs.FS) (*Scenario, error) {
	e := &expansion{scenario: *s, files: files, seed: seed}
	e.drawWorld()
	if err := e.network(); err != nil {
		return nil, err
	}
	if err := e.series(); err != nil {
		return nil, err
	}
	e.scenario.Fleets = nil
	e.scenario.Vehicles = slices.Clone(e.scenario.Vehicles)
	free := newParking(&e.scenario)
	for _, f := range s.Fleets {
		if err := e.fleet(f, free); err != nil {
			return nil, err
		}
	}
	return &e.scenario, e.scenario.Check()
}

type expansion struct {
	scenario Scenario
	files    fs.FS
	seed     uint64
}

// read gives a file that the scenario names.
func (e *expansion) read(name string) ([]byte, error) {
	err := error(fs.ErrNotExist)
	if e.files != nil {
		var data []byte
		if data, err = fs.ReadFile(e.files, name); err == nil {
			return data, nil
		}
	}
	hint := "put it beside the scenario, or name its folder with --data"
	if !fs.ValidPath(name) {
		hint = "name it relative to the folder of --data, without .."
	}
	return nil, e.scenario.problem(hint, "file %q: %v", clip(name), errors.Unwrap(err))
}

// series reads what stands in files.
func (e *expansion) series() error {
	s := &e.scenario
	s.Site.Base, s.Site.Solar = slices.Clone(s.Site.Base), slices.Clone(s.Site.Solar)
	for _, p := range slices.Concat(pointers(s.Site.Base), pointers(s.Site.Solar)) {
		if err := e.column(&p.Series, milliwattsPerKilowatt); err != nil {
			return err
		}
		for i, v := range p.Values {
			p.Values[i] = scale(v, p.ScalePPM)
		}
	}
	if s.Carbon != nil {
		carbon := *s.Carbon
		s.Carbon = &carbon
		if err := e.column(s.Carbon, 1); err != nil {
			return err
		}
	}
	if s.Prices != nil && s.Prices.File != "" {
		prices := *s.Prices
		s.Prices = &prices
		return e.market(s.Prices)
	}
	return nil
}

func pointers(all []Profile) []*Profile {
	var each []*Profile
	for i := range all {
		all[i].Values = slices.Clone(all[i].Values)
		each = append(each, &all[i])
	}
	return each
}

// scale multiplies by parts per million, rounded toward zero.
func scale(v, ppm int64) int64 {
	const million = 1_000_000
	return v/million*ppm + v%million*ppm/million
}

func (e *expansion) column(s *Series, unit int64) error {
	if s.File == "" {
		return nil
	}
	data, err := e.read(s.File)
	if err != nil {
		return err
	}
	if s.Values, err = dataset.Column(data, s.Column, unit); err != nil {
		return e.scenario.problem("name the column with `column:`", "file %q: %v", clip(s.File), err)
	}
	s.File = ""
	return nil
}

// market reads day-ahead prices from the start of the scenario on, in slots of a quarter of an hour.
func (e *expansion) market(p *Prices) error {
	data, err := e.read(p.File)
	if err != nil {
		return err
	}
	series, err := dataset.Prices(data, p.Column)
	if err != nil {
		return e.scenario.problem("files of SMARD, Energy-Charts and aWATTar are read", "file %q: %v", clip(p.File), err)
	}
	const slot = 15 * time.Minute
	p.Every, p.Values, p.File = slot, nil, ""
	for at := e.scenario.Start; at.Before(e.scenario.Start.Add(e.scenario.Duration)); at = at.Add(slot) {
		found, err := series.At(at)
		if err != nil {
			break // the last one stays
		}
		perMWh, err := money.Parse(found.Price.String())
		if err != nil {
			return e.scenario.problem("", "price %s at %s: %v", found.Price, at.Format(time.RFC3339), err)
		}
		const kilowattHours = 1000
		p.Values = append(p.Values, scale(int64(perMWh)/kilowattHours, p.FactorPPM)+int64(p.Margin))
	}
	if len(p.Values) == 0 {
		return e.scenario.problem("move `start:`", "prices of %q do not cover %s", clip(p.File), e.scenario.Start.Format(time.RFC3339))
	}
	p.FactorPPM, p.Margin = 1e6, 0
	return nil
}

// fleet makes the vehicles of a fleet.
func (e *expansion) fleet(f Fleet, free *parking) error {
	var group []int
	var err error
	if f.Data == "" || len(f.Stations) > 0 {
		if group, err = free.group(f.Stations); err != nil {
			return err
		}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte("fleet " + f.Name)) // into memory
	random := rand.New(rand.NewPCG(e.seed, h.Sum64()))
	var drawn []Vehicle
	if f.Data != "" {
		drawn, err = e.recorded(f, group)
	} else {
		drawn = e.drawn(f, random)
	}
	if err != nil {
		return err
	}
	if len(e.scenario.Vehicles)+len(drawn) > PartiesMax {
		return e.scenario.problem("take fewer with `limit:`", "more than %d vehicles", PartiesMax)
	}
	free.place(drawn, group)
	e.scenario.Vehicles = append(e.scenario.Vehicles, drawn...)
	return nil
}

// drawn draws the vehicles of a fleet.
func (e *expansion) drawn(f Fleet, random *rand.Rand) []Vehicle {
	const day = 24 * time.Hour
	days := 1
	if f.Daily {
		days = max(1, int((e.scenario.Duration+day-1)/day))
	}
	all := make([]Vehicle, f.Count)
	for i := range all {
		v := f.Vehicle
		v.Name = fmt.Sprintf("%s-%d", f.Name, i+1)
		for d := range days {
			visit := Visit{
				At:           time.Duration(d)*day + f.Arrive.draw(random, time.Minute.Milliseconds(), time.Millisecond),
				Stay:         f.Stay.draw(random, time.Minute.Milliseconds(), time.Millisecond),
				FromPermille: int16(f.From.draw(random, 1, 1)), ToPermille: f.To, Remains: f.Remains,
			}
			const wattHour = 1000
			visit.EnergyMilliwattHours = int64(f.Energy.draw(random, wattHour, 1))
			visit.Departs = visit.At + visit.Stay
			if visit.At > e.scenario.Duration {
				continue
			}
			v.Visits = append(v.Visits, visit)
		}
		v.Visits = inTurn(v.Visits)
		all[i] = v
	}
	return all
}

// inTurn leaves out visits that begin before the one before them ends.
func inTurn(visits []Visit) []Visit {
	kept := visits[:0]
	var free time.Duration
	for _, v := range visits {
		if v.At >= free {
			kept, free = append(kept, v), v.At+v.Stay
		}
	}
	return kept
}

// draw gives a value in whole grains, times a unit.
func (s Spread) draw(random *rand.Rand, grain int64, unit time.Duration) time.Duration {
	const dice, sides = 12, 1 << 16 // their sum has a standard deviation of very nearly one die
	sum := int64(0)
	for range dice {
		sum += random.Int64N(sides)
	}
	value := s.Mean + (sum-dice/2*(sides-1))*s.Deviation/sides
	value = max(s.Least, min(value, s.Most))
	return time.Duration(value/grain*grain) * unit
}

// recorded makes a vehicle of each session of a file.
func (e *expansion) recorded(f Fleet, group []int) ([]Vehicle, error) {
	data, err := e.read(f.Data)
	if err != nil {
		return nil, err
	}
	begins := f.Begins
	if begins.IsZero() {
		begins = e.scenario.Start
	}
	sessions, err := dataset.Sessions(f.Format, data, dataset.Options{Start: e.scenario.Start})
	if err != nil {
		return nil, e.scenario.problem("`simulate import --list` shows formats; it makes tables without bad rows", "file %q: %v", clip(f.Data), err)
	}
	var all []Vehicle
	for _, x := range sessions {
		at := x.Arrives.Sub(begins)
		if at < 0 || at > e.scenario.Duration || x.EnergyMilliwattHours == 0 || f.Limit > 0 && len(all) == f.Limit {
			continue // not in the time of the scenario, or it wants nothing
		}
		v := f.Vehicle
		v.Name = fmt.Sprintf("%s-%d", f.Name, len(all)+1)
		v.Policy.Ideal = true
		if x.PowerMilliwatts > 0 {
			v.Battery.MaxPowerMilliwatts = x.PowerMilliwatts
		}
		v.Battery.CapacityMilliwattHours = max(x.EnergyMilliwattHours, x.CapacityMilliwattHours, 1)
		visit := Visit{
			At: at, Stay: x.Leaves.Sub(x.Arrives), EnergyMilliwattHours: x.EnergyMilliwattHours, ToPermille: 1000, Remains: f.Remains,
		}
		if x.FromPermille != dataset.Unknown {
			visit.FromPermille = x.FromPermille
		}
		visit.Departs = visit.At + visit.Stay
		if !x.Says.IsZero() {
			visit.Departs = visit.At + x.Says.Sub(x.Arrives)
		}
		if len(group) == 0 { // as the file says
			if visit.Station, err = e.station(x.Station); err != nil {
				return nil, err
			}
		}
		v.Visits = []Visit{visit}
		all = append(all, v)
	}
	return all, nil
}

// station finds the station that a file names, whose names may have capitals.
func (e *expansion) station(name string) (string, error) {
	lower := lowerName(name)
	for _, st := range e.scenario.Stations {
		if st.Name == lower {
			return lower, nil
		}
	}
	return "", e.scenario.problem("name the stations of the file, or give the fleet `stations:`", "the file has a station %q", clip(name))
}

// Wanted gives the energy that a vehicle wants in a visit, in mWh.
func (v Vehicle) Wanted(visit Visit) int64 {
	const permille = 1000
	wanted := v.Battery.CapacityMilliwattHours / permille * int64(max(visit.ToPermille-visit.FromPermille, 0))
	if visit.EnergyMilliwattHours > 0 && (v.Policy.Ideal || visit.EnergyMilliwattHours < wanted) {
		wanted = visit.EnergyMilliwattHours
	}
	return wanted
}

// PowerAt gives the most that a battery takes when so much is stored in it, in mW.
func (v Vehicle) PowerAt(storedMilliwattHours int64) int64 {
	const permille = 1000
	b := v.Battery
	stored := storedMilliwattHours * permille / max(b.CapacityMilliwattHours, 1)
	switch knee := int64(b.KneePermille); {
	case v.Policy.Ideal || stored <= knee:
		return b.MaxPowerMilliwatts
	case stored >= permille:
		return b.FloorMilliwatts
	default:
		return b.MaxPowerMilliwatts - (b.MaxPowerMilliwatts-b.FloorMilliwatts)/(permille-knee)*(stored-knee)
	}
}

// Load gives what a battery asks of a cable in a visit.
func (v Vehicle) Load(visit Visit) (sim.Load, error) {
	b := v.Battery
	b.StateOfChargePermille, b.TargetPermille = visit.FromPermille, visit.ToPermille
	if !v.Policy.Ideal {
		b.MaxReturnMilliwatts, b.ReturnFloorPermille = v.Policy.ReturnMilliwatts, v.Policy.FloorPermille
		return b.Load()
	}
	const microjoules = 3_600_000 // of a mWh: 3.6 J
	return sim.NewLoad([]sim.Step{{EnergyMicrojoules: v.Wanted(visit) * microjoules, PowerMilliwatts: b.MaxPowerMilliwatts}},
		visit.FromPermille, visit.ToPermille)
}

package spiceev

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/grid"
	"joulepay/simulations/measure"
)

// What spice_ev takes where a file is silent.
const (
	efficiencyDefault     = 0.95
	v2gFactorDefault      = 0.5
	dischargeLimitDefault = 0.5
)

const (
	milliwattsPerKilowatt        = 1_000_000
	millijoulesPerKilowattHour   = 3_600_000_000
	nanoPerUnit                  = 1_000_000_000
	unlimitedBatteryKilowattHour = 100_000
)

// Open reads a file that a scenario names.
type Open func(name string) ([]byte, error)

// Read makes a run of a scenario file, without a controller. Vehicles are in the order of their names, as are stations.
func Read(data []byte, open Open) (*charging.Config, error) {
	f, err := parse(data)
	if err != nil {
		return nil, err
	}
	r := reader{file: f, open: open, config: &charging.Config{Start: f.Scenario.Start, Step: f.step()}}
	r.config.Duration = time.Duration(f.intervals()) * f.step()
	for _, part := range []func() error{r.site, r.vehicles, r.loads, r.storages, r.prices} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return r.config, nil
}

// reader puts a run together.
type reader struct {
	file   *file
	open   Open
	config *charging.Config
	index  map[string]int // of stations
}

// site makes a station of every charging station, in the order of the vehicles that come to it first, then of names.
func (r *reader) site() error {
	c := &r.file.Components
	r.index = map[string]int{}
	var stations []grid.Station
	for _, name := range r.order() {
		s, known := c.Stations[name]
		if _, twice := r.index[name]; twice || !known {
			continue
		}
		if s.Max == 0 || !sane(s.Max) || !sane(s.Min) {
			return fmt.Errorf("%w: station %q has %v kW", ErrFile, name, s.Max)
		}
		r.index[name] = len(stations)
		stations = append(stations, grid.Station{Name: name, MaxMilliwatts: milliwatts(s.Max), MinMilliwatts: milliwatts(s.Min), ReturnMaxMilliwatts: milliwatts(s.Max)})
	}
	limit := 0.0
	for _, connector := range c.Connectors {
		limit = connector.Max
	}
	if !sane(limit) {
		return fmt.Errorf("%w: a connector of %v kW", ErrFile, limit)
	}
	site, err := grid.New([]grid.Circuit{{Name: slices.Collect(maps.Keys(c.Connectors))[0], Above: -1, LimitMilliwatts: milliwatts(limit)}}, stations, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	r.config.Site = site
	return r.limits()
}

// order lists stations: spice_ev serves vehicles in the order of their names.
func (r *reader) order() []string {
	at := map[string][]string{}
	for _, e := range r.file.Events.Vehicles {
		if e.Update.Station != nil {
			at[e.Vehicle] = append(at[e.Vehicle], *e.Update.Station)
		}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(r.file.Components.Vehicles)) {
		if s := r.file.Components.Vehicles[name].Station; s != nil {
			names = append(names, *s)
		}
		names = append(names, at[name]...)
	}
	return append(names, slices.Sorted(maps.Keys(r.file.Components.Stations))...)
}

// limits takes what the grid operator allows at a time.
func (r *reader) limits() error {
	var signals []grid.Signal
	for _, s := range r.file.Events.Signals {
		if s.Max == nil {
			continue
		}
		if !sane(*s.Max) {
			return fmt.Errorf("%w: a limit of %v kW", ErrFile, *s.Max)
		}
		signals = append(signals, grid.Signal{Source: "grid operator", Start: max(r.since(s.Start), 0), LimitMilliwatts: milliwatts(*s.Max)})
	}
	if len(signals) == 0 {
		return nil
	}
	limits, err := grid.NewLimits(r.config.Site, signals, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	r.config.Limits = limits
	return nil
}

// loads takes what buildings draw and what the sun gives.
func (r *reader) loads() error {
	for _, part := range []struct {
		kind charging.Kind
		all  map[string]series
	}{{charging.Base, r.file.Events.Loads}, {charging.Solar, r.file.Events.Generation}} {
		for _, name := range slices.Sorted(maps.Keys(part.all)) {
			s := part.all[name]
			values, err := r.values(&s)
			if err != nil {
				return fmt.Errorf("%w: load %q: %w", ErrFile, name, err)
			}
			if !(s.Seconds >= 1 && s.Seconds <= charging.DurationMax.Seconds()) {
				return fmt.Errorf("%w: load %q: steps of %v s", ErrFile, name, s.Seconds)
			}
			from, step := r.since(s.Start), time.Duration(s.Seconds*float64(time.Second))
			r.config.Loads = append(r.config.Loads, charging.Load{Kind: part.kind, Series: charging.Series{From: from, Step: step, Values: values}})
		}
	}
	return nil
}

// values gives a series in milliwatts.
func (r *reader) values(s *series) ([]int64, error) {
	factor, values := 1.0, s.Values
	if s.Factor != nil {
		factor = *s.Factor
	}
	if len(values) == 0 && s.File != "" {
		data, err := r.open(s.File)
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", s.File, err)
		}
		if values, err = column(data, s.Column); err != nil {
			return nil, err
		}
	}
	result := make([]int64, len(values))
	for i, value := range values {
		if !sane(value * factor) {
			return nil, fmt.Errorf("value %d is %v kW", i, value*factor)
		}
		result[i] = milliwatts(value * factor)
	}
	return result, nil
}

// column reads a column of a CSV file with a heading.
func column(data []byte, name string) ([]float64, error) {
	rows := csv.NewReader(bytes.NewReader(data))
	rows.FieldsPerRecord = -1
	heading, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the heading: %w", err)
	}
	place := slices.Index(heading, name)
	if place < 0 {
		return nil, fmt.Errorf("no column %q", name)
	}
	var values []float64
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil || len(row) <= place || len(values) >= charging.ValuesMax {
			return nil, fmt.Errorf("row %d: %w", len(values)+2, cmp.Or(err, errShort))
		}
		value, err := strconv.ParseFloat(row[place], 64)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", len(values)+2, err)
		}
		values = append(values, value)
	}
}

// storages takes stationary batteries.
func (r *reader) storages() error {
	for _, name := range slices.Sorted(maps.Keys(r.file.Components.Batteries)) {
		b := r.file.Components.Batteries[name]
		capacity := float64(unlimitedBatteryKilowattHour)
		if b.Capacity != nil && *b.Capacity >= 0 {
			capacity = *b.Capacity
		}
		most := 0.0
		for _, point := range b.Curve {
			most = max(most, point[1])
		}
		if !sane(most) || !(capacity > 0 && capacity <= unlimitedBatteryKilowattHour) || !(b.Charge >= 0 && b.Charge <= 1) {
			return fmt.Errorf("%w: battery %q of %v kWh and %v kW", ErrFile, name, capacity, most)
		}
		share := permille(b.Efficiency)
		r.config.Storages = append(r.config.Storages, charging.Storage{CapacityMillijoules: millijoules(capacity), StoredMillijoules: millijoules(capacity * b.Charge),
			MaxMilliwatts: milliwatts(most), ReturnMilliwatts: milliwatts(most), ChargePermille: share, ReturnPermille: share})
	}
	return nil
}

// prices lays the costs that signals name over the steps.
func (r *reader) prices() error {
	type change struct {
		at    time.Duration
		price int64
	}
	changes := []change{}
	add := func(at time.Duration, c *cost) error {
		if c == nil {
			return nil
		}
		price, err := c.price()
		if err != nil {
			return err
		}
		if !(math.Abs(price) < 1e5) {
			return fmt.Errorf("%w: a price of %v", ErrFile, price)
		}
		changes = append(changes, change{at, int64(math.Round(price * nanoPerUnit))})
		return nil
	}
	for _, c := range r.file.Components.Connectors {
		if err := add(math.MinInt64, c.Cost); err != nil {
			return err
		}
	}
	for _, s := range r.file.Events.Signals {
		if err := add(r.since(s.Start), s.Cost); err != nil {
			return err
		}
	}
	if len(changes) == 0 {
		return nil
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	r.config.Price.Step = r.config.Step
	price, next := int64(measure.Unknown), 0
	for at := time.Duration(0); at < r.config.Duration; at += r.config.Step {
		for next < len(changes) && changes[next].at <= at {
			price, next = changes[next].price, next+1
		}
		r.config.Price.Values = append(r.config.Price.Values, price)
	}
	return nil
}

func (r *reader) since(t time.Time) time.Duration { return t.Sub(r.file.Scenario.Start) }

// sane tells whether a power in kilowatts is one.
func sane(kilowatts float64) bool {
	return kilowatts >= 0 && kilowatts <= grid.PowerMaxMilliwatts/milliwattsPerKilowatt
}

func milliwatts(kilowatts float64) int64 { return int64(math.Round(kilowatts * milliwattsPerKilowatt)) }

func millijoules(kilowattHours float64) int64 {
	return int64(math.Round(kilowattHours * millijoulesPerKilowattHour))
}

func permille(efficiency *float64) int64 {
	if efficiency == nil {
		return efficiencyDefault * 1000
	}
	return int64(math.Round(*efficiency * 1000))
}

// errShort is of a row that ends before its column, or a file that never ends.
var errShort = errors.New("too short, or one too many")

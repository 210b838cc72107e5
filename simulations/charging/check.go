package charging

import (
	"fmt"
	"slices"
	"time"

	"joulepay/simulations/grid"
)

// Bounds of a run.
const (
	SessionsMax = 10_000_000 // a large city's in a year
	LoadsMax    = 1_000      // a building each
	StoragesMax = 1_000
	HorizonMax  = 7 * 24 * 60 // a minute each for a week
	DurationMax = 366 * 24 * time.Hour
	// EnergyMaxMillijoules bounds a battery and a request: a ship's, so that sums stay in 64 bits.
	EnergyMaxMillijoules = 1_000_000_000 * 3600 * 1000
)

// check says what is wrong with a run.
func (c *Config) check() error {
	switch {
	case c.Site == nil || c.Controller == nil:
		return fmt.Errorf("%w: no site, or no controller", ErrConfig)
	case c.Step <= 0 || c.Step%time.Second != 0:
		return fmt.Errorf("%w: steps of %v, want whole seconds", ErrConfig, c.Step)
	case c.Duration < 0 || c.Duration > DurationMax:
		return fmt.Errorf("%w: a duration of %v", ErrConfig, c.Duration)
	case c.Horizon < 0 || c.Horizon > HorizonMax:
		return fmt.Errorf("%w: a horizon of %d steps, want up to %d", ErrConfig, c.Horizon, HorizonMax)
	case len(c.Sessions) > SessionsMax || len(c.Loads) > LoadsMax || len(c.Storages) > StoragesMax:
		return fmt.Errorf("%w: too many sessions, loads or storages", ErrConfig)
	}
	for i := range c.Sessions {
		if err := c.Sessions[i].check(c.Site.Stations()); err != nil {
			return fmt.Errorf("%w: session %d of %q: %s", ErrConfig, i, c.Sessions[i].Vehicle, err)
		}
	}
	for i := range c.Loads {
		if err := c.Loads[i].check(c.Site.Circuits()); err != nil {
			return fmt.Errorf("%w: load %d: %s", ErrConfig, i, err)
		}
	}
	for i := range c.Storages {
		if err := c.Storages[i].check(c.Site.Circuits()); err != nil {
			return fmt.Errorf("%w: storage %d: %s", ErrConfig, i, err)
		}
	}
	for _, series := range []*Series{&c.Price, &c.FeedIn, &c.Intensity} {
		if err := series.check(-priceMax, priceMax); err != nil {
			return fmt.Errorf("%w: a price or an intensity: %s", ErrConfig, err)
		}
	}
	return nil
}

// priceMax bounds the price of one kWh: a million units of currency.
const priceMax = 1_000_000 * 1_000_000_000

func (s *Session) check(stations int) error {
	switch {
	case s.Station < 0 || s.Station >= stations:
		return fmt.Errorf("no station %d", s.Station)
	case s.Arrival < 0 || s.Departure <= s.Arrival || s.Departure > DurationMax || s.Announced < 0 || s.Announced > DurationMax:
		return fmt.Errorf("from %v to %v, announced %v", s.Arrival, s.Departure, s.Announced)
	case !energy(s.RequestedMillijoules) || !energy(s.FloorMillijoules) || !power(s.DeclaredMilliwatts):
		return fmt.Errorf("%d mJ requested, a floor of %d mJ, %d mW declared", s.RequestedMillijoules, s.FloorMillijoules, s.DeclaredMilliwatts)
	}
	if !energy(s.TargetMillijoules) || !energy(s.TripMillijoules) || s.Value < 0 || s.Value > priceMax {
		return fmt.Errorf("a target of %d mJ, a trip of %d mJ, a value of %d", s.TargetMillijoules, s.TripMillijoules, s.Value)
	}
	return s.Battery.check()
}

func (b *Battery) check() error {
	switch {
	case !energy(b.CapacityMillijoules) || b.StoredMillijoules < 0 || b.CapacityMillijoules != 0 && b.StoredMillijoules > b.CapacityMillijoules:
		return fmt.Errorf("a battery of %d mJ that holds %d", b.CapacityMillijoules, b.StoredMillijoules)
	case !power(b.MaxMilliwatts) || !power(b.MinMilliwatts) || !power(b.ReturnMilliwatts):
		return fmt.Errorf("a battery's powers: %d, %d, %d mW", b.MaxMilliwatts, b.MinMilliwatts, b.ReturnMilliwatts)
	case slices.ContainsFunc([]int64{b.TaperFromPermille, b.ChargePermille, b.ReturnPermille}, notPermille) || b.TaperFromPermille == 1000:
		return fmt.Errorf("a battery's shares: taper from %d, efficiencies %d and %d permille", b.TaperFromPermille, b.ChargePermille, b.ReturnPermille)
	}
	last := int64(-1)
	for _, p := range b.Curve {
		if p.Permille <= last || p.Permille > 1000 || !power(p.Milliwatts) {
			return fmt.Errorf("a charging curve with %d mW at %d permille", p.Milliwatts, p.Permille)
		}
		last = p.Permille
	}
	return nil
}

func (l *Load) check(circuits int) error {
	if l.Circuit < 0 || l.Circuit >= circuits || l.Kind > Solar {
		return fmt.Errorf("no circuit %d, or no kind %d", l.Circuit, l.Kind)
	}
	return l.Series.check(0, grid.PowerMaxMilliwatts)
}

func (s *Storage) check(circuits int) error {
	if s.Circuit < 0 || s.Circuit >= circuits {
		return fmt.Errorf("no circuit %d", s.Circuit)
	}
	if s.CapacityMillijoules == 0 {
		return fmt.Errorf("a battery that holds nothing")
	}
	if !energy(s.FloorMillijoules) || s.Value < 0 || s.Value > priceMax {
		return fmt.Errorf("a floor of %d mJ, a value of %d", s.FloorMillijoules, s.Value)
	}
	battery := Battery{CapacityMillijoules: s.CapacityMillijoules, StoredMillijoules: s.StoredMillijoules, MaxMilliwatts: s.MaxMilliwatts,
		ReturnMilliwatts: s.ReturnMilliwatts, ChargePermille: s.ChargePermille, ReturnPermille: s.ReturnPermille}
	return battery.check()
}

func energy(millijoules int64) bool { return millijoules >= 0 && millijoules <= EnergyMaxMillijoules }

func power(milliwatts int64) bool { return milliwatts >= 0 && milliwatts <= grid.PowerMaxMilliwatts }

func notPermille(value int64) bool { return value < 0 || value > 1000 }

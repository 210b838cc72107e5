package grid

import (
	"errors"
	"fmt"
	"math"
)

// ErrSite is wrapped by every error about how a site, or a limit in time, is made.
var ErrSite = errors.New("grid: not a site that can be run")

func check(circuits []Circuit, stations []Station, constraints []Constraint) error {
	if len(circuits) == 0 || len(circuits) > CircuitsMax || len(stations) > StationsMax || len(constraints) > ConstraintsMax {
		return fmt.Errorf("%w: %d circuits (1 to %d), %d stations (up to %d), %d constraints (up to %d)", ErrSite,
			len(circuits), CircuitsMax, len(stations), StationsMax, len(constraints), ConstraintsMax)
	}
	for i, c := range circuits {
		if err := c.check(i); err != nil {
			return fmt.Errorf("%w: circuit %d %q: %s", ErrSite, i, c.Name, err)
		}
	}
	for i, st := range stations {
		if err := st.check(len(circuits)); err != nil {
			return fmt.Errorf("%w: station %d %q: %s", ErrSite, i, st.Name, err)
		}
	}
	for i, c := range constraints {
		if err := c.check(len(stations)); err != nil {
			return fmt.Errorf("%w: constraint %d %q: %s", ErrSite, i, c.Name, err)
		}
	}
	return nil
}

func (c Circuit) check(index int) error {
	switch {
	case index == 0 && c.Above != -1:
		return errors.New("the first circuit is the grid connection and hangs from -1")
	case index > 0 && (c.Above < 0 || c.Above >= index):
		return errors.New("it must hang from a circuit before it")
	case !within(c.LimitMilliwatts, PowerMaxMilliwatts):
		return errors.New("limit of its power")
	case c.FeedInMilliwatts != NoFeedIn && !within(c.FeedInMilliwatts, PowerMaxMilliwatts):
		return errors.New("limit of what it feeds back")
	case !within(c.LimitMilliamps, CurrentMaxMilliamps):
		return errors.New("limit of its current")
	case !within(c.VoltageMillivolts, VoltageMaxMillivolts):
		return errors.New("voltage")
	case c.Loads > connectionLast:
		return errors.New("connection of its loads")
	}
	return nil
}

func (st Station) check(circuits int) error {
	switch {
	case st.Circuit < 0 || st.Circuit >= circuits:
		return errors.New("no such circuit")
	case st.Connection > connectionLast:
		return errors.New("connection")
	case !within(st.VoltageMillivolts, VoltageMaxMillivolts):
		return errors.New("voltage")
	case !within(st.MaxMilliwatts, PowerMaxMilliwatts) || !within(st.MaxMilliamps, CurrentMaxMilliamps):
		return errors.New("greatest power or current")
	case st.MaxMilliwatts == 0 && st.MaxMilliamps == 0:
		return errors.New("neither its greatest power nor its greatest current is known")
	case !within(st.MinMilliwatts, PowerMaxMilliwatts) || !within(st.ReturnMaxMilliwatts, PowerMaxMilliwatts):
		return errors.New("least power, or power that it gives back")
	}
	return nil
}

func (c Constraint) check(stations int) error {
	if len(c.Coefficients) != stations {
		return fmt.Errorf("%d coefficients for %d stations", len(c.Coefficients), stations)
	}
	if !(c.LimitAmps > 0 && c.LimitAmps <= CurrentMaxMilliamps/1000) {
		return errors.New("limit of its current")
	}
	for _, coefficient := range c.Coefficients {
		if !(math.Abs(coefficient) <= coefficientMax) {
			return errors.New("a coefficient that is no ratio of windings")
		}
	}
	return nil
}

// coefficientMax bounds coefficients: ratios of transformer windings are far less.
const coefficientMax = 1e6

func within(value, most int64) bool { return value >= 0 && value <= most }

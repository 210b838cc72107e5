// Package draft owns scenario files that are made of what others have recorded: sessions, spice_ev's scenarios, prices and
// load profiles. It leaves reading to simulations/dataset and simulations/spiceev, and what a scenario means to
// simulations/scenario.
// It keeps every draft runnable: what it writes has been parsed and expanded as a scenario before it is handed out, and
// what it left out of the data it counts by reason.
package draft

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"joulepay/meter/sim"
	"joulepay/simulations/dataset"
	"joulepay/simulations/scenario"
)

// Errors of this package.
var (
	ErrEmpty  = errors.New("draft: nothing is left to run")
	ErrOption = errors.New("draft: an option that does not fit")
)

// Forms of a scenario of sessions.
const (
	FormVehicles = "vehicles" // every session is a vehicle in the file
	FormTable    = "table"    // a fleet of a table beside the file
)

// vehiclesMax is up to how many sessions the file lists them itself: so many lines can be read and changed by hand.
const vehiclesMax = 60

// Options say what becomes of sessions.
type Options struct {
	Source          string // what is read, in words, for the head of the file
	From, To        time.Time
	Limit           int // 0: none
	Seed            uint64
	Stations        int    // as many, at which vehicles take the place that is free; 0: those of the data
	PowerMilliwatts int64  // of a station; 0: what its sessions need
	Tariff          Tariff // the zero value is DefaultTariff
	Zone            string // of the stations; empty: UTC
	Engine          string // empty: control
	Form            string // FormVehicles or FormTable; empty: by the number of sessions
	Table           string // name of the table beside the file

	// Extra gives blocks that are added for the time of the scenario, such as prices; nil: none.
	Extra func(from, to time.Time) (string, error)
}

// Draft is a scenario file, and what it is made of.
type Draft struct {
	Scenario []byte
	Table    []byte // nil: the file lists its vehicles
	Form     string
	Start    time.Time
	Duration time.Duration
	Stations int
	Taken    Digest
	LeftOut  []Count
	Waiting  int // sessions that begin while the one before at their station is not over
}

// Digest sums sessions up. Energies are milliwatt-hours.
type Digest struct {
	Sessions    int
	First, Last time.Time // of arrivals and departures
	Requested   int64
	Delivered   int64
	Stations    int
}

// Count is how many sessions were left out, and why.
type Count struct {
	Reason string
	Number int
}

// Sum sums sessions up.
func Sum(sessions []dataset.Session) Digest {
	d := Digest{Sessions: len(sessions)}
	stations := map[string]bool{}
	for i, s := range sessions {
		if i == 0 || s.Arrives.Before(d.First) {
			d.First = s.Arrives
		}
		if s.Leaves.After(d.Last) {
			d.Last = s.Leaves
		}
		d.Requested += s.EnergyMilliwattHours
		d.Delivered += s.DeliveredMilliwattHours
		stations[s.Station] = true
	}
	d.Stations = len(stations)
	return d
}

// Sessions makes a scenario of sessions in the order of their arrival.
func Sessions(all []dataset.Session, o Options) (*Draft, error) {
	if o.Stations < 0 || o.Stations > scenario.PartiesMax || o.Limit < 0 {
		return nil, fmt.Errorf("%w: %d stations, at most %d sessions", ErrOption, o.Stations, o.Limit)
	}
	if o.Tariff.JSON == nil {
		o.Tariff = DefaultTariff()
	}
	if o.Engine == "" {
		o.Engine = scenario.EngineControl
	}
	taken, left := o.choose(all)
	if len(taken) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrEmpty, reasons(left))
	}
	d := &Draft{Taken: Sum(taken), LeftOut: left, Form: o.Form, Start: o.start(taken[0])}
	d.Duration = min(d.Taken.Last.Sub(d.Start).Truncate(time.Hour)+time.Hour, scenario.DurationMax)
	if d.Form == "" {
		d.Form = FormTable
		if len(taken) <= vehiclesMax {
			d.Form = FormVehicles
		}
	}
	seats, err := o.seat(taken)
	if err != nil {
		return nil, err
	}
	d.Stations, d.Waiting = len(seats), waiting(taken)
	return d, d.write(taken, seats, o)
}

// start is when the scenario begins: what was asked for, or the full hour before the first arrival.
func (o *Options) start(first dataset.Session) time.Time {
	if !o.From.IsZero() {
		return o.From.UTC().Truncate(time.Second)
	}
	return first.Arrives.Truncate(time.Hour)
}

// Reasons for which sessions are left out.
const (
	leftOutside = "they begin outside of the time asked for"
	leftNothing = "nothing is wanted"
	leftShort   = "they stay for less than a minute"
	leftMuch    = "they want more energy than a vehicle takes"
	leftLimit   = "the limit asked for"
	leftParties = "a scenario has at most 10000 vehicles"
	leftLate    = "a scenario lasts at most 366 days"
)

// choose takes what a scenario can have. Times are to the second.
func (o *Options) choose(all []dataset.Session) ([]dataset.Session, []Count) {
	var taken []dataset.Session
	left := map[string]int{}
	for _, s := range all {
		s.Arrives, s.Leaves = s.Arrives.Truncate(time.Second), s.Leaves.Truncate(time.Second)
		if reason := o.reason(s, taken); reason != "" {
			left[reason]++
			continue
		}
		if s.Says = s.Says.Truncate(time.Second); !s.Says.After(s.Arrives) {
			s.Says = time.Time{} // who says that it left before it came has said nothing
		}
		taken = append(taken, s)
	}
	var counts []Count
	for _, reason := range []string{leftOutside, leftNothing, leftShort, leftMuch, leftLimit, leftParties, leftLate} {
		if left[reason] > 0 {
			counts = append(counts, Count{reason, left[reason]})
		}
	}
	return taken, counts
}

// reason says why a session is left out; empty: it is taken.
func (o *Options) reason(s dataset.Session, taken []dataset.Session) string {
	first := s
	if len(taken) > 0 {
		first = taken[0]
	}
	switch {
	case !o.From.IsZero() && s.Arrives.Before(o.From), !o.To.IsZero() && !s.Arrives.Before(o.To):
		return leftOutside
	case s.EnergyMilliwattHours == 0:
		return leftNothing
	case s.Leaves.Sub(s.Arrives) < time.Minute:
		return leftShort
	case max(s.EnergyMilliwattHours, s.CapacityMilliwattHours) > sim.EnergyMilliwattHoursMax:
		return leftMuch
	case o.Limit > 0 && len(taken) == o.Limit:
		return leftLimit
	case len(taken) == scenario.PartiesMax:
		return leftParties
	case latest(s).Sub(o.start(first)) > scenario.DurationMax:
		return leftLate
	}
	return ""
}

// latest is the end of a session, or when its driver said that it would be.
func latest(s dataset.Session) time.Time {
	if s.Says.After(s.Leaves) {
		return s.Says
	}
	return s.Leaves
}

func reasons(left []Count) string {
	if len(left) == 0 {
		return "the file has no sessions"
	}
	text := ""
	for i, c := range left {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%d: %s", c.Number, c.Reason)
	}
	return text
}

// waiting counts sessions that overlap the one before them at their station.
func waiting(taken []dataset.Session) int {
	free, count := map[string]time.Time{}, 0
	for _, s := range taken {
		if s.Arrives.Before(free[s.Station]) {
			count++
		}
		if s.Leaves.After(free[s.Station]) {
			free[s.Station] = s.Leaves
		}
	}
	return count
}

// seat is a station of the scenario.
type seat struct {
	name  string
	power int64
}

// seat gives every session the station of the scenario that it goes to, and the stations.
func (o *Options) seat(taken []dataset.Session) ([]seat, error) {
	if o.Stations > 0 {
		return o.places(taken), nil
	}
	names := stationNames(taken)
	if len(names) > scenario.PartiesMax {
		return nil, fmt.Errorf("%w: %d stations, at most %d; choose fewer sessions or name a number of stations", ErrOption, len(names), scenario.PartiesMax)
	}
	at := map[string][]dataset.Session{}
	for i := range taken {
		taken[i].Station = names[taken[i].Station]
		at[taken[i].Station] = append(at[taken[i].Station], taken[i])
	}
	var seats []seat
	for name, sessions := range at {
		seats = append(seats, seat{name, o.power(sessions)})
	}
	slices.SortFunc(seats, func(a, b seat) int { return compareNames(a.name, b.name) })
	return seats, nil
}

// group is the name of stations that are only counted.
const group = "outlet"

// places puts each vehicle where it has been free for longest.
func (o *Options) places(taken []dataset.Session) []seat {
	seats, free := make([]seat, o.Stations), make([]time.Time, o.Stations)
	power := o.power(taken)
	for i := range seats {
		seats[i] = seat{fmt.Sprintf("%s-%d", group, i+1), power}
		if o.Stations == 1 {
			seats[i].name = group
		}
	}
	for i := range taken {
		best := 0
		for j := range free {
			if free[j].Before(free[best]) {
				best = j
			}
		}
		begins := taken[i].Arrives
		if free[best].After(begins) {
			begins = free[best]
		}
		free[best] = begins.Add(taken[i].Leaves.Sub(taken[i].Arrives))
		taken[i].Station = seats[best].name
	}
	return seats
}

// usual are the powers of stations that are sold, in milliwatts. The mean powers of sessions understate them: what most
// wallboxes give is the least.
var usual = []int64{7_400_000, 11_000_000, 22_000_000, 50_000_000, 150_000_000, 350_000_000, 1_000_000_000}

// usualPermille is the share of sessions that a station's power must be enough for: where times are rounded to minutes,
// short ones seem to take more than they did.
const usualPermille = 950

// power gives the power of a station: what was asked for, or the least usual one that its sessions need.
func (o *Options) power(sessions []dataset.Session) int64 {
	if o.PowerMilliwatts > 0 {
		return o.PowerMilliwatts
	}
	needs := make([]int64, len(sessions))
	for i, s := range sessions {
		seconds := int64(s.Leaves.Sub(s.Arrives) / time.Second)
		needs[i] = max(s.PowerMilliwatts, s.DeliveredMilliwattHours/seconds*3600)
	}
	slices.Sort(needs)
	need := needs[(len(needs)-1)*usualPermille/1000]
	for _, power := range usual {
		if power >= need {
			return power
		}
	}
	return usual[len(usual)-1]
}

package pricing

import (
	"math"
	"slices"
	"time"
)

// axis is one thing that a restriction bounds.
type axis uint8

const (
	axisSecond  axis = iota // of the local day
	axisDay                 // local days since 1970-01-01
	axisElapsed             // seconds since the session began
	axisEnergy              // quantity since the session began
	axisPower               // fixed kW
	axisCurrent             // fixed A, sum of the phases
	axes
)

// span is a half-open range: OCPI's minimum is inclusive, its maximum exclusive.
type span struct{ from, until int64 }

var everything = span{math.MinInt64, math.MaxInt64}

func (s span) holds(v int64) bool { return s.from <= v && v < s.until }

const (
	daySeconds   = 86_400
	everyWeekday = 1<<7 - 1 // bit 0 is Sunday, as time.Weekday counts
)

// restriction is a TariffRestrictions object: a box over the axes, a set of weekdays and the use that it prices.
// A span of axisSecond that ends before it begins wraps over midnight.
type restriction struct {
	spans       [axes]span
	weekdays    uint8
	reservation Reservation
}

func unrestricted() restriction {
	r := restriction{weekdays: everyWeekday}
	for a := range r.spans {
		r.spans[a] = everything
	}
	return r
}

func (r *restriction) wraps() bool { return r.spans[axisSecond].until < r.spans[axisSecond].from }

func (r *restriction) needs(a axis) bool { return r.spans[a] != everything }

// measured is what is known of a power or current over a period.
type measured struct {
	low, high fixed
	known     bool
}

// moment is what restrictions are matched against: the state in which a period begins.
type moment struct {
	clock
	elapsed int64
	energy  quantity
	power   measured
	current measured
}

type verdict uint8

// Verdicts in the order in which they win: one miss is a miss, and doubt is doubt only where nothing misses.
const (
	misses    verdict = iota
	undecided         // it would match, but asks for a power or current that is not known
	matches
)

func (r *restriction) match(m *moment) verdict {
	second := r.spans[axisSecond]
	switch {
	case r.weekdays>>uint(m.weekday)&1 == 0,
		r.wraps() && m.second < second.from && m.second >= second.until,
		!r.wraps() && !second.holds(m.second),
		!r.spans[axisDay].holds(m.day),
		!r.spans[axisElapsed].holds(m.elapsed),
		!r.spans[axisEnergy].holds(int64(m.energy)):
		return misses
	}
	return min(matchMeasured(r.spans[axisPower], m.power), matchMeasured(r.spans[axisCurrent], m.current))
}

// matchMeasured holds the lowest value against the minimum and the highest against the maximum.
func matchMeasured(s span, m measured) verdict {
	switch {
	case s == everything:
		return matches
	case !m.known:
		return undecided
	case s.from <= int64(m.low) && int64(m.high) < s.until:
		return matches
	}
	return misses
}

// choice is what is priced at a moment: per dimension a component or none, and the dimensions that could not be decided.
type choice struct {
	components [componentTypes]int16
	undecided  typeSet
}

// choose takes, per dimension, the first element of this use that has the dimension and matches.
func (t *Tariff) choose(m *moment, use Reservation) choice {
	c := choice{components: [componentTypes]int16{none, none, none, none}}
	open := t.offers[use]
	for i := range t.elements {
		e := &t.elements[i]
		found := e.types & open
		if found == 0 || e.when.reservation != use {
			continue
		}
		switch e.when.match(m) {
		case misses:
			continue
		case undecided:
			c.undecided |= found
		default:
			for kind := range componentTypes {
				if found.has(kind) {
					c.components[kind] = e.components[kind]
				}
			}
		}
		if open &^= found; open == 0 {
			break
		}
	}
	return c
}

// chooseReservation prices a reservation: one that expired by its own elements first, dimension by dimension.
func (t *Tariff) chooseReservation(m *moment, expired bool) choice {
	c := t.choose(m, Reserved)
	if !expired {
		return c
	}
	late := t.choose(m, ReservationExpired)
	for kind := range componentTypes {
		if late.components[kind] != none {
			c.components[kind] = late.components[kind]
			c.undecided &^= 1 << kind
		}
	}
	c.undecided |= late.undecided
	return c
}

// marks are the values at which some element begins or ceases to match: between two neighbours the choice is the same.
type marks struct {
	clock   bool // whether the wall clock matters at all
	second  []int64
	elapsed []int64
	energy  []int64
	power   []int64
	current []int64
}

func marksOf(elements []element) marks {
	var m marks
	for i := range elements {
		r := &elements[i].when
		if r.reservation != NoReservation {
			continue
		}
		m.clock = m.clock || r.needs(axisSecond) || r.needs(axisDay) || r.weekdays != everyWeekday
		m.second = r.spans[axisSecond].marks(m.second)
		m.elapsed = r.spans[axisElapsed].marks(m.elapsed)
		m.energy = r.spans[axisEnergy].marks(m.energy)
		m.power = r.spans[axisPower].marks(m.power)
		m.current = r.spans[axisCurrent].marks(m.current)
	}
	for _, list := range []*[]int64{&m.second, &m.elapsed, &m.energy, &m.power, &m.current} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return m
}

func (s span) marks(list []int64) []int64 {
	if s.from != everything.from {
		list = append(list, s.from)
	}
	if s.until != everything.until {
		list = append(list, s.until)
	}
	return list
}

// around gives the widest span about v that no mark cuts.
func around(list []int64, v int64) span {
	at, exact := slices.BinarySearch(list, v)
	if exact {
		at++
	}
	s := everything
	if at > 0 {
		s.from = list[at-1]
	}
	if at < len(list) {
		s.until = list[at]
	}
	return s
}

// clock is a wall-clock reading at the station.
type clock struct {
	day     int64
	second  int64
	weekday time.Weekday
}

// clockAt reads the station's wall clock, and tells until when it runs without a change of offset (daylight saving).
func clockAt(unix int64, location *time.Location) (c clock, steadyUntil int64) {
	at := time.Unix(unix, 0).In(location)
	_, offset := at.Zone()
	steadyUntil = math.MaxInt64
	if _, end := at.ZoneBounds(); !end.IsZero() {
		steadyUntil = end.Unix()
	}
	local := unix + int64(offset)
	c.day = local / daySeconds
	c.second = local % daySeconds
	if c.second < 0 {
		c.day, c.second = c.day-1, c.second+daySeconds
	}
	c.weekday = weekdayOf(c.day)
	return c, steadyUntil
}

func weekdayOf(day int64) time.Weekday {
	return time.Weekday(((day+4)%7 + 7) % 7) // 1970-01-01 was a Thursday
}

// steadyUntil tells until when (Unix seconds) no mark of time changes the choice.
func (m *marks) steadyUntil(unix int64, c clock, clockSteadyUntil int64) int64 {
	if !m.clock {
		return math.MaxInt64
	}
	next := min(around(m.second, c.second).until, daySeconds)
	return min(unix+next-c.second, clockSteadyUntil)
}

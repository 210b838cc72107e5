package pricing

import (
	"fmt"
	"slices"
)

// Warning is something in a tariff that can be priced but is hardly meant: a price that never applies, a sum not stated.
type Warning struct {
	// Element is the index of the element that it is about, or -1 for the tariff as a whole.
	Element int
	Text    string
}

// String gives the warning with its place, counting elements from one as people do.
func (w Warning) String() string {
	if w.Element < 0 {
		return w.Text
	}
	return fmt.Sprintf("element %d: %s", w.Element+1, w.Text)
}

// Check warns of prices that never match and of what a driver would stumble over.
func Check(t *Tariff) []Warning {
	warnings := t.checkWhole()
	effort := cutsMax
	for i := range t.elements {
		warnings = append(warnings, t.checkElement(i, &effort)...)
	}
	return warnings
}

// cutsMax bounds the work of a check; shadows that would take more are not found. A week of hours with a default takes a tenth.
const cutsMax = 1_000_000

func (t *Tariff) checkWhole() []Warning {
	var list []Warning
	warn := func(format string, args ...any) {
		list = append(list, Warning{none, fmt.Sprintf(format, args...)})
	}
	if !t.validFrom.IsZero() && !t.validUntil.IsZero() && !t.validFrom.Before(t.validUntil) {
		warn("the tariff ends before it begins: it is never valid")
	}
	if t.min.excl.Known() && t.max.excl.Known() && (t.min.excl.Cmp(t.max.excl) > 0 || t.min.incl.Cmp(t.max.incl) > 0) {
		warn("the minimum price is above the maximum price: the maximum holds")
	}
	if (t.tax == taxExcluded || t.tax == taxIncluded) && slices.Contains(t.rates, rate{}) {
		warn("tax applies but some component states no VAT: one of the two sums cannot be stated")
	}
	if !t.offers[NoReservation].has(Energy) && !t.offers[NoReservation].has(Time) {
		if !t.offers[NoReservation].has(ParkingTime) && !t.offers[NoReservation].has(Flat) {
			warn("nothing prices a charging session: it is free")
		} else {
			warn("neither energy nor charging time has a price")
		}
	}
	return list
}

func (t *Tariff) checkElement(i int, effort *int) []Warning {
	e := &t.elements[i]
	if reason := e.when.impossible(); reason != "" {
		return []Warning{{i, "never matches: " + reason}}
	}
	var list []Warning
	for kind := range componentTypes {
		switch {
		case !e.types.has(kind):
		case e.when.reservation != NoReservation && (kind == Energy || kind == ParkingTime):
			list = append(list, Warning{i, kind.String() + " never applies: a reservation has only TIME and FLAT"})
		case t.shadowed(i, kind, effort):
			list = append(list, Warning{i, kind.String() + " never applies: earlier elements match whenever this one does"})
		}
	}
	return list
}

// impossible says why no moment can match, or "".
func (r *restriction) impossible() string {
	names := [axes]string{"the time", "the date", "the duration", "the energy", "the power", "the current"}
	for a, s := range r.spans {
		if axis(a) != axisDay {
			s.from = max(s.from, 0) // only days are counted from before zero
		}
		if s.from >= s.until && !(axis(a) == axisSecond && r.wraps()) {
			return names[a] + " ends where it begins, or before"
		}
	}
	if days := r.spans[axisDay]; days.until-days.from < 7 && days.from != everything.from && days.until != everything.until {
		for day := days.from; day < days.until; day++ {
			if r.weekdays>>uint(weekdayOf(day))&1 == 1 {
				return ""
			}
		}
		return "none of its weekdays lies between its dates"
	}
	return ""
}

// region is a box of moments without wrapping: what a restriction matches is one region, or two if it wraps.
type region struct {
	spans    [axes]span
	weekdays uint8
}

func (r *restriction) regions() []region {
	base := region{r.spans, r.weekdays}
	if base.spans[axisSecond] == everything {
		base.spans[axisSecond] = span{0, daySeconds}
	}
	if !r.wraps() {
		return []region{base}
	}
	evening, morning := base, base
	evening.spans[axisSecond] = span{r.spans[axisSecond].from, daySeconds}
	morning.spans[axisSecond] = span{0, r.spans[axisSecond].until}
	return []region{evening, morning}
}

// shadowed tells whether earlier elements take a dimension at every moment at which element i would match.
func (t *Tariff) shadowed(i int, kind ComponentType, effort *int) bool {
	left := t.elements[i].when.regions()
	for j := range t.elements[:i] {
		e := &t.elements[j]
		if !e.types.has(kind) || e.when.reservation != t.elements[i].when.reservation {
			continue
		}
		for _, taken := range e.when.regions() {
			var rest []region
			for _, r := range left {
				rest = append(rest, r.without(taken)...)
			}
			*effort -= len(left) + 1
			if left = rest; *effort < 0 {
				return false
			}
		}
	}
	return len(left) == 0
}

// without cuts a region away, leaving at most two pieces an axis.
func (r region) without(taken region) []region {
	for a := range r.spans {
		if r.spans[a].from >= taken.spans[a].until || taken.spans[a].from >= r.spans[a].until {
			return []region{r}
		}
	}
	if r.weekdays&taken.weekdays == 0 {
		return []region{r}
	}
	var rest []region
	if days := r.weekdays &^ taken.weekdays; days != 0 {
		piece := r
		piece.weekdays = days
		rest = append(rest, piece)
		r.weekdays &= taken.weekdays
	}
	for a := range r.spans {
		if r.spans[a].from < taken.spans[a].from {
			piece := r
			piece.spans[a].until = taken.spans[a].from
			rest = append(rest, piece)
			r.spans[a].from = taken.spans[a].from
		}
		if r.spans[a].until > taken.spans[a].until {
			piece := r
			piece.spans[a].from = taken.spans[a].until
			rest = append(rest, piece)
			r.spans[a].until = taken.spans[a].until
		}
	}
	return rest
}

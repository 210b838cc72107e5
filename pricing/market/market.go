// Package market owns day-ahead price series: it reads those that exchanges and their mirrors publish, and makes of them
// the OCPI tariff "market price × factor + margin". It leaves pricing to package pricing, fetching and storing of files to
// whoever runs a charger, and the change of a tariff during a session to channel/session.
// It keeps invariant I9: a file is bounded, and a gap, a repeated slot or an unknown unit is a typed error, never a guess.
//
// Parse reads a file, Series.Tariff makes the tariff of a span of time, Series.TariffAt the one that a charger offers now.
package market

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Bounds of a series.
const (
	// FileBytesMax bounds a file: a year of quarter hours as JSON, indented, is 6 MB.
	FileBytesMax = 8 << 20
	// slotsMax bounds the slots: two years and a half of quarter hours.
	slotsMax = 90_000
	// quarter is the finest slot of a European day-ahead market, since October 2025 the usual one.
	quarter = 15 * time.Minute
)

// priceMax bounds a market price in EUR/MWh. The harmonised limits of the coupled markets are −500 and 5,000 and rise by
// steps; ten times that is another unit.
var priceMax = whole(50_000)

// Errors of this package. Each wraps what was found and where.
var (
	ErrFormat    = errors.New("market: not a series of day-ahead prices")
	ErrUnit      = errors.New("market: prices in another unit than EUR/MWh")
	ErrNumber    = errors.New("market: number not readable or out of range")
	ErrLimit     = errors.New("market: larger than this package accepts")
	ErrGap       = errors.New("market: a price is missing")
	ErrDuplicate = errors.New("market: a time has two prices")
	ErrOrder     = errors.New("market: times do not rise")
	ErrRange     = errors.New("market: no price is known for this time")
	ErrTerms     = errors.New("market: terms that make no tariff")
)

// Slot is one price of the market.
type Slot struct {
	Start, End time.Time // UTC
	Price      Decimal   // EUR/MWh, as published
}

// Series is an unbroken run of slots, at least one. It is immutable.
type Series struct{ slots []Slot }

// Slots gives a copy of the slots, in order.
func (s Series) Slots() []Slot { return append([]Slot(nil), s.slots...) }

// Span gives the time for which prices are known.
func (s Series) Span() (from, until time.Time) {
	if len(s.slots) == 0 {
		return time.Time{}, time.Time{}
	}
	return s.slots[0].Start, s.slots[len(s.slots)-1].End
}

// Parse reads a series: the CSV of start_utc, start_local, eur_per_mwh, or the JSON of Energy-Charts (/price) or of aWATTar
// (/v1/marketdata). Which it is shows in the file.
func Parse(data []byte) (Series, error) {
	if len(data) > FileBytesMax {
		return Series{}, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(data), FileBytesMax)
	}
	read := parseCSV
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		read = parseJSON
	}
	points, err := read(data)
	if err != nil {
		return Series{}, err
	}
	return newSeries(points)
}

// point is a slot as a file states it: its end is zero where the file leaves it to the next start.
type point struct {
	start, end time.Time
	price      Decimal
}

func newSeries(points []point) (Series, error) {
	switch {
	case len(points) == 0:
		return Series{}, fmt.Errorf("%w: it has no prices", ErrFormat)
	case len(points) > slotsMax:
		return Series{}, fmt.Errorf("%w: %d slots, at most %d", ErrLimit, len(points), slotsMax)
	}
	s := Series{slots: make([]Slot, len(points))}
	length := time.Duration(0)
	for i, p := range points {
		var err error
		if length, err = slotLength(points, i, length); err != nil {
			return Series{}, err
		}
		if p.price.abs().cmp(priceMax) > 0 {
			return Series{}, fmt.Errorf("%w: %s EUR/MWh at %s", ErrNumber, p.price, stamp(p.start))
		}
		s.slots[i] = Slot{p.start, p.start.Add(length), p.price}
	}
	return s, nil
}

// slotLength gives how long the slot at i lasts, and refuses what does not follow on the slot before, of length before.
func slotLength(points []point, i int, before time.Duration) (time.Duration, error) {
	p := points[i]
	if p.start.Truncate(quarter) != p.start {
		return 0, fmt.Errorf("%w: slot at %s, not on a quarter hour", ErrFormat, stamp(p.start))
	}
	length := p.end.Sub(p.start)
	if p.end.IsZero() {
		length = before // the last slot is like the one before it
	}
	if i+1 < len(points) {
		next := points[i+1].start
		switch {
		case next.Equal(p.start):
			return 0, fmt.Errorf("%w: %s", ErrDuplicate, stamp(next))
		case next.Before(p.start):
			return 0, fmt.Errorf("%w: %s after %s", ErrOrder, stamp(next), stamp(p.start))
		case p.end.IsZero():
			length = next.Sub(p.start)
		case next.Before(p.end):
			return 0, fmt.Errorf("%w: %s, before the end of the slot at %s", ErrDuplicate, stamp(next), stamp(p.start))
		case next.After(p.end):
			return 0, fmt.Errorf("%w: from %s to %s", ErrGap, stamp(p.end), stamp(next))
		}
	}
	if length == 0 {
		return time.Hour, nil // a single price, without its end
	}
	return length, checkLength(p.start, length, before)
}

// checkLength takes the lengths of slots that markets have. They change at the midnight of the coupled market only, so that
// quarter hours with some missing are not taken for an hour.
func checkLength(start time.Time, length, before time.Duration) error {
	switch {
	case length > time.Hour:
		return fmt.Errorf("%w: between %s and %s", ErrGap, stamp(start), stamp(start.Add(length)))
	case length != quarter && length != 2*quarter && length != time.Hour:
		return fmt.Errorf("%w: a slot of %s at %s", ErrFormat, length, stamp(start))
	case before == 0 || before == length:
		return nil
	}
	if local := start.In(marketZone); local.Hour() == 0 && local.Minute() == 0 {
		return nil
	}
	return fmt.Errorf("%w: slots of %s, then of %s at %s", ErrGap, before, length, stamp(start))
}

// at finds the slot that holds a time.
func (s Series) at(t time.Time) (int, error) {
	from, until := s.Span()
	if len(s.slots) == 0 || t.Before(from) || !t.Before(until) {
		return 0, fmt.Errorf("%w: %s, known are %s to %s", ErrRange, stamp(t), stamp(from), stamp(until))
	}
	low, high := 0, len(s.slots)
	for high-low > 1 {
		if middle := (low + high) / 2; s.slots[middle].Start.After(t) {
			high = middle
		} else {
			low = middle
		}
	}
	return low, nil
}

// At gives the slot that holds a time, or ErrRange.
func (s Series) At(t time.Time) (Slot, error) {
	i, err := s.at(t)
	if err != nil {
		return Slot{}, err
	}
	return s.slots[i], nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

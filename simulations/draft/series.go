package draft

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"joulepay/pricing/market"
	"joulepay/simulations/dataset"
	"joulepay/simulations/scenario"
)

// Series is a block of a scenario file with values in slots of time.
type Series struct {
	Block       string // YAML
	From, Until time.Time
	Every       time.Duration
	Values      int
	Lowest      string
	Mean        string
	Highest     string
	Unit        string
}

// values are exact numbers on their way into a block.
type values struct {
	key   string // as "prices:\n"
	inner string // indentation of every, values
	unit  string
	scale int64 // of the integers
	all   []int64
}

// series writes a block.
func (v *values) series(source string, from time.Time, every time.Duration) (*Series, error) {
	if len(v.all) == 0 {
		return nil, fmt.Errorf("%w: no value in the time asked for", ErrEmpty)
	}
	if len(v.all) > scenario.ValuesMax {
		return nil, fmt.Errorf("%w: %d values, a scenario has at most %d: choose a shorter time", ErrOption, len(v.all), scenario.ValuesMax)
	}
	s := &Series{From: from.UTC(), Until: from.Add(time.Duration(len(v.all)) * every).UTC(), Every: every, Values: len(v.all), Unit: v.unit}
	low, high, sum := v.all[0], v.all[0], new(big.Int)
	for _, value := range v.all {
		low, high = min(low, value), max(high, value)
		sum.Add(sum, big.NewInt(value))
	}
	s.Lowest, s.Highest = exact(low, v.scale), exact(high, v.scale)
	mean := new(big.Rat).SetFrac(sum, big.NewInt(int64(len(v.all))))
	s.Mean = mean.Quo(mean, new(big.Rat).SetInt64(v.scale)).FloatString(meanPlaces)
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by `simulate import` of %s: %d values, %s from %s.\n%s", oneLine(source), s.Values, v.unit, s.From.Format(time.RFC3339), v.key)
	fmt.Fprintf(&b, "%severy: %s\n%svalues:", v.inner, duration(every), strings.Repeat(" ", len(v.inner)))
	for i, value := range v.all {
		separator := ", "
		switch {
		case i == 0:
			separator = " ["
		case i%perLine == 0:
			separator = ",\n" + strings.Repeat(" ", len(v.inner)+perIndent)
		}
		b.WriteString(separator + exact(value, v.scale))
	}
	s.Block = b.String() + "]\n"
	return s, nil
}

// How blocks are set.
const (
	perLine    = 12
	perIndent  = 2
	meanPlaces = 6
)

// Prices makes the block of the prices of a kWh from a time on until another; zero times are the ends of the series. The
// block has slots of the finest length in that time.
func Prices(prices market.Series, source string, from, to time.Time) (*Series, error) {
	begins, ends := prices.Span()
	if from.IsZero() {
		from = begins
	}
	if to.IsZero() {
		to = ends
	}
	every := time.Hour
	for _, slot := range prices.Slots() {
		if slot.End.After(from) && slot.Start.Before(to) {
			every = min(every, slot.End.Sub(slot.Start))
		}
	}
	v := &values{key: "prices:\n", inner: "  ", unit: "EUR/kWh", scale: nanoPerUnit}
	for at := from; at.Before(to) && len(v.all) <= scenario.ValuesMax; at = at.Add(every) {
		slot, err := prices.At(at)
		if err != nil {
			return nil, err
		}
		price, ok := new(big.Rat).SetString(slot.Price.String())
		if !ok {
			return nil, fmt.Errorf("%w: price %s", ErrOption, slot.Price)
		}
		const perKilowattHour = nanoPerUnit / 1000
		v.all = append(v.all, nearest(price.Mul(price, new(big.Rat).SetInt64(perKilowattHour))))
	}
	return v.series(source, from, every)
}

const (
	nanoPerUnit           = 1_000_000_000
	milliwattsPerKilowatt = 1_000_000
)

// nearest rounds half away from zero.
func nearest(number *big.Rat) int64 {
	rounded, _ := new(big.Int).SetString(number.FloatString(0), 10)
	return rounded.Int64()
}

// Load makes the block of a standard load profile of so many mWh a year.
func Load(p *dataset.Profile, source string, from, to time.Time, zone *time.Location, yearlyMilliwattHours int64, holidays []time.Time) (*Series, error) {
	const slot = 15 * time.Minute
	count := int(to.Sub(from) / slot)
	if count <= 0 || count > scenario.ValuesMax || yearlyMilliwattHours <= 0 || yearlyMilliwattHours > dataset.YearlyMax {
		return nil, fmt.Errorf("%w: %d quarters of an hour of %d mWh a year", ErrOption, count, yearlyMilliwattHours)
	}
	return power(p.Powers(from, count, zone, yearlyMilliwattHours, holidays), false).series(source, from, slot)
}

// Column makes the block of powers that a file has in milliwatts, of a load or of the sun.
func Column(milliwatts []int64, solar bool, source string, from time.Time, every time.Duration) (*Series, error) {
	if every < time.Second || every > 24*time.Hour {
		return nil, fmt.Errorf("%w: values every %s", ErrOption, every)
	}
	return power(milliwatts, solar).series(source, from, every)
}

func power(milliwatts []int64, solar bool) *values {
	key := "site:\n  base:\n"
	if solar {
		key = "site:\n  solar:\n"
	}
	return &values{key: key, inner: "    - ", unit: "kW", scale: milliwattsPerKilowatt, all: milliwatts}
}

package pricing

import (
	"fmt"
	"math/big"
	"time"

	"joulepay/wallet/money"
)

// Exposure is what a quote declares besides the tariff: upper bounds, as payable (after tax where it is stated).
type Exposure struct {
	// Prepaid is the dearest FLAT that a session may meet: due once, with the first period in which it matches.
	Prepaid money.Amount
	// EndSurcharge is the most by which Final may exceed Cost at the same sample: the surplus of steps, or what is missing
	// to the minimum price, and 10⁻⁹ for their rounding. It is demanded at the stop only.
	EndSurcharge money.Amount
	// Slice is the most by which Cost may grow in one claim interval at full power, Prepaid aside.
	Slice money.Amount
	// LargestStep is the price of the largest single step of the tariff.
	LargestStep money.Amount
}

// Bound is the most that a peer can owe between two claims (I5): a slice or the largest step, whichever is more.
func (e Exposure) Bound() money.Amount { return max(e.Slice, e.LargestStep) }

// intervalMax bounds a claim interval: longer, and the word has lost its meaning.
const intervalMax = 24 * time.Hour

// ExposureOf bounds what a session that starts at a time can cost beyond what has been claimed. The power is the most that the
// station gives. It holds for samples whose register and time are cut down to whole milliwatt-hours and seconds.
func ExposureOf(t *Tariff, powerMilliwatts int64, interval time.Duration, at time.Time, location *time.Location) (Exposure, error) {
	switch {
	case location == nil:
		return Exposure{}, fmt.Errorf("%w: no location", ErrSession)
	case interval <= 0 || interval > intervalMax || powerMilliwatts < 0 || powerMilliwatts > powerMilliwattMax:
		return Exposure{}, fmt.Errorf("%w: %d mW over %s", ErrLimit, powerMilliwatts, interval)
	}
	seconds := int64((interval + time.Second - 1) / time.Second)
	energy := mulDiv(powerMilliwatts, seconds, 3600) + 2 // one for the division, one for the register's own cut
	if energy > energyMilliwattHourMax {
		return Exposure{}, fmt.Errorf("%w: %d mWh in one interval", ErrLimit, energy)
	}
	d := t.dearest(at, location)
	slice := d.hourly[Energy].times(quantity(energy) * quantityMilliwattHour)
	slice = slice.add(d.timed().times(quantity(seconds+1) * quantitySecond))
	surplus := d.step[Energy].add(d.step[Time].atLeast(d.step[ParkingTime]))
	largest := d.step[Energy].atLeast(d.step[Time]).atLeast(d.step[ParkingTime])
	return roundedExposure(d.hourly[Flat], surplus.atLeast(t.min.incl), slice, largest)
}

// ExposureOfCounted bounds a counting run: what a number of units costs, counted before the next claim covers them.
func ExposureOfCounted(t *Tariff, units int64, at time.Time, location *time.Location) (Exposure, error) {
	if location == nil || units < 0 || units > countMax {
		return Exposure{}, fmt.Errorf("%w: %d units", ErrLimit, units)
	}
	fee := t.dearest(at, location).hourly[Flat]
	return roundedExposure(zeroExact, zeroExact.atLeast(t.min.incl), fee.times(quantity(units)*quantityOne), fee)
}

func roundedExposure(prepaid, end, slice, largest Exact) (e Exposure, err error) {
	for _, field := range []struct {
		into *money.Amount
		sum  Exact
	}{{&e.Prepaid, prepaid}, {&e.EndSurcharge, end}, {&e.Slice, slice}, {&e.LargestStep, largest}} {
		if *field.into, err = field.sum.amount(roundUp); err != nil {
			return Exposure{}, err
		}
	}
	e.EndSurcharge, err = e.EndSurcharge.Add(1) // the running cost was rounded down, the final one may be rounded up
	return e, err
}

// dearest holds, per dimension, the highest price of one kWh, hour or fee and the highest price of one step; never below zero.
type dearest struct{ hourly, step [componentTypes]Exact }

func (d *dearest) timed() Exact { return d.hourly[Time].atLeast(d.hourly[ParkingTime]) }

// times prices a volume at a price per unit.
func (x Exact) times(q quantity) Exact {
	return Exact{
		new(big.Int).Mul(x.num, big.NewInt(int64(q))), new(big.Int).Mul(x.den, bigQuantity),
	}
}

func (t *Tariff) dearest(at time.Time, location *time.Location) dearest {
	var d dearest
	for kind := range componentTypes {
		d.hourly[kind], d.step[kind] = zeroExact, zeroExact
	}
	today, _ := clockAt(at.Unix(), location)
	var closed typeSet // dimensions that an element without restrictions has already priced
	for i := range t.elements {
		e := &t.elements[i]
		if e.when.reservation != NoReservation || !e.when.mayMatchFrom(today.day) {
			continue
		}
		for kind := range componentTypes {
			if e.types.has(kind) && !closed.has(kind) {
				d.meet(t, &t.components[e.components[kind]])
			}
		}
		if e.when == unrestricted() {
			closed |= e.types
		}
	}
	return d
}

func (d *dearest) meet(t *Tariff, c *component) {
	r := t.rates[c.rate]
	d.hourly[c.kind] = d.hourly[c.kind].atLeast(t.taxed(c.plainCost(quantityOne), r).asked)
	if c.step > 0 {
		d.step[c.kind] = d.step[c.kind].atLeast(t.taxed(c.plainCost(c.step), r).asked)
	}
}

// mayMatchFrom tells whether dates let a restriction match in a session that starts on a day.
func (r *restriction) mayMatchFrom(day int64) bool {
	return r.spans[axisDay].until > day && r.spans[axisDay].from <= day+secondsMax/daySeconds+1
}

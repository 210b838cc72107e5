package measure

import (
	"math/big"
	"time"
)

// windows finds the highest mean power over windows of one length, which begin at its multiples since 1970 in UTC: the
// quarters of an hour of every time zone in use.
type windows struct {
	length int64 // ns; 0: the highest power of any step
	index  int64 // of the open window
	sum    wide  // mW·ns in it
	best   wide  // mW·ns of the best that is over
	most   int64 // mW, the highest power of a step
}

func newWindows(length time.Duration) windows { return windows{length: int64(length)} }

func (w *windows) add(power, at, length int64) {
	w.most = max(w.most, power)
	if w.length == 0 {
		return
	}
	index := at / w.length
	w.enter(index)
	rest := (index+1)*w.length - at // of the window
	if length <= rest {
		w.sum.add(power, length)
		return
	}
	w.sum.add(power, rest)
	length -= rest
	whole := length / w.length
	if whole > 0 {
		w.enter(index + 1)
		w.sum.add(power, w.length)
	}
	w.enter(index + 1 + whole)
	w.sum.add(power, length-whole*w.length)
}

// enter closes the open window when another begins.
func (w *windows) enter(index int64) {
	if index != w.index {
		w.best = larger(w.best, w.sum)
		w.index, w.sum = index, wide{}
	}
}

// peak gives the highest mean so far, that of the open window included.
func (w *windows) peak() int64 {
	if w.length == 0 {
		return w.most
	}
	return larger(w.best, w.sum).per(w.length)
}

// demand sums up the peaks that the site pays for.
type demand struct {
	terms  Demand
	peaks  windows
	sum    big.Int   // mW of the months that are over
	change time.Time // when the open month ends; zero before the first step
}

func newDemand(terms Demand) demand { return demand{terms: terms, peaks: newWindows(terms.Window)} }

func (d *demand) add(power int64, at time.Time, length int64) {
	if d.terms.PerKilowatt == 0 {
		return
	}
	for d.terms.Months != nil {
		if d.change.IsZero() {
			d.change = monthAfter(at, d.terms.Months)
		}
		before := int64(d.change.Sub(at))
		if before >= length {
			break
		}
		if before > 0 {
			d.peaks.add(power, at.UnixNano(), before)
			at, length = d.change, length-before
		}
		d.closeMonth(at)
	}
	d.peaks.add(power, at.UnixNano(), length)
}

func (d *demand) closeMonth(at time.Time) {
	d.sum.Add(&d.sum, big.NewInt(d.peaks.peak()))
	d.peaks = newWindows(d.terms.Window)
	d.change = monthAfter(at, d.terms.Months)
}

func monthAfter(at time.Time, zone *time.Location) time.Time {
	year, month, _ := at.In(zone).Date()
	return time.Date(year, month+1, 1, 0, 0, 0, 0, zone)
}

// charge gives the amount, in 10⁻⁹ of the currency.
func (d *demand) charge() int64 {
	peaks := new(big.Int).Add(&d.sum, big.NewInt(d.peaks.peak()))
	return rounded(peaks.Mul(peaks, big.NewInt(int64(d.terms.PerKilowatt))), big.NewInt(micro))
}

// unbalance gathers how unequal three currents are.
type unbalance struct {
	deviation, total wide // of the largest from the mean, and of all, three times in mA·ns
	spread           int64
}

func (u *unbalance) add(phases [3]int64, length int64) {
	sum := phases[0] + phases[1] + phases[2]
	if sum == 0 {
		return
	}
	most, least := max(phases[0], phases[1], phases[2]), min(phases[0], phases[1], phases[2])
	u.spread = max(u.spread, most-least)
	u.deviation.add(max(3*most-sum, sum-3*least), length)
	u.total.add(sum, length)
}

func (u *unbalance) figures(millivolts int64) *Unbalance {
	mean := share(u.deviation, u.total)
	if mean == nil {
		return nil
	}
	f := &Unbalance{Mean: *mean, Spread: Current(u.spread)}
	if millivolts > 0 {
		var w wide
		w.add(u.spread, millivolts)
		power := Power(w.per(milli)) // mA × mV is µW
		f.Power = &power
	}
	return f
}

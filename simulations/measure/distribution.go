package measure

import (
	"math/bits"
	"slices"
	"time"
)

// distribution tells quantiles of numbers from 0 up, within a thousandth and in bounded memory: numbers that agree in
// their eleven leading binary digits count as one.
type distribution struct {
	weights map[int64]int64 // by the highest number of the class
	count   int64           // sum of weights
	sum     wide            // of numbers times weights
	max     int64
	last    int64 // class of the number before: the next is often the same
	held    int64 // weight that is not in weights yet
}

const leadingDigits = 11

// class gives the highest number that counts as the same.
func class(v int64) int64 {
	spare := bits.Len64(uint64(v)) - leadingDigits
	if spare <= 0 {
		return v
	}
	return v | (1<<spare - 1)
}

func (d *distribution) add(v, weight int64) {
	v = max(v, 0)
	d.count += weight
	d.sum.add(v, weight)
	d.max = max(d.max, v)
	if c := class(v); c != d.last {
		d.settle()
		d.last = c
	}
	d.held += weight
}

func (d *distribution) settle() {
	if d.held > 0 {
		if d.weights == nil {
			d.weights = map[int64]int64{}
		}
		d.weights[d.last] += d.held
		d.held = 0
	}
}

// quantile gives a number that num of den of the weight are at most, 0 when there is none.
func (d *distribution) quantile(num, den int64) int64 {
	d.settle()
	classes := make([]int64, 0, len(d.weights))
	for c := range d.weights {
		classes = append(classes, c)
	}
	slices.Sort(classes)
	var want, passed wide
	want.add(d.count, num)
	for _, c := range classes {
		passed.add(d.weights[c], den)
		if passed.big().Cmp(want.big()) >= 0 {
			return min(c, d.max)
		}
	}
	return d.max
}

// durations is a distribution of lengths of time.
type durations struct{ of distribution }

func (d *durations) add(took time.Duration) { d.of.add(int64(took), 1) }

func (d *durations) figures() *Waits {
	if d.of.count == 0 {
		return nil
	}
	return &Waits{
		Count: d.of.count, Mean: Seconds(d.of.sum.per(d.of.count)), P95: Seconds(d.of.quantile(95, 100)), Max: Seconds(d.of.max),
	}
}

package control

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// tradersMax bounds the batteries among which a trade is tried: with more, each has little to say.
const tradersMax = 16

// tryTrade leaves a point from which no battery alone finds a better one: for one round each takes from the others what they
// value less, then all fit their plans together again. What was before comes back unless that is worth more.
func (c *planner) tryTrade() {
	before := c.total()
	c.saved = append(c.saved[:0], c.plans...)
	c.trading = true
	for i := range c.holders {
		c.improve(i)
	}
	c.trading = false
	c.descend()
	if !better(c.total(), before) {
		c.restore(c.saved)
	}
}

// tryBackwards plans all batteries again in the opposite order, and keeps that if it is worth more.
func (c *planner) tryBackwards() {
	before := c.total()
	c.saved = append(c.saved[:0], c.plans...)
	for i := range c.holders {
		for t := range c.periods {
			c.shift(t, c.holders[i].circuit, -c.plans[i*len(c.periods)+t])
		}
	}
	clear(c.plans)
	c.backwards = true
	c.descend()
	c.backwards = false
	if !better(c.total(), before) {
		c.restore(c.saved)
	}
}

// better tells whether a total is more than another, by more than sums of such sizes are rounded.
func better(total, than float64) bool { return total-than > float64(1e-9*math.Abs(than)) }

// restore takes plans that were kept.
func (c *planner) restore(saved []int64) {
	periods := len(c.periods)
	for i := range c.holders {
		for t := range periods {
			at := i*periods + t
			c.shift(t, c.holders[i].circuit, saved[at]-c.plans[at])
			c.plans[at] = saved[at]
		}
	}
}

// total gives what all plans together are worth: what batteries hold in the end, less what the site draws.
func (c *planner) total() float64 {
	sum := 0.0
	for t := range c.periods {
		m := c.margins(&c.periods[t])
		flow := c.flows[t*c.site.Circuits()]
		cost := m.cost(flow)
		if c.options.KeepAtSite {
			cost += float64(float64(min(c.given(t), max(-flow, 0))) * forbidden)
		}
		sum -= float64(cost * c.lengths[t].Seconds())
	}
	for i := range c.holders {
		sum += c.holders[i].worth(c.plans[i*len(c.periods):], c.lengths)
	}
	return sum
}

// given sums what batteries give in a period.
func (c *planner) given(t int) int64 {
	sum := int64(0)
	for i := range c.holders {
		sum += max(-c.plans[i*len(c.periods)+t], 0)
	}
	return sum
}

// worth gives what a plan leaves in the battery in the end, less what it suffers on the way.
func (h *holder) worth(plan []int64, lengths []time.Duration) float64 {
	stored, sum := h.stored, 0.0
	for t, length := range lengths[:h.until] {
		if power := float64(float64(plan[t]) * length.Seconds()); power > 0 {
			stored = min(stored+float64(power*h.charge), h.within.high)
		} else {
			stored += power / h.give
			sum += float64(power * h.wear)
		}
		sum -= float64(max(h.within.keep-stored, 0) * tooLow)
	}
	return sum - float64(max(h.target-stored, 0)*wanted) + float64(max(stored-h.target, 0)*h.value)
}

// yield is what a battery could do without in a period, by its plan: each kWh at the station for a price.
type yield struct {
	draws, gives float64 // prices of drawing less, and of giving more
	stored       float64 // millijoules in the battery for which they hold
}

// yields converts what energy in the battery is worth into prices at the station.
func (h *holder) yields(slope, length float64) yield {
	return yield{draws: float64(slope * h.charge), gives: slope/h.give + h.wear, stored: length}
}

// trade puts among the costs of charging, which begin at first, what others under the circuit that is tight could do without.
// In their next turn they see that it is gone.
func (c *planner) trade(index, t, tight, first int) {
	h, seconds := &c.holders[index], c.lengths[t].Seconds()
	periods := len(c.periods)
	for j := range c.holders {
		other := &c.holders[j]
		if j == index || t >= other.until || !c.site.Under(other.circuit, tight) {
			continue
		}
		y, plan := c.yields[j*periods+t], c.plans[j*periods+t]
		price, power := y.draws, min(float64(plan), y.stored/other.charge/seconds)
		if plan <= 0 {
			price, power = y.gives, min(float64(other.back+plan), float64(y.stored*other.give)/seconds)
		}
		if power > 0 {
			c.costs = append(c.costs, segment{price / h.charge, float64(float64(power*h.charge) * seconds)})
		}
	}
	c.cheapestUpTo(first, float64(float64(float64(h.most)*h.charge)*seconds))
}

// cheapestUpTo orders the costs from a place on by their slopes, and cuts them where they reach a length.
func (c *planner) cheapestUpTo(first int, length float64) {
	slices.SortStableFunc(c.costs[first:], func(a, b segment) int { return cmp.Compare(a.slope, b.slope) })
	for i := first; i < len(c.costs); i++ {
		if length -= c.costs[i].length; length < 0 {
			c.costs[i].length += length
			c.costs = c.costs[:i+1]
			return
		}
	}
}

package control

import (
	"slices"
	"time"
)

// planPeriodsMax bounds how far ahead is planned: four days of quarter hours.
const planPeriodsMax = 4 * 96

// planRounds is how often every battery's plan is made anew beside those of the others. More rounds change little.
const planRounds = 2

// wanted is what a kWh is worth to a vehicle that has less than it asked for, and what one costs that a limit forbids: more
// than any market's.
const (
	wanted    = 1e15
	forbidden = 1e14
	tooLow    = 1e12 // in every period in which a battery holds less than its floor
)

// planner gives each battery in turn the best plan beside those of the others, under the limits of circuits in kilowatts.
type planner struct {
	sharing
	returns   bool // vehicles give back, and storages are planned too
	periods   []Period
	lengths   []time.Duration
	flows     []int64 // of circuits in each period, planned batteries included
	holders   []holder
	plans     []int64 // of holders in each period, milliwatts
	yields    []yield // of holders in each period
	trading   bool
	backwards bool
	saved     []int64 // plans
	mean      float64 // price of the forecast
	arena     arena
	costs     []segment
}

func (c *planner) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	c.look(view)
	c.gather(view)
	c.plans = sized(c.plans, len(c.holders)*len(c.periods))
	c.yields = slices.Grow(c.yields[:0], len(c.plans))[:len(c.plans)]
	clear(c.yields)
	c.descend()
	if len(c.holders) > 1 && len(c.holders) <= tradersMax {
		c.tryBackwards()
		c.tryTrade()
	}
	c.apply(view, plan)
}

// descend makes every plan anew beside the others, which never makes them worse together.
func (c *planner) descend() {
	for range min(planRounds, len(c.holders)) {
		for i := range c.holders {
			if c.backwards {
				i = len(c.holders) - 1 - i
			}
			c.improve(i)
		}
	}
}

// look works out lengths and flows of the periods.
func (c *planner) look(view *View) {
	c.periods = view.Ahead[:min(len(view.Ahead), planPeriodsMax)]
	circuits := c.site.Circuits()
	c.flows = sized(c.flows, len(c.periods)*circuits)
	c.lengths = c.lengths[:0]
	priced, sum := 0, 0.0
	for t := range c.periods {
		p := &c.periods[t]
		length := p.Length
		if length == 0 {
			length = view.Step
		}
		c.lengths = append(c.lengths, length)
		if p.Price != Unknown {
			priced, sum = priced+1, sum+float64(p.Price)
		}
		flows := c.flows[t*circuits : (t+1)*circuits]
		copy(flows, p.Own)
		for i := circuits - 1; i > 0; i-- {
			flows[c.site.CircuitAt(i).Above] += flows[i]
		}
	}
	c.mean = 0
	if priced > 0 {
		c.mean = sum / float64(priced)
	}
}

// improve plans a battery anew beside the others.
func (c *planner) improve(index int) {
	h := &c.holders[index]
	periods := len(c.periods)
	plan := c.plans[index*periods : (index+1)*periods]
	for t, power := range plan {
		c.shift(t, h.circuit, -power)
	}
	c.arena.reset()
	c.arena.begin(h.within.low)
	c.arena.add(wanted, h.target-h.within.low, h.within.high)
	c.arena.add(h.value, h.within.high, h.within.high)
	for t := h.until - 1; t > 0; t-- {
		lowest := c.cost(index, t)
		c.arena.before(c.costs, lowest, h.within)
	}
	stored := h.stored
	for t := range h.until {
		lowest := c.cost(index, t)
		after := c.arena.worths[h.until-1-t]
		change := c.arena.best(after, c.costs, lowest, stored)
		if change > 0 && h.least > 0 {
			change = c.atLeast(h, t, after, lowest, stored, change)
		}
		stored = min(stored+change, h.within.high) // a least power may be more than fits
		plan[t] = h.power(change, c.lengths[t])
		c.yields[index*periods+t] = h.yields(c.arena.below(after, stored))
		c.shift(t, h.circuit, plan[t])
	}
}

// shift adds a power to all circuits above a battery.
func (c *planner) shift(t, circuit int, milliwatts int64) {
	if milliwatts == 0 {
		return
	}
	flows := c.flows[t*c.site.Circuits() : (t+1)*c.site.Circuits()]
	for ; circuit >= 0; circuit = c.site.CircuitAt(circuit).Above {
		flows[circuit] += milliwatts
	}
}

// atLeast makes a change that takes less than a vehicle's least power into none, or into that power's, whichever is worth more.
func (c *planner) atLeast(h *holder, t int, after worth, lowest, stored, change float64) float64 {
	least := float64(float64(float64(h.least)*c.lengths[t].Seconds()) * h.charge)
	if change >= least {
		return change
	}
	reach := lowest
	for _, cost := range c.costs {
		reach += cost.length
	}
	if reach < least {
		return 0
	}
	if c.arena.between(after, stored, stored+least) > price(c.costs, lowest, least) {
		return least
	}
	return 0
}

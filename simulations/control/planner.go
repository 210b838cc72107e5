package control

import (
	"cmp"
	"slices"
	"time"

	"joulepay/simulations/grid"
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
	returns bool // vehicles give back, and storages are planned too
	periods []Period
	lengths []time.Duration
	flows   []int64 // of circuits in each period, planned batteries included
	holders []holder
	plans   []int64 // of holders in each period, milliwatts
	mean    float64 // price of the forecast
	arena   arena
	costs   []segment
}

// holder is a battery that is planned for.
type holder struct {
	vehicle, storage int // index in the view, or -1
	circuit          int
	priority         int
	until            int // periods that it is there
	most, least      int64
	back             int64
	stored           float64 // millijoules
	within           span
	target           float64
	value            float64 // of a kWh above the target at the end
	charge, give     float64 // efficiencies
	ceiling          float64 // price that it pays at most
	wear             float64
}

func (c *planner) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	c.look(view)
	c.gather(view)
	c.plans = sized(c.plans, len(c.holders)*len(c.periods))
	rounds := planRounds
	if len(c.holders) == 1 {
		rounds = 1
	}
	for range rounds {
		for i := range c.holders {
			c.improve(i)
		}
	}
	c.apply(view, plan)
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

// gather lists the batteries to plan for, in the order in which they are planned first.
func (c *planner) gather(view *View) {
	c.holders = c.holders[:0]
	for i := range view.Vehicles {
		if h, useful := c.vehicle(view, i); useful {
			c.holders = append(c.holders, h)
		}
	}
	slices.SortStableFunc(c.holders, func(a, b holder) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.until, b.until))
	})
	for i := range view.Storages {
		if c.returns {
			c.holders = append(c.holders, c.storage(&view.Storages[i], i))
		}
	}
}

// vehicle says what is planned for a vehicle; false where there is nothing to plan.
func (c *planner) vehicle(view *View, index int) (holder, bool) {
	v := &view.Vehicles[index]
	station := c.site.StationAt(v.Station)
	h := holder{vehicle: index, storage: -1, circuit: station.Circuit, priority: v.Priority, most: min(v.MaxMilliwatts, station.MaxMilliwatts),
		least: leastOf(v, station), stored: float64(v.StoredMillijoules), charge: efficiency(v.ChargePermille), give: efficiency(v.ReturnPermille),
		ceiling: forbidden, value: float64(v.Value), wear: float64(c.options.WearPerKilowattHour)}
	if v.MaxPrice != Unknown {
		h.ceiling = float64(v.MaxPrice)
	}
	h.target = h.stored + float64(afterLoss(v.WantsMillijoules, v.ChargePermille))
	h.within.high = h.target
	if c.returns {
		h.back = min(v.ReturnMilliwatts, station.ReturnMaxMilliwatts)
	}
	if h.back > 0 || v.Value > 0 {
		if v.WantsMillijoules == 0 && v.TargetMillijoules > 0 {
			h.target = min(float64(v.TargetMillijoules), h.stored)
		}
		h.within.high = max(h.within.high, float64(v.CapacityMillijoules))
	}
	h.within.low = min(float64(v.FloorMillijoules), h.stored)
	if h.back == 0 {
		h.within.low = h.stored
	}
	h.within.keep = min(float64(v.FloorMillijoules), h.within.high)
	if h.most < h.least {
		h.most = 0
	}
	c.stay(view, v, &h)
	return h, h.within.high > h.stored || h.back > 0
}

// stay works out for how many periods a vehicle is there. Of what it wants, only what could not be had after the forecast
// must be had before it ends; the rest is worth the mean price.
func (c *planner) stay(view *View, v *Vehicle, h *holder) {
	end := view.Now
	for h.until < len(c.lengths) && (end < v.Departure || h.until == 0) {
		end += c.lengths[h.until]
		h.until++
	}
	if end >= v.Departure {
		return
	}
	later := float64(float64(Energy(h.most, v.Departure-end)) * h.charge)
	if late := max(h.target-later, h.stored); late < h.target {
		h.target, h.value = late, max(h.value, c.mean/h.charge)
	}
}

func (c *planner) storage(s *Storage, index int) holder {
	h := holder{vehicle: -1, storage: index, circuit: s.Circuit, until: len(c.periods), most: s.MaxMilliwatts, back: s.ReturnMilliwatts,
		stored: float64(s.StoredMillijoules), charge: efficiency(s.ChargePermille),
		give: efficiency(s.ReturnPermille), ceiling: forbidden, value: float64(s.Value)}
	h.within = span{min(float64(s.FloorMillijoules), h.stored), float64(s.FloorMillijoules), float64(s.CapacityMillijoules)}
	if h.value == 0 {
		h.value = c.mean
	}
	return h
}

func efficiency(permille int64) float64 {
	if permille == 0 {
		return 1
	}
	return float64(permille) / 1000
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
		lowest := c.cost(h, t)
		c.arena.before(c.costs, lowest, h.within)
	}
	stored := h.stored
	for t := range h.until {
		lowest := c.cost(h, t)
		after := c.arena.worths[h.until-1-t]
		change := c.arena.best(after, c.costs, lowest, stored)
		if change > 0 && h.least > 0 {
			change = c.atLeast(h, t, after, lowest, stored, change)
		}
		stored += change
		plan[t] = h.power(change, c.lengths[t])
		c.shift(t, h.circuit, plan[t])
	}
}

// power converts a change of what is held into the power at the station or circuit.
func (h *holder) power(change float64, over time.Duration) int64 {
	if change > 0 {
		return int64(change / h.charge / over.Seconds())
	}
	return int64(float64(change*h.give) / over.Seconds())
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

// cost lists what a change in a period costs, from the greatest discharge to the greatest charge, and gives the greatest
// discharge, negative.
func (c *planner) cost(h *holder, t int) float64 {
	p := &c.periods[t]
	flows := c.flows[t*c.site.Circuits() : (t+1)*c.site.Circuits()]
	in, out := h.most, h.back
	for circuit := h.circuit; circuit >= 0; circuit = c.site.CircuitAt(circuit).Above {
		if limit := c.site.PlanLimit(circuit, listed(p.Limits, circuit)); limit != grid.Unlimited {
			in = min(in, limit-flows[circuit])
		}
		if limit := c.site.FeedInLimit(circuit); limit != grid.Unlimited {
			out = min(out, limit+flows[circuit])
		}
	}
	if c.options.KeepAtSite {
		out = min(out, flows[0])
	}
	if p.Price != Unknown && float64(p.Price) > h.ceiling {
		in = min(in, -flows[0]) // what would be fed back is not bought
	}
	m := c.margins(p)
	c.costs = c.costs[:0]
	lowest := c.discharge(h, &m, flows[0], max(out, 0), c.lengths[t])
	c.charge(h, &m, flows[0], max(in, 0), c.lengths[t])
	return lowest
}

func listed(limits []int64, circuit int) int64 {
	if circuit < len(limits) {
		return limits[circuit]
	}
	return grid.Unlimited
}

// margins are what one more kWh through the grid connection costs, and from which power on.
type margins struct {
	from  [4]int64 // milliwatts, rising; the first holds for all below
	price [4]float64
}

// margins says what a kWh costs: nothing where it could not be fed in, what feeding in brings, what drawing costs, and more than
// anything over the limit.
func (c *planner) margins(p *Period) margins {
	const far = int64(1) << 60
	m := margins{from: [4]int64{-far, -far, 0, far}}
	if limit := c.site.FeedInLimit(0); limit != grid.Unlimited {
		m.from[1] = -limit
	}
	if limit := c.site.PlanLimit(0, listed(p.Limits, 0)); limit != grid.Unlimited {
		m.from[3] = limit
	}
	price, feedIn := 0.0, 0.0
	if p.Price != Unknown {
		price, feedIn = float64(p.Price), float64(p.Price)
	}
	if p.FeedIn != Unknown {
		feedIn = min(float64(p.FeedIn), price)
	}
	m.price = [4]float64{min(0, feedIn), feedIn, price, forbidden}
	return m
}

// charge lists the costs of charging, from none to the most.
func (c *planner) charge(h *holder, m *margins, flow, most int64, length time.Duration) {
	per := float64(h.charge * length.Seconds())
	for i := range m.from {
		end := most
		if i+1 < len(m.from) {
			end = min(most, m.from[i+1]-flow)
		}
		begin := max(m.from[i]-flow, 0)
		if i == 0 {
			begin = 0
		}
		if end > begin {
			c.costs = append(c.costs, segment{m.price[i] / h.charge, float64(float64(end-begin) * per)})
		}
	}
}

// discharge lists what giving back saves or brings, from the most to none, and gives its sum, negative. It never brings
// more than charging costs in the same period: else both would be done at once.
func (c *planner) discharge(h *holder, m *margins, flow, most int64, length time.Duration) float64 {
	if most == 0 {
		return 0
	}
	lowest, per := 0.0, length.Seconds()/h.give
	for i := range m.from {
		begin := max(m.from[i]-flow, -most)
		if i == 0 {
			begin = -most
		}
		end := int64(0)
		if i+1 < len(m.from) {
			end = min(0, m.from[i+1]-flow)
		}
		if end > begin {
			slope := min(float64(m.price[i]*h.give), m.price[i]/h.charge) - h.wear
			length := float64(float64(end-begin) * per)
			c.costs = append(c.costs, segment{slope, length})
			lowest -= length
		}
	}
	return lowest
}

// apply does what is planned for the present period: who gives back first, so that its power is there for the others.
func (c *planner) apply(view *View, plan *Plan) {
	if c.guarantees() {
		c.lineUp(view, byDeparture)
		c.admit(view)
	}
	for i := range c.holders {
		if power := c.plans[i*len(c.periods)]; power < 0 {
			c.back(view, plan, &c.holders[i], -power)
		}
	}
	for i := range c.holders {
		if c.plans[i*len(c.periods)] > 0 {
			c.draw(view, plan, i)
		}
	}
	if c.returns {
		for i := range view.Vehicles {
			plan.Stations[view.Vehicles[i].Station] = c.load.Power(view.Vehicles[i].Station)
		}
		return
	}
	c.finish(view, plan)
}

func (c *planner) back(view *View, plan *Plan, h *holder, power int64) {
	if h.vehicle >= 0 {
		v := &view.Vehicles[h.vehicle]
		spare := Power(afterLoss(max(v.StoredMillijoules-v.FloorMillijoules, 0), v.ReturnPermille), view.Step)
		if c.options.KeepAtSite {
			spare = min(spare, max(c.load.Flow(0), 0))
		}
		if c.load.Power(v.Station) == 0 {
			c.load.Set(v.Station, -c.load.Backroom(v.Station, min(power, spare)))
		}
		return
	}
	if c.options.KeepAtSite {
		power = min(power, max(c.load.Flow(0), 0))
	}
	power = c.load.OwnBackroom(h.circuit, min(power, view.Storages[h.storage].gives(view.Step)))
	c.load.Add(h.circuit, -power)
	plan.Storages[h.storage] = -power
}

func (c *planner) draw(view *View, plan *Plan, index int) {
	h := &c.holders[index]
	power := c.plans[index*len(c.periods)]
	if h.vehicle >= 0 {
		v := &view.Vehicles[h.vehicle]
		power = max(power, h.least) // it was rounded down
		power = max(c.load.Headroom(v.Station, power), max(c.load.Power(v.Station), 0))
		if power >= h.least {
			c.load.Set(v.Station, power)
		}
		return
	}
	power = c.load.OwnHeadroom(h.circuit, min(power, view.Storages[h.storage].takes(view.Step)))
	c.load.Add(h.circuit, power)
	plan.Storages[h.storage] = power
}

// atLeast makes a change that takes less than a vehicle's least power into none, or into that power's, whichever is worth more.
func (c *planner) atLeast(h *holder, t int, after worth, lowest, stored, change float64) float64 {
	least := float64(float64(h.least)*c.lengths[t].Seconds()) * h.charge
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

package control

// roundRobinMilliamps is the increment where none is chosen, that of ACN-Sim.
const roundRobinMilliamps = 100

// roundRobin gives each vehicle an increment in turn. A vehicle for which the next one does not fit is out.
type roundRobin struct {
	sharing
	stations   []int   // of the queue, while it goes round
	increments []int64 // of the same
	rounds     []int64 // that each can still take
}

func (c *roundRobin) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	c.lineUp(view, byArrival)
	c.admit(view)
	c.gather(view)
	for len(c.stations) > 0 {
		if n := c.load.Rounds(c.stations, c.increments, least(c.rounds)); n > 0 {
			c.raise(n)
		}
		c.turn()
	}
	c.finish(view, plan)
}

// gather lists the stations that go round, with how often they can.
func (c *roundRobin) gather(view *View) {
	c.stations, c.increments, c.rounds = c.stations[:0], c.increments[:0], c.rounds[:0]
	milliamps := c.options.RoundMilliamps
	if milliamps == 0 {
		milliamps = roundRobinMilliamps
	}
	for i := range c.queue {
		p := &c.queue[i]
		station := view.Vehicles[p.vehicle].Station
		increment := max(c.site.MilliwattsOf(station, milliamps), 1)
		if n := (p.most - p.floor) / increment; n > 0 {
			c.stations, c.increments, c.rounds = append(c.stations, station), append(c.increments, increment), append(c.rounds, n)
		}
	}
}

func least(list []int64) int64 {
	result := list[0]
	for _, n := range list {
		result = min(result, n)
	}
	return result
}

// raise gives everybody a number of increments that are known to fit, whatever their order.
func (c *roundRobin) raise(n int64) {
	kept := 0
	for i, station := range c.stations {
		c.load.Set(station, c.load.Power(station)+n*c.increments[i])
		if c.rounds[i] > n {
			c.keep(kept, i, c.rounds[i]-n)
			kept++
		}
	}
	c.cut(kept)
}

// turn gives everybody one increment in turn, where it fits.
func (c *roundRobin) turn() {
	kept := 0
	for i, station := range c.stations {
		next := c.load.Power(station) + c.increments[i]
		if c.load.Headroom(station, next) < next {
			continue
		}
		c.load.Set(station, next)
		if c.rounds[i] > 1 {
			c.keep(kept, i, c.rounds[i]-1)
			kept++
		}
	}
	c.cut(kept)
}

func (c *roundRobin) keep(to, from int, rounds int64) {
	c.stations[to], c.increments[to], c.rounds[to] = c.stations[from], c.increments[from], rounds
}

func (c *roundRobin) cut(kept int) {
	c.stations, c.increments, c.rounds = c.stations[:kept], c.increments[:kept], c.rounds[:kept]
}

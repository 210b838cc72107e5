package control

import (
	"time"

	"joulepay/simulations/grid"
)

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
	m.price = [4]float64{min(0, feedIn), feedIn, price, price + forbidden}
	return m
}

// cost gives what a power through the grid connection costs: what it would to come there from none, by the margins.
func (m *margins) cost(flow int64) float64 {
	sum := 0.0
	for i := range m.from {
		begin, end := max(m.from[i], min(flow, 0)), max(flow, 0)
		if i == 0 {
			begin = min(flow, 0)
		}
		if i+1 < len(m.from) {
			end = min(end, m.from[i+1])
		}
		if end > begin {
			part := float64(float64(end-begin) * m.price[i])
			if flow < 0 {
				part = -part
			}
			sum += part
		}
	}
	return sum
}

// cost lists what a change in a period costs, from the greatest discharge to the greatest charge, and gives the greatest
// discharge, negative.
func (c *planner) cost(index, t int) float64 {
	h, p := &c.holders[index], &c.periods[t]
	flows := c.flows[t*c.site.Circuits() : (t+1)*c.site.Circuits()]
	in, out, tight := h.most, h.back, h.circuit
	for circuit := h.circuit; circuit >= 0; circuit = c.site.CircuitAt(circuit).Above {
		if limit := c.site.PlanLimit(circuit, listed(p.Limits, circuit)); limit != grid.Unlimited {
			if room := limit - flows[circuit]; room < in {
				in, tight = room, circuit
			}
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
	first := len(c.costs)
	c.charge(h, &m, flows[0], max(in, 0), c.lengths[t])
	if c.trading {
		c.trade(index, t, tight, first)
	}
	return lowest
}

func listed(limits []int64, circuit int) int64 {
	if circuit < len(limits) {
		return limits[circuit]
	}
	return grid.Unlimited
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

package control

import "joulepay/simulations/grid"

// uncontrolled gives every vehicle all that it can draw.
type uncontrolled struct{ sharing }

func (c *uncontrolled) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	for i := range view.Vehicles {
		v := &view.Vehicles[i]
		if v.WantsMillijoules > 0 {
			c.load.Set(v.Station, usable(v, c.site.StationAt(v.Station), view.Step))
		}
	}
	c.finish(view, plan)
}

// ordered gives each vehicle in turn the most that limits allow.
type ordered struct {
	sharing
	key func(*View, *Vehicle, *grid.Station) float64
}

func (c *ordered) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	c.lineUp(view, c.key)
	if c.guarantees() {
		c.admit(view)
	}
	for i := range c.queue {
		c.serve(view, &c.queue[i])
	}
	c.finish(view, plan)
}

// serve gives a vehicle what still fits, or nothing where that is less than it can draw.
func (s *sharing) serve(view *View, p *place) {
	v := &view.Vehicles[p.vehicle]
	power := s.load.Headroom(v.Station, p.most)
	if power < p.most && s.options.HalveToMilliamps > 0 {
		power = halve(p.floor, p.most, power, s.site.MilliwattsOf(v.Station, s.options.HalveToMilliamps))
	}
	if power < leastOf(v, s.site.StationAt(v.Station)) {
		power = 0
	}
	s.load.Set(v.Station, max(power, p.floor))
}

// halve looks for the greatest power that fits between two, as if it did not know it, and stops when the bracket is no
// wider than a resolution.
func halve(low, high, fits, resolution int64) int64 {
	for high-low > resolution {
		if middle := (low + high) / 2; middle <= fits {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

package control

// threshold charges while the price is at or below one, and surplus while sun would be fed back. Both serve by deadline,
// and, if they are asked to, whoever could otherwise not be satisfied before it leaves.

// priceThreshold charges while energy is cheap. Without a price it charges.
type priceThreshold struct{ sharing }

func (c *priceThreshold) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	c.lineUp(view, byDeparture)
	now := &view.Ahead[0]
	if now.Price != Unknown && now.Price > c.options.Threshold {
		c.keepUrgent(view)
	}
	if c.guarantees() {
		c.admit(view)
	}
	for i := range c.queue {
		c.serve(view, &c.queue[i])
	}
	c.finish(view, plan)
}

// surplus charges with what would otherwise leave the site.
type surplus struct{ sharing }

func (c *surplus) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	c.lineUp(view, byDeparture)
	for i := range c.queue {
		p := &c.queue[i]
		if !c.urgent(view, p) {
			p.most = min(p.most, max(-c.load.Flow(0), 0))
		}
		if p.most > 0 {
			c.serve(view, p)
		}
	}
	c.finish(view, plan)
}

// keepUrgent leaves only those in the queue that cannot wait.
func (s *sharing) keepUrgent(view *View) {
	kept := s.queue[:0]
	for i := range s.queue {
		if s.urgent(view, &s.queue[i]) {
			kept = append(kept, s.queue[i])
		}
	}
	s.queue = kept
}

// urgent tells whether a vehicle that waits for this step could no longer be satisfied in time, where that counts.
func (s *sharing) urgent(view *View, p *place) bool {
	if !s.options.LastResort {
		return false
	}
	v := &view.Vehicles[p.vehicle]
	return byLaxity(view, v, s.site.StationAt(v.Station)) < float64(view.Step)
}

package control

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
		spare := Power(AfterLoss(max(v.StoredMillijoules-v.FloorMillijoules, 0), v.ReturnPermille), view.Step)
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

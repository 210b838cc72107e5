package control

import "time"

// greedy charges as fast as possible, with the grid and the storages together, in the order of stations; what the sun gives
// beyond that goes into vehicles, and vehicles that hold more than they asked for support the site. balanced does the
// same at the least constant power that suffices until departure. Both follow the strategies of these names of spice_ev.
type greedy struct {
	sharing
	patient bool // balanced
}

func (c *greedy) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	c.lend(view, plan)
	for i := range view.Vehicles {
		c.charge(view, &view.Vehicles[i])
	}
	c.giveBack(view, plan)
	for i := range view.Vehicles {
		c.even(view, &view.Vehicles[i])
	}
	c.relieve(view, plan)
	c.trim(view)
	for i := range view.Vehicles {
		station := view.Vehicles[i].Station
		plan.Stations[station] = c.load.Power(station)
	}
	if cheap(view) {
		c.store(view, plan)
		return
	}
	c.balance(view, plan)
}

// cheap tells whether energy costs nothing, so that everything is filled.
func cheap(view *View) bool { return view.Ahead[0].Price <= 0 && view.Ahead[0].Price != Unknown }

// lend counts on what storages can give.
func (c *greedy) lend(view *View, plan *Plan) {
	if c.patient || cheap(view) {
		return
	}
	for i := range view.Storages {
		storage := &view.Storages[i]
		plan.Storages[i] = c.load.OwnBackroom(storage.Circuit, storage.gives(view.Step))
		c.load.Lend(storage.Circuit, plan.Storages[i])
	}
}

// giveBack ends that.
func (c *greedy) giveBack(view *View, plan *Plan) {
	for i := range view.Storages {
		c.load.Lend(view.Storages[i].Circuit, -plan.Storages[i])
		plan.Storages[i] = 0
	}
}

// charge gives a vehicle what it needs, or can take where energy costs nothing.
func (c *greedy) charge(view *View, v *Vehicle) {
	station := c.site.StationAt(v.Station)
	most := min(v.MaxMilliwatts, station.MaxMilliwatts)
	least := leastOf(v, station)
	switch {
	case !affordable(v, &view.Ahead[0]):
		return
	case cheap(view):
		c.give(v, min(most, fills(v, view.Step)), least)
	case v.WantsMillijoules <= 0:
		return
	case c.patient && v.Departure > view.Now:
		steps := int64((v.Departure - view.Now + view.Step - 1) / view.Step)
		c.give(v, min(most, Power(v.WantsMillijoules, view.Step)/steps), least)
	default:
		c.give(v, min(most, Power(v.WantsMillijoules, view.Step)), least) // a last bit below the least power is left, as there
	}
}

// fills gives the power that fills a vehicle's battery in a step.
func fills(v *Vehicle, step time.Duration) int64 {
	return Power(BeforeLoss(max(v.CapacityMillijoules-v.StoredMillijoules, 0), v.ChargePermille), step)
}

// give sets what fits of a power, or nothing where that is less than a vehicle draws at least.
func (c *greedy) give(v *Vehicle, power, least int64) {
	if power = c.load.Headroom(v.Station, power); power >= least {
		c.load.Set(v.Station, power)
	}
}

// even lets a vehicle take what would be fed back, or give what it holds beyond its wishes where the site draws.
func (c *greedy) even(view *View, v *Vehicle) {
	station := c.site.StationAt(v.Station)
	present := c.load.Power(v.Station)
	switch flow := c.load.Flow(0); {
	case flow < 0:
		most := min(v.MaxMilliwatts, station.MaxMilliwatts, fills(v, view.Step))
		c.give(v, min(most, present-flow), max(leastOf(v, station), present))
	case flow > 0 && present == 0 && v.WantsMillijoules <= 0 && !cheap(view):
		c.load.Set(v.Station, -c.load.Backroom(v.Station, min(flow, v.spares(view.Step))))
	}
}

// spares gives the power that a vehicle can give back in a step without falling below its floor, or below what it asked for.
func (v *Vehicle) spares(step time.Duration) int64 {
	spare := max(v.StoredMillijoules-max(v.FloorMillijoules, v.TargetMillijoules), 0)
	return min(v.ReturnMilliwatts, Power(AfterLoss(spare, v.ReturnPermille), step))
}

// relieve makes storages give what circuits are over their limits.
func (c *greedy) relieve(view *View, plan *Plan) {
	for i := range view.Storages {
		storage := &view.Storages[i]
		over := int64(0)
		for circuit := storage.Circuit; circuit >= 0; circuit = c.site.CircuitAt(circuit).Above {
			if limit := c.load.Limit(circuit); limit >= 0 {
				over = max(over, c.load.Flow(circuit)-limit)
			}
		}
		over = c.load.OwnBackroom(storage.Circuit, min(over, storage.gives(view.Step)))
		c.load.Add(storage.Circuit, -over)
		plan.Storages[i] = -over
	}
}

// trim takes from vehicles, the last first, what storages cannot give after all: on phases they may be in each other's way.
func (c *greedy) trim(view *View) {
	for i := len(view.Vehicles) - 1; i >= 0 && !c.load.Fits(); i-- {
		v := &view.Vehicles[i]
		power := c.load.Power(v.Station)
		if power <= 0 {
			continue
		}
		if power = c.load.Headroom(v.Station, power); power < leastOf(v, c.site.StationAt(v.Station)) {
			power = 0
		}
		c.load.Set(v.Station, power)
	}
}

// store fills storages with all that the connection carries.
func (c *greedy) store(view *View, plan *Plan) {
	for i := range view.Storages {
		storage := &view.Storages[i]
		power := c.load.OwnHeadroom(storage.Circuit, storage.takes(view.Step))
		c.load.Add(storage.Circuit, power)
		plan.Storages[i] += power
	}
}

package control

import (
	"cmp"
	"slices"
	"time"
)

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
	h.target = h.stored + float64(AfterLoss(v.WantsMillijoules, v.ChargePermille))
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

// power converts a change of what is held into the power at the station or circuit.
func (h *holder) power(change float64, over time.Duration) int64 {
	if change > 0 {
		return int64(change / h.charge / over.Seconds())
	}
	return int64(float64(change*h.give) / over.Seconds())
}

package control

import (
	"cmp"
	"slices"
	"time"

	"joulepay/simulations/grid"
)

// sharing is what all controllers have in common: the load that they fill, and the order in which vehicles come.
type sharing struct {
	site    *grid.Site
	load    *grid.Load
	options Options
	queue   []place
}

// place is a vehicle's place in the queue.
type place struct {
	priority int
	key      float64 // the lesser goes first
	vehicle  int32   // index in the view; ties go by it, so by station
	floor    int64   // milliwatts that it was admitted with
	most     int64   // milliwatts that it can use in this step
}

func newSharing(site *grid.Site, options Options) sharing {
	return sharing{site: site, load: site.NewLoad(), options: options}
}

// begin empties the plan and the load, and leaves the queue empty.
func (s *sharing) begin(view *View, plan *Plan) {
	plan.Stations = sized(plan.Stations, s.site.Stations())
	plan.Storages = sized(plan.Storages, len(view.Storages))
	s.load.Begin(view.Ahead[0].Own, view.Ahead[0].Limits)
	s.queue = s.queue[:0]
}

// sized gives a list of n zeros, in the same memory where there is enough.
func sized(list []int64, n int) []int64 {
	if cap(list) < n {
		return make([]int64, n)
	}
	list = list[:n]
	clear(list)
	return list
}

// usable gives what a vehicle can use in this step: no more than fills it, and at least its least power. 0: nothing.
func usable(v *Vehicle, station *grid.Station, step time.Duration) int64 {
	most := min(v.MaxMilliwatts, station.MaxMilliwatts)
	least := leastOf(v, station)
	if most < least || most <= 0 {
		return 0
	}
	return max(min(most, Power(v.WantsMillijoules, step)), least)
}

// leastOf gives the power below which a vehicle at a station draws nothing.
func leastOf(v *Vehicle, station *grid.Station) int64 {
	return max(v.MinMilliwatts, station.MinMilliwatts)
}

// affordable tells whether a vehicle charges at this price.
func affordable(v *Vehicle, now *Period) bool {
	return v.MaxPrice == Unknown || now.Price == Unknown || now.Price <= v.MaxPrice
}

// lineUp fills the queue with the vehicles that want energy at this price, in the order of their keys.
func (s *sharing) lineUp(view *View, key func(*View, *Vehicle, *grid.Station) float64) {
	for i := range view.Vehicles {
		v := &view.Vehicles[i]
		if v.WantsMillijoules <= 0 || !affordable(v, &view.Ahead[0]) {
			continue
		}
		station := s.site.StationAt(v.Station)
		if most := usable(v, station, view.Step); most > 0 {
			s.queue = append(s.queue, place{priority: v.Priority, key: key(view, v, station), vehicle: int32(i), most: most})
		}
	}
	slices.SortFunc(s.queue, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.key, b.key), cmp.Compare(a.vehicle, b.vehicle))
	})
}

// byArrival, byDeparture and byLaxity are the orders of FCFS, EDF and LLF, in nanoseconds.
func byArrival(_ *View, v *Vehicle, _ *grid.Station) float64 { return float64(v.Arrival) }

func byDeparture(_ *View, v *Vehicle, _ *grid.Station) float64 { return float64(v.Departure) }

// byLaxity is the time left less the time needed. Each product is rounded before it is subtracted, on every machine.
func byLaxity(view *View, v *Vehicle, station *grid.Station) float64 {
	power := min(v.MaxMilliwatts, station.MaxMilliwatts)
	return float64(v.Departure-view.Now) - float64(float64(v.WantsMillijoules)/float64(power)*float64(time.Second))
}

// guarantee gives the least that a vehicle is promised, and never less than it can draw at all.
func (s *sharing) guarantee(v *Vehicle, station *grid.Station) int64 {
	promise := max(s.options.GuaranteedMilliwatts, leastOf(v, station))
	if s.options.GuaranteedMilliamps > 0 {
		promise = max(promise, s.site.MilliwattsOf(v.Station, s.options.GuaranteedMilliamps))
	}
	return promise
}

// admit gives every vehicle in the queue its guarantee, in its order, as long as that fits; who does not get it leaves the queue.
func (s *sharing) admit(view *View) {
	admitted := s.queue[:0]
	for _, p := range s.queue {
		v := &view.Vehicles[p.vehicle]
		p.floor = min(s.guarantee(v, s.site.StationAt(v.Station)), p.most)
		if s.load.Headroom(v.Station, p.floor) < p.floor {
			continue
		}
		s.load.Set(v.Station, p.floor)
		admitted = append(admitted, p)
	}
	s.queue = admitted
}

// guarantees tells whether anything is promised to vehicles.
func (s *sharing) guarantees() bool {
	return s.options.GuaranteedMilliwatts > 0 || s.options.GuaranteedMilliamps > 0
}

// finish lets storages balance what is left, and writes the plan.
func (s *sharing) finish(view *View, plan *Plan) {
	for i := range view.Vehicles {
		station := view.Vehicles[i].Station
		plan.Stations[station] = s.load.Power(station)
	}
	s.balance(view, plan)
}

// balance lets storages take what would be fed back, and give what would be drawn, on top of what they are planned to.
func (s *sharing) balance(view *View, plan *Plan) {
	for i := range view.Storages {
		storage := &view.Storages[i]
		power := int64(0)
		if flow := s.load.Flow(0); flow < 0 {
			power = s.load.OwnHeadroom(storage.Circuit, min(-flow, storage.takes(view.Step)))
		} else {
			power = -s.load.OwnBackroom(storage.Circuit, min(flow, storage.gives(view.Step)+plan.Storages[i]))
		}
		s.load.Add(storage.Circuit, power)
		plan.Storages[i] += power
	}
}

// takes gives the power that a storage can draw in a step without being more than full.
func (b *Storage) takes(step time.Duration) int64 {
	return min(b.MaxMilliwatts, Power(BeforeLoss(b.CapacityMillijoules-b.StoredMillijoules, b.ChargePermille), step))
}

// gives gives the power that it can give in a step without falling below its floor.
func (b *Storage) gives(step time.Duration) int64 {
	return min(b.ReturnMilliwatts, Power(AfterLoss(max(b.StoredMillijoules-b.FloorMillijoules, 0), b.ReturnPermille), step))
}

package charging

import (
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
)

// seat is a vehicle at a station: what it is, has and still wants.
type seat struct {
	session   *Session
	began     time.Duration // when it first got anything; -1: never
	stored    int64         // millijoules in its battery
	capacity  int64
	target    int64 // millijoules in its battery when it has what it asked for
	most      int64 // milliwatts: of its battery, or of the station
	least     int64 // below which nothing is drawn
	requested int64 // millijoules at the station
	delivered int64 // millijoules
	returned  int64
	cost      bill
	earned    bill
	power     int64 // milliwatts in the present step
}

func newSeat(s *Session, station *grid.Station, left int64) seat {
	b := &s.Battery
	seat := seat{session: s, began: -1, stored: b.StoredMillijoules, capacity: b.CapacityMillijoules, most: station.MaxMilliwatts,
		least: max(b.MinMilliwatts, station.MinMilliwatts)}
	if s.Continues {
		seat.stored = max(left-s.TripMillijoules, 0)
	}
	seat.target = s.TargetMillijoules
	if seat.target == 0 {
		seat.target = seat.stored + control.AfterLoss(s.RequestedMillijoules, b.ChargePermille)
	}
	if seat.capacity == 0 {
		seat.capacity = max(seat.target, seat.stored)
	}
	seat.target = min(seat.target, seat.capacity)
	seat.requested = control.BeforeLoss(max(seat.target-seat.stored, 0), b.ChargePermille)
	if b.MaxMilliwatts > 0 {
		seat.most = min(seat.most, b.MaxMilliwatts)
	}
	return seat
}

// wants gives what it still has to draw.
func (s *seat) wants(satisfied int64) int64 {
	lacks := control.BeforeLoss(max(s.target-s.stored, 0), s.session.Battery.ChargePermille)
	if lacks <= satisfied {
		return 0
	}
	return lacks
}

// show writes what a controller may see of it.
func (s *seat) show(v *control.Vehicle, satisfied int64, step time.Duration) {
	v.WantsMillijoules = s.wants(satisfied)
	v.MaxMilliwatts = s.session.DeclaredMilliwatts
	if v.MaxMilliwatts == 0 {
		v.MaxMilliwatts = s.most
		if s.curved() {
			v.MaxMilliwatts = control.Power(s.intake(step), step)
		}
	}
	v.StoredMillijoules = s.stored
}

// first writes what does not change while it stands there.
func (s *seat) first(v *control.Vehicle) {
	b := &s.session.Battery
	*v = control.Vehicle{Station: s.session.Station, Arrival: s.session.Arrival, Departure: s.session.Announced, MinMilliwatts: b.MinMilliwatts,
		ReturnMilliwatts: b.ReturnMilliwatts, CapacityMillijoules: s.capacity, TargetMillijoules: s.target, FloorMillijoules: s.session.FloorMillijoules,
		ChargePermille: b.ChargePermille, ReturnPermille: b.ReturnPermille, Priority: s.session.Priority, MaxPrice: s.session.MaxPrice, Value: s.session.Value}
	if v.Departure == 0 {
		v.Departure = s.session.Departure
	}
}

// use draws or gives back for a step: never more than is allowed, fits, or is there.
func (s *seat) use(allowed int64, step time.Duration) {
	b := &s.session.Battery
	s.power = 0
	switch {
	case allowed > 0:
		power := min(allowed, s.most, s.until(allowed, step))
		if s.curved() {
			power = min(power, control.Power(s.intake(step), step)) // powers are averages of a step
		}
		energy := control.Energy(power, step)
		s.stored = min(s.stored+control.AfterLoss(energy, b.ChargePermille), s.capacity)
		s.delivered += energy
		s.power = power
	case allowed < 0:
		spare := control.AfterLoss(max(s.stored-s.session.FloorMillijoules, 0), b.ReturnPermille)
		power := min(-allowed, b.ReturnMilliwatts, control.Power(spare, step))
		energy := control.Energy(power, step)
		s.stored -= beforeLossUp(energy, b.ReturnPermille)
		s.returned += energy
		s.power = -power
	}
}

// until gives the power that takes it to where it stops: to what it asked for, unless it was given more than that takes.
func (s *seat) until(allowed int64, step time.Duration) int64 {
	b := &s.session.Battery
	satisfies := control.Power(control.BeforeLoss(max(s.target-s.stored, 0), b.ChargePermille), step)
	if allowed <= max(satisfies, s.least) && satisfies > 0 {
		return satisfies
	}
	return control.Power(control.BeforeLoss(s.capacity-s.stored, b.ChargePermille), step)
}

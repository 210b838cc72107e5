package world

import (
	"context"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/simulations/measure"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// stop is one visit of a vehicle, with the sessions that it took.
type stop struct {
	measure.Visit
	vehicle  *vehicle
	station  *station
	sessions []channel.SessionID
}

// arrived notes that a visit has begun.
func (v *vehicle) arrived(s *station) {
	v.stop = &stop{vehicle: v, station: s, Visit: measure.Visit{
		Vehicle: v.name, Station: s.name, Service: s.spec.Service, Arrived: v.world.clock.Now(), Requested: v.requested(s),
	}}
}

// requested gives what a visit is to bring, in the unit of the service.
func (v *vehicle) requested(s *station) int64 {
	switch s.spec.Service {
	case scenario.ServiceParking:
		return int64(v.visit.Stay / time.Second)
	case scenario.ServiceToll, scenario.ServiceData:
		return v.visit.Pieces
	}
	return v.spec.Wanted(v.visit)
}

// left notes what a visit brought, as the cable tells it.
func (v *vehicle) left() {
	if v.source != nil {
		delivered, returned := v.registers()
		v.stop.Delivered, v.stop.Returned = delivered-v.base, returned-v.returned
	}
	v.stop.Left = v.world.clock.Now()
	v.world.stops = append(v.world.stops, v.stop)
	v.stop = nil
}

// recordStops tells the recorder of all visits, once their sessions are settled.
func (w *World) recordStops() {
	for _, x := range w.stops {
		for _, id := range x.sessions {
			theirs, err := x.station.disk.Session(context.Background(), id)
			if err != nil {
				continue // the station never heard of it
			}
			x.account(theirs)
		}
		w.electric.recorder.AddVisit(x.Visit)
	}
}

// account adds what a session cost.
func (x *stop) account(r session.SessionRecord) {
	if began := time.UnixMilli(r.StartedMs).UTC(); r.StartedMs != 0 && (x.Began.IsZero() || began.Before(x.Began)) {
		x.Began = began
	}
	credit := x.station.credit(r.Returned)
	earned := credit + max(-r.Cost-credit, 0) // for what it gave back, and for what it took at a price below zero
	x.Cost += r.Cost + earned
	x.Paid += max(r.Paid+earned, 0)
	x.Earned += earned
}

// fill adds to a session's row what is known of its visit.
func (x *stop) fill(row *report.Session) {
	arrived := x.Arrived
	row.Arrived = &arrived
	if x.Service == scenario.ServiceCharging {
		row.Requested = report.Energy(x.Requested)
	}
}

// credit gives what an energy that was given back is worth.
func (s *station) credit(milliwattHours int64) money.Amount {
	const milliwattHoursPerKilowattHour = 1_000_000
	worth, err := s.spec.GiveBack.MulDiv(milliwattHours, milliwattHoursPerKilowattHour)
	s.world.fail(err)
	return worth
}

// addFigures adds what the recorder has gathered.
func (w *World) addFigures(s *report.Summary) error {
	w.recordStops()
	figures, curves := w.electric.done()
	s.Figures, s.Curves = &figures, curves
	return nil
}

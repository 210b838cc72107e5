package world

import (
	"time"

	"joulepay/channel/session"
	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/simulations/measure"
	"joulepay/simulations/plant"
)

// electric is the site's controller: at every step, when all else of the instant has happened, it looks at who is plugged
// in and tells the sessions of the stations what may flow. What flowed in the step before goes to the recorder.
type electric struct {
	world    *World
	plant    *plant.Plant
	around   *charging.Around
	recorder *measure.Recorder
	steers   bool       // uncontrolled stations are told nothing
	stations []*station // that sell energy, in the order of the plant

	view   control.View
	plan   control.Plan
	flowed []int64 // mWh through each station's cable, back subtracted, up to the last look
	powers []int64 // mW in the step that ended
	looked time.Time
	begun  bool
}

func newElectric(w *World) (*electric, error) {
	p, err := plant.New(w.scenario)
	if err != nil {
		return nil, err
	}
	around, err := charging.NewAround(&p.Config)
	if err != nil {
		return nil, err
	}
	n := len(p.Stations)
	return &electric{
		world: w, plant: p, around: around, recorder: measure.New(p.Recorded(w.scenario)), steers: w.scenario.Control.Algorithm != control.Uncontrolled,
		stations: make([]*station, n), flowed: make([]int64, n), powers: make([]int64, n),
	}, nil
}

// join takes a station in that sells energy.
func (e *electric) join(s *station) {
	if place, sells := e.plant.Stations[s.name]; sells {
		e.stations[place], s.place, s.steered = s, place, e.steers
	}
}

// step decides about the time until the next step.
func (e *electric) step() {
	w := e.world
	e.record(w.clock.Now())
	now := w.clock.Now().Sub(w.scenario.Start)
	e.around.See(now, &e.view)
	e.look()
	e.plant.Config.Controller.Decide(&e.view, &e.plan)
	e.around.Use(&e.plan)
	if e.steers {
		for place, s := range e.stations {
			s.steer(e.plan.Stations[place])
		}
	}
	e.looked, e.begun = w.clock.Now(), true
	w.clock.AtEnd(w.clock.Now().Add(w.scenario.Control.Every), e.step)
}

// record tells the recorder what flowed since the last step.
func (e *electric) record(now time.Time) {
	length := now.Sub(e.looked)
	if !e.begun || length <= 0 {
		return
	}
	for place, s := range e.stations {
		state, err := s.cable.State(now)
		e.world.fail(err)
		net := state.Register - state.Exported
		e.powers[place] = control.Power((net-e.flowed[place])*control.MillijoulesPerMilliwattHour, length)
		e.flowed[place] = net
	}
	step := e.around.Record(e.powers)
	step.Length = length
	step.AtRisk = e.world.oracle.riskSince()
	e.states(&step)
	e.recorder.Add(step)
}

// states writes the states of charge of the watched vehicles.
func (e *electric) states(step *measure.Step) {
	for i := range step.StateOfCharge {
		step.StateOfCharge[i] = measure.Unknown
	}
	for _, v := range e.world.vehicles {
		if v.watched < len(step.StateOfCharge) && v.source != nil && v.at.place >= 0 {
			state, err := v.at.cable.State(e.world.clock.Now())
			e.world.fail(err)
			step.StateOfCharge[v.watched] = int64(state.StateOfChargePermille)
		}
	}
}

// look writes who is plugged in.
func (e *electric) look() {
	e.view.Vehicles = e.view.Vehicles[:0]
	for place, s := range e.stations {
		if len(s.queue) > 0 && s.queue[0].source != nil {
			e.view.Vehicles = append(e.view.Vehicles, s.queue[0].shown(place))
		}
	}
}

// shown is what a controller may see of a plugged vehicle.
func (v *vehicle) shown(place int) control.Vehicle {
	const permille, day = 1000, 24 * time.Hour
	state, err := v.at.cable.State(v.world.clock.Now())
	v.world.fail(err)
	taken := state.Register - v.base - (state.Exported - v.returned)
	stored := v.spec.Battery.CapacityMilliwattHours/permille*int64(v.visit.FromPermille) + taken
	x := control.Vehicle{
		Station: place, Arrival: v.visit.At, Departure: v.visit.Departs, Priority: v.spec.Policy.Priority, MaxPrice: plant.Price(v.spec.Policy.PriceMax),
		WantsMillijoules:    max(v.spec.Wanted(v.visit)-taken, 0) * control.MillijoulesPerMilliwattHour,
		MaxMilliwatts:       v.spec.PowerAt(stored),
		ReturnMilliwatts:    v.spec.Policy.ReturnMilliwatts,
		TargetMillijoules:   v.spec.Battery.CapacityMilliwattHours / permille * int64(v.visit.ToPermille) * control.MillijoulesPerMilliwattHour,
		StoredMillijoules:   stored * control.MillijoulesPerMilliwattHour,
		CapacityMillijoules: v.spec.Battery.CapacityMilliwattHours * control.MillijoulesPerMilliwattHour,
		FloorMillijoules:    v.spec.Battery.CapacityMilliwattHours / permille * int64(v.spec.Policy.FloorPermille) * control.MillijoulesPerMilliwattHour,
	}
	if v.spec.Policy.Undeclared {
		x.MaxMilliwatts = grid.PowerMaxMilliwatts
	}
	if x.Departure == 0 {
		stay := v.visit.Stay
		if stay == 0 {
			stay = day
		}
		x.Departure = v.visit.At + stay
	}
	if v.spec.Policy.Ideal && x.WantsMillijoules <= plant.Satisfied {
		x.WantsMillijoules = 0
	}
	return x
}

// steer tells the session at an outlet what the controller wants of it.
func (s *station) steer(limit int64) {
	s.allowed = limit
	if s.up && s.using != nil {
		s.stepVisit(s.using, session.Steered{LimitMilliwatts: limit})
	}
}

// beginSteered gives a session that has just begun what the controller left for its outlet: nothing, until it has looked at it.
func (s *station) beginSteered(v *visit) {
	if s.steered && s.up && s.using == v {
		s.stepVisit(v, session.Steered{LimitMilliwatts: s.allowed})
	}
}

// done gives the figures of the run.
func (e *electric) done() (measure.Figures, measure.Curves) {
	e.record(e.world.clock.Now())
	return e.recorder.Figures(), e.recorder.Curves()
}

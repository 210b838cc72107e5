package world

import (
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/simulations/scenario"
)

const (
	// triesMax bounds the sessions of one visit: refused by a busy station, or ended early by a fault.
	triesMax = 20
	// tryAgainAfter is how long a vehicle waits before it asks a station again.
	tryAgainAfter = 15 * time.Second
)

// vehicle makes its visits one after the other. What its program does is what agent.Vehicle does, in virtual time.
type vehicle struct {
	party
	spec scenario.Vehicle

	// The vehicle itself, which a crash of its program does not move.
	next     int      // number of the next visit
	at       *station // where it stands; nil on the road
	visit    scenario.Visit
	source   meter.Source      // nil before it is plugged in
	base     int64             // register when it was plugged in
	returned int64             // register of what went back, then
	watched  int               // place among the vehicles whose state of charge is recorded
	leaveAt  time.Time         // zero: when it has what it wants
	asked    channel.SessionID // the last session of this visit; zero before the first
	tries    int
	stop     *stop // the visit so far; nil on the road

	// What follows is memory of the process: it dies with it.
	beat    beat
	closing bool                     // a look at the channels to close is entered
	wanted  map[channel.ID]time.Time // since when channels are to be closed
}

func newVehicle(w *World, spec scenario.Vehicle) *vehicle {
	v := &vehicle{spec: spec}
	v.init(w, spec.Name)
	v.cheat = newVehicleAttack(v)
	v.boot, v.halt, v.receive, v.stepped, v.permit = v.wakeUp, v.sleep, v.received, v.measures, v.permitted
	return v
}

// permitted tells the battery what may flow back.
func (v *vehicle) permitted(p session.Permit) {
	if v.at != nil && v.at.cable != nil && v.source != nil {
		v.world.fail(v.at.cable.Permit(v.world.clock.Now(), p.LimitMilliwatts))
	}
}

// home tells whether all visits are over.
func (v *vehicle) home() bool { return v.at == nil && v.next >= len(v.spec.Visits) }

// setOut drives to the next visit, or home.
func (v *vehicle) setOut() {
	if v.next >= len(v.spec.Visits) {
		v.closeLater()
		return
	}
	v.world.clock.At(v.world.scenario.Start.Add(v.spec.Visits[v.next].At), v.arrive)
}

func (v *vehicle) arrive() {
	v.visit = v.spec.Visits[v.next]
	v.next++
	v.tries, v.source, v.leaveAt, v.asked = 0, nil, time.Time{}, channel.SessionID{}
	for _, s := range v.world.stations {
		if s.name == v.visit.Station {
			v.at = s
		}
	}
	if v.visit.Stay > 0 {
		v.leaveAt = v.world.clock.Now().Add(v.visit.Stay)
		visit := v.next
		v.world.clock.At(v.leaveAt, func() {
			switch {
			case v.at == nil || v.next != visit:
			case v.cheat != nil:
				v.driveOff()
			case v.session() == nil:
				v.depart("time is up")
			default:
				v.after(0, v.pulse) // it stops now, not at its next look
			}
		})
	}
	v.world.trace(v.name, "arrives at %s", v.at.name)
	v.arrived(v.at)
	v.at.arrive(v)
}

// plugIn connects the cable, and asks for a session.
func (v *vehicle) plugIn(s *station) {
	var err error
	if v.source, err = s.goods.take(v); err != nil {
		v.world.fail(fmt.Errorf("%s: %w", v.name, err))
		return
	}
	v.base, v.returned = v.registers()
	v.world.trace(v.name, "plugs in at %s", s.name)
	v.cheat.plugged()
	if v.up {
		v.begin()
	}
}

// depart pulls the cable and drives on.
func (v *vehicle) depart(why string) {
	v.world.trace(v.name, "leaves %s: %s", v.at.name, why)
	at := v.at
	v.cheat.leaves()
	v.left()
	v.at, v.source = nil, nil
	at.leave(v)
	v.setOut()
}

// registers are what the station has delivered and taken back, whatever any meter says.
func (v *vehicle) registers() (delivered, returned int64) {
	return v.at.goods.registers(v.world.clock.Now())
}

func (v *vehicle) session() *visit {
	if len(v.visits) == 0 {
		return nil
	}
	return v.visits[0]
}

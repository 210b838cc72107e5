package world

import (
	"time"

	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/meter/clock"
	"joulepay/meter/counter"
	"joulepay/meter/sim"
	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// goods are what a station sells: the thing itself, with the meter at the station's end and the vehicle's own.
type goods interface {
	// connector is what the station meters and controls.
	connector() meter.Connector
	// take connects a vehicle, and gives what it measures with.
	take(v *vehicle) (meter.Source, error)
	// release lets it go.
	release(now time.Time)
	// registers are what went to vehicles and what came back from them, in the unit of the service, whatever any meter says.
	registers(now time.Time) (delivered, returned int64)
	// look lets happen what is due at the outlet: a barrier that opens, messages that go out.
	look(now time.Time)
}

func newGoods(s *station, spec scenario.Station) (goods, error) {
	switch spec.Service {
	case scenario.ServiceParking:
		place, err := clock.NewPlace(0)
		return &parked{place: place}, err
	case scenario.ServiceToll:
		return newToll(s)
	case scenario.ServiceData:
		feed, err := counter.New(0, nil)
		return &messages{station: s, feed: feed}, err
	}
	cable, err := sim.NewTwoWayCable(spec.PowerMilliwatts, spec.ReturnMilliwatts, 0, 0)
	if err != nil {
		return nil, err
	}
	s.cable = cable
	plug, err := sim.NewLyingConnector(cable, spec.InflatePPM)
	return &energy{cable, plug}, err
}

// energy flows through a cable.
type energy struct {
	cable *sim.Cable
	plug  *sim.Connector
}

func (e *energy) connector() meter.Connector { return e.plug }

func (e *energy) take(v *vehicle) (meter.Source, error) {
	load, err := v.spec.Load(v.visit)
	if err == nil {
		err = e.cable.Plug(load)
	}
	if err != nil {
		return nil, err
	}
	return sim.NewMeasurement(e.cable, v.spec.GainPPM)
}

func (e *energy) release(now time.Time) { e.cable.Unplug(now) }

func (e *energy) registers(now time.Time) (delivered, returned int64) {
	state, _ := e.cable.State(now) // a cable itself always knows
	return state.Register, state.Exported
}

func (e *energy) look(time.Time) {}

// parked is a place that a vehicle occupies.
type parked struct{ place *clock.Place }

func (p *parked) connector() meter.Connector { return p.place }

func (p *parked) take(*vehicle) (meter.Source, error) { return clock.NewWatch(), nil }

func (p *parked) release(time.Time) {}

func (p *parked) registers(now time.Time) (delivered, returned int64) {
	sample, err := p.place.Sample(now)
	if err != nil {
		return 0, 0
	}
	return sample.Register, 0
}

func (p *parked) look(time.Time) {}

// toll is a gate that opens for a passage that is paid.
type toll struct {
	station *station
	counter *counter.Connector
	gate    *counter.Gate
	vehicle *vehicle
	tally   *counter.Tally
}

func newToll(s *station) (*toll, error) {
	t := &toll{station: s}
	var err error
	if t.counter, err = counter.New(0, nil); err != nil {
		return nil, err
	}
	t.gate, err = counter.NewGate(t.counter, false, 0, func(time.Time, int64) { t.opened() })
	return t, err
}

func (t *toll) connector() meter.Connector { return t.gate }

func (t *toll) take(v *vehicle) (meter.Source, error) {
	var err error
	t.vehicle = v
	t.tally, err = counter.NewTally(0, nil)
	return t.tally, err
}

func (t *toll) release(time.Time) {
	t.gate.Forget()
	t.vehicle = nil
}

func (t *toll) registers(time.Time) (delivered, returned int64) { return t.gate.Opened(), 0 }

// look tells the gate that a vehicle stands before it, which wants to pass.
func (t *toll) look(now time.Time) {
	if t.vehicle != nil && t.station.using != nil && t.tally.Count() < t.vehicle.visit.Pieces {
		t.station.world.fail(t.gate.Arrive(now))
	}
}

// opened lets the vehicle through, which turns round where it wants more passages, and else is done.
func (t *toll) opened() {
	if t.vehicle == nil {
		return
	}
	v, tally := t.vehicle, t.tally
	t.station.world.clock.After(0, func() {
		t.station.world.fail(tally.Add(1))
		if current := v.session(); v.up && current != nil && tally.Count() >= v.visit.Pieces && v.at == t.station {
			if v.step(current, v.sample()) && v.step(current, session.StopAsked{}) {
				v.goOn(current)
			}
		}
	})
}

// messages go out one by one, each once.
type messages struct {
	station *station
	feed    *counter.Connector
	vehicle *vehicle
	tally   *counter.Tally
	given   int64 // to this vehicle
}

func (x *messages) connector() meter.Connector { return x.feed }

func (x *messages) take(v *vehicle) (meter.Source, error) {
	var err error
	x.vehicle, x.given = v, 0
	x.tally, err = counter.NewTally(0, nil)
	return x.tally, err
}

func (x *messages) release(time.Time) { x.vehicle = nil }

func (x *messages) registers(now time.Time) (delivered, returned int64) {
	sample, err := x.feed.Sample(now)
	if err != nil {
		return 0, 0
	}
	return sample.Register, 0
}

// look gives out as many messages as may be unpaid. They arrive a little later, each of them: what is lost on the way is asked
// for again, which the world takes for done.
func (x *messages) look(now time.Time) {
	v := x.vehicle
	if v == nil || x.station.using == nil {
		return
	}
	n, err := x.feed.Take(now, min(x.feed.Room(), v.visit.Pieces-x.given))
	x.station.world.fail(err)
	if n == 0 {
		return
	}
	x.given += n
	tally := x.tally
	x.station.world.clock.After(x.station.world.network.delay(), func() { x.station.world.fail(tally.Add(n)) })
}

// offered says what a service asks of a quote beside its tariff.
type offered struct {
	unit      meter.Unit
	unpaidMax int64
	deferred  bool
}

// services are the settings of each service, those of `chargepoint run --service`.
var services = map[string]offered{
	scenario.ServiceCharging: {unit: meter.MilliwattHours},
	scenario.ServiceParking:  {unit: meter.Seconds},
	scenario.ServiceToll:     {unit: meter.Count, unpaidMax: 1, deferred: true},
	scenario.ServiceData:     {unit: meter.Count, unpaidMax: 50},
}

// comparison gives how far the station's count may be from the vehicle's own (I6), as agents have it.
func comparison(service string) (meter.Comparison, error) {
	switch service {
	case scenario.ServiceToll:
		return meter.NewComparison(meter.SideAC, 0, 1)
	case scenario.ServiceData:
		return meter.NewComparison(meter.SideAC, 0, 0)
	}
	return meter.DefaultComparison(meter.SideAC)
}

// policy gives what a vehicle wants of a service.
func (v *vehicle) policy(service string) session.PayerPolicy {
	p := session.DefaultPayerPolicy()
	p.Service, p.Currency = service, v.world.scenario.Ledger.Currency.String()
	p.Deposit, p.TopUp = v.spec.Deposit, v.spec.TopUp
	p.PrepaidMax, p.EndSurchargeMax, p.SliceMax, p.ReturnSliceMax = exposureMax, exposureMax, exposureMax, exposureMax
	p.Lifetime, p.CostMax, p.Until = v.spec.Lifetime, v.visit.CostMax, v.leaveAt
	if v.at != nil {
		p.GoneAfter = max(p.GoneAfter, v.at.spec.GoneAfter) // both sides look as seldom
	}
	switch service {
	case scenario.ServiceCharging:
		p.ReturnMw, p.ReturnPriceMin = v.spec.Policy.ReturnMilliwatts, v.spec.Policy.ReturnPriceMin
		p.FullIsTarget = p.ReturnMw == 0 // who gives energy back is full for a while only
	case scenario.ServiceParking:
		p.FullIsTarget = false
	default:
		p.FullIsTarget, p.Quantity, p.StopsItself = false, v.visit.Pieces, service == scenario.ServiceToll
	}
	return p
}

// exposureMax is what a simulated vehicle accepts to risk: whatever the scenario's tariffs come to.
const exposureMax = 1000 * money.Nano

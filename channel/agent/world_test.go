package agent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

const (
	testPower  = 100_000_000 // mW
	testEnergy = 600_000     // mWh: 21.6 s at that power
	testClaims = 6 * time.Second
	testWindow = time.Minute
	downFor    = 3 * time.Second
	// worldEnds is long after every session must be over, and before its channel expires.
	worldEnds = 30 * time.Minute
)

// world is a vehicle at a station, with real goroutines in a bubble of virtual time: a cable, a network, a ledger, and two
// parties whose processes may die. The outlet's hardware does not die with them.
type world struct {
	t       *testing.T
	network *link.Network
	ledger  *ledger
	cable   *sim.Cable
	outlet  meter.Connector
	station *party
	vehicle *party
	bodies  sync.Map // of claims, by lane and sequence

	secret bool                      // links are secure
	broker func(link.Link) link.Link // stands before every process; nil for an honest network

	own    meter.Source                    // of the vehicle; nil: it measures the cable
	pieces func(*Vehicle) func(wire.Piece) // takes what is sold as messages; nil: nothing is
	buyer  atomic.Pointer[Vehicle]         // the last that was made

	payee func(*session.PayeePolicy)
	payer func(*session.PayerPolicy)
	offer func(*quote.Inputs)
	next  func(*quote.Inputs, time.Time) // prices from a time on; nil: tariffs do not change
}

// inWorld runs a test in a bubble. That no goroutine is left at its end is checked by the bubble.
func inWorld(t *testing.T, faults link.Faults, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, network: link.NewImmediateNetwork(1, faults), ledger: newLedger(400 * time.Millisecond)}
		w.station, w.vehicle = newParty(w, "station"), newParty(w, "vehicle")
		w.ledger.issue(w.vehicle.wallet.DID(), 50*money.Nano)
		cable, err := sim.NewCable(testPower, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.cable, w.outlet = cable, sim.NewConnector(cable)
		w.plugIn(testEnergy)
		test(w)
		for _, p := range []*party{w.station, w.vehicle} {
			for _, broken := range p.broken {
				t.Error("I4: " + broken)
			}
		}
		if n := w.ledger.doubled(); n > 0 {
			t.Errorf("I4: %d operations took effect twice", n)
		}
		if !w.ledger.balanced() {
			t.Error("I1: the ledger's accounts and channels do not sum to what was issued")
		}
	})
}

func (w *world) plugIn(energy int64) {
	b := sim.DefaultBattery()
	b.MaxPowerMilliwatts, b.FloorMilliwatts, b.WantedMilliwattHours = testPower, testPower, energy
	load, err := b.Load()
	if err != nil {
		w.t.Fatal(err)
	}
	w.cable.Unplug(time.Now())
	if err := w.cable.Plug(load); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) newOutlet() *Outlet {
	policy := session.DefaultPayeePolicy()
	policy.SampleEvery = pulse
	if w.payee != nil {
		w.payee(&policy)
	}
	wallet := w.station.wallet
	inputs := func(now session.Instant) quote.Inputs {
		in := quote.Inputs{
			Network: benchNetwork, Station: wallet.DID(), MeterKey: wallet.Meter().Public(), Attestation: meter.AttestedByStation,
			Service: "charging", EVSE: "1", Unit: meter.MilliwattHours, Tariff: pricing.Default(), TimeZone: "Europe/Berlin",
			MaxPowerMw: testPower, ClaimEvery: testClaims, Window: testWindow, ExpiryMin: now.Real.Add(time.Hour),
		}
		if w.offer != nil {
			w.offer(&in)
		}
		return in
	}
	o := &Outlet{EVSE: "1", Connector: w.outlet, Policy: policy}
	o.Offer = func(now session.Instant) (quote.Quote, error) { return quote.Build(inputs(now), now.Session) }
	if w.next != nil {
		o.Next = func(now session.Instant, from time.Time) (quote.Quote, error) {
			in := inputs(now)
			w.next(&in, from)
			return quote.Build(in, from)
		}
	}
	return o
}

func (w *world) newStation(l *life) *Station { return NewStation(l.deps(), w.newOutlet()) }

func (w *world) newVehicle(l *life) *Vehicle {
	own, err := sim.NewMeasurement(w.cable, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	comparison, err := meter.NewComparison(meter.SideDC, 30_000, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.own != nil {
		if comparison, err = meter.NewComparison(meter.SideDC, 0, 0); err != nil {
			w.t.Fatal(err)
		}
		buyer := NewVehicle(l.deps(), w.own, comparison)
		w.buyer.Store(buyer)
		return buyer
	}
	return NewVehicle(l.deps(), own, comparison)
}

func (w *world) visit() Visit {
	policy := session.DefaultPayerPolicy()
	if w.payer != nil {
		w.payer(&policy)
	}
	addr := link.Addr(w.station.name)
	if w.secret {
		addr = secure.AddrOf(w.station.wallet.DID())
	}
	visit := Visit{Station: w.station.wallet.DID(), Addr: addr, Policy: policy, LedgerTime: time.Now()}
	if w.pieces != nil {
		visit.Pieces = w.pieces(w.buyer.Load())
	}
	return visit
}

// runStation keeps a station's process running through all its lives, until the context ends. Each life begins with what
// meet gives it.
func (w *world) runStation(ctx context.Context, meet func(*life, *Station)) {
	for ctx.Err() == nil {
		l := w.station.live(ctx)
		s := w.newStation(l)
		if meet != nil {
			meet(l, s)
		}
		err := s.Run(l.ctx)
		if err != nil && !errors.Is(err, ErrStoring) && !l.dead.Load() {
			w.t.Errorf("the station ends with %v", err)
		}
		l.end()
		wait(ctx, downFor)
	}
}

// charge has the vehicle charge until a session is over, through all lives of its process.
func (w *world) charge(ctx context.Context) session.SessionRecord {
	before := len(w.vehicle.sessions())
	for {
		if all := w.vehicle.sessions(); len(all) > before && all[len(all)-1].Phase.Over() {
			return all[len(all)-1] // it was over when the process died
		}
		l := w.vehicle.live(ctx)
		record, err := w.chargeIn(l)
		l.end()
		if err == nil || ctx.Err() != nil {
			return record
		}
		if !errors.Is(err, ErrStoring) && !errors.Is(err, ErrStopped) && !l.dead.Load() {
			w.t.Errorf("the vehicle ends with %v", err)
			return record
		}
		wait(ctx, downFor)
	}
}

// chargeIn is one process: it resumes the session that is not over, or begins one.
func (w *world) chargeIn(l *life) (session.SessionRecord, error) {
	v := w.newVehicle(l)
	var running sync.WaitGroup
	defer running.Wait()
	defer l.kill()
	running.Go(func() {
		if err := v.Run(l.ctx); err != nil && !errors.Is(err, ErrStoring) && !l.dead.Load() {
			w.t.Errorf("the vehicle ends with %v", err)
		}
	})
	unfinished, err := w.vehicle.disk.Unfinished(l.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(unfinished) > 0 {
		return v.Resume(l.ctx, unfinished[0].ID, w.visit())
	}
	return v.Charge(l.ctx, w.visit())
}

// run lets a station live, calls visits, and waits until the station has nothing more to do.
func (w *world) run(visits func(ctx context.Context)) {
	ctx, stop := context.WithTimeout(context.Background(), worldEnds)
	defer stop()
	var station sync.WaitGroup
	serving, end := context.WithCancel(ctx)
	station.Go(func() { w.runStation(serving, nil) })
	visits(ctx)
	w.awaitIdle(ctx, w.station)
	end()
	station.Wait()
	if ctx.Err() != nil {
		w.t.Error("not over in time")
	}
}

// awaitIdle waits until a party has no session that goes on and no operation without outcome.
func (w *world) awaitIdle(ctx context.Context, p *party) {
	for {
		unfinished, _ := p.disk.Unfinished(ctx)
		pending, _ := p.disk.PendingOps(ctx)
		if len(unfinished)+len(pending) == 0 || !wait(ctx, time.Second) {
			return
		}
	}
}

// checkSettled holds the records of both sides, the ledger and the cable against each other.
func (w *world) checkSettled(vehicle session.SessionRecord) {
	t := w.t
	t.Helper()
	ctx := context.Background()
	station, err := w.station.disk.Session(ctx, vehicle.ID)
	if err != nil {
		t.Errorf("the station has no session of the vehicle: %v", err)
		return
	}
	if vehicle.Phase != session.PhaseEnded || station.Phase != session.PhaseEnded {
		t.Errorf("the vehicle ended %s (%s), the station %s (%s)", vehicle.Phase, vehicle.Failure, station.Phase, station.Failure)
		return
	}
	if vehicle.Quantity != station.Quantity || vehicle.Paid != station.Paid || vehicle.Cost != station.Cost || vehicle.Paid != vehicle.Cost {
		t.Errorf("the vehicle has %d mWh for %s of %s, the station %d mWh for %s of %s",
			vehicle.Quantity, vehicle.Paid, vehicle.Cost, station.Quantity, station.Paid, station.Cost)
	}
	ch, err := w.station.disk.Channel(ctx, station.Channel)
	if err != nil {
		t.Fatal(err)
	}
	if on := w.ledger.at(ch.ID); on.lanes[0] != ch.Side.In.Owed() {
		t.Errorf("the ledger has the lane at %s, the station holds a claim of %s", on.lanes[0], ch.Side.In.Owed())
	}
}

// delivered gives the register of the cable: all energy that ever flowed.
func (w *world) delivered() int64 {
	state, err := w.cable.State(time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return state.Register
}

// sessions gives the sessions that a party stored, oldest first.
func (p *party) sessions() []session.SessionRecord {
	all, err := p.disk.Sessions(context.Background(), channel.SessionID{}, 1000)
	if err != nil {
		p.world.t.Fatal(err)
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

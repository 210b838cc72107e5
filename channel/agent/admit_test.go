package agent

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet"
)

// caller is whoever sends datagrams to a station.
type caller struct {
	w      *world
	wallet *wallet.Wallet
	link   link.Link
	to     link.Addr // of the station
}

func (w *world) caller(name string) *caller {
	l, err := w.network.Join(link.Addr(name))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = l.Close() })
	return &caller{w, testWallet(name), l, link.Addr(w.station.name)}
}

func (c *caller) hello(id channel.SessionID, change func(*wire.Hello)) wire.Hello {
	h := wire.Hello{
		Vehicle: c.wallet.DID(), Station: c.w.station.wallet.DID(), AtMs: time.Now().UnixMilli(), Service: "charging",
	}
	if change != nil {
		change(&h)
	}
	h.Signature = c.wallet.Account().Sign(wallet.DomainHello, benchNetwork, h.SigningBytes(id))
	return h
}

func (c *caller) send(id channel.SessionID, m wire.Message) {
	if err := c.link.Send(c.to, wire.Frame{Session: id, Message: m}.Encode()); err != nil {
		c.w.t.Error(err)
	}
}

// hear gives what comes within a second, oldest first.
func (c *caller) hear() (frames []wire.Frame) {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	for {
		select {
		case d := <-c.link.Receive():
			f, err := wire.Decode(d.Payload)
			if err != nil {
				c.w.t.Error(err)
			}
			frames = append(frames, f)
		case <-timer.C:
			return frames
		}
	}
}

// answer gives the one message that comes within a second.
func (c *caller) answer() wire.Message {
	c.w.t.Helper()
	frames := c.hear()
	if len(frames) != 1 {
		c.w.t.Errorf("%d answers: %+v", len(frames), frames)
		return nil
	}
	return frames[0].Message
}

// nothing sees that nothing comes within a second.
func (c *caller) nothing(what string) {
	c.w.t.Helper()
	if frames := c.hear(); len(frames) != 0 {
		c.w.t.Errorf("%s is answered with %+v", what, frames)
	}
}

func (c *caller) refused(code wire.Code) {
	c.w.t.Helper()
	if m, ok := c.answer().(wire.Refuse); !ok || m.Code != code {
		c.w.t.Errorf("answered with %+v, want a refusal %q", m, code)
	}
}

func (c *caller) offered() quote.Quote {
	c.w.t.Helper()
	m, ok := c.answer().(wire.Offer)
	if !ok {
		c.w.t.Fatalf("no offer")
	}
	q, err := quote.Parse(m.Quote, nil)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return q.Quote
}

// atStation runs a test beside a station.
func atStation(t *testing.T, prepare func(*world), test func(w *world, s *Station, l *life)) {
	t.Helper()
	inWorld(t, link.Faults{}, func(w *world) {
		if prepare != nil {
			prepare(w)
		}
		l := w.station.live(context.Background())
		s := w.newStation(l)
		ended := make(chan error)
		go func() { ended <- s.Run(l.ctx) }()
		test(w, s, l)
		l.end()
		if err := <-ended; err != nil && !errors.Is(err, link.ErrClosed) {
			t.Error(err)
		}
	})
}

func id(n byte) channel.SessionID { return channel.SessionID{n} }

func TestAStationAdmitsOneVehicleForEachOutlet(t *testing.T) {
	atStation(t, nil, func(w *world, s *Station, _ *life) {
		a, b := w.caller("a"), w.caller("b")
		a.send(id(1), a.hello(id(1), nil))
		a.offered()
		b.send(id(2), b.hello(id(2), nil))
		b.refused(wire.CodeBusy)
		for range 3 {
			a.send(id(1), a.hello(id(1), nil)) // asked again, it is the same session
		}
		if frames := a.hear(); len(frames) != 3 {
			t.Errorf("%d answers to a hello that is repeated", len(frames))
		}
		wait(context.Background(), session.DefaultPayeePolicy().GoneAfter)
		b.send(id(3), b.hello(id(3), nil)) // who goes no further does not keep the outlet
		b.offered()
		if all := w.station.sessions(); len(all) != 2 || all[0].Phase != session.PhaseFailed {
			t.Errorf("stored: %+v", all)
		}
		if !s.Outstanding() {
			t.Error("nobody waits for the vehicle that was admitted")
		}
	})
}

func TestI9_AFloodOfHellosStoresNoMoreThanTheOutletsAllow(t *testing.T) {
	atStation(t, nil, func(w *world, s *Station, _ *life) {
		c := w.caller("a")
		const minutes = 10
		for n := range byte(minutes * 6) {
			for i := range byte(20) {
				id := channel.SessionID{1, n, i}
				c.send(id, c.hello(id, nil))
			}
			wait(context.Background(), 10*time.Second)
			for len(c.link.Receive()) > 0 {
				<-c.link.Receive()
			}
		}
		if n := len(w.station.sessions()); n > minutes+1 {
			t.Errorf("%d sessions stored in %d minutes", n, minutes)
		}
		if n := len(s.visits); n > 1 {
			t.Errorf("%d sessions run", n)
		}
		if next, err := w.station.disk.NextKeyIndex(context.Background()); err != nil || next > minutes+3 {
			t.Errorf("key index %d is next, %v", next, err)
		}
	})
}

func TestAHelloThatIsNotGoodCostsNothing(t *testing.T) {
	atStation(t, nil, func(w *world, _ *Station, _ *life) {
		c := w.caller("a")
		for name, test := range map[string]struct {
			hello wire.Hello
			want  wire.Code
		}{
			"for another station": {c.hello(id(1), func(h *wire.Hello) { h.Station = c.wallet.DID() }), wire.CodeIdentity},
			"of another vehicle":  {c.hello(id(1), func(h *wire.Hello) { h.Vehicle = testWallet("b").DID() }), wire.CodeIdentity},
			"of another session":  {c.hello(id(2), nil), wire.CodeIdentity},
			"of no key":           {c.hello(id(1), func(h *wire.Hello) { h.Vehicle = wallet.DID{} }), wire.CodeIdentity},
			"for another service": {c.hello(id(1), func(h *wire.Hello) { h.Service = "parking" }), wire.CodeChannel},
			"at no such plug":     {c.hello(id(1), func(h *wire.Hello) { h.EVSE = "E9" }), wire.CodeChannel},
			"of what is unknown":  {c.hello(id(1), func(h *wire.Hello) { h.Resume = true }), wire.CodeUnknownSession},
		} {
			c.send(id(1), test.hello)
			if m, ok := c.answer().(wire.Refuse); !ok || m.Code != test.want {
				t.Errorf("%s: answered with %+v, want %q", name, m, test.want)
			}
		}
		next, err := w.station.disk.NextKeyIndex(context.Background())
		if n := len(w.station.sessions()); n != 0 || next != 1 || err != nil {
			t.Errorf("%d sessions stored, key index %d is next, %v", n, next, err)
		}
	})
}

func TestAVehicleGetsAnOutletWhereSomethingIsPluggedIn(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		empty, taken, plugged := w.newOutlet(), w.newOutlet(), w.newOutlet()
		empty.EVSE, empty.Connector = "empty", goneConnector{}
		l := w.station.live(context.Background())
		s := NewStation(l.deps(), empty, taken, plugged)
		s.using[taken] = id(9)
		for _, want := range []*Outlet{plugged, empty} {
			got, _, err := s.outletAndOffer("charging", "")
			if err != nil || got != want {
				t.Errorf("outlet %s, %v", got.EVSE, err)
			}
			s.using[plugged] = id(8)
		}
		l.end()
	})
}

func TestAVehicleGetsTheOutletThatItNames(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		first, second := w.newOutlet(), w.newOutlet()
		first.EVSE, second.EVSE = "E1", "E2"
		l := w.station.live(context.Background())
		s := NewStation(l.deps(), first, second)
		for _, named := range []*Outlet{second, first} {
			if got, _, err := s.outletAndOffer("charging", named.EVSE); err != nil || got != named {
				t.Errorf("%s: %v, %v", named.EVSE, got, err)
			}
		}
		s.using[second] = id(9)
		if _, _, err := s.outletAndOffer("charging", "E2"); !errors.Is(err, ErrBusy) {
			t.Errorf("one that is in use: %v", err)
		}
		if _, _, err := s.outletAndOffer("charging", "E3"); !errors.Is(err, session.ErrChannel) {
			t.Errorf("one that is not there: %v", err)
		}
		l.end()
	})
}

func TestADrainingStationTakesNoVehicle(t *testing.T) {
	atStation(t, nil, func(w *world, s *Station, _ *life) {
		if err := s.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		c := w.caller("a")
		c.send(id(1), c.hello(id(1), nil))
		c.refused(wire.CodeBusy)
		late := newVisit(id(2), s.deps, "a") // one that was being admitted meanwhile
		late.machine = &session.Payee{}
		if s.enter(late, s.outlets[0], false) || len(s.visits) != 0 {
			t.Error("a vehicle entered")
		}
	})
}

func TestAStationNeverAnswersAStation(t *testing.T) {
	atStation(t, nil, func(w *world, _ *Station, _ *life) {
		c := w.caller("a")
		for _, m := range []wire.Message{
			wire.NewRefuse(wire.CodeBusy, ErrBusy), wire.Offer{}, wire.Demand{}, wire.Done{},
		} {
			c.send(id(1), m)
			c.nothing(fmt.Sprintf("%T", m))
		}
		for _, m := range []wire.Message{wire.Accept{}, wire.Claim{}, wire.Stop{}} {
			c.send(id(1), m)
			c.refused(wire.CodeUnknownSession)
		}
	})
}

func TestOnlyAHelloThatTheVehicleSignedMovesItsAddress(t *testing.T) {
	atStation(t, nil, func(w *world, _ *Station, _ *life) {
		a, mallory := w.caller("a"), w.caller("b")
		a.send(id(1), a.hello(id(1), nil))
		a.offered()
		forged := a.hello(id(1), nil)
		forged.Signature[3]++
		for _, m := range []wire.Message{mallory.hello(id(1), nil), forged, wire.Claim{}, wire.Stop{Reason: wire.ReasonUser}, wire.Withdraw{}} {
			if _, stop := m.(wire.Stop); stop {
				continue // ends a session in which no channel is named yet, whoever sends it
			}
			mallory.send(id(1), m)
			mallory.nothing(fmt.Sprintf("%T of another", m))
		}
		a.hear()
		a.send(id(1), a.hello(id(1), nil))
		a.offered()
		moved := w.caller("elsewhere")
		moved.send(id(1), a.hello(id(1), nil))
		moved.offered()
		a.nothing("a hello from elsewhere")
	})
}

// countingStore counts what is read of readings.
type countingStore struct {
	lifeStore
	readings *int
}

func (s countingStore) Readings(ctx context.Context, id channel.SessionID) ([]session.ReadingRecord, error) {
	*s.readings++
	return s.lifeStore.Readings(ctx, id)
}

func TestASessionThatIsOverAnswersFromItsRecords(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		var record session.SessionRecord
		w.run(func(ctx context.Context) { record = w.charge(ctx) })
		w.checkSettled(record)
		w.vehicle.fault = nil

		l := w.station.live(context.Background())
		deps, readings := l.deps(), 0
		deps.Store = countingStore{lifeStore{w.station.disk, l}, &readings}
		s := NewStation(deps, w.newOutlet())
		ended := make(chan error)
		go func() { ended <- s.Run(l.ctx) }()
		c := w.caller("a")
		steps := w.station.steps.Load()
		for _, m := range []wire.Message{
			c.hello(record.ID, func(h *wire.Hello) { h.Resume = true }), wire.Claim{}, wire.Stop{Reason: wire.ReasonUser},
		} {
			c.send(record.ID, m)
			if done, ok := c.answer().(wire.Done); !ok || done.Accepted != record.Paid {
				t.Errorf("%T is answered with %+v", m, done)
			}
		}
		c.send(record.ID, wire.Withdraw{Withdrawal: []byte("nonsense")})
		c.nothing("a counter-signature that nobody asked for")
		if commits := w.station.steps.Load() - steps - 3; readings != 0 || commits != 0 {
			t.Errorf("%d times read readings, %d commits", readings, commits)
		}
		l.end()
		<-ended
	})
}

func TestAnOutletThatIsNoMoreEndsItsSessionWithWhatIsKnown(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		w.plugIn(50_000_000)
		ctx, stop := context.WithTimeout(context.Background(), worldEnds)
		defer stop()
		riding := make(chan session.SessionRecord)
		go func() { riding <- w.charge(ctx) }()
		l := w.station.live(ctx)
		life, end := context.WithTimeout(l.ctx, 20*time.Second)
		defer end()
		if err := w.newStation(l).Run(life); err != nil {
			t.Error(err)
		}
		l.end()
		l = w.station.live(ctx)
		renamed := w.newOutlet()
		renamed.EVSE = "2"
		s := NewStation(l.deps(), renamed)
		ended := make(chan error)
		go func() { ended <- s.Run(l.ctx) }()
		record := <-riding
		w.awaitIdle(ctx, w.station)
		w.checkSettled(record)
		station := w.station.sessions()[0]
		if station.Reason != wire.ReasonMeter || station.Quantity == 0 || station.Quantity != w.claimed(station) {
			t.Errorf("ended for %q with %d mWh, claimed %d", station.Reason, station.Quantity, w.claimed(station))
		}
		l.end()
		<-ended
	})
}

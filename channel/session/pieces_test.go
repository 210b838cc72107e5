package session_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/meter/clock"
	"joulepay/meter/counter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// sold is what a station sells instead of energy, with both sides' meters of it.
type sold struct {
	unit      meter.Unit
	unpaid    int64
	deferred  bool
	connector meter.Connector
	own       meter.Source
}

func (s *sold) quote(w *world, tariff *pricing.Tariff, at time.Time) quote.Quote {
	in := quote.Inputs{
		Network: network, Station: w.station.did, MeterKey: testKey(23).Public(), Attestation: meter.AttestedByStation,
		Service: "sold", EVSE: "E1", Unit: s.unit, Tariff: tariff, TimeZone: "Europe/Berlin", UnpaidMax: s.unpaid, Deferred: s.deferred,
		ClaimEvery: w.setup.claimEvery, Window: time.Minute, SettleAt: w.setup.settleAt, SettleEvery: w.setup.settleEvery,
	}
	q, err := quote.Build(in, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return q
}

// pieceRate is one cent for each of what is counted.
var pieceRate = tariffOf(`{"type":"FLAT","price":0.01,"step_size":1}`)

// stream gives out pieces as fast as it may, some of which reach the vehicle only later, and checks what nobody may break.
type stream struct {
	*sold
	w        *world
	counted  *counter.Connector
	received *counter.Tally
	under    int64 // way: given out and not received
	cheats   int64 // given out to nobody, from this register on; 0: it does not
	most     int64 // unpaid at a time
}

const registerBefore = 5_000

func newStream(t testing.TB, s setup, unpaid int64) *stream {
	counted, err := counter.New(registerBefore, nil)
	if err != nil {
		t.Fatal(err)
	}
	received, err := counter.NewTally(70, nil)
	if err != nil {
		t.Fatal(err)
	}
	st := &stream{counted: counted, received: received}
	st.sold = &sold{unit: meter.Count, unpaid: unpaid, connector: counted, own: received}
	s.sold, s.tariff = st.sold, pieceRate
	st.w = newWorld(t, s)
	return st
}

// flow gives out up to n pieces every so often.
func (s *stream) flow(n int64, every time.Duration) {
	s.w.after(every, func() {
		if s.under > 0 {
			if err := s.received.Add(s.under); err != nil {
				s.w.breaks("tally: %v", err)
			}
			s.under = 0
		}
		given, err := s.counted.Take(s.w.now, n)
		if err != nil {
			s.w.breaks("counter: %v", err)
		}
		if register := s.register(); s.cheats == 0 || register <= s.cheats {
			s.under = given
		}
		s.check()
		s.flow(n, every)
	})
}

func (s *stream) register() int64 {
	sample, err := s.counted.Sample(s.w.now)
	if err != nil {
		s.w.breaks("counter: %v", err)
	}
	return sample.Register
}

// check holds what was given out against what is signed and stored, and what is signed against what was received.
func (s *stream) check() {
	record, ch := s.w.station.stored()
	if record == nil || ch == nil || len(s.w.station.disk.readings[record.ID]) == 0 {
		return
	}
	first, err := meter.DecodeSigned(s.w.station.disk.readings[record.ID][0].Signed)
	if err != nil {
		s.w.breaks("a stored reading does not decode: %v", err)
		return
	}
	unpaid := s.register() - first.Reading.Register - signedFor(ch.Side.In, record.ID)
	if s.most = max(s.most, unpaid); unpaid > s.unpaid {
		s.w.breaks("I5: %d pieces are unpaid, the quote permits %d", unpaid, s.unpaid)
	}
	if own, ch := s.w.vehicle.stored(); own != nil && ch != nil {
		if signed := signedFor(ch.Side.Out, own.ID); signed > s.received.Count()-own.MeasureBase {
			s.w.breaks("I6: signed for %d pieces, received %d", signed, s.received.Count()-own.MeasureBase)
		}
	}
}

// signedFor gives the quantity for which a lane pays in a session.
func signedFor(best channel.Best, id channel.SessionID) int64 {
	if best.Signed.Claim.Session != id {
		return 0
	}
	return best.Signed.Claim.Quantity
}

func TestPiecesArePaidByTheHalfOfWhatMayBeUnpaid(t *testing.T) {
	s := newStream(t, setup{payer: func(p *session.PayerPolicy) { p.Quantity = 100 }}, 10)
	s.w.vehicle.begin()
	s.flow(10, 50*time.Millisecond)
	s.w.run(s.w.bothOver)
	record, ch := s.w.vehicle.stored()
	if record.Quantity < 100 || record.Quantity > 110 || record.Paid != money.Amount(record.Quantity)*cent || record.Reason != wire.ReasonTarget {
		t.Errorf("%d pieces for %s, ended by %q", record.Quantity, record.Paid, record.Reason)
	}
	if s.most < 5 || ch.Side.Out.Signed.Claim.Unit != uint8(meter.Count) {
		t.Errorf("at most %d unpaid", s.most)
	}
}

func TestI5_I6_PiecesWhateverGetsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 7))
		loss := rapid.IntRange(0, 40).Draw(rt, "loss in 100")
		again := rapid.IntRange(0, 30).Draw(rt, "again in 100")
		crashes := rapid.IntRange(0, 3).Draw(rt, "crashes")
		wanted := rapid.Int64Range(1, 60).Draw(rt, "wanted")
		s := newStream(t, setup{
			random: random, merged: rapid.Bool().Draw(rt, "merged"),
			payer: func(p *session.PayerPolicy) { p.Quantity = wanted },
			link: func(*world, *letter) (fate []string) {
				if random.IntN(100) < again {
					fate = append(fate, "again")
				}
				if random.IntN(100) < loss {
					fate = append(fate, "lose")
				}
				return fate
			},
			crash: func(n *node) bool { return n.crashes < crashes && random.IntN(100) == 0 },
		}, rapid.Int64Range(1, 20).Draw(rt, "unpaid"))
		s.w.fatal = func(text string) { rt.Fatal(text) }
		s.w.vehicle.begin()
		s.flow(rapid.Int64Range(1, 30).Draw(rt, "at once"), 100*time.Millisecond)
		s.w.run(s.w.bothOver)
		record, _ := s.w.vehicle.stored()
		if record.Phase == session.PhaseEnded && record.Failure == "" && record.Quantity < wanted {
			s.w.fatalf("%d of %d pieces, ended by %q", record.Quantity, wanted, record.Reason)
		}
		if record.Phase == session.PhaseEnded && record.Paid != money.Amount(record.Quantity)*cent {
			s.w.fatalf("%s for %d pieces", record.Paid, record.Quantity)
		}
	})
}

func TestI5_AVehicleThatSignsNoMoreGetsNoMore(t *testing.T) {
	silent := false
	s := newStream(t, setup{
		payee: func(p *session.PayeePolicy) { p.GoneAfter = 20 * time.Second },
		link: func(w *world, l *letter) []string {
			if _, claim := l.message.(wire.Claim); claim && silent {
				return []string{"lose"}
			}
			return nil
		},
	}, 8)
	s.w.vehicle.begin()
	s.flow(3, 50*time.Millisecond)
	s.w.pulses()
	s.w.runOn(func() bool { return s.register() > registerBefore+40 })
	silent = true
	s.w.runOn(func() bool { return s.w.station.phase() >= session.PhaseSettling })
	_, ch := s.w.station.stored()
	if given := s.register() - registerBefore; given-ch.Side.In.Signed.Claim.Quantity > 8 || s.most != 8 {
		t.Errorf("gave out %d, paid are %d, at most %d were unpaid", given, ch.Side.In.Signed.Claim.Quantity, s.most)
	}
}

func TestI6_AStationThatStopsGivingOutIsNotPaidForWhatItCounts(t *testing.T) {
	s := newStream(t, setup{payee: func(p *session.PayeePolicy) { p.GoneAfter = 40 * time.Second }}, 8)
	s.cheats = registerBefore + 50
	s.w.vehicle.begin()
	s.flow(2, 50*time.Millisecond)
	s.w.run(s.w.bothOver)
	record, ch := s.w.vehicle.stored()
	signed := ch.Side.Out.Signed.Claim.Quantity
	if signed > s.received.Count()-70 || signed < 40 || record.Reason != wire.ReasonMeter || record.Failure == "" {
		t.Errorf("signed for %d of %d received, ended by %q: %q", signed, s.received.Count()-70, record.Reason, record.Failure)
	}
}

func TestASessionThatSettlesLaterCostsNoVertex(t *testing.T) {
	s := newStream(t, setup{payer: func(p *session.PayerPolicy) { p.Quantity = 3 }, settleAt: 10 * cent}, 1)
	s.deferred = true
	s.flow(1, 50*time.Millisecond)
	w := s.w
	for visit, want := range []struct {
		vertices int
		settled  money.Amount
	}{{1, 0}, {0, 0}, {0, 0}, {1, 10 * cent}} { // the first opens the channel; in the fourth ten cents have come together
		w.vehicle.id = [16]byte{0: 0x60, 1: byte(visit)}
		w.vehicle.begin()
		if visit == 0 {
			w.pulses()
		}
		w.runOn(func() bool { return w.bothOver() && w.station.id == w.vehicle.id })
		record, _ := w.station.stored()
		own, _ := w.vehicle.stored()
		_, ch := w.station.stored()
		if got := len(record.Vertices) + len(own.Vertices); got != want.vertices || ch.Settled[0] != want.settled || record.Paid != 3*cent {
			t.Errorf("visit %d: %d vertices, %s settled, paid %s", visit, got, ch.Settled[0], record.Paid)
		}
		if own.Phase != session.PhaseEnded || len(own.Closing[0]) == 0 {
			t.Errorf("visit %d ended as %s", visit, own.Phase)
		}
	}
}

// park gives a world in which a place is sold by the second, at a cent.
func park(t *testing.T, s setup, connector meter.Connector) *world {
	t.Helper()
	s.sold = &sold{unit: meter.Seconds, connector: connector, own: clock.NewWatch()}
	s.tariff = tariffOf(`{"type":"PARKING_TIME","price":36,"step_size":1}`)
	return newWorld(t, s)
}

func TestAVehicleLeavesItsPlaceByItsOwnClock(t *testing.T) {
	place, err := clock.NewPlace(900)
	if err != nil {
		t.Fatal(err)
	}
	w := park(t, setup{payer: func(p *session.PayerPolicy) { p.Quantity = 45 }}, place)
	w.vehicle.begin()
	w.run(w.bothOver)
	record, _ := w.vehicle.stored()
	if record.Quantity < 43 || record.Quantity > 46 || record.Paid != money.Amount(record.Quantity)*cent || record.Reason != wire.ReasonTarget {
		t.Errorf("stood %d s for %s, ended by %q", record.Quantity, record.Paid, record.Reason)
	}
}

// fastPlace counts two seconds for one.
type fastPlace struct{ *clock.Place }

func (p fastPlace) Sample(now time.Time) (meter.Sample, error) {
	s, err := p.Place.Sample(now)
	s.Register *= 2
	return s, err
}

func TestI6_AClockThatRunsFastIsNotPaid(t *testing.T) {
	place, err := clock.NewPlace(0)
	if err != nil {
		t.Fatal(err)
	}
	w := park(t, setup{payee: func(p *session.PayeePolicy) { p.GoneAfter = 20 * time.Second }}, fastPlace{place})
	w.vehicle.begin()
	w.run(w.bothOver)
	record, ch := w.vehicle.stored()
	if signed := ch.Side.Out.Signed.Claim.Quantity; signed > 10 || record.Reason != wire.ReasonMeter {
		t.Errorf("signed for %d s, ended by %q: %q", signed, record.Reason, record.Failure)
	}
}

func TestI4_APlaceThatLostItsProcessWasOccupiedAllTheSame(t *testing.T) {
	place, err := clock.NewPlace(0)
	if err != nil {
		t.Fatal(err)
	}
	w := park(t, setup{payer: func(p *session.PayerPolicy) { p.Quantity = 60 }, downFor: 20 * time.Second}, place)
	w.vehicle.begin()
	w.after(25*time.Second, func() {
		w.station.crashNow()
		record, _ := w.station.stored()
		readings := w.station.disk.readings[record.ID]
		last, err := meter.DecodeSigned(readings[len(readings)-1].Signed)
		if err != nil {
			t.Fatal(err)
		}
		w.after(19*time.Second, func() { // what the next process begins with
			if w.station.connector, err = clock.ResumePlace(last.Reading.Register, last.Reading.Time); err != nil {
				t.Fatal(err)
			}
		})
	})
	w.run(w.bothOver)
	record, _ := w.vehicle.stored()
	if record.Quantity < 57 || record.Quantity > 61 || record.Paid != money.Amount(record.Quantity)*cent {
		t.Errorf("stood %d s for %s", record.Quantity, record.Paid)
	}
	if fmt.Sprint(record.Reason) != "target" {
		t.Errorf("ended by %q", record.Reason)
	}
}

func TestASampleOfTheSessionBeforeDoesNotEndThisOne(t *testing.T) {
	stale := 0
	w := newWorld(t, setup{samples: func(w *world, s session.Sampled) session.Sampled {
		if record, _ := w.station.stored(); record.Phase == session.PhaseCharging && stale == 0 {
			stale++
			s.Sample.State = meter.Ended // taken while the connector was told to start
		}
		return s
	}})
	w.vehicle.begin()
	w.run(w.bothOver)
	if record, _ := w.vehicle.stored(); record.Quantity != w.setup.energy || stale != 1 {
		t.Errorf("%d mWh of %d, ended by %q", record.Quantity, w.setup.energy, record.Reason)
	}
}

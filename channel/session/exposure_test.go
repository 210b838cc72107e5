package session_test

import (
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet/money"
)

// declared gives what the quote of the present session says a peer may come to owe between two claims, and at the start.
func (w *world) declared() (slice, prepaid money.Amount) {
	w.t.Helper()
	record, _ := w.station.stored()
	q, err := quote.Parse(record.Quote, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return q.Quote.Slice, q.Quote.Prepaid
}

func (w *world) withinSlice() {
	w.t.Helper()
	if slice, prepaid := w.declared(); w.exposed > slice+prepaid {
		w.fatalf("I5: %s was delivered unpaid, declared is a slice of %s and %s at the start", w.exposed, slice, prepaid)
	}
}

// loseAfter loses every message of a kind from some time on.
func loseAfter(after time.Duration, kinds ...wire.Kind) func(*world, *letter) []string {
	return func(w *world, l *letter) []string {
		for _, kind := range kinds {
			if l.message.Kind() == kind && w.now.Sub(began) > after {
				return []string{"lose"}
			}
		}
		return nil
	}
}

func TestI5_APeerThatStopsPayingGetsOneSliceAtMost(t *testing.T) {
	withStartFee := tariffOf(`{"type":"FLAT","price":0.50,"step_size":1},{"type":"ENERGY","price":0.36,"vat":19,"step_size":1}`)
	tests := []struct {
		name  string
		setup setup
	}{
		{"it takes and does not answer", setup{link: loseAfter(20*time.Second, wire.KindClaim, wire.KindHello)}},
		{"it takes and only says hello", setup{link: func(w *world, l *letter) []string {
			if h, ok := l.message.(wire.Hello); ok {
				h.Known = wire.Known{}
				l.message = h
			}
			return loseAfter(20*time.Second, wire.KindClaim)(w, l)
		}}},
		{"it never pays at all", setup{link: loseAfter(0, wire.KindClaim, wire.KindHello)}},
		{"after the start fee", setup{tariff: withStartFee, link: loseAfter(4*time.Second, wire.KindClaim, wire.KindHello)}},
		{"often paid", setup{claimEvery: 2 * time.Second, link: loseAfter(20*time.Second, wire.KindClaim, wire.KindHello)}},
		{"at high power", setup{powerMw: 360_000_000, energy: 9_000_000, link: loseAfter(20*time.Second, wire.KindClaim, wire.KindHello)}},
		{"with readings in advance", setup{
			link:  loseAfter(20*time.Second, wire.KindClaim, wire.KindHello),
			payee: func(p *session.PayeePolicy) { p.OutstandingMax, p.ReadEvery = 8, time.Second },
		}},
		{"the station's process dies now and then", setup{
			link:  loseAfter(20*time.Second, wire.KindClaim, wire.KindHello),
			crash: func(n *node) bool { return n == n.w.station && n.effects%17 == 0 && n.crashes < 5 },
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := test.setup
			if s.energy == 0 {
				s.energy = 3_000_000
			}
			policy := s.payee
			s.payee = func(p *session.PayeePolicy) {
				p.GoneAfter = 20 * time.Second
				if policy != nil {
					policy(p)
				}
			}
			w := newWorld(t, s)
			w.vehicle.begin()
			w.run(w.station.over)
			w.withinSlice()
			if record, _ := w.station.stored(); record.Claims > 1 && w.exposed*3 < func() money.Amount { s, _ := w.declared(); return s }() {
				t.Errorf("only %s was ever at stake: the test shows nothing", w.exposed)
			}
			w.conserved()
		})
	}
}

// A ledger that says nothing for a quarter of the window stops the flow: nothing is accepted that might not be settled.
func TestI5_WithoutTheLedgersWordNothingFlows(t *testing.T) {
	w := newWorld(t, setup{energy: 3_000_000})
	w.vehicle.begin()
	w.after(20*time.Second, func() { w.ledger.down = true })
	var rested int64
	w.after(60*time.Second, func() {
		state, err := w.cable.State(w.now)
		if err != nil {
			t.Error(err)
		}
		rested = state.Register
	})
	w.after(90*time.Second, func() {
		state, err := w.cable.State(w.now)
		if err != nil || state.Register != rested {
			t.Errorf("%d mWh flowed without a view of the channel, %v", state.Register-rested, err)
		}
		w.ledger.down = false
	})
	w.run(w.bothOver)
	if v, _ := w.vehicle.stored(); v.Quantity != 3_000_000 {
		t.Errorf("delivered %d mWh", v.Quantity)
	}
	w.settled()
	w.withinSlice()
}

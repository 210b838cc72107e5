package session_test

import (
	"math/rand/v2"
	"testing"

	"joulepay/channel/session"
	"joulepay/internal/campaign"
	"joulepay/wallet/money"
)

// short is a session of few steps that touches everything a crash could tear: an opening, a top-up, a withdrawal while
// charging, a claim that comes back, and the end.
func short() setup {
	return setup{
		powerMw: 360_000_000, energy: 1_500_000, balance: 10 * money.Nano, settleAt: 30 * cent,
		payer: func(p *session.PayerPolicy) { p.Deposit, p.TopUp = 80*cent, 50*cent },
	}
}

// TestI4_ACrashAtAnyStepCostsNothing kills each side before every single effect of a session, which is just before and
// just after each Persist and every message, and restores it from what was persisted by then.
func TestI4_ACrashAtAnyStepCostsNothing(t *testing.T) {
	run := campaign.New(t)
	plain := newWorld(t, short())
	plain.vehicle.begin()
	plain.run(plain.bothOver)
	price := plain.settled()
	for _, merged := range []bool{false, true} {
		for _, side := range []func(*world) *node{vehicleOf, stationOf} {
			for at := 1; ; at++ {
				s := short()
				s.merged = merged
				s.crash = func(n *node) bool { return n == side(n.w) && n.effects == at && n.crashes == 0 }
				w := newWorld(t, s)
				w.vehicle.begin()
				w.run(w.bothOver)
				if side(w).crashes == 0 {
					break // the session has no more effects
				}
				run.Count("crashes", 1)
				if got := w.settled(); got != price {
					t.Fatalf("%s crashed before effect %d: paid %s, without a crash %s\n%s", side(w).name, at, got, price, w.tail())
				}
			}
		}
	}
}

// Processes that die again and again, before one effect in so many, get through all the same.
func TestI4_CrashesAgainAndAgainOnlyDelay(t *testing.T) {
	plain := newWorld(t, short())
	plain.vehicle.begin()
	plain.run(plain.bothOver)
	price := plain.settled()
	run := campaign.New(t)
	for seed := range uint64(run.Size("seeds", 20)) {
		s := short()
		s.random = rand.New(rand.NewPCG(seed, 4))
		s.merged = seed%2 == 0
		oneIn := 5 + s.random.IntN(10)
		s.crash = func(n *node) bool { return s.random.IntN(oneIn) == 0 }
		w := newWorld(t, s)
		w.vehicle.begin()
		w.run(w.bothOver)
		if got := w.settled(); got != price {
			t.Errorf("seed %d, a crash in %d effects: paid %s, want %s\n%s", seed, oneIn, got, price, w.tail())
		}
		run.Count("crashes", w.vehicle.crashes+w.station.crashes)
	}
}

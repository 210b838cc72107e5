package session_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel/session"
	"joulepay/wallet/money"
)

var rates = []string{
	plainRate,
	tariffOf(`{"type":"FLAT","price":0.50,"step_size":1},{"type":"ENERGY","price":0.36,"vat":19,"step_size":1}`),
	tariffOf(`{"type":"ENERGY","price":0.49,"vat":19,"step_size":1000},{"type":"PARKING_TIME","price":6,"vat":19,"step_size":60}`),
	tariffOf(`{"type":"ENERGY","price":0.30,"step_size":1},{"type":"TIME","price":3.60,"step_size":30}`),
	tariffOf(`{"type":"FLAT","price":0.30,"step_size":1},{"type":"ENERGY","price":-0.25,"step_size":1}`),
	tariffOf(`{"type":"ENERGY","price":0,"step_size":1}`),
}

// drawSetup draws a world that is unkind, but not so that nobody could finish in it.
func drawSetup(t *rapid.T) setup {
	s := setup{
		random:      rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 5)),
		tariff:      rapid.SampledFrom(rates).Draw(t, "tariff"),
		powerMw:     rapid.SampledFrom([]int64{11_000_000, 36_000_000, 360_000_000}).Draw(t, "power"),
		claimEvery:  rapid.SampledFrom([]time.Duration{2 * time.Second, 10 * time.Second}).Draw(t, "claims"),
		ledgerTakes: rapid.SampledFrom([]time.Duration{50 * time.Millisecond, time.Second, 7 * time.Second}).Draw(t, "ledger takes"),
		settleAt:    rapid.SampledFrom([]money.Amount{0, 5 * cent, 30 * cent}).Draw(t, "settles at"),
		settleEvery: rapid.SampledFrom([]time.Duration{0, 20 * time.Second}).Draw(t, "settles every"),
		downFor:     rapid.SampledFrom([]time.Duration{10 * time.Millisecond, 2 * time.Second, 9 * time.Second}).Draw(t, "down for"),
		merged:      rapid.Bool().Draw(t, "merged"),
		balance:     500 * money.Nano,
	}
	s.energy = 1 + s.powerMw*rapid.Int64Range(0, 60).Draw(t, "seconds at full power")/3600
	small := rapid.Bool().Draw(t, "small deposit")
	s.payer = func(p *session.PayerPolicy) {
		if small {
			p.Deposit, p.TopUp = cent, 40*cent
		}
	}
	s.payee = func(p *session.PayeePolicy) { p.TopUp = money.Nano }
	loss := rapid.IntRange(0, 40).Draw(t, "loss in 100")
	again := rapid.IntRange(0, 30).Draw(t, "again in 100")
	late := rapid.IntRange(0, 30).Draw(t, "late in 100")
	s.link = func(w *world, l *letter) []string {
		var fate []string
		for _, f := range []struct {
			name string
			in   int
		}{{"late", late}, {"again", again}, {"lose", loss}} {
			if s.random.IntN(100) < f.in {
				fate = append(fate, f.name)
			}
		}
		return fate
	}
	if oneIn := rapid.IntRange(0, 60).Draw(t, "a crash in so many effects, up to six"); oneIn > 5 {
		s.crash = func(n *node) bool { return n.crashes < 6 && s.random.IntN(oneIn) == 0 }
	}
	return s
}

// Whatever the network loses, repeats and delays, and whenever the processes die: a session ends settled, at the
// tariff's price of the readings, and nothing was sent that a crash could undo (checked with every message).
func TestI4_LossAndCrashesOnlyDelay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, drawSetup(rt))
		w.fatal = func(text string) { rt.Fatal(text) }
		w.vehicle.begin()
		w.run(w.bothOver)
		w.delivered()
		for range rapid.IntRange(0, 2).Draw(rt, "more visits") {
			w.visitAgain(w.setup.energy)
			w.delivered()
		}
	})
}

// delivered checks a session that nothing but the network and the processes disturbed.
func (w *world) delivered() {
	w.t.Helper()
	for w.neverBegan() {
		w.visitAgain(w.setup.energy)
	}
	price := w.settled()
	w.withinSlice()
	if v, _ := w.vehicle.stored(); v.Quantity != w.setup.energy {
		w.fatalf("delivered %d mWh of %d for %s, because of %q %q", v.Quantity, w.setup.energy, price, v.Reason, v.Failure)
	}
}

// neverBegan tells whether the station's process was down for longer than a vehicle greets. That costs nothing, and a
// person tries again.
func (w *world) neverBegan() bool {
	v, _ := w.vehicle.stored()
	return v != nil && v.Phase == session.PhaseFailed && v.Failure == session.ErrNoAnswer.Error() && len(v.Vertices) == 0
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	text := fmt.Sprintf(format, args...) + "\n" + w.tail()
	if w.fatal != nil {
		w.fatal(text)
	}
	w.t.Fatal(text)
}

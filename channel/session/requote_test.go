package session_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/internal/campaign"
	"joulepay/wallet/money"
)

// otherRate gives a tariff of price components with another id than plainRate.
func otherRate(components string) string {
	return strings.Replace(tariffOf(components), `"id":"t"`, `"id":"u"`, 1)
}

var twiceAsDear = otherRate(`{"type":"ENERGY","price":0.72,"step_size":1}`)

// fates gives a fate to the first messages of a kind, in every world.
func fates(kind wire.Kind, list ...string) func(*world, *letter) []string {
	met := map[*world]int{}
	return func(w *world, l *letter) []string {
		if l.message.Kind() != kind || met[w] == len(list) {
			return nil
		}
		fate := list[met[w]]
		met[w]++
		if fate == "" {
			return nil
		}
		return []string{fate}
	}
}

var requotes = []struct {
	name  string
	setup setup
	check func(*world)
}{
	{
		name:  "the tariff changes",
		setup: setup{change: &change{twiceAsDear, 8 * time.Second, 20 * time.Second}},
		check: func(w *world) {
			w.agreed()
			w.paid(144576 * money.Nano / 1e6) // 199.6 Wh up to the reading at 21.5 s; 100.4 after it are 101 whole ones
		},
	},
	{
		name: "the tariff changes and steps end without surplus",
		setup: setup{
			tariff: tariffOf(`{"type":"FLAT","price":0.50,"step_size":1},{"type":"ENERGY","price":0.36,"step_size":1000}`),
			change: &change{otherRate(`{"type":"FLAT","price":0.90,"step_size":1},{"type":"ENERGY","price":0.72,"step_size":100}`), 8 * time.Second, 20 * time.Second},
		},
		check: func(w *world) {
			w.agreed()
			w.paid(50*cent + 71856*money.Nano/1e6 + 144*money.Nano/1000) // one fee; 100.4 Wh become 200
		},
	},
	{
		name: "the vehicle does not agree to a tariff",
		setup: setup{
			change: &change{twiceAsDear, 8 * time.Second, 20 * time.Second},
			payer:  func(p *session.PayerPolicy) { p.UnitPriceMax = 50 * cent },
		},
		check: func(w *world) {
			w.underTheOld()
			if v, _ := w.vehicle.stored(); v.Reason != wire.ReasonTariff || !strings.Contains(v.Failure, "policy") {
				w.t.Errorf("the vehicle ends because of %q: %q", v.Reason, v.Failure)
			}
			if w.now.Sub(began) > 20*time.Second {
				w.t.Error("it charged on until the tariff changed")
			}
		},
	},
	{
		name: "the new quote is lost and comes again",
		setup: setup{
			change: &change{twiceAsDear, 8 * time.Second, 20 * time.Second},
			link:   fates(wire.KindRequote, "lose", "lose", "again"),
		},
		check: func(w *world) {
			w.agreed()
			w.paid(144576 * money.Nano / 1e6)
		},
	},
	{
		name: "no new quote arrives",
		setup: setup{
			change: &change{twiceAsDear, 8 * time.Second, 20 * time.Second},
			link: func(_ *world, l *letter) []string {
				if l.message.Kind() == wire.KindRequote {
					return []string{"lose"}
				}
				return nil
			},
		},
		check: func(w *world) {
			w.underTheOld()
			s, _ := w.station.stored()
			if s.Reason != wire.ReasonTariff || time.UnixMilli(s.EndedMs).Sub(began) < 20*time.Second {
				w.t.Errorf("ended at %s because of %q", time.UnixMilli(s.EndedMs).Sub(began), s.Reason)
			}
		},
	},
	{
		name: "the agreement is lost and the next claim tells",
		setup: setup{
			change: &change{twiceAsDear, 8200 * time.Millisecond, 20 * time.Second},
			link: func(w *world, l *letter) []string {
				if at := w.now.Sub(began); l.message.Kind() == wire.KindClaim && at > 8*time.Second && at < 11*time.Second {
					return []string{"lose"}
				}
				return nil
			},
		},
		check: func(w *world) {
			w.agreed()
			w.paid(144576 * money.Nano / 1e6)
		},
	},
	{
		name: "the agreement comes with the final claim only",
		setup: setup{
			change: &change{twiceAsDear, 17 * time.Second, 20 * time.Second},
			link: func(w *world, l *letter) []string {
				if at := w.now.Sub(began); l.message.Kind() == wire.KindClaim && at > 17*time.Second && at < 20400*time.Millisecond {
					return []string{"lose"}
				}
				return nil
			},
		},
		check: func(w *world) {
			w.settled()
			s, _ := w.station.stored()
			if s.Reason != wire.ReasonTariff || len(s.Earlier) != 0 || !s.NextAgreed || len(s.Quotes()) != 2 {
				w.t.Errorf("ended because of %q, %d earlier quotes, agreed %t", s.Reason, len(s.Earlier), s.NextAgreed)
			}
			w.claimsAreQuoted()
		},
	},
	{
		name: "the vehicle's process dies with the new quote",
		setup: setup{
			change: &change{twiceAsDear, 8 * time.Second, 20 * time.Second},
			crash:  func(n *node) bool { return n == n.w.vehicle && n.crashes == 0 && n.w.now.Sub(began) > 8*time.Second },
		},
		check: func(w *world) { w.agreed(); w.settled() },
	},
	{
		name: "the station's process dies once the new quote is agreed on",
		setup: setup{
			change: &change{twiceAsDear, 8 * time.Second, 20 * time.Second},
			crash:  func(n *node) bool { return n == n.w.station && n.crashes == 0 && n.machine.Record().NextAgreed },
		},
		check: func(w *world) { w.agreed(); w.settled() },
	},
}

// claimsAreQuoted checks that each side stores every quote that the best claims name: receipts are made of it.
func (w *world) claimsAreQuoted() {
	w.t.Helper()
	for _, n := range []*node{w.vehicle, w.station} {
		record, _ := n.stored()
		known := map[channel.Hash]bool{}
		for _, raw := range record.Quotes() {
			q, err := quote.Parse(raw, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			known[q.Hash()] = true
		}
		for _, raw := range record.Closing {
			if len(raw) == 0 {
				continue
			}
			best, err := channel.DecodeBest(raw)
			if err != nil {
				w.t.Fatal(err)
			}
			if best.Signed.Claim.Session == record.ID && !known[best.Signed.Claim.Quote] {
				w.fatalf("a claim of the %s is under a quote that it did not keep", n.name)
			}
		}
	}
}

// agreed checks that both sides went over to the new quote.
func (w *world) agreed() {
	w.t.Helper()
	v, _ := w.vehicle.stored()
	s, _ := w.station.stored()
	if len(v.Earlier) != 1 || len(s.Earlier) != 1 || len(v.Next) != 0 || string(v.Quote) != string(s.Quote) {
		w.fatalf("%d and %d earlier quotes, next %d bytes", len(v.Earlier), len(s.Earlier), len(v.Next))
	}
}

// underTheOld checks that a session ended whole under the quote that it began with.
func (w *world) underTheOld() {
	w.t.Helper()
	w.settled()
	w.withinSlice()
	if s, _ := w.station.stored(); len(s.Earlier) != 0 || s.NextAgreed {
		w.t.Error("the station went over to a quote that nobody agreed to")
	}
}

func TestTranscriptsOfNewQuotes(t *testing.T) {
	for _, s := range requotes {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, s.setup)
			w.vehicle.begin()
			w.run(w.bothOver)
			s.check(w)
			w.golden(s.name)
		})
	}
}

// changing is a session of few steps with a change of tariff in it.
func changing() setup {
	return setup{energy: 250_000, claimEvery: 6 * time.Second, change: &change{twiceAsDear, 6 * time.Second, 14 * time.Second}}
}

// A crash before every single effect on either side. Where the station was down for too long to ask, or the time has come
// before the vehicle could agree, the session ends under the old quote: at the price of its readings in every case.
func TestI4_ACrashAtAnyStepOfARequoteCostsNothing(t *testing.T) {
	run := campaign.New(t)
	for _, merged := range []bool{false, true} {
		for _, side := range []func(*world) *node{vehicleOf, stationOf} {
			changed := 0
			for at := 1; ; at++ {
				s := changing()
				s.merged = merged
				s.crash = func(n *node) bool { return n == side(n.w) && n.effects == at && n.crashes == 0 }
				w := newWorld(t, s)
				w.vehicle.begin()
				w.run(w.bothOver)
				if side(w).crashes == 0 {
					break
				}
				run.Count("crashes", 1)
				w.settled()
				w.claimsAreQuoted()
				if s, _ := w.station.stored(); len(s.Earlier) > 0 {
					changed++
				}
			}
			if changed == 0 {
				t.Error("no session changed its tariff: this shows nothing")
			}
		}
	}
}

// Whatever the network and the processes do: both sides are under the same quotes, and the whole session costs the sum of
// its parts (I2 to I6 are checked with every step).
func TestI4_LossAndCrashesDoNotSplitTheQuotes(t *testing.T) {
	changed := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSetup(rt)
		s.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "another seed"), 6))
		asked := time.Duration(rapid.IntRange(0, 30).Draw(rt, "asked after")) * time.Second
		s.change = &change{strings.Replace(rapid.SampledFrom(rates).Draw(rt, "next tariff"), `"id":"t"`, `"id":"u"`, 1), asked,
			asked + time.Duration(rapid.IntRange(1, 20).Draw(rt, "ahead"))*time.Second}
		w := newWorld(t, s)
		w.fatal = func(text string) { rt.Fatal(text) }
		w.vehicle.begin()
		w.run(w.bothOver)
		if w.neverBegan() {
			return
		}
		w.settled()
		w.claimsAreQuoted()
		if s, _ := w.station.stored(); len(s.Earlier) > 0 {
			changed++
		}
	})
	if changed < 10 {
		t.Errorf("%d sessions changed their tariff: this shows little", changed)
	}
}

package session_test

import (
	"slices"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet/money"
)

const cent = money.Nano / 100

// stopAt asks a node to stop, some time after the session began.
func stopAt(n func(*world) *node, after time.Duration, reason wire.Reason) func(*world) {
	return func(w *world) {
		w.after(after, func() { n(w).step(session.StopAsked{Reason: reason}) })
	}
}

func vehicleOf(w *world) *node { return w.vehicle }
func stationOf(w *world) *node { return w.station }

// dieAt kills a node for good.
func dieAt(n func(*world) *node, after time.Duration) func(*world) {
	return func(w *world) {
		w.after(after, func() { n(w).gone = true; n(w).crashNow() })
	}
}

type scenario struct {
	name   string
	setup  setup
	script func(*world)
	check  func(*world)
}

var scenarios = []scenario{
	{name: "plain", check: func(w *world) { w.paid(108 * money.Nano / 1000) }},
	{
		name: "start fee and idle fee",
		setup: setup{
			tariff: tariffOf(`{"type":"FLAT","price":0.50,"step_size":1},{"type":"ENERGY","price":0.36,"step_size":1},{"type":"PARKING_TIME","price":6,"step_size":60}`),
			energy: 150_000,
			payer:  func(p *session.PayerPolicy) { p.FullIsTarget = false },
		},
		script: stopAt(vehicleOf, 90*time.Second, wire.ReasonUser),
		check: func(w *world) {
			// Idle from the reading at 21.5 s to the stop at 90 s: two minutes begun, 0.10 each.
			w.paid(50*cent + 54*money.Nano/1000 + 20*cent)
		},
	},
	{
		name: "the station pays back",
		setup: setup{
			tariff: tariffOf(`{"type":"FLAT","price":0.05,"step_size":1},{"type":"ENERGY","price":-0.36,"step_size":1}`),
			payee:  func(p *session.PayeePolicy) { p.TopUp = money.Nano },
			energy: 200_000,
		},
		check: func(w *world) {
			w.paid(5*cent - 72*money.Nano/1000)
			_, ch := w.station.stored()
			if ch.Side.Out.Owed() == 0 {
				w.t.Error("the station's lane was never used")
			}
		},
	},
	{
		name: "top-up while charging",
		setup: setup{
			powerMw: 360_000_000, energy: 2_000_000, balance: 10 * money.Nano,
			payer: func(p *session.PayerPolicy) { p.Deposit, p.TopUp = 80*cent, 50*cent },
		},
		check: func(w *world) {
			w.paid(72 * cent)
			if v, _ := w.vehicle.stored(); len(v.Vertices) < 2 {
				w.t.Error("no top-up was needed: the scenario shows nothing")
			}
		},
	},
	{
		name:  "periodic withdrawal",
		setup: setup{settleAt: 4 * cent},
		check: func(w *world) {
			w.paid(108 * money.Nano / 1000)
			if s, _ := w.station.stored(); len(s.Vertices) < 3 {
				w.t.Errorf("%d withdrawals", len(s.Vertices))
			}
		},
	},
	{
		name:   "stop by the station",
		script: stopAt(stationOf, 18*time.Second, wire.ReasonStation),
		check: func(w *world) {
			w.settled()
			if v, _ := w.vehicle.stored(); v.Reason != wire.ReasonStation {
				w.t.Errorf("the vehicle takes the reason for %q", v.Reason)
			}
		},
	},
	{
		name:   "stop by the vehicle",
		script: stopAt(vehicleOf, 18*time.Second, wire.ReasonUser),
		check:  func(w *world) { w.settled() },
	},
	{
		name:   "the vehicle vanishes",
		setup:  setup{payee: func(p *session.PayeePolicy) { p.GoneAfter = 12 * time.Second }},
		script: dieAt(vehicleOf, 18*time.Second),
		check:  (*world).closedAlone,
	},
	{
		name:   "the station vanishes",
		script: dieAt(stationOf, 18*time.Second),
		setup:  setup{payer: func(p *session.PayerPolicy) { p.GoneAfter, p.SettleWait = 10*time.Second, 5*time.Second }},
		check: func(w *world) {
			v, _ := w.vehicle.stored()
			if v.Phase != session.PhaseEnded || v.Failure == "" {
				w.t.Errorf("the vehicle ends as %s: %q", v.Phase, v.Failure)
			}
			w.conserved()
		},
	},
	{
		name: "the network parts the two for good",
		setup: setup{
			payee: func(p *session.PayeePolicy) { p.GoneAfter = 12 * time.Second },
			link: func(w *world, _ *letter) []string {
				if w.now.Sub(began) > 18*time.Second {
					return []string{"lose"}
				}
				return nil
			},
		},
		check: func(w *world) { // the vehicle asks the ledger, and need not wait for a station that has closed
			w.closedAlone()
			v, _ := w.vehicle.stored()
			if v.Phase != session.PhaseEnded || v.EndedMs > began.Add(time.Minute).UnixMilli() {
				w.t.Errorf("the vehicle is %s after %s", v.Phase, time.UnixMilli(v.EndedMs).Sub(began))
			}
		},
	},
	{
		name:  "a meter that shows too much",
		setup: setup{inflatePPM: 100_000, payee: func(p *session.PayeePolicy) { p.GoneAfter = 3 * time.Second }},
		check: (*world).unpaidRest,
	},
	{
		name:  "a clock that runs ahead",
		setup: setup{clockPPM: 100_000},
		check: func(w *world) {
			w.settled() // what is left is signed when its time has come
			if v, _ := w.vehicle.stored(); v.Reason != wire.ReasonMeter || v.Quantity >= w.setup.energy {
				w.t.Errorf("stopped by %q after %d mWh", v.Reason, v.Quantity)
			}
		},
	},
	{
		name:  "a demand above the price",
		setup: setup{demandMore: cent},
		check: func(w *world) {
			v, _ := w.vehicle.stored()
			if v.Phase != session.PhaseEnded || v.Reason != wire.ReasonMeter || v.Paid != v.Cost {
				w.t.Errorf("ended as %s, %q, paid %s of %s", v.Phase, v.Reason, v.Paid, v.Cost)
			}
			w.conserved()
		},
	},
	{
		name: "an empty account",
		setup: setup{
			balance: cent,
		},
		check: func(w *world) {
			if v, _ := w.vehicle.stored(); v.Phase != session.PhaseFailed {
				w.t.Errorf("the vehicle is %s", v.Phase)
			}
			w.conserved()
		},
	},
	{
		name: "an account that empties",
		setup: setup{
			powerMw: 360_000_000, energy: 4_000_000, balance: 90 * cent,
			payer: func(p *session.PayerPolicy) { p.Deposit, p.TopUp = 80*cent, 50*cent },
		},
		check: func(w *world) { w.settled() },
	},
	{
		name: "a limit of cost",
		setup: setup{
			powerMw: 360_000_000, energy: 4_000_000,
			payer: func(p *session.PayerPolicy) { p.CostMax = 90 * cent },
		},
		check: func(w *world) {
			if paid := w.settled(); paid > 90*cent {
				w.t.Errorf("paid %s", paid)
			}
		},
	},
	{
		name:   "the meter fails",
		script: func(w *world) { w.after(18*time.Second, func() { w.station.blind = true }) },
		check:  func(w *world) { w.settled() },
	},
	{
		name:  "the meter fails and the vehicle leaves",
		setup: setup{payee: func(p *session.PayeePolicy) { p.GoneAfter = 5 * time.Second }},
		script: func(w *world) {
			dieAt(vehicleOf, 18*time.Second)(w)
			w.after(18*time.Second, func() { w.station.blind = true })
		},
		check: (*world).closedAlone,
	},
	{
		name: "a bad network",
		setup: setup{energy: 150_000, link: func(w *world, l *letter) []string {
			return [][]string{nil, {"again"}, {"lose"}, {"late"}, {"lose"}, {"late", "again"}}[w.setup.random.IntN(6)]
		}},
		check: func(w *world) {
			w.paid(54 * money.Nano / 1000)
			for _, fate := range []string{"lose", "again", "late"} {
				if w.counts[fate] < 3 {
					w.t.Errorf("%s: %d messages", fate, w.counts[fate])
				}
			}
		},
	},
	{
		name: "the first claim comes in a greeting",
		setup: setup{energy: 150_000, link: func(w *world, l *letter) []string {
			early := w.now.Sub(began) < 20*time.Second
			again := l.message.Kind() == wire.KindDemand && w.now.Sub(began) > 2*time.Second
			if early && (again || l.message.Kind() == wire.KindClaim) {
				return []string{"lose"}
			}
			return nil
		}},
		check: func(w *world) { w.paid(54 * money.Nano / 1000) },
	},
	{
		name:  "the vehicle's process dies",
		setup: setup{energy: 150_000, crash: func(n *node) bool { return n == n.w.vehicle && n.effects == 14 }},
		check: func(w *world) { w.paid(54 * money.Nano / 1000) },
	},
	{
		name:  "the station's process dies",
		setup: setup{energy: 150_000, crash: func(n *node) bool { return n == n.w.station && n.effects == 14 }},
		check: func(w *world) { w.paid(54 * money.Nano / 1000) },
	},
	{
		name:  "the second visit",
		setup: setup{energy: 150_000},
		check: func(w *world) {
			w.paid(54 * money.Nano / 1000)
			w.visitAgain(150_000)
			w.paid(54 * money.Nano / 1000)
			if len(w.ledger.channels) != 1 || w.ledger.vertices != 3 {
				w.t.Errorf("%d channels, %d vertices: the channel was not used again", len(w.ledger.channels), w.ledger.vertices)
			}
		},
	},
	{
		name: "top-ups of one amount in several visits",
		setup: setup{
			powerMw: 360_000_000, energy: 2_000_000, balance: 10 * money.Nano,
			payer: func(p *session.PayerPolicy) { p.Deposit, p.TopUp = 80*cent, 80*cent },
		},
		check: func(w *world) {
			for range 3 {
				w.paid(72 * cent)
				w.visitAgain(2_000_000)
			}
			w.paid(72 * cent)
		},
	},
	{
		name: "a top-up that is refused too late",
		setup: setup{
			powerMw: 360_000_000, energy: 9_000_000, balance: 85 * cent, ledgerTakes: 20 * time.Second,
			payer: func(p *session.PayerPolicy) { p.Deposit, p.TopUp = 80*cent, 50*cent },
			payee: func(p *session.PayeePolicy) { p.GoneAfter = 25 * time.Second },
		},
		check: func(w *world) {
			s, _ := w.station.stored()
			v, _ := w.vehicle.stored()
			if v.Phase != session.PhaseEnded || s.Phase != session.PhaseEnded || v.Reason != wire.ReasonUncovered || s.Paid != 80*cent {
				w.t.Errorf("ended as %s, %q and %s with %s of %s", v.Phase, v.Reason, s.Phase, s.Paid, s.Cost)
			}
			w.withinSlice()
			w.conserved()
		},
	},
	{
		name: "the vehicle does not sign the withdrawal",
		setup: setup{energy: 150_000, link: func(w *world, l *letter) []string {
			if l.message.Kind() == wire.KindWithdraw {
				return []string{"lose"}
			}
			return nil
		}},
		check: func(w *world) {
			w.paid(54 * money.Nano / 1000)
			if got := w.ledger.balance[w.station.did]; got != 100*money.Nano {
				w.t.Errorf("the station was paid out %s without a signature", got-100*money.Nano)
			}
		},
	},
	{
		name:   "no word of the channel",
		setup:  setup{payee: func(p *session.PayeePolicy) { p.GoneAfter = 5 * time.Second }},
		script: func(w *world) { w.after(1050*time.Millisecond, func() { w.ledger.down = true }) },
		check: func(w *world) {
			v, _ := w.vehicle.stored()
			s, _ := w.station.stored()
			if v.Phase != session.PhaseFailed || s.Phase != session.PhaseFailed {
				w.t.Errorf("ended as %s and %s", v.Phase, s.Phase)
			}
			w.conserved()
		},
	},
	{
		name:  "the channel expires soon",
		setup: setup{energy: 3_000_000, payer: func(p *session.PayerPolicy) { p.Lifetime = 40 * time.Second }},
		check: func(w *world) {
			w.settled()
			if s, _ := w.station.stored(); s.Reason != wire.ReasonStation || w.now.Sub(began) > 40*time.Second {
				w.t.Errorf("ended after %s, because of %q", w.now.Sub(began), s.Reason)
			}
		},
	},
	{
		name:  "the channel is closed during the session",
		setup: setup{energy: 3_000_000},
		script: func(w *world) {
			w.after(18*time.Second, func() {
				for _, s := range w.ledger.channels {
					s.state = channel.Closing
				}
			})
		},
		check: func(w *world) {
			w.settled()
			w.withinSlice()
			if s, _ := w.station.stored(); s.Reason != wire.ReasonStation {
				w.t.Errorf("ended because of %q", s.Reason)
			}
		},
	},
}

func TestTranscripts(t *testing.T) {
	for _, s := range slices.Concat(scenarios, credentialScenarios) {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, s.setup)
			w.vehicle.begin()
			if s.script != nil {
				s.script(w)
			}
			w.run(w.bothOver)
			s.check(w)
			w.golden(s.name)
		})
	}
}

// visitAgain runs another session of the same two.
func (w *world) visitAgain(energy int64) {
	w.t.Helper()
	w.plug(energy)
	w.vehicle.id[1]++
	w.vehicle.begin()
	w.runOn(w.bothOver)
}

// paid checks a settled session of a known price.
func (w *world) paid(want money.Amount) {
	w.t.Helper()
	if got := w.settled(); got != want {
		w.t.Errorf("paid %s, want %s", got, want)
	}
}

// closedAlone checks that a station whose vehicle is gone gets what was signed, without it.
func (w *world) closedAlone() {
	w.t.Helper()
	s, ch := w.station.stored()
	slot := w.ledger.channels[s.Channel]
	if s.Phase != session.PhaseEnded || !s.Abandoned || slot.state != channel.Closing {
		w.t.Fatalf("the station is %s, abandoned %t, the channel %s", s.Phase, s.Abandoned, slot.state)
	}
	if s.Paid == 0 || slot.lanes[0] != ch.Side.In.Owed() {
		w.t.Errorf("paid %s, the ledger knows %s of %s", s.Paid, slot.lanes[0], ch.Side.In.Owed())
	}
	w.finish(ch)
	if got := w.ledger.balance[w.station.did] - 100*money.Nano; got != s.Paid {
		w.t.Errorf("the station got %s of %s", got, s.Paid)
	}
	w.conserved()
}

// finish lets the window pass, and pays out as the keeper of either side would.
func (w *world) finish(ch *session.ChannelRecord) {
	w.t.Helper()
	view := w.ledger.view(w.ledger.channels[ch.ID])
	view.Time = view.WindowEnd
	_, ops, err := session.Keep(*ch, view)
	if err != nil || len(ops) != 1 || ops[0].Kind != session.OpFinalise {
		w.t.Fatalf("keeping the channel asks for %v, %v", ops, err)
	}
	if err := w.ledger.apply(w.station.did, ops[0]); err != nil {
		w.t.Fatal(err)
	}
}

// unpaidRest checks a session in which the vehicle stopped signing: it owes what it signed, the station has that, and
// neither waits for ever.
func (w *world) unpaidRest() {
	w.t.Helper()
	v, _ := w.vehicle.stored()
	s, ch := w.station.stored()
	if v.Phase != session.PhaseEnded || v.Reason != wire.ReasonMeter || v.Failure == "" {
		w.t.Errorf("the vehicle is %s, %q: %q", v.Phase, v.Reason, v.Failure)
	}
	if s.Phase != session.PhaseEnded || s.Paid != v.Paid || s.Paid >= s.Cost || s.Paid == 0 {
		w.t.Errorf("the station is %s with %s of %s, the vehicle paid %s", s.Phase, s.Paid, s.Cost, v.Paid)
	}
	if got := w.ledger.channels[s.Channel].lanes[0]; got != ch.Side.In.Owed() {
		w.t.Errorf("the ledger knows %s of %s", got, ch.Side.In.Owed())
	}
	w.conserved()
}

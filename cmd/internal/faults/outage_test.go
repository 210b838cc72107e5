package faults_test

import (
	"testing"

	"joulepay/channel/session"
	"joulepay/channel/wire"
)

// wanted is what each session of these tests takes, mWh: long enough to be met while energy flows.
const wanted = 300_000

// longPatience is that of a charger which never gives up a vehicle that it does not hear for a while.
const longPatience = "3m"

func TestABrokerThatIsGoneForAWhileOnlyDelays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{apart: true, charger: []string{"--gone-after", longPatience}})
	d := w.drive("300Wh")
	w.flowing(2)
	d.last()
	w.broker.hold()
	w.run.Count("outages: broker", 1)
	w.eventually("a reading that the vehicle does not get", func() bool {
		id := w.delivered().ID
		return w.read("charger").readings[id] > w.read("vehicle").readings[id]
	})
	w.audit()
	w.broker.release()
	w.delayed(d)
}

func TestALedgerThatIsGoneForAWhileOnlyDelays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{apart: true, charger: []string{"--window", "20s", "--gone-after", longPatience}})
	d := w.drive("300Wh")
	w.flowing(2)
	d.last()
	w.ledger.hold()
	w.run.Count("outages: ledger", 1)
	before := w.delivered()
	w.eventually("energy flows without the ledger", func() bool { return w.delivered().Quantity > before.Quantity })
	w.eventually("energy stops when the ledger's word is too old", w.standsStill())
	w.audit()
	w.ledger.release()
	w.delayed(d)
}

// delivered gives the charger's session.
func (w *world) delivered() session.SessionRecord {
	w.t.Helper()
	for _, r := range w.read("charger").sessions {
		return r
	}
	return session.SessionRecord{}
}

// standsStill gives a condition: some readings in a row showed no more energy.
func (w *world) standsStill() func() bool {
	const readings = 4
	last := w.delivered()
	return func() bool {
		now := w.delivered()
		if now.Quantity > last.Quantity {
			last = now
		}
		return now.Phase == session.PhaseCharging && now.Sequence >= last.Sequence+readings
	}
}

// delayed checks that the one session goes on to its end as if nothing had happened.
func (w *world) delayed(d *driver) {
	w.t.Helper()
	w.eventually("the session comes to its end", func() bool { return w.delivered().Phase.Over() })
	w.outcome(d)
	for _, name := range []string{"charger", "vehicle"} {
		r := w.delivered()
		if name == "vehicle" {
			r = w.read("vehicle").sessions[r.ID]
		}
		if r.Phase != session.PhaseEnded || r.Reason != wire.ReasonTarget || r.Failure != "" || r.Quantity < wanted || r.Abandoned {
			w.fail("the %s's session is %s, %q %q, with %d mWh of %d", name, r.Phase, r.Reason, r.Failure, r.Quantity, wanted)
		}
	}
}

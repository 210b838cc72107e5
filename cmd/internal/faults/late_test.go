package faults_test

import (
	"testing"
	"time"

	"joulepay/channel/session"
)

// Patience of a charger that does not wait for its vehicle, and how long that one is away.
const (
	patience = "5s"
	tooLate  = 7 * time.Second
)

func TestI1_I4_AVehicleThatComesBackTooLateFindsItsMoneyAndAnotherChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{charger: []string{"--gone-after", patience, "--window", "8s"}})
	d := w.drive("120Wh", smallDeposits...)
	for range w.run.Size("late", 1) {
		w.stayAway(tooLate)
		w.progress()
		w.aim()
		d.kill()
		w.run.Count("killed: vehicle", 1)
		w.audit()
		w.stayAway(0)
		if name := []string{"charger", "ledger", ""}[w.pick(3)]; name != "" {
			w.aim() // in vain, so that the others are killed while it is away
			if w.services()[name].kill() {
				w.run.Count("killed: "+name, 1)
			}
			w.audit()
		}
		w.eventually("the vehicle is back", func() bool { return d.running() != nil })
	}
	w.outcome(d)
	for _, r := range w.read("charger").sessions {
		if r.Abandoned {
			w.run.Count("sessions given up by the charger", 1)
		}
		if r.Phase == session.PhaseFailed {
			w.run.Count("sessions that never began", 1)
		}
	}
}

func (w *world) stayAway(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = d
}

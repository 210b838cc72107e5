package session_test

import (
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/wire"
)

// patience is how long the station of these tests waits, and a vehicle is away for longer.
const patience = 10 * time.Second

// lateAt is a world in which the vehicle dies when the n-th message of a kind reaches it, and comes back too late.
func lateAt(t *testing.T, n int, kind func(wire.Message) bool) *world {
	t.Helper()
	seen := 0
	w := newWorld(t, setup{
		downFor: 2 * patience,
		payee:   func(p *session.PayeePolicy) { p.GoneAfter = patience },
		link: func(w *world, l *letter) []string {
			if l.to != w.vehicle || !kind(l.message) {
				return nil
			}
			if seen++; seen == n {
				w.after(0, w.vehicle.crashNow)
				return []string{"lose"}
			}
			return nil
		},
	})
	w.vehicle.begin()
	w.run(w.bothOver)
	w.conserved()
	return w
}

func isDemand(m wire.Message) bool { _, ok := m.(wire.Demand); return ok }

func TestAVehicleThatMissedTheBeginningLearnsItAtOnceAndKeepsItsChannel(t *testing.T) {
	w := lateAt(t, 1, isDemand)
	v, _ := w.vehicle.stored()
	s, ch := w.station.stored()
	if v.Phase != session.PhaseFailed || s.Phase != session.PhaseFailed || s.Abandoned {
		t.Errorf("the vehicle is %s, the station %s, abandoned %t", v.Phase, s.Phase, s.Abandoned)
	}
	if slot := w.ledger.channels[v.Channel]; slot.state != channel.Open || ch.Side.Frozen {
		t.Errorf("nothing was owed, and the channel is %s, frozen %t", slot.state, ch.Side.Frozen)
	}
	if took := w.now.Sub(began); took > 3*patience {
		t.Errorf("it took %s", took)
	}
}

func TestAVehicleWhoseFirstClaimNeverArrivedLearnsItAtOnce(t *testing.T) {
	seen := false
	w := newWorld(t, setup{
		downFor: 2 * patience,
		payee:   func(p *session.PayeePolicy) { p.GoneAfter = patience },
		link: func(w *world, l *letter) []string {
			if _, claim := l.message.(wire.Claim); !claim || seen {
				return nil
			}
			seen = true
			w.after(0, w.vehicle.crashNow)
			return []string{"lose"}
		},
	})
	w.vehicle.begin()
	w.run(w.bothOver)
	w.conserved()
	v, _ := w.vehicle.stored()
	s, _ := w.station.stored()
	if v.Phase != session.PhaseEnded || v.Paid != 0 || s.Phase != session.PhaseFailed {
		t.Errorf("the vehicle is %s and paid %s, the station is %s", v.Phase, v.Paid, s.Phase)
	}
	if took := w.now.Sub(began); took > 3*patience {
		t.Errorf("it took %s", took)
	}
}

func TestAVehicleWhoseStationForgotTheSessionOwesWhatItSigned(t *testing.T) {
	w := newWorld(t, setup{})
	w.vehicle.begin()
	w.run(func() bool { v, _ := w.vehicle.stored(); return v != nil && v.Paid > 0 })
	w.station.machine = nil // another machine under the same name: it never heard of the session
	w.station.disk = newNode(w, "station", 2).disk
	w.station.gone = true
	stop := w.now
	w.runOn(func() bool {
		w.vehicle.step(session.Received{Message: wire.Refuse{Code: wire.CodeUnknownSession}})
		return w.vehicle.over() || w.now.Sub(stop) > 2*time.Minute
	})
	if v, _ := w.vehicle.stored(); v.Phase != session.PhaseEnded || v.Paid == 0 || v.Failure == "" {
		t.Errorf("the vehicle is %s, paid %s, %q", v.Phase, v.Paid, v.Failure)
	}
}

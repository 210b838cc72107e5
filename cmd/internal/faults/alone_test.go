package faults_test

import (
	"testing"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle/client"
)

func TestI1_I4_AChargerWhoseVehicleNeverComesBackClosesAloneAndIsPaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{charger: []string{"--gone-after", "5s", "--window", "8s"}})
	d := w.drive("20kWh")
	w.flowing(3)
	d.leave()
	w.run.Count("killed: vehicle", 1)
	w.audit()
	id := w.channelInState(client.ChannelClosing)
	if w.charger.kill() { // while the window runs
		w.run.Count("killed: charger", 1)
	}
	w.audit()
	w.channelInState(client.ChannelClosed)
	w.audit()

	s := w.ledgerState()
	w.conserved(s)
	held := w.read("charger").channels[id].Side.In.Owed()
	if got := s.balances[w.station]; got != held || got == 0 {
		w.fail("the charger holds claims of %s, its account has %s", held, got)
	}
	w.run.Count("claims overheard", w.books.count())

	// Much later the vehicle is found. It learns how its session ended, and has the rest of its deposit.
	w.do(nil, "vehicle", append([]string{"resume", "--data", w.folder("vehicle")}, w.everywhere()...)...)
	for _, r := range w.read("vehicle").sessions {
		if r.Phase != session.PhaseEnded {
			w.fail("the vehicle's session is %s", r.Phase)
		}
	}
	if left := s.balances[w.car]; left != s.issued-held {
		w.fail("the vehicle has %s of %s, and owes %s", left, s.issued, held)
	}
}

// flowing waits until the charger acknowledged some claims of a session in which energy flows.
func (w *world) flowing(claims uint64) {
	w.t.Helper()
	w.eventually("energy is paid for", func() bool {
		for _, r := range w.read("charger").sessions {
			if r.Phase == session.PhaseCharging && r.Claims >= claims && r.Paid > 0 {
				return true
			}
		}
		return false
	})
}

// channelInState waits until the ledger has the one channel in a state.
func (w *world) channelInState(state string) channel.ID {
	w.t.Helper()
	var id channel.ID
	w.eventually("the channel is "+state, func() bool {
		for known, ch := range w.ledgerState().channels {
			id = known
			if ch.State == state {
				return true
			}
		}
		return false
	})
	return id
}

package faults_test

import (
	"path/filepath"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle/client"
)

func TestI1_I4_ClosesThatAreInterruptedComeToTheirEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{charger: []string{"--window", "8s"}})
	for range w.run.Size("closes", 3) {
		d := w.drive("30Wh")
		w.eventually("a session", func() bool { return w.unfinished("vehicle") > 0 })
		d.finish()
		id, open := w.openChannel()
		if !open {
			w.fail("a session without a channel")
		}
		for attempt := 0; !w.closed(id, attempt); attempt++ {
			w.audit()
		}
		w.run.Count("closed", 1)
		w.charger.await()
		w.ledger.await()
		w.settled()
		w.paid()
	}
	s := w.ledgerState()
	w.conserved(s)
	claimed := w.paid()
	if s.balances[w.station] != claimed || s.balances[w.car] != s.issued-claimed || claimed == 0 {
		w.fail("I1: of %s, %s was claimed; the vehicle has %s, the charger %s", s.issued, claimed, s.balances[w.car], s.balances[w.station])
	}
}

// openChannel gives the channel that is open.
func (w *world) openChannel() (channel.ID, bool) {
	w.t.Helper()
	for id, ch := range w.ledgerState().channels {
		if ch.State == client.ChannelOpen {
			return id, true
		}
	}
	return channel.ID{}, false
}

// closed asks for a close. Early attempts are struck somewhere; when the peer had no chance to sign, later ones go alone.
func (w *world) closed(id channel.ID, attempt int) bool {
	w.t.Helper()
	const struck = 3
	argv := []string{program(w.t, "vehicle"), "channels", "close", client.ID(id).String(), "--data", w.folder("vehicle")}
	argv = append(argv, w.everywhere()...)
	if attempt > struck {
		argv = append(argv, "--alone")
	}
	p, err := start(filepath.Join(w.logs, "commands.log"), "vehicle", nil, argv...)
	w.noError(err)
	if attempt < struck {
		select {
		case <-w.tap.next("close"):
		case <-p.ended:
		case <-time.After(aimMax):
		}
		time.Sleep(time.Duration(w.pick(60)) * time.Millisecond)
		if name := []string{"vehicle", "charger", "ledger"}[w.pick(3)]; name == "vehicle" && !p.over() {
			p.kill()
			w.run.Count("killed: vehicle", 1)
		} else if name != "vehicle" && w.services()[name].kill() {
			w.run.Count("killed: "+name, 1)
		}
	}
	if p.code() != 0 {
		return false
	}
	w.run.Count([]string{"at the first attempt", "at a later attempt"}[min(attempt, 1)], 1)
	return true
}

package faults_test

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// victims are what dies together, and how often.
var victims = []struct {
	names []string
	share int
}{
	{[]string{"vehicle"}, 3},
	{[]string{"charger"}, 3},
	{[]string{"ledger"}, 2},
	{[]string{"vehicle", "charger"}, 2},
	{[]string{"charger", "ledger"}, 2},
	{[]string{"vehicle", "ledger"}, 2},
	{[]string{"vehicle", "charger", "ledger"}, 2},
}

// smallDeposits make the vehicle add money to its channel again and again.
var smallDeposits = []string{"--deposit", "0.20EUR", "--top-up", "0.10EUR"}

// killsHere is how many processes die in a short run.
const killsHere = 12

func TestI1_I4_RandomKillsLoseNoAcknowledgedClaimAndNoMoney(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	d := w.drive("60Wh", smallDeposits...)
	for left := w.run.Size("kills", killsHere); left > 0; {
		left -= w.strike(d, left)
	}
	w.outcome(d)
}

func TestI1_I4_RandomKillsAroundABrokerOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{apart: true})
	d := w.drive("60Wh", smallDeposits...)
	for left := max(w.run.Size("kills", killsHere)/4, 4); left > 0; {
		left -= w.strike(d, left)
	}
	w.outcome(d)
}

func TestI1_I4_RandomKillsOfAChargerThatIsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{inOne: true})
	d := w.drive("60Wh", smallDeposits...)
	for left := max(w.run.Size("kills", killsHere)/4, 4); left > 0; {
		left -= w.strike(d, left)
	}
	w.outcome(d)
}

// strike kills at some moment of some phase, at most so many processes, and gives how many died.
func (w *world) strike(d *driver, most int) int {
	w.t.Helper()
	if w.pick(2) == 0 {
		w.progress()
	}
	w.aim()
	switch w.pick(6) {
	case 0:
		w.freeze(d)
	case 1:
		w.stopPolitely(d)
	}
	killed := 0
	for _, name := range w.choose() {
		if killed < most && w.kill(d, name) {
			killed++
			w.run.Count("killed: "+name, 1)
		}
	}
	w.audit()
	return killed
}

func (w *world) kill(d *driver, name string) bool {
	p := w.running(d, name)
	if p != nil {
		p.kill()
	}
	return p != nil
}

// running gives the process of that name that runs now, or nil.
func (w *world) running(d *driver, name string) *process {
	if name == "vehicle" {
		return d.running()
	}
	return w.services()[name].running()
}

// stopPolitely asks some processes to end, as an operator does before an update.
func (w *world) stopPolitely(d *driver) {
	for _, name := range w.choose() {
		if p := w.running(d, name); p != nil {
			p.stop()
			w.run.Count("stopped politely: "+name, 1)
		}
	}
}

func (w *world) services() map[string]*service {
	return map[string]*service{"charger": w.charger, "ledger": w.ledger, "broker": w.broker}
}

// frozenMax is how long processes hang at most: longer than messages are waited for.
const frozenMax = 2 * time.Second

// freeze lets some processes hang for a while: they come back with the clock ahead and old messages in their hands.
func (w *world) freeze(d *driver) {
	var frozen []*process
	for _, name := range w.choose() {
		if p := w.running(d, name); p != nil && p.command.Process.Signal(syscall.SIGSTOP) == nil {
			frozen = append(frozen, p)
			w.run.Count("frozen: "+name, 1)
		}
	}
	time.Sleep(time.Duration(w.pick(int(frozenMax))))
	for _, p := range frozen {
		_ = p.command.Process.Signal(syscall.SIGCONT) // it may have ended before it froze
	}
}

// progressMax bounds how long a strike lets sessions go on undisturbed.
const progressMax = 3 * time.Second

// progress waits until everything is up and a session came to its end, but not for long: else kills would meet but one.
func (w *world) progress() {
	w.charger.await()
	w.ledger.await()
	select {
	case <-w.tap.next("done"):
	case <-time.After(progressMax):
	}
}

// aimMax bounds how long a strike waits for the message that it is aimed at: the processes may be down themselves.
const aimMax = 2 * time.Second

// aim waits for some message between charger and vehicle, and then a little or not at all, so that kills meet every
// phase of a session however short it is.
func (w *world) aim() {
	kind := kinds[w.pick(len(kinds))]
	after := "at " + kind
	select {
	case <-w.tap.next(kind):
	case <-time.After(aimMax):
		after = "at any time"
	}
	time.Sleep(time.Duration(w.pick(4)*w.pick(100)) * time.Millisecond)
	w.run.Count(after, 1)
}

// choose draws the victims, in the order in which they die.
func (w *world) choose() []string {
	all := 0
	for _, v := range victims {
		all += v.share
	}
	n := w.pick(all)
	for _, v := range victims {
		if n -= v.share; n < 0 {
			names := slices.Clone(v.names)
			if w.broker != nil && w.pick(2) == 0 {
				names = append(names, "broker")
			}
			for i := range names {
				j := i + w.pick(len(names)-i)
				names[i], names[j] = names[j], names[i]
			}
			return names
		}
	}
	return nil
}

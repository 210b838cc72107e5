package ledgerfaults_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
)

// TestI1_I4_I7_RandomKillsOfNodesAndBrokersUndoNothingFinal kills processes of the devnet, which starts them again, under load.
func TestI1_I4_I7_RandomKillsOfNodesAndBrokersUndoNothingFinal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byDevnet)
	l := w.load()
	kills := w.run.Size("devnet_kills", 5)
	for killed := 0; killed < kills; {
		l.await(rand.Int64N(12)) // none at times, so that several die together
		victim := w.victim(killed)
		before := w.pid(victim)
		if before == 0 || !w.signal(victim, syscall.SIGKILL) {
			continue // it is about to be started again
		}
		killed++
		w.run.Count("killed: "+kindOf(victim), 1)
		w.eventually(victim+" is dead", func() error {
			if w.pid(victim) == before {
				return errors.New("it still runs")
			}
			return nil
		})
	}
	w.eventually("all processes run again", func() error {
		for _, name := range w.names() {
			if w.pid(name) == 0 {
				return fmt.Errorf("%s does not run", name)
			}
		}
		return nil
	})
	l.await(4)
	v := l.agree()
	l.verify(v)
	w.restarted(kills)
}

// victim chooses who dies: one of each kind first, then anybody.
func (w *world) victim(killed int) string {
	names := w.names()
	switch killed {
	case 0:
		return names[len(w.net.Brokers)+rand.IntN(len(w.net.Nodes))]
	case 1:
		return names[rand.IntN(len(w.net.Brokers))]
	}
	return names[rand.IntN(len(names))]
}

func kindOf(name string) string {
	kind, _, _ := strings.Cut(name, "-")
	return kind
}

// restarted checks that every kill was one: the devnet saw so many processes die of it.
func (w *world) restarted(kills int) {
	w.t.Helper()
	seen := strings.Count(w.devnet.words(), "signal: killed")
	w.run.Count("seen to be killed", seen)
	if seen != kills {
		w.t.Errorf("%d kills, of which the devnet saw %d", kills, seen)
	}
}

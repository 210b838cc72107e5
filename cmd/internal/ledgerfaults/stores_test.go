package ledgerfaults_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestI7_TheStoreOfOneBrokerIsDeleted: the others have the log.
func TestI7_TheStoreOfOneBrokerIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byTest)
	l := w.load()
	for _, running := range []bool{false, true} {
		one := w.net.Brokers[rand.IntN(len(w.net.Brokers))].Name
		w.loseStores(l, running, one)
		l.await(3)
	}
	l.verify(l.agree())
}

// TestI7_TheStoresOfAllBrokersAreDeleted: the log begins again from what is justified.
func TestI7_TheStoresOfAllBrokersAreDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byTest)
	l := w.load()
	var all []string
	for _, b := range w.net.Brokers {
		all = append(all, b.Name)
	}
	for _, running := range []bool{false, true} {
		before := w.epoch()
		w.loseStores(l, running, all...)
		l.await(3)
		if after := w.epoch(); after <= before {
			t.Errorf("all brokers lost the log, and its epoch is %d after %d", after, before)
		}
	}
	l.verify(l.agree())
}

// loseStores deletes the stores of brokers that are stopped, or that run for some more operations, if they can, and die then.
func (w *world) loseStores(l *load, running bool, brokers ...string) {
	w.t.Helper()
	kind := "stores deleted while stopped"
	if running {
		kind = "stores deleted while running"
		w.deleteStores(brokers...)
		if len(brokers) == 1 {
			l.await(3)
		}
		w.kill(brokers...)
	} else {
		w.kill(brokers...)
		w.deleteStores(brokers...)
	}
	w.run.Count(kind, len(brokers))
	w.revive(brokers...)
}

func (w *world) deleteStores(brokers ...string) {
	w.t.Helper()
	for _, name := range brokers {
		store := filepath.Join(w.data(name), "jetstream")
		if info, err := os.Stat(store); err != nil || !info.IsDir() {
			w.t.Fatalf("%s has no store: %v", name, err)
		}
		w.eventually(name+" has no store", func() error { return os.RemoveAll(store) }) // it may write beside
	}
}

// epoch gives the highest life of the log that some node reads.
func (w *world) epoch() (highest uint64) {
	w.t.Helper()
	w.eventually("a node says which log it reads", func() error {
		for _, api := range w.apis {
			ctx, cancel := w.ctx()
			network, err := api.Network(ctx)
			cancel()
			if err == nil && network.Stream != nil {
				highest = max(highest, network.Stream.Epoch)
			}
		}
		if highest == 0 {
			return errors.New("none does")
		}
		return nil
	})
	return highest
}

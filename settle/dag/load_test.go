package dag_test

import (
	"errors"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
)

// stored gives a ledger's snapshot at rest.
func stored(t *testing.T) dag.Snapshot {
	p := openPair(newLedger(t), 50*eur)
	p.wait(time.Second)
	s := newStorage(t, p.genesis)
	for _, e := range p.entries {
		s.apply(e)
	}
	return s.snap
}

func TestDamagedStateIsFoundWhenLoading(t *testing.T) {
	if _, err := dag.Load(stored(t)); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(*dag.Snapshot){
		"a flipped bit of a key": func(s *dag.Snapshot) { s.Slots[len(s.Slots)-1].Key.ID[3] ^= 1 },
		"a sequence":             func(s *dag.Snapshot) { change(s, func(a *settle.Account) { a.Sequence++ }) },
		"a balance":              func(s *dag.Snapshot) { change(s, func(a *settle.Account) { a.Balance++ }) },
		"a balance, with more vertices since": func(s *dag.Snapshot) {
			s.Head.Changed = true
			change(s, func(a *settle.Account) { a.Balance++ })
		},
		"a slot that does not decode": func(s *dag.Snapshot) { s.Slots[0].Content = s.Slots[0].Content[1:] },
		"a missing slot":              func(s *dag.Snapshot) { s.Slots = s.Slots[:len(s.Slots)-1] },
		"a gap":                       func(s *dag.Snapshot) { s.Slots = s.Slots[1:] },
		"a slot twice":                func(s *dag.Snapshot) { s.Slots[1].Key = s.Slots[0].Key },
		"no checkpoint":               func(s *dag.Snapshot) { s.Marks = nil },
		"the checkpoint's root":       func(s *dag.Snapshot) { s.Marks[len(s.Marks)-1].Checkpoint.State[0] ^= 1 },
		"more vertices than counted":  func(s *dag.Snapshot) { s.Head.Decided = 1 },
	} {
		snap := stored(t)
		damage(&snap)
		if _, err := dag.Load(snap); !errors.Is(err, dag.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// change changes the first account's slot.
func change(s *dag.Snapshot, f func(*settle.Account)) {
	for i, slot := range s.Slots {
		if slot.Key.Kind == settle.SlotAccount {
			a, err := settle.DecodeAccount(slot.Content)
			if err != nil {
				panic(err)
			}
			f(&a)
			s.Slots[i].Content = a.Encode()
			return
		}
	}
}

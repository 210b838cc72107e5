package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/store"
	"joulepay/settle/stream"
)

// Run tests a kind of store. open gives an empty one; reopen closes one and opens what it left. histories is how many
// random ones to try of each kind.
func Run(t *testing.T, histories int, open func(testing.TB) store.Store, reopen func(testing.TB, store.Store) store.Store) {
	t.Run("an empty store says so", func(t *testing.T) { testEmpty(t, open(t)) })
	var fired fired
	for seed := range uint64(histories) {
		t.Run(fmt.Sprintf("a history is kept, undone and pruned as the model says, seed %d", seed), func(t *testing.T) {
			testHistory(t, open(t), reopen, seed, &fired)
		})
		t.Run(fmt.Sprintf("a store begins from a base, seed %d", seed), func(t *testing.T) { testBase(t, open(t), reopen, seed, &fired) })
	}
	if fired.undone == 0 || fired.pruned == 0 || fired.left == 0 {
		t.Errorf("these histories show too little: %+v", fired)
	}
	t.Run("no store goes back below what is final", func(t *testing.T) { testRollbackRefused(t, open(t)) })
	t.Run("a base that breaks off leaves the store empty", func(t *testing.T) { testBrokenBase(t, open) })
	t.Run("a store begins once", func(t *testing.T) { testBeginsOnce(t, open(t)) })
}

func testEmpty(t *testing.T, s store.Store) {
	ctx := t.Context()
	if _, err := s.Load(ctx); !errors.Is(err, store.ErrEmpty) {
		t.Errorf("load: %v", err)
	}
	if _, _, err := s.Slot(ctx, settle.TotalsKey()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("slot: %v", err)
	}
	if _, err := s.Vertex(ctx, settle.VertexID{1}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("vertex: %v", err)
	}
	if _, err := s.Covering(ctx, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("covering: %v", err)
	}
	if list, err := s.Vertices(ctx, store.VertexQuery{Page: store.Page{Limit: 5}}); err != nil || len(list) != 0 {
		t.Errorf("vertices: %v, %v", list, err)
	}
	if done, err := s.Prune(ctx, 1<<40); err != nil || !done {
		t.Errorf("prune: %t, %v", done, err)
	}
	if _, err := s.Rollback(ctx, 0, stream.Position{}); !errors.Is(err, store.ErrRollback) {
		t.Errorf("rollback: %v", err)
	}
}

// Commit stores the next batch of a history.
func Commit(t testing.TB, s store.Store, b store.Batch) {
	t.Helper()
	if err := s.Commit(bare, b); err != nil {
		t.Fatal(err)
	}
}

// Undo goes back, in the model and in the store, and counts the vertices that were undone.
func (h *History) Undo(t testing.TB, s store.Store) int {
	t.Helper()
	checkpoint, to, want := h.Rollback()
	undone, err := s.Rollback(bare, checkpoint, to)
	if err != nil {
		t.Fatalf("back to checkpoint %d: %v", checkpoint, err)
	}
	var got []settle.VertexID
	for _, v := range undone {
		got = append(got, v.ID())
	}
	if err := equal("undone", got, want); err != nil {
		t.Fatal(err)
	}
	return len(got)
}

// PruneAll prunes up to a height, in the model and in the store.
func (h *History) PruneAll(t testing.TB, s store.Store, upTo uint64) {
	t.Helper()
	h.Prune(upTo)
	for range callsMax {
		done, err := s.Prune(bare, upTo)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return
		}
	}
	t.Fatalf("pruning does not end: %d calls", callsMax)
}

// callsMax is more calls of Prune than a history of a test needs.
const callsMax = 1000

func (h *History) expect(t testing.TB, s store.Store) {
	t.Helper()
	if err := h.Check(bare, s); err != nil {
		t.Fatalf("at %s: %v", h, err)
	}
}

// fired counts what happened in random histories.
type fired struct {
	undone int // vertices
	pruned int // entries
	left   int // windows of bases that were pruned
}

func testHistory(t testing.TB, s store.Store, reopen func(testing.TB, store.Store) store.Store, seed uint64, fired *fired) {
	h, random := NewHistory(seed), rand.New(rand.NewPCG(seed, 2))
	Commit(t, s, h.Begin())
	fired.undone += h.run(t, &s, reopen, random, 60)
	fired.pruned += int(h.pruned)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// run does so many random steps, compares everything now and then, and counts the vertices that were undone.
func (h *History) run(t testing.TB, s *store.Store, reopen func(testing.TB, store.Store) store.Store, random *rand.Rand, steps int) (undone int) {
	t.Helper()
	for range steps {
		switch random.IntN(24) {
		case 0:
			*s = reopen(t, *s)
		case 1, 2:
			undone += h.Undo(t, *s)
		case 3:
			h.PruneAll(t, *s, random.Uint64N(h.head.Height+1))
		case 4:
			h.expect(t, *s)
		default:
			Commit(t, *s, h.Batch())
		}
	}
	h.expect(t, *s)
	undone += h.Undo(t, *s)
	h.PruneAll(t, *s, h.head.Height)
	h.expect(t, *s)
	return undone
}

func testBase(t testing.TB, s store.Store, reopen func(testing.TB, store.Store) store.Store, seed uint64, fired *fired) {
	h, random := NewHistory(seed), rand.New(rand.NewPCG(seed, 2))
	h.Begin()
	for range random.IntN(60) {
		h.Batch()
	}
	if err := s.Begin(bare, h.Base()); err != nil {
		t.Fatal(err)
	}
	h.expect(t, s)
	begun := h.pruned
	fired.undone += h.run(t, &s, reopen, random, 50)
	if h.pruned > begun {
		fired.left++
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func testRollbackRefused(t *testing.T, s store.Store) {
	h := NewHistory(1)
	Commit(t, s, h.Begin())
	for h.final.Checkpoint.Number < 3 {
		Commit(t, s, h.Batch())
	}
	for _, n := range []uint64{0, h.final.Checkpoint.Number - 1, h.last() + 1, 1 << 62} {
		if _, err := s.Rollback(bare, n, stream.Position{}); !errors.Is(err, store.ErrRollback) {
			t.Errorf("back to checkpoint %d: %v", n, err)
		}
	}
	h.expect(t, s)
}

func testBrokenBase(t *testing.T, open func(testing.TB) store.Store) {
	h := NewHistory(1)
	h.Begin()
	for range 20 {
		h.Batch()
	}
	base := h.Base()
	for name, b := range map[string]store.Base{
		"window": {Genesis: base.Genesis, Final: base.Final, Justified: base.Justified, Head: base.Head, Position: base.Position, Marks: base.Marks, Window: broken(h.items()), Slots: base.Slots},
		"slots":  {Genesis: base.Genesis, Final: base.Final, Head: base.Head, Position: base.Position, Marks: base.Marks, Window: base.Window, Slots: broken(h.slots)},
	} {
		s := open(t)
		if err := s.Begin(bare, b); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
		testEmpty(t, s)
		if err := s.Begin(bare, base); err != nil {
			t.Errorf("after a broken base: %v", err)
		}
		h.expect(t, s)
	}
}

func testBeginsOnce(t *testing.T, s store.Store) {
	h := NewHistory(1)
	Commit(t, s, h.Begin())
	for range 20 {
		Commit(t, s, h.Batch())
	}
	other := NewHistory(1)
	other.Begin()
	if err := s.Begin(bare, store.Base{Genesis: other.genesis, Head: other.head, Final: other.final, Marks: []dag.StoredMark{{}}, Window: sequence(other.items()), Slots: sequence(other.slots)}); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("a second beginning: %v", err)
	}
	h.expect(t, s)
}

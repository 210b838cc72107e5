package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"joulepay/internal/campaign"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/snapshot"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// world is a ledger with one witness, driven by hand.
type world struct {
	tb       testing.TB
	genesis  *settle.Vertex
	key      wallet.PrivateKey // issues and witnesses
	state    *dag.State
	finality *dag.Finality
	store    *store.Memory
	issued   byte
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	key := wallet.NewPrivateKey([32]byte{1})
	limits := settle.DefaultLimits()
	limits.ParentWindow = 16
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(key.Public()), Cap: 1000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(key.Public()), Key: key.Public(), Weight: 1}},
		Limits:    limits,
	})
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{tb: tb, genesis: genesis, key: key, store: store.NewMemory()}
	if w.state, err = dag.New(genesis); err != nil {
		tb.Fatal(err)
	}
	first := w.state.LastCheckpoint()
	w.finality = dag.NewFinality(w.state.Network(), proof.Final{Checkpoint: first}, nil)
	w.commit(store.Batch{
		Genesis: genesis, Entries: []store.Entry{store.GenesisEntry(genesis)}, Certified: []uint64{0},
		Checkpoints: []store.Marked{{Checkpoint: first, Head: w.state.Head()}},
	})
	return w
}

func (w *world) commit(b store.Batch) {
	w.tb.Helper()
	b.Head, b.Slots, b.Final = w.state.Head(), w.state.TakeChanges(), w.finality.Final().Checkpoint.Number
	if err := w.store.Commit(w.tb.Context(), b); err != nil {
		w.tb.Fatal(err)
	}
}

// apply logs an entry and stores what it changes.
func (w *world) apply(e dag.Entry) {
	w.tb.Helper()
	r, err := w.state.Apply(e)
	if err != nil || !r.Logged {
		w.tb.Fatal(r, err)
	}
	entry := store.Entry{Height: r.Height, Kind: e.Kind(), ID: e.ID(), Verdict: r.Verdict, Time: w.state.Head().Time, Raw: e.Encode()}
	if e.Vertex != nil {
		entry.Raw = e.Vertex.Encode()
	}
	b := store.Batch{Entries: []store.Entry{entry}}
	if r.Checkpoint != nil {
		b.Checkpoints = []store.Marked{{Checkpoint: *r.Checkpoint, Head: w.state.Head()}}
		b.Certificates = w.vote(*r.Checkpoint)
	}
	if e.Certificate != nil {
		b.Certified = []uint64{e.Certificate.Target.Number}
	}
	w.commit(b)
	for _, c := range b.Certificates {
		w.apply(dag.Entry{Certificate: &c})
	}
}

func (w *world) vote(c proof.Checkpoint) []proof.Certificate {
	w.finality.Mark(c)
	vote, ok := w.finality.NextVote(w.state.Head().Time + 1)
	if !ok {
		return nil
	}
	signed, err := w.state.Network().Witnesses.SignVote(vote, w.state.Network().ID, w.key)
	if err != nil {
		w.tb.Fatal(err)
	}
	certificate, err := w.finality.Vote(signed)
	if err != nil || certificate == nil {
		w.tb.Fatal("no certificate", err)
	}
	return []proof.Certificate{*certificate}
}

// grow issues money to so many new accounts, and makes a checkpoint after each.
func (w *world) grow(accounts int) {
	w.tb.Helper()
	for range accounts {
		w.issued++
		to := wallet.DIDOf(wallet.NewPrivateKey([32]byte{9, w.issued}).Public())
		v, err := settle.Sign(settle.Draft{
			Network: w.state.Network().ID, Issuer: wallet.DIDOf(w.key.Public()), Parents: w.state.Tips(0), Nonce: uint64(w.issued),
			Payload: &settle.Issue{Reference: settle.Reference{w.issued}, To: to, Amount: money.Nano},
		}, w.key)
		if err != nil {
			w.tb.Fatal(err)
		}
		w.apply(dag.Entry{Vertex: v})
		w.apply(dag.Entry{Mark: w.state.LastCheckpoint().Number + 1})
	}
}

func (w *world) base() store.Base {
	w.tb.Helper()
	final := w.finality.Final()
	slots, err := w.state.SlotsAt(final.Checkpoint.Number)
	if err != nil {
		w.tb.Fatal(err)
	}
	b, err := snapshot.Of(w.tb.Context(), w.store, w.genesis, final, slots)
	if err != nil {
		w.tb.Fatal(err)
	}
	return b
}

func (w *world) write() []byte {
	w.tb.Helper()
	var out bytes.Buffer
	s, err := snapshot.Write(&out, w.base())
	if err != nil || s.Size != uint64(out.Len()) {
		w.tb.Fatal(s, err)
	}
	return out.Bytes()
}

func (w *world) id() wallet.NetworkID { return w.genesis.NetworkID() }

func TestSnapshotHoldsTheStateAtTheFinalCheckpoint(t *testing.T) {
	for _, accounts := range []int{1, 3, 30, 100} { // the window begins with the genesis, then no longer; then too many checkpoints
		w := newWorld(t)
		w.grow(accounts)
		raw := w.write()
		summary, err := snapshot.Verify(iotest.OneByteReader(bytes.NewReader(raw)), w.id(), nil)
		if err != nil {
			t.Fatalf("%d accounts: %v", accounts, err)
		}
		final := w.finality.Final().Checkpoint
		if summary.Final.Checkpoint != final || summary.Network != w.id() || summary.Name != "test" || summary.Size != uint64(len(raw)) {
			t.Errorf("%d accounts: %+v", accounts, summary)
		}
		if !bytes.Equal(w.write(), raw) {
			t.Errorf("%d accounts: written twice, it differs", accounts)
		}
	}
}

func TestI7_ALedgerThatBeginsFromASnapshotGoesOnLikeTheOther(t *testing.T) {
	w := newWorld(t)
	w.grow(80)
	r, err := snapshot.Open(bytes.NewReader(w.write()), w.id())
	if err != nil {
		t.Fatal(err)
	}
	begun := store.NewMemory()
	if err := begun.Begin(t.Context(), r.Base()); err != nil {
		t.Fatal(err)
	}
	stored, err := begun.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := dag.Load(stored.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if tips := other.TipCount(); tips != 1 {
		t.Errorf("%d tips", tips)
	}
	w.grow(20)
	follow := func(e store.Entry) error {
		entry := dag.Entry{}
		if e.Kind == dag.EntryVertex {
			entry.Vertex, err = e.Vertex()
		} else {
			entry, err = dag.DecodeEntry(e.Raw)
		}
		if err != nil {
			return err
		}
		r, err := other.Apply(entry)
		if err == nil && (r.Verdict != e.Verdict || r.Height != e.Height) {
			err = fmt.Errorf("height %d, verdict %s", r.Height, r.Verdict)
		}
		return err
	}
	if err := w.store.Entries(t.Context(), r.Final().Checkpoint.Height, follow); err != nil {
		t.Fatal(err)
	}
	if other.Head() != w.state.Head() || other.LastCheckpoint() != w.state.LastCheckpoint() {
		t.Errorf("head %+v, want %+v", other.Head(), w.state.Head())
	}
	if err := other.Audit(); err != nil {
		t.Error(err)
	}
}

func refused(raw []byte, id wallet.NetworkID) error {
	_, err := snapshot.Verify(bytes.NewReader(raw), id, nil)
	return err
}

var typed = []error{snapshot.ErrFormat, snapshot.ErrNetwork, snapshot.ErrNotCertified}

func isTyped(err error) bool {
	return slices.ContainsFunc(typed, func(known error) bool { return errors.Is(err, known) })
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	w := newWorld(t)
	w.grow(40)
	raw := w.write()
	run := campaign.New(t)
	random := rand.New(rand.NewPCG(uint64(run.Size("snapshot_seed", 1)), 1))
	for range run.Size("snapshot_flips", 600) {
		at, bit := random.IntN(len(raw)), random.IntN(8)
		raw[at] ^= 1 << bit
		if err := refused(raw, w.id()); !isTyped(err) {
			t.Errorf("bit %d of byte %d: %v", bit, at, err)
		}
		raw[at] ^= 1 << bit
	}
	if err := refused(raw, w.id()); err != nil {
		t.Error(err)
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	w := newWorld(t)
	w.grow(20)
	raw := w.write()
	for n := 0; n < len(raw); n += 1 + n/40 {
		if err := refused(raw[:n], w.id()); !errors.Is(err, snapshot.ErrFormat) {
			t.Errorf("%d of %d bytes: %v", n, len(raw), err)
		}
	}
	if err := refused(append(slices.Clone(raw), 0), w.id()); !errors.Is(err, snapshot.ErrFormat) {
		t.Errorf("with a byte more: %v", err)
	}
}

func TestLiesAreRefusedWhenSnapshotsAreMade(t *testing.T) {
	w := newWorld(t)
	w.grow(40)
	slots, err := w.state.SlotsAt(w.finality.Final().Checkpoint.Number)
	if err != nil {
		t.Fatal(err)
	}
	lie := func(change func(*store.Base)) error {
		b := w.base()
		change(&b)
		_, err := snapshot.Write(&bytes.Buffer{}, b)
		return err
	}
	richer := func(s dag.SlotChange) dag.SlotChange {
		if a, err := settle.DecodeAccount(s.Content); s.Key.Kind == settle.SlotAccount && err == nil {
			a.Balance++
			s.Content = a.Encode()
		}
		return s
	}
	for name, tt := range map[string]struct {
		change func(*store.Base)
		want   error
	}{
		"money": {func(b *store.Base) { b.Slots = mapped(slots, richer) }, snapshot.ErrNotCertified},
		"a slot less": {func(b *store.Base) {
			b.Slots = mapped(slots[:len(slots)-1], func(s dag.SlotChange) dag.SlotChange { return s })
		}, snapshot.ErrNotCertified},
		"another final checkpoint": {func(b *store.Base) { b.Final.Checkpoint.Time++ }, snapshot.ErrNotCertified},
		"no certificate":           {func(b *store.Base) { b.Final.Certificate.Votes = nil }, snapshot.ErrNotCertified},
		"another checkpoint":       {func(b *store.Base) { b.Marks[0].Checkpoint.Paused++ }, snapshot.ErrNotCertified},
		"a checkpoint less":        {func(b *store.Base) { b.Marks = b.Marks[1:] }, snapshot.ErrFormat},
		"no checkpoint":            {func(b *store.Base) { b.Marks = nil }, snapshot.ErrFormat},
		"another log":              {func(b *store.Base) { b.Before[0]++ }, snapshot.ErrNotCertified},
		"certified too early":      {func(b *store.Base) { b.Head.Certified = b.Final.Checkpoint.Number + 1 }, snapshot.ErrFormat},
		"more accepted than came":  {func(b *store.Base) { b.Head.Accepted = b.Head.Decided + 1 }, snapshot.ErrFormat},
	} {
		if err := lie(tt.change); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func mapped(slots []dag.SlotChange, change func(dag.SlotChange) dag.SlotChange) func(func(dag.SlotChange, error) bool) {
	return func(yield func(dag.SlotChange, error) bool) {
		for _, s := range slots {
			if !yield(change(s), nil) {
				return
			}
		}
	}
}

func TestSnapshotOfAnotherNetworkIsRefused(t *testing.T) {
	w := newWorld(t)
	w.grow(3)
	raw := w.write()
	if err := refused(raw, wallet.NetworkID{1}); !errors.Is(err, snapshot.ErrNetwork) {
		t.Error(err)
	}
	if err := refused(raw, wallet.NetworkID{}); err != nil {
		t.Errorf("any network: %v", err)
	}
}

func TestNothingFinalGivesNoSnapshot(t *testing.T) {
	w := newWorld(t)
	if _, err := snapshot.Of(t.Context(), w.store, w.genesis, w.finality.Final(), nil); !errors.Is(err, snapshot.ErrNotFinal) {
		t.Error(err)
	}
}

func FuzzSnapshot(f *testing.F) {
	w := newWorld(f)
	w.grow(3)
	raw := w.write()
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := refused(raw, w.id()); err != nil && !isTyped(err) {
			t.Errorf("an error without a type: %v", err)
		}
	})
}

package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/snapshot"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// ErrDiffers is returned when what a ledger has stored does not follow from its genesis and its log.
var ErrDiffers = errors.New("operator: the stored ledger does not follow from its log")

// audited is what an audit has derived anew, and found to be what is stored.
type audited struct {
	Network      wallet.NetworkID `json:"network"`
	Base         uint64           `json:"base"` // height from which everything was derived; the log below it was pruned
	Height       uint64           `json:"height"`
	Log          proof.Hash       `json:"log"`
	Vertices     uint64           `json:"vertices"` // accepted, the genesis among them
	Slots        int              `json:"slots"`    // accounts, channels, issuers and references
	Checkpoints  int              `json:"checkpoints"`
	Certificates int              `json:"certificates"`
	Final        uint64           `json:"final"` // number of the last final checkpoint
	Issued       money.Money      `json:"issued"`
	Redeemed     money.Money      `json:"redeemed"`
	Locked       money.Money      `json:"locked"` // in channels
}

// auditor applies a stored log to the genesis once more.
type auditor struct {
	stored      store.Stored
	state       *dag.State
	checkpoints []proof.Checkpoint // derived, with rising numbers
	base        proof.Checkpoint   // from which; the genesis checkpoint, or that of a snapshot
}

// errEnough ends the log where the snapshot stands: a running node may have gone on meanwhile.
var errEnough = errors.New("operator: read far enough")

// errNoBase says that a log was pruned and that the snapshot is not there from which it could be checked.
var errNoBase = errors.New("operator: the log was pruned, and no snapshot tells what was before")

// audit derives every balance, root and certificate from the log alone, which begins with the genesis or, where it was
// pruned, above a snapshot in the file named. It returns ErrDiffers at the first thing that is not as stored,
// dag.ErrConservation when I1 does not hold, and otherwise what it found.
func audit(ctx context.Context, st store.Store, genesis *settle.Vertex, base string, progress func(height uint64)) (audited, error) {
	stored, err := st.Load(ctx)
	if err != nil {
		return audited{}, err
	}
	if id := stored.Snapshot.Genesis.ID(); id != genesis.ID() {
		return audited{}, fmt.Errorf("%w: the database has %s, the genesis is %s", ErrOtherNetwork, id, genesis.ID())
	}
	a := &auditor{stored: stored}
	if stored.Pruned == 0 {
		err = a.fromGenesis(genesis)
	} else {
		err = a.fromSnapshot(ctx, st, base)
	}
	if err != nil {
		return audited{}, err
	}
	if err := a.replay(ctx, st, progress); err != nil {
		return audited{}, err
	}
	if err := errors.Join(a.compareState(), a.state.Audit()); err != nil {
		return audited{}, err
	}
	certificates, err := a.certificates(ctx, st)
	if err != nil {
		return audited{}, err
	}
	return a.result(certificates)
}

func (a *auditor) fromGenesis(genesis *settle.Vertex) (err error) {
	if a.state, err = dag.New(genesis); err != nil {
		return err
	}
	a.base = a.state.LastCheckpoint()
	a.checkpoints = []proof.Checkpoint{a.base}
	return nil
}

// fromSnapshot begins with a snapshot, which is checked against the genesis as it is read.
func (a *auditor) fromSnapshot(ctx context.Context, st store.Store, path string) error {
	r, file, err := snapshot.OpenFile(path, a.stored.Snapshot.Genesis.NetworkID())
	if err != nil {
		return fmt.Errorf("%w: %w", errNoBase, err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	a.base = r.Final().Checkpoint
	if a.base.Height < a.stored.Pruned {
		return fmt.Errorf("%w: %s is of height %d, the log is kept above %d", errNoBase, path, a.base.Height, a.stored.Pruned)
	}
	begun := store.NewMemory()
	if err := begun.Begin(ctx, r.Base()); err != nil {
		return err
	}
	loaded, err := begun.Load(ctx)
	if err != nil {
		return err
	}
	for _, m := range loaded.Snapshot.Marks {
		a.checkpoints = append(a.checkpoints, m.Checkpoint)
	}
	if a.state, err = dag.Load(loaded.Snapshot); err != nil {
		return err
	}
	return a.leadsToBase(ctx, st)
}

// leadsToBase checks the ids of what is kept below the base: the log hash leads from the first checkpoint that is kept
// to the base.
func (a *auditor) leadsToBase(ctx context.Context, st store.Store) error {
	if a.stored.Pruned == a.base.Height {
		return nil
	}
	rows, err := st.Covering(ctx, a.stored.Pruned+1)
	if err != nil {
		return err
	}
	first, err := st.Checkpoint(ctx, rows.Checkpoint.Number-1)
	if err != nil {
		return err
	}
	log := first.Checkpoint.Log
	err = st.Entries(ctx, a.stored.Pruned, func(e store.Entry) error {
		if e.Height > a.base.Height {
			return errEnough
		}
		entry, err := decodeEntry(e)
		if err != nil || entry.ID() != e.ID {
			return errors.Join(differs(e.Height, "content"), err)
		}
		log = proof.NextLog(log, e.ID, e.Verdict)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if log != a.base.Log {
		return fmt.Errorf("%w: the log does not lead to the snapshot of height %d", ErrDiffers, a.base.Height)
	}
	return nil
}

func (a *auditor) replay(ctx context.Context, st store.Store, progress func(uint64)) error {
	last := a.stored.Snapshot.Head.Height
	err := st.Entries(ctx, a.base.Height, func(e store.Entry) error {
		if e.Height > last {
			return errEnough
		}
		progress(e.Height)
		return a.apply(e)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// apply decides one entry again.
func (a *auditor) apply(e store.Entry) error {
	entry, err := decodeEntry(e)
	if err != nil {
		return fmt.Errorf("%w: entry %d: %w", ErrDiffers, e.Height, err)
	}
	r, err := a.state.Apply(entry)
	switch {
	case err != nil:
		return err
	case !r.Logged || r.Height != e.Height || entry.ID() != e.ID:
		return differs(e.Height, "place in the log")
	case r.Verdict != e.Verdict:
		return differs(e.Height, "verdict")
	case a.state.Head().Time != e.Time:
		return differs(e.Height, "time")
	}
	if r.Checkpoint != nil {
		a.checkpoints = append(a.checkpoints, *r.Checkpoint)
	}
	return nil
}

func decodeEntry(e store.Entry) (dag.Entry, error) {
	if e.Kind != dag.EntryVertex {
		return dag.DecodeEntry(e.Raw)
	}
	v, err := e.Vertex()
	return dag.Entry{Vertex: v}, err
}

func differs(height uint64, what string) error {
	return fmt.Errorf("%w: entry %d: %s", ErrDiffers, height, what)
}

// compareState checks head and slots.
func (a *auditor) compareState() error {
	if derived, stored := a.state.Head(), a.stored.Snapshot.Head; derived != stored {
		return fmt.Errorf("%w: it leads to height %d, log %s; stored are %d, %s", ErrDiffers, derived.Height, derived.Log, stored.Height, stored.Log)
	}
	derived := map[settle.SlotKey]dag.SlotChange{}
	for _, slot := range a.state.Slots() {
		derived[slot.Key] = slot
	}
	for _, slot := range a.stored.Snapshot.Slots {
		want, ok := derived[slot.Key]
		if !ok || want.Index != slot.Index || !bytes.Equal(want.Content, slot.Content) {
			return fmt.Errorf("%w: slot %s", ErrDiffers, slot.Key)
		}
	}
	if len(derived) != len(a.stored.Snapshot.Slots) {
		return fmt.Errorf("%w: %d slots, stored are %d", ErrDiffers, len(derived), len(a.stored.Snapshot.Slots))
	}
	return nil
}

// certificates checks every stored checkpoint and certificate, and the proof of the last final checkpoint.
func (a *auditor) certificates(ctx context.Context, st store.Store) (count int, err error) {
	network := a.state.Network()
	for _, derived := range a.checkpoints {
		row, err := st.Checkpoint(ctx, derived.Number)
		if errors.Is(err, store.ErrPruned) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if row.Checkpoint != derived {
			return 0, fmt.Errorf("%w: checkpoint %d", ErrDiffers, derived.Number)
		}
		c := row.Certificate
		if c == nil {
			continue
		}
		if c.Target != derived.Ref() || c.Source.Number >= derived.Number || !a.follows(c.Source) {
			return 0, fmt.Errorf("%w: the certificate of checkpoint %d is of another", ErrDiffers, derived.Number)
		}
		if err := c.Verify(network.Witnesses, network.ID); err != nil {
			return 0, fmt.Errorf("%w: the certificate of checkpoint %d: %w", ErrDiffers, derived.Number, err)
		}
		count++
	}
	return count, a.final(network)
}

// follows tells whether a checkpoint is one of those derived, or older than all of them.
func (a *auditor) follows(r proof.Ref) bool {
	derived, ok := a.derived(r.Number)
	return r.Number < a.checkpoints[0].Number || ok && derived.Ref() == r
}

func (a *auditor) derived(number uint64) (proof.Checkpoint, bool) {
	if n := number - a.checkpoints[0].Number; n < uint64(len(a.checkpoints)) { // wraps below the first
		return a.checkpoints[n], true
	}
	return proof.Checkpoint{}, false
}

func (a *auditor) final(network *proof.Network) error {
	final := a.stored.Final
	n := final.Checkpoint.Number
	if derived, ok := a.derived(n); !ok || derived != final.Checkpoint {
		return fmt.Errorf("%w: final checkpoint %d", ErrDiffers, n)
	}
	if n == 0 { // the genesis is final by definition
		return nil
	}
	if err := final.Verify(network); err != nil {
		return fmt.Errorf("%w: final checkpoint %d: %w", ErrDiffers, n, err)
	}
	return nil
}

func (a *auditor) result(certificates int) (audited, error) {
	raw, _ := a.state.Slot(settle.TotalsKey())
	totals, err := settle.DecodeTotals(raw)
	if err != nil {
		return audited{}, err
	}
	head, currency := a.state.Head(), a.state.Network().Genesis.Currency
	return audited{
		Network: a.state.Network().ID, Base: a.base.Height, Height: head.Height, Log: head.Log, Vertices: head.Accepted, Slots: len(a.stored.Snapshot.Slots),
		Checkpoints: len(a.checkpoints), Certificates: certificates, Final: a.stored.Final.Checkpoint.Number,
		Issued: money.Of(totals.Issued, currency), Redeemed: money.Of(totals.Redeemed, currency), Locked: money.Of(totals.Locked, currency),
	}, nil
}

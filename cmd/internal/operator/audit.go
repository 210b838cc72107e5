package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// ErrDiffers is returned when what a ledger has stored does not follow from its genesis and its log.
var ErrDiffers = errors.New("operator: the stored ledger does not follow from its log")

// audited is what an audit has derived anew, and found to be what is stored.
type audited struct {
	Network      wallet.NetworkID `json:"network"`
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
	checkpoints []proof.Checkpoint // derived, by number
}

// errEnough ends the log where the snapshot stands: a running node may have gone on meanwhile.
var errEnough = errors.New("operator: read far enough")

// audit derives every balance, root and certificate from the log alone. It returns ErrDiffers at the first thing that
// is not as stored, dag.ErrConservation when I1 does not hold, and otherwise what it found.
func audit(ctx context.Context, st store.Store, genesis *settle.Vertex, progress func(height uint64)) (audited, error) {
	stored, err := st.Load(ctx)
	if err != nil {
		return audited{}, err
	}
	if id := stored.Snapshot.Genesis.ID(); id != genesis.ID() {
		return audited{}, fmt.Errorf("%w: the database has %s, the genesis is %s", ErrOtherNetwork, id, genesis.ID())
	}
	state, err := dag.New(genesis)
	if err != nil {
		return audited{}, err
	}
	a := &auditor{stored: stored, state: state, checkpoints: []proof.Checkpoint{state.LastCheckpoint()}}
	if err := a.replay(ctx, st, progress); err != nil {
		return audited{}, err
	}
	if err := errors.Join(a.compareState(), state.Audit()); err != nil {
		return audited{}, err
	}
	certificates, err := a.certificates(ctx, st)
	if err != nil {
		return audited{}, err
	}
	return a.result(certificates)
}

func (a *auditor) replay(ctx context.Context, st store.Store, progress func(uint64)) error {
	last := a.stored.Snapshot.Head.Height
	err := st.Entries(ctx, 0, func(e store.Entry) error {
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
	for _, slot := range a.state.TakeChanges() { // all of them: nobody has taken any
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
		if c.Target != derived.Ref() || c.Source.Number >= derived.Number || a.checkpoints[c.Source.Number].Ref() != c.Source {
			return 0, fmt.Errorf("%w: the certificate of checkpoint %d is of another", ErrDiffers, derived.Number)
		}
		if err := c.Verify(network.Witnesses, network.ID); err != nil {
			return 0, fmt.Errorf("%w: the certificate of checkpoint %d: %w", ErrDiffers, derived.Number, err)
		}
		count++
	}
	return count, a.final(network)
}

func (a *auditor) final(network *proof.Network) error {
	final := a.stored.Final
	n := final.Checkpoint.Number
	if n >= uint64(len(a.checkpoints)) || a.checkpoints[n] != final.Checkpoint {
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
		Network: a.state.Network().ID, Height: head.Height, Log: head.Log, Vertices: head.Accepted, Slots: len(a.stored.Snapshot.Slots),
		Checkpoints: len(a.checkpoints), Certificates: certificates, Final: a.stored.Final.Checkpoint.Number,
		Issued: money.Of(totals.Issued, currency), Redeemed: money.Of(totals.Redeemed, currency), Locked: money.Of(totals.Locked, currency),
	}, nil
}

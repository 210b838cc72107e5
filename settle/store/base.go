package store

import (
	"fmt"
	"iter"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/stream"
)

// Base is what a store may begin with instead of a genesis: the ledger at a final checkpoint. Who makes one has checked
// that its parts belong together.
type Base struct {
	Genesis *settle.Vertex
	Final   proof.Final
	// Justified justifies the final checkpoint, from which an incarnation of the stream may have to go on; nil for the
	// genesis.
	Justified *proof.Certificate
	Head      dag.Head         // right after the mark of the final checkpoint
	Position  stream.Position  // before the bundle that holds that mark
	Marks     []dag.StoredMark // the last checkpoints, the final one last; dag.MarksKept of them or all
	Before    proof.Hash       // of the log before the window
	// Window is the log up to the checkpoint, without gaps: dag.RecentKept vertices or all.
	Window iter.Seq2[Item, error]
	// Slots are all of them, in order. They are read once, after the window.
	Slots iter.Seq2[dag.SlotChange, error]
}

// Item is what the log hash says of an entry.
type Item struct {
	Height  uint64
	Kind    dag.EntryKind
	ID      [32]byte
	Verdict settle.Verdict
}

// RecentOf gives the newest vertices of a window, oldest first. Who begins with one knows no references, and takes each
// vertex for a child of the one before, so that the newest is the only tip.
func RecentOf(window []Item, limit uint64) []dag.Recent {
	first, count := len(window), uint64(0)
	for first > 0 && count < limit {
		first--
		if window[first].Kind == dag.EntryVertex {
			count++
		}
	}
	out := make([]dag.Recent, 0, count)
	var tip []settle.VertexID
	for _, item := range window[first:] {
		if item.Kind != dag.EntryVertex {
			continue
		}
		out = append(out, dag.Recent{ID: item.ID, Accepted: item.Verdict.Accepted(), Parents: tip})
		if item.Verdict.Accepted() {
			tip = []settle.VertexID{item.ID}
		}
	}
	return out
}

// GenesisEntry gives the entry at height 0.
func GenesisEntry(genesis *settle.Vertex) Entry {
	e := Entry{Kind: dag.EntryVertex, ID: genesis.ID(), Raw: genesis.Encode(), Payload: genesis.PayloadID(), PayloadKind: settle.KindGenesis}
	if g, ok := genesis.Payload().(*settle.Genesis); ok {
		e.Time = settle.LedgerTimeOf(g.Time)
	}
	return e
}

// RecentKept is how many vertices of a network a store keeps for Load.
func RecentKept(genesis *settle.Vertex) uint64 {
	if g, ok := genesis.Payload().(*settle.Genesis); ok {
		return dag.RecentKept(g.Limits)
	}
	return 0
}

// Finalises tells whether a certificate makes a checkpoint final.
func Finalises(c proof.Certificate, p proof.Checkpoint) bool {
	return c.Target.Number == p.Number+1 && c.Source == p.Ref()
}

// Kept gives ErrPruned when what follows a height has been pruned up to another.
func Kept(after, pruned uint64) error {
	if after < pruned {
		return fmt.Errorf("%w: the log is kept above height %d", ErrPruned, pruned)
	}
	return nil
}

// Unknown is the error for what is not among the entries: ErrNotFound, and ErrPruned when it may have been once.
func Unknown(pruned uint64, what string) error {
	if pruned > 0 {
		return fmt.Errorf("%w or %w: %s; the log is kept above height %d", ErrNotFound, ErrPruned, what, pruned)
	}
	return fmt.Errorf("%w: %s", ErrNotFound, what)
}

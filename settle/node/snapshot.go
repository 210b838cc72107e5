package node

import (
	"context"
	"errors"
	"fmt"
	"io"

	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/snapshot"
)

// WriteSnapshot writes the ledger at the last final checkpoint. It gives ErrNotFinal while nothing is final. The node
// goes on meanwhile; what it holds up for is a copy of 80 bytes a slot.
func (n *Node) WriteSnapshot(ctx context.Context, w io.Writer) (snapshot.Summary, error) {
	final, slots, err := n.finalSlots(ctx)
	if err != nil {
		return snapshot.Summary{}, err
	}
	base, err := snapshot.Of(ctx, n.options.Store, n.genesis, final, slots)
	if err != nil {
		return snapshot.Summary{}, err
	}
	return snapshot.Write(w, base)
}

// finalSlots gives the slots at the last final checkpoint. When the state has moved on from the one that was told last,
// the next is told soon.
func (n *Node) finalSlots(ctx context.Context) (proof.Final, []dag.SlotChange, error) {
	for {
		told := n.stages.finalized()
		final := n.LatestFinal()
		if len(final.Certificate.Votes) == 0 {
			return proof.Final{}, nil, fmt.Errorf("%w: %w", ErrNotFinal, snapshot.ErrNotFinal)
		}
		n.coreMu.RLock()
		slots, err := n.core.state.SlotsAt(final.Checkpoint.Number)
		n.coreMu.RUnlock()
		if !errors.Is(err, dag.ErrNotRetained) {
			return final, slots, err
		}
		select {
		case <-told:
		case <-n.ctx.Done():
			return proof.Final{}, nil, ErrStopped
		case <-ctx.Done():
			return proof.Final{}, nil, ctx.Err()
		}
	}
}

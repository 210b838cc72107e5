package snapshot

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
)

// ErrNotFinal means that there is no final checkpoint yet of which a snapshot could be made.
var ErrNotFinal = errors.New("snapshot: nothing is final yet")

// Of gives what Write needs: the slots as they were at a final checkpoint come from the state, the rest from the store.
func Of(ctx context.Context, s store.Store, genesis *settle.Vertex, final proof.Final, slots []dag.SlotChange) (store.Base, error) {
	if len(final.Certificate.Votes) == 0 {
		return store.Base{}, ErrNotFinal
	}
	number := final.Checkpoint.Number
	rows, err := s.Checkpoints(ctx, store.Page{Before: number + 2, Limit: dag.MarksKept})
	if err != nil {
		return store.Base{}, err
	}
	if len(rows) == 0 || rows[0].Checkpoint != final.Checkpoint {
		return store.Base{}, fmt.Errorf("%w: final checkpoint %d is not in the log", dag.ErrCorrupt, number)
	}
	b := store.Base{Genesis: genesis, Final: final, Justified: rows[0].Certificate, Head: rows[0].Head, Position: rows[0].Position, Slots: sequence(slots)}
	for _, row := range slices.Backward(rows) {
		certified := row.Certified && row.Checkpoint.Number <= b.Head.Certified // else the log had the certificate later
		b.Marks = append(b.Marks, dag.StoredMark{Checkpoint: row.Checkpoint, Certified: certified})
	}
	height := final.Checkpoint.Height
	first, before, err := s.Tail(ctx, height, store.RecentKept(genesis))
	if err != nil {
		return store.Base{}, err
	}
	b.Before, b.Window = before, items(ctx, s, first, height)
	return b, nil
}

func sequence(slots []dag.SlotChange) iter.Seq2[dag.SlotChange, error] {
	return func(yield func(dag.SlotChange, error) bool) {
		for _, slot := range slots {
			if !yield(slot, nil) {
				return
			}
		}
	}
}

// items turns the store's visits into a sequence.
func items(ctx context.Context, s store.Store, first, upTo uint64) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		enough := errors.New("enough")
		err := s.Items(ctx, first, upTo, func(item store.Item) error {
			if !yield(item, nil) {
				return enough
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			yield(store.Item{}, err)
		}
	}
}

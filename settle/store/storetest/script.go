package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"joulepay/settle/store"
)

// Script is a history with what befalls a store besides batches: rollbacks and pruning. The same seed makes the same.
type Script struct {
	*History
	random *rand.Rand
	begun  bool
}

// Step is one thing to do to a store. To the model it was done already.
type Step struct {
	Do func(context.Context, store.Store) error
	// Pruning is done in parts, so a store may be left in the midst of it; done again, it is whole.
	Prunes bool
}

// NewScript begins one.
func NewScript(seed uint64) *Script {
	return &Script{History: NewHistory(seed), random: rand.New(rand.NewPCG(seed, 3))}
}

// Next gives the next step.
func (s *Script) Next() Step {
	if !s.begun {
		s.begun = true
		return commit(s.Begin())
	}
	switch s.random.IntN(12) {
	case 0:
		checkpoint, to, undone := s.Rollback()
		return Step{Do: func(ctx context.Context, st store.Store) error {
			vertices, err := st.Rollback(ctx, checkpoint, to)
			if err == nil && len(vertices) != len(undone) {
				err = fmt.Errorf("storetest: %d vertices are undone, want %d", len(vertices), len(undone))
			}
			return err
		}}
	case 1:
		upTo := s.random.Uint64N(s.head.Height + 1)
		s.Prune(upTo)
		return Step{Prunes: true, Do: func(ctx context.Context, st store.Store) error {
			for {
				if done, err := st.Prune(ctx, upTo); done || err != nil {
					return err
				}
			}
		}}
	}
	return commit(s.Batch())
}

func commit(b store.Batch) Step {
	return Step{Do: func(ctx context.Context, st store.Store) error { return st.Commit(ctx, b) }}
}

package simtest

import (
	"context"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
)

// disk is a store whose power may be cut at a write: before it, so that it is lost, or after it, so that it is kept and nobody
// hears of it.
type disk struct {
	store.Store
	writes int  // until the power is cut; zero for never
	kept   bool // whether the write at the cut is kept
	cut    int  // effects until the power is cut between two of them; zero for never
	fired  func(kind string)
	height uint64           // of what was loaded and committed
	vote   proof.SignedVote // that was committed last, or will never be sent
}

// write does something durable, or loses power before or after it.
func (d *disk) write(what string, do func() error) error {
	if d.writes > 0 {
		d.writes--
	} else {
		return do()
	}
	if d.writes > 0 {
		return do()
	}
	if !d.kept {
		d.fired("power cut before a " + what)
		return errPowerCut
	}
	if err := do(); err != nil {
		return err
	}
	d.fired("power cut after a " + what)
	return errPowerCut
}

// Load implements store.Store.
func (d *disk) Load(ctx context.Context) (store.Stored, error) {
	stored, err := d.Store.Load(ctx)
	d.height = stored.Snapshot.Head.Height
	if d.vote = (proof.SignedVote{}); stored.Vote != nil {
		d.vote = *stored.Vote
	}
	return stored, err
}

// Commit implements store.Store. Core and store must not part ways.
func (d *disk) Commit(ctx context.Context, b store.Batch) error {
	if b.Genesis == nil && d.height+uint64(len(b.Entries)) != b.Head.Height {
		return fmt.Errorf("batch of %d entries from height %d to %d", len(b.Entries), d.height, b.Head.Height)
	}
	d.height = b.Head.Height
	if b.Vote != nil {
		d.vote = *b.Vote
	}
	return d.write("commit", func() error { return d.Store.Commit(ctx, b) })
}

// Rollback implements store.Store.
func (d *disk) Rollback(ctx context.Context, checkpoint uint64, to stream.Position) (undone []*settle.Vertex, err error) {
	err = d.write("rollback", func() error {
		undone, err = d.Store.Rollback(ctx, checkpoint, to)
		return err
	})
	return undone, err
}

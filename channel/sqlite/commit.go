package sqlite

import (
	"context"
	"runtime"

	"joulepay/channel/session"
	"joulepay/channel/store"
	engine "joulepay/internal/sqlite"
)

// Bounds of a group. With every session waiting for its answer, both are out of reach below a thousand sessions.
const (
	queueMax = 4096 // batches waiting; beyond, callers wait for room
	groupMax = 1024 // batches that share a transaction, so that the first does not wait for an endless stream
)

// request is a batch that waits to be durable.
type request struct {
	batch session.Batch
	err   error // why this batch alone was refused
	done  chan error
}

// Commit implements store.Store. Once the batch is handed over, it waits for the outcome whatever becomes of ctx.
// If we crash before it returns, the batch is there whole or not at all; after it returned nil, it is there.
func (s *Store) Commit(ctx context.Context, batch session.Batch) error {
	r := &request{batch: batch, done: make(chan error, 1)}
	if err := s.enqueue(ctx, r); err != nil {
		return err
	}
	return <-r.done
}

func (s *Store) enqueue(ctx context.Context, r *request) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitGroups is the goroutine that commits, one group after the other. While the disk is busy with one, the next
// gathers in the queue. Close waits for it.
func (s *Store) commitGroups() {
	defer close(s.idle)
	var rows known
	for first := range s.queue {
		group := []*request{first}
		err := s.db.Commit(context.Background(), func(tx *engine.Tx) error {
			group = s.gather(group)
			return writeGroup(tx, &rows, group)
		})
		if err != nil {
			rows = known{} // it knows what was not committed
		}
		for _, r := range group {
			if err != nil {
				r.err = contracted(err)
			}
			r.done <- r.err
		}
	}
}

// gather adds what waits in the queue. Callers that the last answer has just woken get a chance to join.
func (s *Store) gather(group []*request) []*request {
	const chances = 2
	for missed := 0; missed < chances && len(group) < groupMax; {
		select {
		case r, open := <-s.queue:
			if !open {
				return group
			}
			group = append(group, r)
			missed = 0
		default:
			missed++
			runtime.Gosched()
		}
	}
	return group
}

// writeGroup writes the batches that fit the contract; one that does not is refused alone, before anything of it is
// written. The error is of the file, and of all.
func writeGroup(tx *engine.Tx, rows *known, group []*request) error {
	w := newWriting(tx, rows, len(group))
	if err := rows.prepare(tx); err != nil {
		return err
	}
	for _, r := range group {
		refusal, err := w.check(r.batch)
		if err != nil {
			return err
		}
		if refusal != nil {
			r.err = refusal
			continue
		}
		if err := w.add(r.batch); err != nil {
			return err
		}
	}
	return w.flush()
}

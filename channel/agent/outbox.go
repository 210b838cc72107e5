package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

const (
	// outboxWorkers bounds the operations under way at once. One that waits for its next attempt is not under way.
	outboxWorkers = 16
	// retryFirst and retryMax bound the pause before an operation is tried again.
	retryFirst = 200 * time.Millisecond
	retryMax   = 10 * time.Second
)

// Outbox brings pending operations to the ledger until each has an outcome, whatever happens to the process: entries are
// in the store, payloads are fixed before they are sent, and a retry sends the same bytes.
type Outbox struct {
	store    store.Store
	settler  Settler
	log      *slog.Logger
	conclude func(session.Concluded) // tells the session; must not block for long

	wake   chan struct{}
	slots  chan struct{} // holds one for each operation under way
	spends chan struct{} // holds one while an operation that carries the account's sequence is under way: one at a time
}

// NewOutbox makes an outbox over a store. conclude is called once for each outcome, from its own goroutines.
func NewOutbox(s store.Store, settler Settler, log *slog.Logger, conclude func(session.Concluded)) *Outbox {
	return &Outbox{
		store: s, settler: settler, log: log, conclude: conclude,
		wake: make(chan struct{}, 1), slots: make(chan struct{}, outboxWorkers), spends: make(chan struct{}, 1),
	}
}

// Notify says that the store has new entries.
func (o *Outbox) Notify() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Run works until the context ends, and waits for its workers: one for each channel with entries, which it works off in
// their order. It ends by itself with ErrStoring when the store does not take what becomes of an operation.
func (o *Outbox) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended, busy := make(chan session.OpRecord), map[channel.ID]bool{}
	var pending []session.OpRecord
	o.Notify()
	for {
		select {
		case <-ctx.Done():
			return stoppedBy(ctx)
		case <-o.wake:
			fresh, err := o.store.PendingOps(ctx)
			if err != nil {
				o.log.Error("reading the outbox", "error", err)
				workers.Go(func() { _ = wait(ctx, retryMax); o.Notify() })
				continue
			}
			pending = fresh
		case op := <-ended:
			delete(busy, op.Channel)
			pending = slices.DeleteFunc(pending, func(p session.OpRecord) bool { return p.ID == op.ID })
		}
		for _, op := range pending {
			if busy[op.Channel] {
				continue // an earlier one of the channel comes first
			}
			busy[op.Channel] = true
			workers.Go(func() {
				if err := o.process(ctx, op); err != nil {
					cancel(err)
				}
				select {
				case ended <- op:
				case <-ctx.Done():
				}
			})
		}
	}
}

// stoppedBy gives the error that ended a context, or nil when somebody asked for its end.
func stoppedBy(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, ErrStoring) {
		return err
	}
	return nil
}

// process submits one operation until it has an outcome. Its only error is ErrStoring.
func (o *Outbox) process(ctx context.Context, op session.OpRecord) error {
	for pause := retryFirst; ; pause = min(2*pause, retryMax) {
		err := o.attempt(ctx, &op)
		switch {
		case err == nil, errors.Is(err, ErrLedgerRefused):
			return o.finish(ctx, op, err)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrStoring):
			return err
		case errors.Is(err, ErrStalePayload):
			op.Payload = nil // made anew with the account's present sequence
		default:
			o.log.Warn("ledger operation not through yet", "op", op.Kind.String(), "session", op.Session.String(), "channel", op.Channel.String(), "error", err)
		}
		if !wait(ctx, pause) {
			return nil
		}
	}
}

// attempt prepares the payload, unless that was done before, and submits it.
func (o *Outbox) attempt(ctx context.Context, op *session.OpRecord) error {
	if op.Kind == session.OpOpen || op.Kind == session.OpTopUp {
		if !take(ctx, o.spends) {
			return ctx.Err()
		}
		defer func() { <-o.spends }()
	}
	if !take(ctx, o.slots) {
		return ctx.Err()
	}
	defer func() { <-o.slots }()
	if op.Payload == nil {
		if err := o.fix(ctx, op); err != nil {
			return err
		}
	}
	vertex, err := o.settler.Submit(ctx, op.Payload)
	if err != nil {
		return err
	}
	op.Vertex = vertex
	return nil
}

// fix prepares a payload and stores it. If we crash before it is stored, nothing was sent; after it, the same payload is
// sent again.
func (o *Outbox) fix(ctx context.Context, op *session.OpRecord) error {
	payload, err := o.settler.Prepare(ctx, *op)
	if err != nil {
		return err
	}
	fixed := *op
	fixed.Payload = payload
	if err := o.store.Commit(ctx, session.Batch{Ops: []session.OpRecord{fixed}}); err != nil {
		return fmt.Errorf("%w: payload of %s: %w", ErrStoring, op.Kind, err)
	}
	*op = fixed
	return nil
}

// finish stores the outcome, then tells the session. If we crash in between, the session is told when it is resumed.
func (o *Outbox) finish(ctx context.Context, op session.OpRecord, refused error) error {
	op.State = session.OpFinal
	if refused != nil {
		op.State, op.Failure = session.OpRefused, refused.Error()
		o.log.Warn("the ledger refused an operation", "op", op.Kind.String(), "session", op.Session.String(), "channel", op.Channel.String(), "error", refused)
	}
	if err := o.store.Commit(ctx, session.Batch{Ops: []session.OpRecord{op}}); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("%w: outcome of %s: %w", ErrStoring, op.Kind, err)
	}
	o.conclude(session.Concluded{Op: op, Err: refused})
	return nil
}

// take waits for room and takes it, or tells that the context ended.
func take(ctx context.Context, room chan struct{}) bool {
	select {
	case room <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// wait lets real time pass, or tells that the context ended.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

const (
	// outboxWorkers bounds the operations under way at once.
	outboxWorkers = 16
	// retryFirst and retryMax bound the pause before an operation is submitted again.
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
	spends sync.Mutex // one operation that carries the account's sequence at a time
	mu     sync.Mutex // guards busy
	busy   map[channel.ID]bool
}

// NewOutbox makes an outbox over a store. conclude is called once for each outcome, from its own goroutines.
func NewOutbox(s store.Store, settler Settler, log *slog.Logger, conclude func(session.Concluded)) *Outbox {
	return &Outbox{
		store: s, settler: settler, log: log, conclude: conclude,
		wake: make(chan struct{}, 1), busy: map[channel.ID]bool{},
	}
}

// Notify says that the store has new entries.
func (o *Outbox) Notify() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Run works until the context ends, and waits for its workers. Operations of one channel keep their order.
func (o *Outbox) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, outboxWorkers)
	o.Notify()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		}
		pending, err := o.store.PendingOps(ctx)
		if err != nil {
			if ctx.Err() == nil {
				o.log.Error("reading the outbox", "error", err)
			}
			continue
		}
		for _, op := range pending {
			if !o.claim(op.Channel) {
				continue // an earlier one of the channel is under way, and wakes us when done
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			workers.Go(func() {
				defer func() { <-slots; o.release(op.Channel); o.Notify() }()
				o.process(ctx, op)
			})
		}
	}
}

func (o *Outbox) claim(id channel.ID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy[id] {
		return false
	}
	o.busy[id] = true
	return true
}

func (o *Outbox) release(id channel.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.busy, id)
}

// process submits one operation until it has an outcome.
func (o *Outbox) process(ctx context.Context, op session.OpRecord) {
	pause := retryFirst
	for ctx.Err() == nil {
		err := o.attempt(ctx, &op)
		if err == nil || errors.Is(err, ErrLedgerRefused) {
			o.finish(ctx, op, err)
			return
		}
		if errors.Is(err, ErrStalePayload) {
			op.Payload = nil // made anew with the account's present sequence
			continue
		}
		if ctx.Err() != nil {
			return
		}
		o.log.Warn("ledger operation not through yet", "op", op.Kind.String(), "channel", op.Channel.String(), "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, retryMax)
	}
}

// attempt prepares the payload, unless that was done before a crash, and submits it.
func (o *Outbox) attempt(ctx context.Context, op *session.OpRecord) error {
	if op.Kind == session.OpOpen || op.Kind == session.OpTopUp {
		o.spends.Lock()
		defer o.spends.Unlock()
	}
	if op.Payload == nil {
		payload, err := o.settler.Prepare(ctx, *op)
		if err != nil {
			return err
		}
		op.Payload = payload
		// If we crash before this is stored, nothing was sent; after it, the same payload is sent again.
		if err := o.store.Commit(ctx, session.Batch{Ops: []session.OpRecord{*op}}); err != nil {
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

// finish stores the outcome, then tells the session. If we crash in between, the session asks the ledger.
func (o *Outbox) finish(ctx context.Context, op session.OpRecord, refused error) {
	op.State = session.OpFinal
	if refused != nil {
		op.State, op.Failure = session.OpRefused, refused.Error()
		o.log.Warn("the ledger refused an operation", "op", op.Kind.String(), "channel", op.Channel.String(), "error", refused)
	}
	if err := o.store.Commit(ctx, session.Batch{Ops: []session.OpRecord{op}}); err != nil {
		if ctx.Err() == nil {
			o.log.Error("storing an operation's outcome", "error", err)
		}
		return
	}
	o.conclude(session.Concluded{Op: op, Err: refused})
}

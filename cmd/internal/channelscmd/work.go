package channelscmd

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
)

// work brings operations on channels to the ledger while a command runs.
type work struct {
	app    *cli.App
	party  *party.Party
	outbox *agent.Outbox
	ended  chan struct{} // an operation has an outcome
	broken chan error    // why the outbox cannot go on; room for one

	mu      sync.Mutex // guards refused
	refused map[session.OpID]error
}

// begin runs the outbox until end is called.
func begin(ctx context.Context, app *cli.App, p *party.Party) (w *work, end func()) {
	w = &work{app: app, party: p, ended: make(chan struct{}, 1), broken: make(chan error, 1), refused: map[session.OpID]error{}}
	w.outbox = agent.NewOutbox(p.Store, p.Port, app.Log(), w.concluded)
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.outbox.Run(running); err != nil {
			w.broken <- err
		}
	}()
	return w, func() { cancel(); <-done }
}

func (w *work) concluded(c session.Concluded) {
	w.mu.Lock()
	w.refused[c.Op.ID] = c.Err
	w.mu.Unlock()
	select {
	case w.ended <- struct{}{}:
	default:
	}
}

// deps are what the agent's functions for closing need.
func (w *work) deps() agent.Deps {
	return agent.Deps{Identity: w.party.Identity(), Store: w.party.Store, Settler: w.party.Port, Clock: agent.WallClock{}, Log: w.app.Log()}
}

// record gives a channel, or what to say of one that is not known.
func (w *work) record(ctx context.Context, program string, id channel.ID) (session.ChannelRecord, error) {
	r, err := w.party.Store.Channel(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return r, unknown(program, id)
	}
	return r, err
}

// enter puts an operation into the outbox and waits for its outcome.
func (w *work) enter(ctx context.Context, op session.OpRecord) (session.OpRecord, error) {
	// If we crash before this is stored, nothing was asked; after it, the next command goes on with it.
	if err := w.party.Store.Commit(ctx, session.Batch{Ops: []session.OpRecord{op}}); err != nil {
		return op, err
	}
	return w.await(ctx, op.ID)
}

// await waits for the outcome of an operation that is in the outbox.
func (w *work) await(ctx context.Context, id session.OpID) (session.OpRecord, error) {
	w.outbox.Notify()
	for {
		op, err := w.party.Store.Op(ctx, id)
		if err != nil {
			return op, err
		}
		switch op.State {
		case session.OpFinal:
			return op, nil
		case session.OpRefused:
			return op, w.refusal(op)
		}
		w.app.Progress("%s: waiting until the ledger has it, final", op.Kind)
		select {
		case <-ctx.Done():
			return op, ctx.Err()
		case err := <-w.broken:
			return op, err
		case <-w.ended:
		}
	}
}

// refusal gives the ledger's own error, where it came in this run.
func (w *work) refusal(op session.OpRecord) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.refused[op.ID]; err != nil {
		return fmt.Errorf("%s: %w", op.Kind, err)
	}
	return fmt.Errorf("%s: %w: %s", op.Kind, agent.ErrLedgerRefused, op.Failure)
}

// awaitPending waits for what was entered for a channel before, and gives it.
func (w *work) awaitPending(ctx context.Context, id channel.ID) ([]session.OpRecord, error) {
	pending, err := pendingOf(ctx, w.party.Store)
	if err != nil {
		return nil, err
	}
	for i, op := range pending[id] {
		w.app.Note("first the %s that was asked for before", op.Kind)
		done, err := w.await(ctx, op.ID)
		if err != nil && !errors.Is(err, agent.ErrLedgerRefused) {
			return nil, err
		}
		pending[id][i] = done
	}
	return pending[id], nil
}

// look takes the ledger's certified word on a channel into its record, and enters what must be done for it now: see
// session.Keep.
func (w *work) look(ctx context.Context, id channel.ID) (session.ChannelRecord, session.View, error) {
	view, err := w.party.Port.View(ctx, id)
	if err != nil {
		return session.ChannelRecord{}, view, err
	}
	record, err := w.party.Store.Channel(ctx, id)
	if err != nil {
		return record, view, err
	}
	kept, ops, err := session.Keep(record, view)
	if err != nil {
		return record, view, err
	}
	if err := w.party.Store.Commit(ctx, session.Batch{Channels: []session.ChannelRecord{kept}, Ops: ops}); err != nil {
		return record, view, err
	}
	if len(ops) > 0 {
		w.outbox.Notify()
	}
	return kept, view, nil
}

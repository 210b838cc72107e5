package agent

import (
	"context"
	"errors"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

// keepEveryMin and keepEveryMax bound how often a channel without session is looked at; in between, an eighth of its
// window, so that a stale close is answered with most of the window left.
const (
	keepEveryMin = 250 * time.Millisecond
	keepEveryMax = time.Minute
)

// keeper watches channels while no session uses them: it answers stale closes, finishes closed windows, and settles
// before expiry.
type keeper struct {
	deps   Deps
	outbox *Outbox
	busy   func(channel.ID) bool
	wake   chan struct{}
}

func newKeeper(deps Deps, outbox *Outbox, busy func(channel.ID) bool) *keeper {
	return &keeper{deps: deps, outbox: outbox, busy: busy, wake: make(chan struct{}, 1)}
}

func (k *keeper) run(ctx context.Context) {
	next := map[channel.ID]time.Time{}
	for {
		pause := k.round(ctx, next)
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-time.After(pause):
		}
	}
}

// nudge makes the keeper look at once: a channel was left by its session.
func (k *keeper) nudge() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// round looks at the channels whose time has come, and gives the time until the next is due.
func (k *keeper) round(ctx context.Context, next map[channel.ID]time.Time) time.Duration {
	records, err := k.deps.Store.Channels(ctx)
	if err != nil {
		return keepEveryMin
	}
	pause, now := keepEveryMax, k.deps.Clock.Now().Real
	for _, r := range records {
		if r.State == channel.Closed {
			continue
		}
		if !now.Before(next[r.ID]) {
			next[r.ID] = now.Add(k.every(r))
			k.keep(ctx, r)
		}
		pause = min(pause, next[r.ID].Sub(now))
	}
	return max(pause, keepEveryMin)
}

func (k *keeper) every(r session.ChannelRecord) time.Duration {
	every := r.Side.Opening.Terms.Window / 8
	if r.State == channel.Closing {
		every = min(every, time.Second)
	}
	return min(max(every, keepEveryMin), keepEveryMax)
}

// keep looks at one channel and enters what must be done. Errors pass: it is looked at again.
func (k *keeper) keep(ctx context.Context, r session.ChannelRecord) {
	view, err := k.deps.Settler.View(ctx, r.ID)
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) && ctx.Err() == nil {
			k.deps.Log.Debug("looking at a channel", "channel", r.ID.String(), "error", err)
		}
		return
	}
	if k.busy(r.ID) {
		return // its session looks for itself, and owns the record
	}
	fresh, err := k.deps.Store.Channel(ctx, r.ID)
	if err != nil {
		return
	}
	kept, ops, err := session.Keep(fresh, view)
	if err != nil {
		k.deps.Log.Error("a stored channel cannot be kept", "channel", r.ID.String(), "error", err)
		return
	}
	batch := session.Batch{Ops: ops}
	if kept.State != fresh.State || kept.Settled != fresh.Settled || kept.Side.Funds != fresh.Side.Funds || !kept.Expiry.Equal(fresh.Expiry) {
		batch.Channels = []session.ChannelRecord{kept}
	}
	if batch.Empty() {
		return
	}
	if err := k.deps.Store.Commit(ctx, batch); err != nil {
		k.deps.Log.Error("storing a channel", "channel", r.ID.String(), "error", err)
		return
	}
	if len(ops) > 0 {
		k.outbox.Notify()
	}
}

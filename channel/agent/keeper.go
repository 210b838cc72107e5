package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

const (
	// keepEveryMin and keepEveryMax bound how often a channel without session is looked at; in between, an eighth of its
	// window, so that a stale close is answered with most of the window left.
	keepEveryMin = 250 * time.Millisecond
	keepEveryMax = time.Minute
	// keepClosing is how often a channel is looked at whose window should be over.
	keepClosing = time.Second
	// keepUnknownMax bounds the pause after which a channel is looked at again that the ledger does not know; it doubles
	// from look to look, for a vehicle that never opens what it names must not cost more and more.
	keepUnknownMax = time.Hour
	// keepWorkers bounds the channels that are looked at at once.
	keepWorkers = 8
)

// keeper watches channels while no session uses them: it answers stale closes, finishes closed windows, and settles
// before expiry.
type keeper struct {
	deps   Deps
	outbox *Outbox
	usage  *usage
	wake   chan struct{}

	mu  sync.Mutex // guards due
	due map[channel.ID]appointment
}

// appointment says when a channel is to be looked at next, and how long that was in coming.
type appointment struct {
	at    time.Time // real clock
	pause time.Duration
}

func newKeeper(deps Deps, outbox *Outbox, usage *usage) *keeper {
	return &keeper{deps: deps, outbox: outbox, usage: usage, wake: make(chan struct{}, 1), due: map[channel.ID]appointment{}}
}

func (k *keeper) run(ctx context.Context) {
	for {
		pause := k.round(ctx)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-k.wake:
			timer.Stop()
		case <-timer.C:
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
func (k *keeper) round(ctx context.Context) time.Duration {
	records, err := k.deps.Store.Unclosed(ctx)
	if err != nil {
		if ctx.Err() == nil {
			k.deps.Log.Error("reading channels", "error", err)
		}
		return retryMax
	}
	now := k.deps.Clock.Now().Real
	var looks sync.WaitGroup
	slots := make(chan struct{}, keepWorkers)
	for _, r := range k.todo(records, now) {
		if !take(ctx, slots) {
			break
		}
		looks.Go(func() {
			defer func() { <-slots }()
			view, err := k.keep(ctx, r.ID)
			k.appoint(r, now, view, err)
		})
	}
	looks.Wait()
	return k.until(now)
}

// todo gives the channels that nobody uses and whose time has come, and forgets the times of those that are closed.
func (k *keeper) todo(records []session.ChannelRecord, now time.Time) []session.ChannelRecord {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept, todo := make(map[channel.ID]appointment, len(records)), []session.ChannelRecord(nil)
	for _, r := range records {
		if _, used := k.usage.user(r.ID); used {
			continue // its session looks for itself; once it is over, the channel is due
		}
		a := k.due[r.ID]
		kept[r.ID] = a
		if !now.Before(a.at) {
			todo = append(todo, r)
		}
	}
	k.due = kept
	return todo
}

// appoint says when to look at a channel again: when its window is over, at the latest.
func (k *keeper) appoint(r session.ChannelRecord, now time.Time, view session.View, err error) {
	pause := min(max(r.Side.Opening.Terms.Window/8, keepEveryMin), keepEveryMax)
	if view.State == channel.Closing {
		pause = min(pause, max(view.WindowEnd.Sub(view.Time), keepClosing))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if errors.Is(err, store.ErrNotFound) {
		pause = min(max(pause, 2*k.due[r.ID].pause), keepUnknownMax)
	}
	k.due[r.ID] = appointment{now.Add(pause), pause}
}

func (k *keeper) until(now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	pause := keepEveryMax
	for _, a := range k.due {
		pause = min(pause, a.at.Sub(now))
	}
	return max(pause, keepEveryMin)
}

// keep looks at one channel and enters what must be done. After an error it is looked at again.
func (k *keeper) keep(ctx context.Context, id channel.ID) (session.View, error) {
	view, err := k.deps.Settler.View(ctx, id)
	if err != nil {
		k.deps.Log.Debug("looking at a channel", "channel", id.String(), "error", err)
		return view, err
	}
	err = k.usage.without(id, func() error { return k.enter(ctx, id, view) })
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrBusy) {
		k.deps.Log.Error("keeping a channel", "channel", id.String(), "error", err)
	}
	return view, err
}

// enter stores what the ledger says of a channel, and what is to be done for it.
func (k *keeper) enter(ctx context.Context, id channel.ID, view session.View) error {
	record, err := k.deps.Store.Channel(ctx, id)
	if err != nil {
		return err
	}
	kept, ops, err := session.Keep(record, view)
	if err != nil {
		return fmt.Errorf("a stored channel cannot be kept: %w", err)
	}
	batch := session.Batch{Ops: ops}
	if kept.State != record.State || kept.Settled != record.Settled || kept.Side.Funds != record.Side.Funds || !kept.Expiry.Equal(record.Expiry) {
		batch.Channels = []session.ChannelRecord{kept}
	}
	if batch.Empty() {
		return nil
	}
	if err := k.deps.Store.Commit(ctx, batch); err != nil {
		return err
	}
	if len(ops) > 0 {
		k.outbox.Notify()
	}
	return nil
}

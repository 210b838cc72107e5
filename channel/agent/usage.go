package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

// usage knows which session uses each channel, so that one goroutine at a time owns a channel's record: the session's, or
// that of whoever looks after a channel which no session uses. Two owners would write each other's claims away.
type usage struct {
	mu sync.Mutex // guards by, and is held while the record of a channel that no session uses is read and written
	by map[channel.ID]channel.SessionID
}

func newUsage() *usage { return &usage{by: map[channel.ID]channel.SessionID{}} }

// begin gives a channel to a session. It fails with ErrBusy while another one has it.
func (u *usage) begin(id channel.ID, s channel.SessionID) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if user, used := u.by[id]; used && user != s {
		return fmt.Errorf("%w: channel %s", ErrBusy, id)
	}
	u.by[id] = s
	return nil
}

// end takes from a session what it has.
func (u *usage) end(s channel.SessionID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.DeleteFunc(u.by, func(_ channel.ID, user channel.SessionID) bool { return user == s })
}

// user gives the session that has a channel; false when none has.
func (u *usage) user(id channel.ID) (channel.SessionID, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	s, used := u.by[id]
	return s, used
}

// without calls fn, which may write the channel's record, while no session has the channel nor can get it. It fails with
// ErrBusy when one has it.
func (u *usage) without(id channel.ID, fn func() error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, used := u.by[id]; used {
		return fmt.Errorf("%w: channel %s", ErrBusy, id)
	}
	return fn()
}

// ownChannels lets a session write the channels that are its own: the one that it began with, and one that nobody knew
// before.
type ownChannels struct {
	store.Store
	usage   *usage
	session channel.SessionID
}

// Commit implements store.Store.
func (o ownChannels) Commit(ctx context.Context, batch session.Batch) error {
	for _, r := range batch.Channels {
		if err := o.own(ctx, r.ID); err != nil {
			return err
		}
	}
	return o.Store.Commit(ctx, batch)
}

func (o ownChannels) own(ctx context.Context, id channel.ID) error {
	if user, used := o.usage.user(id); used && user == o.session {
		return nil
	}
	return o.usage.without(id, func() error {
		_, err := o.Store.Channel(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			o.usage.by[id] = o.session
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("%w: %s is known from another session", session.ErrChannel, id)
	})
}

package storetest

import (
	"context"
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

// Content is everything that a store tells about what it holds, operations and receipts only of the sessions that it
// holds.
type Content struct {
	Channels   []session.ChannelRecord
	Unclosed   []session.ChannelRecord
	Sessions   []session.SessionRecord
	Unfinished []session.SessionRecord
	Pending    []session.OpRecord
	Operations []session.OpRecord
	Readings   map[channel.SessionID][]session.ReadingRecord
	Receipts   map[channel.SessionID][]byte
}

// ContentOf reads a whole store, in pages of a few sessions, and looks each record up again by its id.
func ContentOf(ctx context.Context, s store.Store) (c Content, err error) {
	c.Readings, c.Receipts = map[channel.SessionID][]session.ReadingRecord{}, map[channel.SessionID][]byte{}
	if c.Channels, err = s.Channels(ctx); err != nil {
		return c, fmt.Errorf("channels: %w", err)
	}
	if c.Unclosed, err = s.Unclosed(ctx); err != nil {
		return c, fmt.Errorf("unclosed: %w", err)
	}
	if c.Unfinished, err = s.Unfinished(ctx); err != nil {
		return c, fmt.Errorf("unfinished: %w", err)
	}
	if c.Pending, err = s.PendingOps(ctx); err != nil {
		return c, fmt.Errorf("pending: %w", err)
	}
	var before channel.SessionID
	for {
		const page = 3
		sessions, err := s.Sessions(ctx, before, page)
		if err != nil {
			return c, fmt.Errorf("sessions: %w", err)
		}
		if len(sessions) == 0 {
			return c, nil
		}
		c.Sessions = append(c.Sessions, sessions...)
		for _, r := range sessions {
			if err := c.addSession(ctx, s, r); err != nil {
				return c, fmt.Errorf("session %s: %w", r.ID, err)
			}
		}
		before = sessions[len(sessions)-1].ID
	}
}

func (c *Content) addSession(ctx context.Context, s store.Store, r session.SessionRecord) (err error) {
	if c.Readings[r.ID], err = s.Readings(ctx, r.ID); err != nil {
		return err
	}
	for _, id := range r.Vertices {
		op, err := s.Op(ctx, id)
		switch {
		case err == nil:
			c.Operations = append(c.Operations, op)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	receipt, err := s.Receipt(ctx, r.ID)
	switch {
	case err == nil:
		c.Receipts[r.ID] = receipt
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return nil
}

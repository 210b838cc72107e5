package agent

import (
	"context"
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

// Stored is everything that a store holds of one session: what a machine is restored from.
type Stored struct {
	Record   session.SessionRecord
	Channel  *session.ChannelRecord // nil while none is named
	Readings []session.ReadingRecord
	Ops      []session.OpRecord
}

// Load reads a session with its channel, readings and operations.
func Load(ctx context.Context, s store.Store, id channel.SessionID) (Stored, error) {
	var out Stored
	var err error
	if out.Record, err = s.Session(ctx, id); err != nil {
		return out, err
	}
	if out.Channel, err = channelOf(ctx, s, out.Record.Channel); err != nil {
		return out, err
	}
	if out.Readings, err = s.Readings(ctx, id); err != nil {
		return out, err
	}
	for _, opID := range out.Record.Vertices {
		op, err := s.Op(ctx, opID)
		if err != nil {
			return out, fmt.Errorf("session %s: %w", id, err)
		}
		out.Ops = append(out.Ops, op)
	}
	return out, nil
}

// channelOf gives the record of a channel, or nil when the id is zero or nothing is stored of it.
func channelOf(ctx context.Context, s store.Store, id channel.ID) (*session.ChannelRecord, error) {
	if id == (channel.ID{}) {
		return nil, nil
	}
	record, err := s.Channel(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &record, nil
}

// Outcomes gives the events of operations that ended while the session was not running.
func (s Stored) Outcomes() []session.Event {
	var events []session.Event
	for _, op := range s.Ops {
		switch op.State {
		case session.OpFinal:
			events = append(events, session.Concluded{Op: op})
		case session.OpRefused:
			events = append(events, session.Concluded{Op: op, Err: fmt.Errorf("%w: %s", ErrLedgerRefused, op.Failure)})
		}
	}
	return events
}

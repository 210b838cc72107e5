package agent

import (
	"context"
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

// stored is everything that a store holds of one session.
type stored struct {
	record   session.SessionRecord
	channel  *session.ChannelRecord
	readings []session.ReadingRecord
	ops      []session.OpRecord
}

// load reads a session with its channel, readings and operations.
func load(ctx context.Context, s store.Store, id channel.SessionID) (stored, error) {
	var out stored
	var err error
	if out.record, err = s.Session(ctx, id); err != nil {
		return out, err
	}
	if out.channel, err = channelOf(ctx, s, out.record.Channel); err != nil {
		return out, err
	}
	if out.readings, err = s.Readings(ctx, id); err != nil {
		return out, err
	}
	for _, opID := range out.record.Vertices {
		op, err := s.Op(ctx, opID)
		if err != nil {
			return out, fmt.Errorf("session %s: %w", id, err)
		}
		out.ops = append(out.ops, op)
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

// outcomes gives the events of operations that ended while the session was not running.
func outcomes(ops []session.OpRecord) []session.Event {
	var events []session.Event
	for _, op := range ops {
		switch op.State {
		case session.OpFinal:
			events = append(events, session.Concluded{Op: op})
		case session.OpRefused:
			events = append(events, session.Concluded{Op: op, Err: fmt.Errorf("%w: %s", ErrLedgerRefused, op.Failure)})
		}
	}
	return events
}

package station

import (
	"context"
	"encoding/json"
	"errors"

	"joulepay/channel"
	"joulepay/channel/store"
	"joulepay/settle/api"
	"joulepay/settle/client"
)

var (
	_ api.Sessions = (*Station)(nil)
	_ api.Stations = (*Station)(nil)
	_ api.Tariffs  = (*Station)(nil)
	_ api.Claims   = (*Station)(nil)
	_ api.Events   = (*Station)(nil)
)

// Sessions implements api.Sessions.
func (s *Station) Sessions(ctx context.Context, q client.SessionQuery) (client.Page[client.Session], error) {
	return s.history.Sessions(ctx, q)
}

// Session implements api.Sessions.
func (s *Station) Session(ctx context.Context, id client.SessionID) (client.Session, error) {
	return s.history.Session(ctx, id)
}

// Readings implements api.Sessions.
func (s *Station) Readings(ctx context.Context, id client.SessionID, q client.ReadingQuery) (client.Page[client.Reading], error) {
	return s.history.Readings(ctx, id, q)
}

// Receipt implements api.Sessions.
func (s *Station) Receipt(ctx context.Context, id client.SessionID) (json.RawMessage, error) {
	raw, err := s.party.Port.Receipt(ctx, s.party.Store, channel.SessionID(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, client.NewProblem(client.ErrNotFound, "no receipt of session "+id.String(), "a receipt exists once the session has settled")
	}
	return raw, err
}

// Claims implements api.Claims: what was signed, of which the ledger may know less.
func (s *Station) Claims(ctx context.Context, id client.ID) (client.Page[client.Claim], error) {
	page := client.Page[client.Claim]{Items: []client.Claim{}}
	record, err := s.party.Store.Channel(ctx, channel.ID(id))
	if errors.Is(err, store.ErrNotFound) {
		return page, client.NewProblem(client.ErrNotFound, "no channel "+id.String(), "`chargepoint channels list` shows those that exist")
	}
	if err != nil {
		return page, err
	}
	side := record.Side
	for _, best := range []channel.Best{side.In, side.Out} { // a station is the partner: lane 0 pays it
		if !best.IsZero() {
			page.Items = append(page.Items, client.ClaimOf(best, side.Opening))
		}
	}
	return page, nil
}

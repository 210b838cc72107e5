package station

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

var (
	_ api.Sessions = (*Station)(nil)
	_ api.Stations = (*Station)(nil)
	_ api.Tariffs  = (*Station)(nil)
	_ api.Claims   = (*Station)(nil)
)

// Sessions implements api.Sessions.
func (s *Station) Sessions(ctx context.Context, q client.SessionQuery) (client.Page[client.Session], error) {
	return HistoryOf(s.party.Store).Sessions(ctx, q)
}

// Session implements api.Sessions.
func (s *Station) Session(ctx context.Context, id client.SessionID) (client.Session, error) {
	return HistoryOf(s.party.Store).Session(ctx, id)
}

// Receipt implements api.Sessions.
func (s *Station) Receipt(ctx context.Context, id client.SessionID) (json.RawMessage, error) {
	raw, err := s.party.Port.Receipt(ctx, s.party.Store, channel.SessionID(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, client.NewProblem(client.ErrNotFound, "no receipt of session "+id.String(), "a receipt exists once the session has settled")
	}
	return raw, err
}

// Stations implements api.Stations: this one.
func (s *Station) Stations(context.Context, client.PageQuery) (client.Page[client.Station], error) {
	now := s.config.Clock.Now()
	q, err := s.offer(now)
	if err != nil {
		return client.Page[client.Station]{}, err
	}
	price, err := session.UnitPrice(q)
	if err != nil {
		return client.Page[client.Station]{}, err
	}
	return client.Page[client.Station]{Items: []client.Station{{
		DID: q.Station, Service: q.Service, EVSE: q.EVSE, MaxPowerW: strconv.FormatInt(q.MaxPowerMw/1000, 10),
		UnitPrice: money.Of(price, s.config.Tariff.Currency()), Tariff: s.config.Tariff.Describe(), Free: s.Free(), Seen: now.Real.UTC(),
	}}}, nil
}

// Tariffs implements api.Tariffs: the one on offer.
func (s *Station) Tariffs(context.Context, client.PageQuery) (client.Page[client.Tariff], error) {
	t := s.config.Tariff
	return client.Page[client.Tariff]{Items: []client.Tariff{{
		ID: t.ID(), Currency: t.Currency(), TimeZone: s.config.TimeZone, Words: t.Describe(), OCPI: json.RawMessage(t.Bytes()),
	}}}, nil
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

package demo

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"joulepay/cmd/internal/station"
	"joulepay/settle/client"
)

// served is the charger as the API shows it. The API is up before the charger, which finds the ledger through it.
type served struct {
	station atomic.Pointer[station.Station]
}

// Store makes the charger visible.
func (s *served) Store(c *station.Station) { s.station.Store(c) }

func (s *served) get() (*station.Station, error) {
	if c := s.station.Load(); c != nil {
		return c, nil
	}
	return nil, client.NewProblem(client.ErrUnavailable, "the charger is starting", "try again")
}

// Sessions implements api.Sessions.
func (s *served) Sessions(ctx context.Context, q client.SessionQuery) (client.Page[client.Session], error) {
	c, err := s.get()
	if err != nil {
		return client.Page[client.Session]{}, err
	}
	return c.Sessions(ctx, q)
}

// Session implements api.Sessions.
func (s *served) Session(ctx context.Context, id client.SessionID) (client.Session, error) {
	c, err := s.get()
	if err != nil {
		return client.Session{}, err
	}
	return c.Session(ctx, id)
}

// Receipt implements api.Sessions.
func (s *served) Receipt(ctx context.Context, id client.SessionID) (json.RawMessage, error) {
	c, err := s.get()
	if err != nil {
		return nil, err
	}
	return c.Receipt(ctx, id)
}

// Stations implements api.Stations.
func (s *served) Stations(ctx context.Context, q client.PageQuery) (client.Page[client.Station], error) {
	c, err := s.get()
	if err != nil {
		return client.Page[client.Station]{}, err
	}
	return c.Stations(ctx, q)
}

// Tariffs implements api.Tariffs.
func (s *served) Tariffs(ctx context.Context, q client.PageQuery) (client.Page[client.Tariff], error) {
	c, err := s.get()
	if err != nil {
		return client.Page[client.Tariff]{}, err
	}
	return c.Tariffs(ctx, q)
}

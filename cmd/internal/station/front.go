package station

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"joulepay/settle/api"
	"joulepay/settle/client"
)

var (
	_ api.Sessions = (*Front)(nil)
	_ api.Stations = (*Front)(nil)
	_ api.Tariffs  = (*Front)(nil)
	_ api.Claims   = (*Front)(nil)
)

// Front is a station as an API shows it that is up before the station, which may find the ledger through that API. The
// zero value is ready; until Show it answers client.ErrUnavailable.
type Front struct {
	station atomic.Pointer[Station]
}

// Show makes the station visible.
func (f *Front) Show(s *Station) { f.station.Store(s) }

func (f *Front) get() (*Station, error) {
	if s := f.station.Load(); s != nil {
		return s, nil
	}
	return nil, client.NewProblem(client.ErrUnavailable, "the station is starting", "try again")
}

// Sessions implements api.Sessions.
func (f *Front) Sessions(ctx context.Context, q client.SessionQuery) (client.Page[client.Session], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Session]{}, err
	}
	return s.Sessions(ctx, q)
}

// Session implements api.Sessions.
func (f *Front) Session(ctx context.Context, id client.SessionID) (client.Session, error) {
	s, err := f.get()
	if err != nil {
		return client.Session{}, err
	}
	return s.Session(ctx, id)
}

// Receipt implements api.Sessions.
func (f *Front) Receipt(ctx context.Context, id client.SessionID) (json.RawMessage, error) {
	s, err := f.get()
	if err != nil {
		return nil, err
	}
	return s.Receipt(ctx, id)
}

// Stations implements api.Stations.
func (f *Front) Stations(ctx context.Context, q client.PageQuery) (client.Page[client.Station], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Station]{}, err
	}
	return s.Stations(ctx, q)
}

// Tariffs implements api.Tariffs.
func (f *Front) Tariffs(ctx context.Context, q client.PageQuery) (client.Page[client.Tariff], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Tariff]{}, err
	}
	return s.Tariffs(ctx, q)
}

// Estimates implements api.Tariffs.
func (f *Front) Estimates(ctx context.Context, q client.PageQuery) (client.Page[client.Estimate], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Estimate]{}, err
	}
	return s.Estimates(ctx, q)
}

// Claims implements api.Claims.
func (f *Front) Claims(ctx context.Context, id client.ID) (client.Page[client.Claim], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Claim]{}, err
	}
	return s.Claims(ctx, id)
}

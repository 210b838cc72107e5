package station

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"

	"joulepay/settle/api"
	"joulepay/settle/client"
)

var (
	_ api.Sessions = (*Front)(nil)
	_ api.Stations = (*Front)(nil)
	_ api.Tariffs  = (*Front)(nil)
	_ api.Claims   = (*Front)(nil)
	_ api.Events   = (*Front)(nil)
)

// Front is a station as an API shows it that is up before the station, which may find the ledger through that API. The
// zero value is ready; until Show it answers client.ErrUnavailable.
type Front struct {
	station atomic.Pointer[Station]

	mu    sync.Mutex    // guards shown
	shown chan struct{} // closed by Show; nil while nobody waits for it
}

// Show makes the station visible.
func (f *Front) Show(s *Station) {
	f.station.Store(s)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shown != nil {
		close(f.shown)
		f.shown = nil
	}
}

// whenShown gives a channel that is closed once the station is visible.
func (f *Front) whenShown() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.station.Load() != nil {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	if f.shown == nil {
		f.shown = make(chan struct{})
	}
	return f.shown
}

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

// Readings implements api.Sessions.
func (f *Front) Readings(ctx context.Context, id client.SessionID, q client.ReadingQuery) (client.Page[client.Reading], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Reading]{}, err
	}
	return s.Readings(ctx, id, q)
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
func (f *Front) Stations(ctx context.Context, q client.StationQuery) (client.Page[client.Station], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Station]{}, err
	}
	return s.Stations(ctx, q)
}

// Tariffs implements api.Tariffs.
func (f *Front) Tariffs(ctx context.Context, q client.OfferQuery) (client.Page[client.Tariff], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Tariff]{}, err
	}
	return s.Tariffs(ctx, q)
}

// Estimates implements api.Tariffs.
func (f *Front) Estimates(ctx context.Context, q client.OfferQuery) (client.Page[client.Estimate], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Estimate]{}, err
	}
	return s.Estimates(ctx, q)
}

// Prices implements api.Tariffs.
func (f *Front) Prices(ctx context.Context, q client.PriceQuery) (client.Page[client.PriceSlot], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.PriceSlot]{}, err
	}
	return s.Prices(ctx, q)
}

// Events implements api.Events. Who follows before the station is visible hears of it from then on.
func (f *Front) Events(ctx context.Context) (<-chan client.Event, error) {
	out := make(chan client.Event)
	go func() {
		defer close(out)
		select {
		case <-ctx.Done():
			return
		case <-f.whenShown():
		}
		from, err := f.station.Load().Events(ctx)
		if err != nil {
			return
		}
		for e := range from {
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// Claims implements api.Claims.
func (f *Front) Claims(ctx context.Context, id client.ID) (client.Page[client.Claim], error) {
	s, err := f.get()
	if err != nil {
		return client.Page[client.Claim]{}, err
	}
	return s.Claims(ctx, id)
}

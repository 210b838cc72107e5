package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"joulepay/settle/client"
)

func (s *server) sessions(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	ask := client.SessionQuery{
		PageQuery: q.page(),
		Span:      q.span(),
		Party:     q.did("party"),
		State: q.choice("state", client.SessionPreparing, client.SessionRunning, client.SessionPaused,
			client.SessionStopping, client.SessionSettled, client.SessionFinal, client.SessionFailed),
	}
	return answer(w, r, q, ask, s.Sessions.Sessions)
}

func (s *server) session(w http.ResponseWriter, r *http.Request) error {
	id, err := pathSession(r)
	if err != nil {
		return err
	}
	visit, err := s.Sessions.Session(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, r, visit)
}

func (s *server) readings(w http.ResponseWriter, r *http.Request) error {
	id, err := client.ParseSessionID(chi.URLParam(r, "id"))
	if err != nil {
		return badRequest("id", err)
	}
	q := newQuery(r)
	ask := client.ReadingQuery{PageQuery: q.page(), After: q.sequence("after")}
	return answer(w, r, q, ask, func(ctx context.Context, ask client.ReadingQuery) (client.Page[client.Reading], error) {
		return s.Sessions.Readings(ctx, id, ask)
	})
}

// sequence takes the number of a reading; an absent one is nil.
func (q *query) sequence(name string) *uint64 {
	text := q.text(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		q.fail(name, errSequence)
	}
	return &n
}

// receipt gives the receipt byte for byte as it was written: who verifies it hashes nothing but its parts, and still
// two downloads should be the same file.
func (s *server) receipt(w http.ResponseWriter, r *http.Request) error {
	id, err := pathSession(r)
	if err != nil {
		return err
	}
	raw, err := s.Sessions.Receipt(r.Context(), id)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="receipt-`+id.String()+`.json"`)
	writeTagged(w, r, "application/json", raw)
	return nil
}

func (s *server) stations(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	ask := client.StationQuery{PageQuery: q.page(), Party: q.did("party"), State: q.choice("state", client.StationFree, client.StationTaken)}
	return answer(w, r, q, ask, s.Stations.Stations)
}

func (s *server) tariffs(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	return answer(w, r, q, offerQuery(q), s.Tariffs.Tariffs)
}

func (s *server) estimates(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	return answer(w, r, q, offerQuery(q), s.Tariffs.Estimates)
}

// offerQuery reads the filters that tariffs and estimates share.
func offerQuery(q *query) client.OfferQuery {
	return client.OfferQuery{PageQuery: q.page(), Party: q.did("party"), At: q.time("at")}
}

func (s *server) prices(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	ask := client.PriceQuery{PageQuery: q.page(), Span: q.span()}
	return answer(w, r, q, ask, s.Tariffs.Prices)
}

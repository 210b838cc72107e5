package api

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"

	"joulepay/settle/client"
	"joulepay/wallet"
)

func (s *server) network(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	n, err := s.Network.Network(r.Context())
	if err != nil {
		return err
	}
	n.Serves, n.Version = s.serves(), s.Version
	return writeJSON(w, r, n)
}

func (s *server) account(w http.ResponseWriter, r *http.Request) error {
	did, err := wallet.ParseDID(chi.URLParam(r, "did"))
	if err != nil {
		return badRequest("did", err)
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	account, err := s.Ledger.Account(r.Context(), did)
	if err != nil {
		return err
	}
	return writeJSON(w, r, account)
}

func (s *server) channels(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	ask := client.ChannelQuery{
		PageQuery: q.page(),
		Span:      q.span(),
		Party:     q.did("party"),
		State:     q.choice("state", client.ChannelOpen, client.ChannelClosing, client.ChannelClosed),
	}
	return answer(w, r, q, ask, s.Ledger.Channels)
}

func (s *server) channel(w http.ResponseWriter, r *http.Request) error {
	return s.byID(w, r, func(ctx context.Context, id client.ID) (any, error) { return s.Ledger.Channel(ctx, id) })
}

func (s *server) claims(w http.ResponseWriter, r *http.Request) error {
	return s.byID(w, r, func(ctx context.Context, id client.ID) (any, error) {
		page, err := s.Claims.Claims(ctx, id)
		if page.Items == nil {
			page.Items = []client.Claim{}
		}
		return page, err
	})
}

func (s *server) byID(w http.ResponseWriter, r *http.Request, read func(context.Context, client.ID) (any, error)) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	resource, err := read(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, r, resource)
}

// entryQuery reads the filters that transfers, issues and redemptions share.
func entryQuery(q *query) client.EntryQuery {
	return client.EntryQuery{PageQuery: q.page(), Span: q.span(), Party: q.did("party")}
}

func (s *server) transfers(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	return answer(w, r, q, entryQuery(q), s.Ledger.Transfers)
}

func (s *server) issues(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	return answer(w, r, q, entryQuery(q), s.Ledger.Issues)
}

func (s *server) redemptions(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	return answer(w, r, q, entryQuery(q), s.Ledger.Redemptions)
}

func (s *server) settlements(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	ask := entryQuery(q)
	ask.Channel = q.id("channel")
	return answer(w, r, q, ask, s.Ledger.Settlements)
}

func (s *server) checkpoints(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	ask := client.CheckpointQuery{PageQuery: q.page(), Span: q.span(), State: q.choice("state", client.CheckpointJustified, client.CheckpointFinal)}
	return answer(w, r, q, ask, s.Ledger.Checkpoints)
}

// answer reads one page of a collection, once the query is found to be in order.
func answer[Q, T any](w http.ResponseWriter, r *http.Request, q *query, ask Q,
	read func(context.Context, Q) (client.Page[T], error)) error {
	if err := q.done(); err != nil {
		return err
	}
	page, err := read(r.Context(), ask)
	if err != nil {
		return err
	}
	if page.Items == nil {
		page.Items = []T{}
	}
	page.Next = sealCursor(q.list, page.Next)
	return writeJSON(w, r, page)
}

func (s *server) postIssue(w http.ResponseWriter, r *http.Request) error {
	var ask client.IssueRequest
	hash, err := readRequest(r, &ask)
	if err != nil {
		return err
	}
	switch {
	case ask.To.IsZero():
		return client.NewProblem(client.ErrBadRequest, "to: a DID is needed", "")
	case ask.Amount.Amount <= 0:
		return client.NewProblem(client.ErrBadRequest, "amount: more than zero is needed", "")
	case ask.Reference == "" || len(ask.Reference) > client.ReferenceSizeMax:
		return client.NewProblem(client.ErrBadRequest, "reference: 1…64 bytes are needed", "use one reference for each payment that came in")
	}
	return s.carryOut(w, r, hash, func(ctx context.Context, _ Memo) (string, any, error) {
		issued, err := s.Issuer.Issue(ctx, ask)
		return "/v1/vertices/" + issued.Vertex.String(), issued, err
	})
}

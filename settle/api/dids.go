package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/settle/node"
	"joulepay/wallet"
)

// did resolves a DID. The did:key twin certifies itself, so no ledger is asked.
func (s *server) did(w http.ResponseWriter, r *http.Request) error {
	text := chi.URLParam(r, "did")
	d, err := wallet.ParseDID(text)
	if err != nil {
		return badRequest("did", err)
	}
	q := newQuery(r)
	proof := q.choice("proof", "1") != ""
	if err := q.done(); err != nil {
		return err
	}
	if strings.HasPrefix(text, "did:key:") {
		return writeJSON(w, r, did.Key(d))
	}
	resolution, err := s.Ledger.DID(r.Context(), d, proof)
	if err != nil {
		return err
	}
	return writeJSON(w, r, resolution)
}

// DID implements Ledger.
func (l NodeLedger) DID(ctx context.Context, d wallet.DID, proof bool) (did.Resolution, error) {
	identity, _, err := l.node.Identity(ctx, d)
	if errors.Is(err, node.ErrNotFound) {
		return did.Inception(d), nil
	}
	if err != nil {
		return did.Resolution{}, err
	}
	r := did.Resolve(d, identity)
	if proof {
		r.Certified, err = l.certified(settle.DIDKey(d))
	}
	return r, err
}

var _ Ledger = (*client.Client)(nil)

package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"joulepay/settle/client"
	"joulepay/settle/once"
)

// Memo is what a write keeps beside its idempotency key, durably, so that it goes on after a crash as it began.
type Memo interface {
	// Noted gives what was noted when the request came before; nil when nothing was.
	Noted() []byte
	// Note keeps bytes, of at most once.NoteSizeMax, in place of earlier ones.
	Note(context.Context, []byte) error
}

// memo is a Memo in the store of keys.
type memo struct {
	store once.Store
	key   once.Key
	noted []byte
}

// Noted implements Memo.
func (m *memo) Noted() []byte { return m.noted }

// Note implements Memo.
func (m *memo) Note(ctx context.Context, note []byte) error {
	if err := m.store.Note(ctx, m.key, note); err != nil {
		return err
	}
	m.noted = note
	return nil
}

// inHand are the keys of requests that are being answered.
type inHand struct {
	mu   sync.Mutex // guards keys
	keys map[once.Key]struct{}
}

// take marks a key, unless it is marked.
func (h *inHand) take(key once.Key) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, taken := h.keys[key]; taken {
		return false
	}
	if h.keys == nil {
		h.keys = map[once.Key]struct{}{}
	}
	h.keys[key] = struct{}{}
	return true
}

func (h *inHand) give(key once.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.keys, key)
}

// deed carries out a write whose body was checked. What it answers is remembered under the request's key.
type deed func(context.Context, Memo) (location string, resource any, err error)

// carryOut carries out a write once for its idempotency key. A request that comes again, whatever happened before, gets the
// same answer; another one under the same key is refused. Without a key it is carried out as it is, where that is safe.
//
// If we crash after Begin, the request that comes again is carried out with what was noted; after Finish, it is answered from
// the store. If we crash in between, the write itself finds that it was done, by what it noted or by what the ledger has.
func (s *server) carryOut(w http.ResponseWriter, r *http.Request, request [sha256.Size]byte, do deed) error {
	text, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	if text == "" {
		location, resource, err := do(r.Context(), &memo{store: once.NewMemory()})
		if err != nil {
			return err
		}
		return writeCreated(w, location, resource)
	}
	key := once.Key{Route: r.URL.Path, Text: text}
	if !s.inHand.take(key) {
		w.Header().Set("Retry-After", "1")
		return client.NewProblem(client.ErrKeyInUse, "", "ask again in a second")
	}
	defer s.inHand.give(key)
	known, err := s.Once.Begin(r.Context(), key, request, s.Now())
	switch {
	case errors.Is(err, once.ErrFull):
		return client.NewProblem(client.ErrRateLimited, err.Error(), "try again tomorrow, or without a key where that is allowed")
	case err != nil:
		return err
	case known.Request != request:
		return client.NewProblem(client.ErrKeyReused, "", "each request has a key of its own")
	case known.Answer != nil:
		w.Header().Set("Idempotency-Replayed", "true")
		send(w, *known.Answer)
		return nil
	}
	location, resource, err := do(r.Context(), &memo{s.Once, key, known.Note})
	answer, err := answerOf(location, resource, err)
	if err != nil {
		return err
	}
	if err := s.Once.Finish(context.WithoutCancel(r.Context()), key, answer); err != nil {
		return fmt.Errorf("%w: %w", client.ErrOutcomeUnknown, err)
	}
	send(w, answer)
	return nil
}

// answerOf gives the answer that is remembered: of what was done, or of what the ledger refused for good. Other errors are
// given back: the same request may succeed later.
func answerOf(location string, resource any, err error) (once.Answer, error) {
	if err != nil {
		p := problemOf(err)
		if p.Verdict == "" || !errors.Is(p, client.ErrRefused) && !errors.Is(p, client.ErrConflict) && !errors.Is(p, client.ErrInsufficient) {
			return once.Answer{}, err
		}
		body, err := encode(p)
		return once.Answer{Status: p.Status, ContentType: problemType, Body: body}, err
	}
	body, err := encode(resource)
	return once.Answer{Status: http.StatusCreated, ContentType: "application/json", Location: location, Body: body}, err
}

func send(w http.ResponseWriter, a once.Answer) {
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, a.Status, a.ContentType, a.Body)
}

// idempotencyKey reads the header (draft-ietf-httpapi-idempotency-key-header): a text, with or without the quotes of a
// structured field.
func idempotencyKey(r *http.Request) (string, error) {
	given := r.Header.Values("Idempotency-Key")
	if len(given) == 0 {
		return "", nil
	}
	key := given[0]
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		key, ok = strings.CutSuffix(quoted, `"`)
		if !ok {
			return "", badRequest("Idempotency-Key", errKey)
		}
	}
	printable := strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) < 0
	if len(given) > 1 || key == "" || len(key) > once.KeySizeMax || !printable {
		return "", badRequest("Idempotency-Key", errKey)
	}
	return key, nil
}

// readRequest decodes a JSON body strictly, and gives the hash by which the request is known again.
func readRequest(r *http.Request, into any) (hash [sha256.Size]byte, err error) {
	if err := newQuery(r).done(); err != nil {
		return hash, err
	}
	if _, err := contentType(r, "application/json"); err != nil {
		return hash, err
	}
	body, err := readBody(r, requestSizeMax)
	if err != nil {
		return hash, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := readJSON(r, into); err != nil {
		return hash, err
	}
	same, err := encode(into) // the same request, however it is spaced
	return sha256.Sum256(same), err
}

package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
)

var (
	key     = wallet.NewPrivateKey([32]byte{1})
	account = wallet.DIDOf(key.Public())
	network = wallet.NetworkID{7}
	payload = &settle.Anchor{Hash: [32]byte{1}}
)

// ledger is a server whose answers to posts follow a script; what it accepts it can be asked for.
type ledger struct {
	script   []func(w http.ResponseWriter, v client.Vertex) // of the posts, in order; then accept
	accepted []client.Vertex
	posts    []*settle.Vertex
	tips     byte
	find     http.HandlerFunc // replaces the lookup by payload
}

func (l *ledger) accept(w http.ResponseWriter, v client.Vertex) {
	l.accepted = append(l.accepted, v)
	writeJSON(w, http.StatusCreated, v)
}

// lose accepts, and the answer never arrives.
func (l *ledger) lose(_ http.ResponseWriter, v client.Vertex) {
	l.accepted = append(l.accepted, v)
	panic(http.ErrAbortHandler)
}

// drop forgets the request and hangs up.
func drop(http.ResponseWriter, client.Vertex) { panic(http.ErrAbortHandler) }

func refuse(sentinel error) func(http.ResponseWriter, client.Vertex) {
	return func(w http.ResponseWriter, _ client.Vertex) { problem(sentinel)(w, nil) }
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/v1/network":
		l.tips++ // the ledger moves on between attempts
		writeJSON(w, 200, map[string]any{"network": network, "tips": []client.ID{{l.tips}, {l.tips, 1}}})
	case r.Method == http.MethodPost:
		l.post(w, r)
	case r.URL.Path == "/v1/vertices" && l.find != nil:
		l.find(w, r)
	case r.URL.Path == "/v1/vertices":
		page := client.Page[client.Vertex]{Items: []client.Vertex{}}
		for _, v := range l.accepted {
			if v.Payload.String() == r.URL.Query().Get("payload") {
				page.Items = append(page.Items, v)
			}
		}
		writeJSON(w, 200, page)
	}
}

func (l *ledger) post(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	vertex, err := settle.DecodeVertex(raw)
	if err != nil {
		problem(client.ErrBadRequest)(w, r)
		return
	}
	l.posts = append(l.posts, vertex)
	v := client.Vertex{ID: client.ID(vertex.ID()), Payload: client.ID(vertex.PayloadID()), Kind: vertex.Payload().Kind().String(),
		State: client.VertexAccepted, Height: uint64(len(l.posts)), Verdict: settle.Applied.String(), Parents: []client.ID{}}
	act := l.accept
	if n := len(l.posts); n <= len(l.script) {
		act = l.script[n-1]
	}
	act(w, v)
}

func submit(t *testing.T, l *ledger) (client.Outcome, error) {
	t.Helper()
	s := client.NewSubmitter(newClient(t, l), network, account, key)
	return s.Submit(context.Background(), payload)
}

func TestSubmitSignsWithTheTips(t *testing.T) {
	l := &ledger{}
	outcome, err := submit(t, l)
	if err != nil {
		t.Fatal(err)
	}
	v := l.posts[0]
	if outcome.Vertex != v.ID() || outcome.Payload != settle.PayloadIDOf(network, account, payload) || outcome.Height != 1 || outcome.Verdict != settle.Applied {
		t.Errorf("%+v", outcome)
	}
	if len(v.Parents()) != 2 || v.Network() != network || v.Issuer() != account {
		t.Errorf("%v %v %v", v.Parents(), v.Network(), v.Issuer())
	}
}

func TestSubmitTakesFreshParentsWhenTheyWereTooOld(t *testing.T) {
	l := &ledger{}
	l.script = []func(http.ResponseWriter, client.Vertex){refuse(client.ErrParentTooOld), refuse(client.ErrUnknownParent)}
	if _, err := submit(t, l); err != nil {
		t.Fatal(err)
	}
	if len(l.posts) != 3 || l.posts[0].Parents()[0] == l.posts[1].Parents()[0] || l.posts[0].PayloadID() != l.posts[2].PayloadID() {
		t.Errorf("%d posts", len(l.posts))
	}
}

func TestSubmitGivesUpOnALedgerThatAlwaysOutrunsIt(t *testing.T) {
	l := &ledger{}
	for range 10 {
		l.script = append(l.script, refuse(client.ErrParentTooOld))
	}
	if _, err := submit(t, l); !errors.Is(err, client.ErrParentTooOld) || len(l.posts) != 4 {
		t.Errorf("%v after %d posts", err, len(l.posts))
	}
}

func TestI4_ALostAnswerIsFoundByPayload(t *testing.T) {
	l := &ledger{}
	l.script = []func(http.ResponseWriter, client.Vertex){l.lose}
	outcome, err := submit(t, l)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.posts) != 1 || outcome.Vertex != l.posts[0].ID() {
		t.Errorf("%d posts, %+v", len(l.posts), outcome)
	}
}

func TestI4_ALostRequestIsSentAgain(t *testing.T) {
	l := &ledger{}
	l.script = []func(http.ResponseWriter, client.Vertex){drop}
	outcome, err := submit(t, l)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.posts) != 2 || outcome.Vertex != l.posts[1].ID() || l.posts[0].PayloadID() != l.posts[1].PayloadID() {
		t.Errorf("%d posts, %+v", len(l.posts), outcome)
	}
}

func TestI4_WhatCannotBeFoundOutIsUnknownWithItsPayload(t *testing.T) {
	l := &ledger{find: problem(client.ErrUnavailable)}
	l.script = []func(http.ResponseWriter, client.Vertex){drop}
	_, err := submit(t, l)
	var unknown *client.UnknownOutcome
	if !errors.As(err, &unknown) || !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Fatal(err)
	}
	if unknown.Payload != client.ID(settle.PayloadIDOf(network, account, payload)) {
		t.Error(unknown.Payload)
	}
}

func TestI4_ASpendRepeatedAfterACrashGivesTheFirstOutcome(t *testing.T) {
	l := &ledger{}
	first, err := submit(t, l)
	if err != nil {
		t.Fatal(err)
	}
	l.script = []func(http.ResponseWriter, client.Vertex){nil, refuse(client.ErrStaleSequence)}
	again, err := submit(t, l)
	if err != nil || again != first {
		t.Errorf("%+v, first %+v, %v", again, first, err)
	}
}

func TestAStaleSequenceOfAnotherPayloadIsRefused(t *testing.T) {
	l := &ledger{}
	l.script = []func(http.ResponseWriter, client.Vertex){refuse(client.ErrStaleSequence)}
	if _, err := submit(t, l); !errors.Is(err, client.ErrStaleSequence) {
		t.Error(err)
	}
}

func TestRefusalsAreNotRetried(t *testing.T) {
	for _, sentinel := range []error{client.ErrInsufficient, client.ErrRefused, client.ErrRateLimited, client.ErrUnavailable} {
		l := &ledger{}
		l.script = []func(http.ResponseWriter, client.Vertex){refuse(sentinel)}
		if _, err := submit(t, l); !errors.Is(err, sentinel) || len(l.posts) != 1 {
			t.Errorf("%v after %d posts", err, len(l.posts))
		}
	}
}

func TestSubmitSignsForItsOwnNetworkOnly(t *testing.T) {
	l := &ledger{}
	s := client.NewSubmitter(newClient(t, l), wallet.NetworkID{8}, account, key)
	if _, err := s.Submit(context.Background(), payload); !errors.Is(err, client.ErrWrongNetwork) || len(l.posts) != 0 {
		t.Error(err)
	}
}

func TestAnAnswerAboutAnotherPayloadIsNoAnswer(t *testing.T) {
	l := &ledger{find: answer(200, "application/json", `{"items":[]}`)}
	lie := func(w http.ResponseWriter, v client.Vertex) {
		v.Payload[0]++
		writeJSON(w, http.StatusCreated, v)
	}
	l.script = []func(http.ResponseWriter, client.Vertex){lie, lie, lie, lie}
	if _, err := submit(t, l); !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Error(err)
	}
}

func TestWaitFinalAsksUntilItIs(t *testing.T) {
	states := []string{client.VertexPending, client.VertexAccepted, client.VertexFinal}
	asked := 0
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("wait") != "final" {
			t.Error("did not wait")
		}
		writeJSON(w, 200, client.Vertex{ID: client.ID{1}, State: states[asked], Verdict: "applied", Parents: []client.ID{}})
		asked++
	}))
	v, err := c.WaitFinal(context.Background(), client.ID{1})
	if err != nil || v.State != client.VertexFinal || asked != 3 {
		t.Errorf("%s after %d, %v", v.State, asked, err)
	}
}

func TestWaitFinalReportsARefusal(t *testing.T) {
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, client.Vertex{State: client.VertexRefused, Verdict: settle.Overspend.String()})
	}))
	if _, err := c.WaitFinal(context.Background(), client.ID{1}); !errors.Is(err, client.ErrRefused) || !errors.Is(err, settle.ErrOverspend) {
		t.Error(err)
	}
}

package port_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/node"
	"joulepay/settle/port"
	ledgerstore "joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var euro = money.Currency{'E', 'U', 'R'}

// ledger is a real node behind its API, and a road to it on which things happen.
type ledger struct {
	t       *testing.T
	road    *road
	pinned  *client.Pinned
	genesis *settle.Vertex
	issuer  *wallet.Wallet
}

// road carries requests, unless a test takes one out.
type road struct {
	mu   sync.Mutex // guards take
	take func(*http.Request) (*http.Response, error)
}

func (r *road) set(take func(*http.Request) (*http.Response, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take = take
}

// RoundTrip implements http.RoundTripper.
func (r *road) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	take := r.take
	r.mu.Unlock()
	if take != nil {
		if response, err := take(request); response != nil || err != nil {
			return response, err
		}
	}
	return http.DefaultTransport.RoundTrip(request)
}

// problem is a server's refusal.
func problem(sentinel error) *http.Response {
	p := client.NewProblem(sentinel, "on purpose", "")
	body, _ := json.Marshal(p)
	return answer(p.Status, "application/problem+json", body)
}

func answer(status int, kind string, body []byte) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(body))}
}

func testWallet(n byte) *wallet.Wallet { return wallet.FromEntropy([wallet.EntropySize]byte{n}) }

var car, pole = testWallet(1), testWallet(2)

func startLedger(t *testing.T) *ledger {
	t.Helper()
	issuer, witness := testWallet(9), wallet.NewPrivateKey([wallet.SeedSize]byte{9})
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: euro, Time: time.Now().Truncate(time.Millisecond).UTC(), Limits: settle.DefaultLimits(),
		Issuers:   []settle.Issuer{{DID: issuer.DID(), Cap: 1_000_000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: issuer.DID(), Key: witness.Public(), Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	running, err := node.Start(context.Background(), node.Options{CoreOptions: node.CoreOptions{Witness: witness},
		Genesis: genesis, Store: ledgerstore.NewMemory(), Stream: stream.NewMemory(), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := api.New(api.Config{Loopback: true, Now: time.Now, Wait: 500 * time.Millisecond, Rate: api.Rate{PerSecond: 1e6, Burst: 1e6}}.WithNode(running))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &ledger{t: t, road: &road{}, genesis: genesis, issuer: issuer}
	c, err := client.New(server.URL, client.Options{HTTP: &http.Client{Transport: l.road}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if l.pinned, err = c.Pin(t.Context(), genesis.NetworkID()); err != nil {
		t.Fatal(err)
	}
	return l
}

// fund gives a wallet money.
func (l *ledger) fund(w *wallet.Wallet, amount money.Amount) {
	l.t.Helper()
	s := client.NewSubmitter(l.pinned.Client, l.genesis.NetworkID(), l.issuer.DID(), l.issuer.Account())
	issue := &settle.Issue{Reference: settle.Reference{1}, To: w.DID(), Amount: amount}
	outcome, err := s.Submit(l.t.Context(), issue)
	if err == nil {
		_, err = s.WaitFinal(l.t.Context(), outcome.Vertex)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *ledger) opening(nonce byte) channel.Opening {
	return channel.Opening{
		Network: l.genesis.NetworkID(), Opener: car.DID(), Partner: pole.DID(), Payout: pole.DID(),
		OpenerKey: car.Channel(1).Public(), PartnerKey: pole.Channel(1).Public(), Deposit: 20 * money.Nano, Nonce: [16]byte{nonce},
		Terms: channel.Terms{Currency: euro, Window: time.Hour, Expiry: time.Now().Add(24 * time.Hour).Truncate(time.Second).UTC()},
	}
}

func open(o channel.Opening) session.OpRecord {
	return session.NewOp(session.OpOpen, o.ID(), channel.SessionID{1}, o.Encode())
}

func topUp(o channel.Opening, nonce uint64) session.OpRecord {
	return session.NewOp(session.OpTopUp, o.ID(), channel.SessionID{1}, session.TopUp{Amount: money.Nano, Nonce: nonce}.Encode())
}

func prepared(t *testing.T, p *port.Port, op session.OpRecord) []byte {
	t.Helper()
	payload, err := p.Prepare(t.Context(), op)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func submitted(t *testing.T, p *port.Port, op session.OpRecord) [32]byte {
	t.Helper()
	vertex, err := p.Submit(t.Context(), prepared(t, p, op))
	if err != nil {
		t.Fatal(err)
	}
	return vertex
}

func TestI4_TheSamePayloadAgainTakesEffectOnce(t *testing.T) {
	l := startLedger(t)
	l.fund(car, 100*money.Nano)
	p, o := port.New(l.pinned, car), l.opening(1)
	first := prepared(t, p, open(o))
	vertex, err := p.Submit(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again, err := p.Submit(t.Context(), first)
		if err != nil || again != vertex {
			t.Errorf("%v: vertex %x, first %x", err, again, vertex)
		}
	}
	submitted(t, p, topUp(o, 1))
	view, err := p.View(t.Context(), o.ID())
	if err != nil || view.Opening != o || !view.Final || view.State != channel.Open || view.At.IsZero() || view.Time.IsZero() ||
		view.Funds.Deposited != (channel.PerParty{21 * money.Nano, 0}) {
		t.Errorf("%v: %+v", err, view)
	}
}

func TestAChannelThatTheLedgerDoesNotKnowIsNotFound(t *testing.T) {
	l := startLedger(t)
	p := port.New(l.pinned, car)
	if _, err := p.View(t.Context(), channel.ID{1}); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	l.road.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("no road") })
	if _, err := p.View(t.Context(), channel.ID{1}); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("a ledger that cannot be reached: %v", err)
	}
}

// meaning is what an outbox does about an error.
func meaning(err error) string {
	switch {
	case err == nil:
		return "final"
	case errors.Is(err, agent.ErrLedgerRefused):
		return "refused"
	case errors.Is(err, agent.ErrStalePayload):
		return "stale"
	}
	return "passing"
}

func TestARefusalIsForGoodAndTroubleIsNot(t *testing.T) {
	l := startLedger(t)
	l.fund(car, 25*money.Nano)
	p, o := port.New(l.pinned, car), l.opening(1)
	submitted(t, p, open(o))
	request := channel.SignedCloseRequest{Request: channel.CloseRequest{Channel: o.ID(), By: channel.Opener}}
	request.Signature = car.Channel(1).Sign(wallet.DomainCloseRequest, o.Network, request.Request.Encode())
	id := o.ID()
	for _, test := range []struct {
		name string
		op   session.OpRecord
		want string
	}{
		{"more than the account has", open(l.opening(2)), "refused"},
		{"a top-up", topUp(o, 1), "final"},
		{"a channel that is not there", session.NewOp(session.OpFinalise, channel.ID{7}, channel.SessionID{}, nil), "refused"},
		{"a channel that nobody closes", session.NewOp(session.OpFinalise, id, channel.SessionID{}, id[:]), "refused"},
		{"a close", session.NewOp(session.OpCloseRequest, id, channel.SessionID{}, request.Encode()), "final"},
		{"the same close", session.NewOp(session.OpCloseRequest, id, channel.SessionID{}, request.Encode()), "final"},
		{"a window that is open", session.NewOp(session.OpFinalise, id, channel.SessionID{}, id[:]), "passing"},
	} {
		payload, err := p.Prepare(t.Context(), test.op)
		if err == nil {
			_, err = p.Submit(t.Context(), payload)
		}
		if got := meaning(err); got != test.want {
			t.Errorf("%s: %s, want %s: %v", test.name, got, test.want, err)
		}
	}
	if _, err := p.Prepare(t.Context(), session.NewOp(session.OpTopUp, id, channel.SessionID{}, []byte{9})); meaning(err) != "refused" {
		t.Errorf("an operation that is none: %v", err)
	}
	if _, err := p.Submit(t.Context(), []byte("nonsense")); meaning(err) != "refused" {
		t.Errorf("a payload that is none: %v", err)
	}
}

// TestI4_WhatASpendComesToIsNeverGuessed submits a spend on a road with troubles. Where it may have taken effect, it must
// not be made anew, for both would.
func TestI4_WhatASpendComesToIsNeverGuessed(t *testing.T) {
	isPost := func(r *http.Request) bool { return r.Method == http.MethodPost }
	isFind := func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Query().Has("payload") }
	stale := func(r *http.Request) (*http.Response, error) {
		if isPost(r) {
			return problem(client.ErrStaleSequence), nil
		}
		return nil, nil
	}
	for name, test := range map[string]struct {
		applied bool // it took effect before
		road    func(*http.Request) (*http.Response, error)
		want    string
	}{
		"all is well":                           {false, nil, "final"},
		"it took effect before":                 {true, nil, "final"},
		"a stale sequence, and nothing to find": {false, stale, "stale"},
		"a stale sequence, for it took effect":  {true, stale, "final"},
		"a stale sequence, and nobody to ask": {true, func(r *http.Request) (*http.Response, error) {
			if isFind(r) {
				return nil, errors.New("no road")
			}
			return stale(r)
		}, "passing"},
		"a stale sequence, and who is asked refuses": {true, func(r *http.Request) (*http.Response, error) {
			if isFind(r) {
				return problem(client.ErrRefused), nil
			}
			return stale(r)
		}, "passing"},
		"the answer is lost": {false, func(r *http.Request) (*http.Response, error) {
			if !isPost(r) {
				return nil, nil
			}
			if response, err := http.DefaultTransport.RoundTrip(r); err == nil {
				_ = response.Body.Close()
			}
			return nil, errors.New("the line broke")
		}, "final"},
		"nothing is answered":                        {false, func(r *http.Request) (*http.Response, error) { return nil, errors.New("no road") }, "passing"},
		"the node is overrun":                        {false, func(r *http.Request) (*http.Response, error) { return problem(client.ErrRateLimited), nil }, "passing"},
		"the node fails":                             {false, func(r *http.Request) (*http.Response, error) { return problem(client.ErrInternal), nil }, "passing"},
		"its parents were too old, as it turned out": {false, refusedLater(settle.ParentTooOld), "passing"},
		"it was refused, as it turned out":           {false, refusedLater(settle.Overspend), "refused"},
		"its sequence was gone, as it turned out":    {false, refusedLater(settle.WrongSequence), "stale"},
	} {
		t.Run(name, func(t *testing.T) {
			l := startLedger(t)
			l.fund(car, 100*money.Nano)
			p, o := port.New(l.pinned, car), l.opening(1)
			submitted(t, p, open(o))
			payload := prepared(t, p, topUp(o, 1))
			if test.applied {
				if _, err := p.Submit(t.Context(), payload); err != nil {
					t.Fatal(err)
				}
			}
			l.road.set(test.road)
			vertex, err := p.Submit(t.Context(), payload)
			if got := meaning(err); got != test.want {
				t.Fatalf("%s, want %s: %v", got, test.want, err)
			}
			l.road.set(nil)
			if again, err := p.Submit(t.Context(), payload); err != nil || test.want == "final" && again != vertex {
				t.Errorf("in good times: %v, vertex %x, before %x", err, again, vertex)
			}
			view, err := p.View(t.Context(), o.ID())
			if want := money.Amount(21 * money.Nano); err != nil || view.Funds.Deposited[channel.Opener] != want {
				t.Errorf("%v: deposited %s, want %s", err, view.Funds.Deposited[channel.Opener], want)
			}
		})
	}
}

// refusedLater takes a vertex, and says that it was refused when it is asked whether it is final.
func refusedLater(verdict settle.Verdict) func(*http.Request) (*http.Response, error) {
	var posted client.Vertex
	return func(r *http.Request) (*http.Response, error) {
		switch {
		case r.Method == http.MethodPost:
			raw, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			v, err := settle.DecodeVertex(raw)
			if err != nil {
				return nil, err
			}
			posted = client.Vertex{ID: client.ID(v.ID()), Payload: client.ID(v.PayloadID()), Kind: v.Payload().Kind().String(),
				State: client.VertexAccepted, Verdict: settle.Applied.String(), Parents: []client.ID{}}
		case !strings.Contains(r.URL.Path, posted.ID.String()):
			return nil, nil
		default:
			posted.State, posted.Verdict = client.VertexRefused, verdict.String()
		}
		body, err := json.Marshal(posted)
		return answer(http.StatusOK, "application/json", body), err
	}
}

func TestThereIsNoReceiptBeforeTheEnd(t *testing.T) {
	l := startLedger(t)
	p, s := port.New(l.pinned, car), store.NewMemory()
	if _, err := p.Receipt(t.Context(), s, channel.SessionID{1}); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	for _, phase := range []session.Phase{session.PhaseCharging, session.PhaseFailed} {
		record := session.SessionRecord{ID: channel.SessionID{1}, Phase: phase}
		if err := s.Commit(t.Context(), session.Batch{Sessions: []session.SessionRecord{record}}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Receipt(t.Context(), s, record.ID); !errors.Is(err, port.ErrNotOver) {
			t.Errorf("%s: %v", phase, err)
		}
	}
	if err := s.PutReceipt(t.Context(), channel.SessionID{1}, []byte("stored")); err != nil {
		t.Fatal(err)
	}
	if raw, err := p.Receipt(t.Context(), s, channel.SessionID{1}); err != nil || string(raw) != "stored" {
		t.Errorf("%q, %v", raw, err)
	}
}

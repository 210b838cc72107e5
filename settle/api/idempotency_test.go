package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/once"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// paying is a ledger server that pays from the pole's account, with keys in a file that outlives it.
func paying(t *testing.T, s *ledgerServer, keys once.Store, crash func(context.Context) error) *client.Client {
	t.Helper()
	payer := &dying{api.PayerOf(s.node, pole, poleKey), crash}
	config := api.Config{Payer: payer, Once: keys, Tokens: tokens, Loopback: true, Now: clock, Rate: api.Rate{PerSecond: 1e6, Burst: 1e6}}.WithNode(s.node)
	server := httptest.NewServer(handler(t, config))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Options{Token: operatorToken,
		HTTP: &http.Client{Transport: loadContract(t).Transport(func(err error) { t.Error(err) })}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var errCrash = errors.New("the process dies here")

// dying pays, and dies before its answer is remembered, as often as it is told to.
type dying struct {
	api.Payer
	crash func(context.Context) error
}

func (d *dying) Transfer(ctx context.Context, ask client.TransferRequest, m api.Memo) (client.Transfer, error) {
	done, err := d.Payer.Transfer(ctx, ask, m)
	if err == nil && d.crash != nil {
		return client.Transfer{}, d.crash(ctx)
	}
	return done, err
}

func openKeys(t *testing.T, path string) *once.SQLite {
	t.Helper()
	keys, err := once.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestI4_ATransferThatIsAskedForAgainPaysOnce(t *testing.T) {
	s := startLedger(t)
	s.fund(t, pole)
	path := filepath.Join(t.TempDir(), "requests.db")
	ask := client.TransferRequest{To: car, Amount: sum(3e9), Reference: "rent"}

	keys := openKeys(t, path)
	crashed := paying(t, s, keys, func(context.Context) error { return errCrash })
	if _, err := crashed.Transfer(t.Context(), "k1", ask); !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Fatal(err) // the money has moved, and nobody was told
	}
	if err := keys.Close(); err != nil {
		t.Fatal(err)
	}

	keys = openKeys(t, path)
	t.Cleanup(func() { _ = keys.Close() })
	c := paying(t, s, keys, nil)
	first, err := c.Transfer(t.Context(), "k1", ask)
	if err != nil || first.From != pole || first.To != car || first.Amount != sum(3e9) {
		t.Fatalf("%+v %v", first, err)
	}
	again, err := c.Transfer(t.Context(), "k1", ask)
	if err != nil || again != first {
		t.Errorf("asked again: %+v %v, first %+v", again, err, first)
	}
	other := ask
	other.Amount = sum(4e9)
	if _, err := c.Transfer(t.Context(), "k1", other); !errors.Is(err, client.ErrKeyReused) {
		t.Errorf("another request: %v", err)
	}
	if second, err := c.Transfer(t.Context(), "k2", ask); err != nil || second.Vertex == first.Vertex {
		t.Errorf("another key: %+v %v", second, err)
	}
	if a, err := s.Account(t.Context(), car); err != nil || a.Balance != sum(6e9) {
		t.Errorf("%+v %v", a, err)
	}
}

func TestARefusalIsTheSameWhenAskedForAgain(t *testing.T) {
	s := startLedger(t)
	s.fund(t, pole)
	c := paying(t, s, once.NewMemory(), nil)
	ask := client.TransferRequest{To: car, Amount: sum(1000e9)}
	if _, err := c.Transfer(t.Context(), "much", ask); !errors.Is(err, client.ErrInsufficient) {
		t.Fatal(err)
	}
	s.must(t, wallet.DIDOf(issuerKey.Public()), issuerKey, &settle.Issue{Reference: settle.ReferenceOf("more"), To: pole, Amount: 2000 * money.Nano})
	if _, err := c.Transfer(t.Context(), "much", ask); !errors.Is(err, client.ErrInsufficient) {
		t.Errorf("the same key: %v", err)
	}
	if _, err := c.Transfer(t.Context(), "much-again", ask); err != nil {
		t.Error(err)
	}
	if _, err := c.Transfer(t.Context(), "dollars", client.TransferRequest{To: car, Amount: money.Of(1, money.Currency{'U', 'S', 'D'})}); !errors.Is(err, client.ErrBadRequest) {
		t.Error(err)
	}
}

func TestTransfersOfOneAccountAtOnceAllPayOnce(t *testing.T) {
	s := startLedger(t)
	s.fund(t, pole)
	c := paying(t, s, once.NewMemory(), nil)
	done := make(chan error)
	for i := range 8 {
		go func() {
			_, err := c.Transfer(context.Background(), "key-"+string(rune('a'+i)), client.TransferRequest{To: car, Amount: sum(1e9)})
			done <- err
		}()
	}
	for i := range uint64(3) { // and somebody else spends from the account
		_, err := s.as(pole, poleKey).Submit(t.Context(), &settle.Anchor{Hash: [32]byte{byte(i) + 1}})
		if err != nil {
			t.Error(err)
		}
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if a, err := s.Account(t.Context(), car); err != nil || a.Balance != sum(8e9) {
		t.Errorf("%+v %v", a, err)
	}
}

// held pays nobody until it is told to.
type held struct {
	*fake
	begun, end chan struct{}
}

func (w held) Transfer(ctx context.Context, ask client.TransferRequest, m api.Memo) (client.Transfer, error) {
	w.begun <- struct{}{}
	<-w.end
	return w.fake.Transfer(ctx, ask, m)
}

func TestAKeyThatIsInHandIsToldSo(t *testing.T) {
	config := full(&fake{})
	pays := held{&fake{}, make(chan struct{}), make(chan struct{})}
	config.Payer = pays
	h := handler(t, config)
	var e exchange
	for _, good := range goodExchanges() {
		if good.method == http.MethodPost && good.target == "/v1/transfers" {
			e = good
		}
	}
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- serve(h, e.request()) }()
	<-pays.begun
	w := serve(h, e.request())
	if p := problemIn(t, w); !errors.Is(&p, client.ErrKeyInUse) || w.Header().Get("Retry-After") != "1" {
		t.Error(p)
	}
	close(pays.end)
	first := <-done
	again := serve(h, e.request())
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" ||
		first.Header().Get("Location") != again.Header().Get("Location") || first.Header().Get("Idempotency-Replayed") != "" {
		t.Errorf("%d %s, again %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	quoted := e
	quoted.key = `"` + e.key + `"`
	if w := serve(h, quoted.request()); w.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("the key as a structured field: %d %s", w.Code, w.Body)
	}
}

func TestAKeyIsRememberedForADay(t *testing.T) {
	now := noon
	config := full(&fake{})
	config.Now = func() time.Time { return now }
	h := handler(t, config)
	var e exchange
	for _, good := range goodExchanges() {
		if good.key != "" {
			e = good
		}
	}
	for _, row := range []struct {
		after time.Duration
		want  string
	}{{0, ""}, {24 * time.Hour, "true"}, {25 * time.Hour, ""}} {
		now = noon.Add(row.after)
		if w := serve(h, e.request()); w.Code != 201 || w.Header().Get("Idempotency-Replayed") != row.want {
			t.Errorf("after %s: %d, replayed %q", row.after, w.Code, w.Header().Get("Idempotency-Replayed"))
		}
	}
}

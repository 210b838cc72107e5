package apiload

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/stationcmd"
	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/api/apitest"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// caller calls operations of a running process through the document.
type caller struct {
	t        *testing.T
	contract *apitest.Contract
	http     *http.Client
	url      string
}

func newCaller(t *testing.T, url string) *caller {
	contract := apitest.Load(t)
	return &caller{t, contract, &http.Client{Transport: contract.Transport(func(err error) { t.Error(err) })}, url}
}

// call asks, and gives the status; the transport checks the answer.
func (c *caller) call(method, target, contentType string, body []byte) int {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.url+target, bytes.NewReader(body))
	fatal(c.t, err, target)
	r.Header.Set("Authorization", "Bearer "+operate)
	r.Header.Set("Idempotency-Key", "key-of-this-test")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(r)
	fatal(c.t, err, target)
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		_, err = io.Copy(io.Discard, resp.Body)
		fatal(c.t, err, target)
	}
	return resp.StatusCode
}

// each calls every operation that reads, with the ids that are there.
func (c *caller) each(ids map[string]string) (answered []string) {
	c.t.Helper()
	for path, item := range c.contract.Document.Paths.Map() {
		if item.Get == nil {
			continue
		}
		if code := c.call(http.MethodGet, at(path, item.Get, ids), "", nil); code == http.StatusOK {
			answered = append(answered, item.Get.OperationID)
		} else if code != http.StatusNotFound {
			c.t.Errorf("%s: %d", path, code)
		}
	}
	return answered
}

// at fills in the ids of a path: of an operation itself, or of what stands before {id} in the path.
func at(path string, o *openapi3.Operation, ids map[string]string) string {
	for name, value := range ids {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	resource := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")[0]
	return strings.ReplaceAll(path, "{id}", ids[resource])
}

func TestEveryOperationOfARunningChargerWithItsLedgerIsAsDocumented(t *testing.T) {
	w := startWith(t, func(dir string, own *wallet.Wallet) { visits(t, dir, own, 3, 4) }, func(o *stationcmd.Options) { o.StatusLists = oneList{} })
	ended := w.visited(t)
	driver := w.drive(t)
	c := newCaller(t, w.URL)

	to := wallet.Generate().DID().String()
	money := `{"to":"` + to + `","amount":{"value":"5","currency":"EUR"},"reference":"r1"}`
	w.issue(t, w.wallet.DID(), 100_000_000_000)
	for _, target := range []string{"/v1/issues", "/v1/transfers"} {
		if code := c.call(http.MethodPost, target, "application/json", []byte(money)); code != http.StatusCreated {
			t.Errorf("%s: %d", target, code)
		}
	}
	if code := c.call(http.MethodPost, "/v1/vertices", "application/octet-stream", w.vertex(t)); code != http.StatusCreated {
		t.Errorf("vertex: %d", code)
	}
	channels, err := w.client.Channels(t.Context(), client.ChannelQuery{Party: driver})
	fatal(t, err, "channels")
	sessions, err := w.client.Sessions(t.Context(), client.SessionQuery{State: client.SessionRunning})
	fatal(t, err, "sessions")
	vertices, err := w.client.Vertices(t.Context(), client.VertexQuery{})
	fatal(t, err, "vertices")
	if len(channels.Items) == 0 || len(sessions.Items) != 1 || len(vertices.Items) == 0 {
		t.Fatalf("%d channels, %d running sessions, %d vertices", len(channels.Items), len(sessions.Items), len(vertices.Items))
	}
	c.each(map[string]string{
		"did": driver.String(), "channels": channels.Items[0].ID.String(), "vertices": vertices.Items[0].ID.String(),
		"sessions": sessions.Items[0].ID.String(), "receipts": ended.String(), "status-lists": "2026",
	})
	if left := c.contract.NotCalled(); len(left) > 0 {
		t.Errorf("without an answer: %v", left)
	}
}

func TestEveryOperationOfAChargerWithoutALedgerIsAsDocumented(t *testing.T) {
	ledger := start(t, nil)
	w := startWith(t, func(dir string, own *wallet.Wallet) { visits(t, dir, own, 3, 4) }, func(o *stationcmd.Options) {
		o.NATS, o.Ledger = ledger.NATS, ledger.URL
	})
	c := newCaller(t, w.URL)
	sessions, err := w.client.Sessions(t.Context(), client.SessionQuery{})
	fatal(t, err, "sessions")
	if len(sessions.Items) != 3 {
		t.Fatalf("%d sessions", len(sessions.Items))
	}
	none := strings.Repeat("ab", 32)
	c.each(map[string]string{
		"did": w.wallet.DID().String(), "channels": none, "vertices": none, "sessions": sessions.Items[0].ID.String(),
		"receipts": sessions.Items[0].ID.String(), "status-lists": "2026",
	})
	network, err := w.client.Network(t.Context())
	fatal(t, err, "network")
	for _, resource := range network.Serves {
		switch resource {
		case "sessions", "readings", "receipts", "stations", "tariffs", "estimates", "prices", "claims", "events":
		default:
			t.Errorf("a charger without a ledger serves %s", resource)
		}
	}
	if code := c.call(http.MethodPost, "/v1/transfers", "application/json", []byte("{}")); code != http.StatusNotFound {
		t.Errorf("a charger without a ledger pays: %d", code)
	}
}

// oneList has one list of credentials' states.
type oneList struct{}

func (oneList) StatusList(id string) (string, error) {
	if id != "2026" {
		return "", fs.ErrNotExist
	}
	return "e30.e30.AAAA", nil
}

// vertex gives one that the ledger takes.
func (w *world) vertex(t testing.TB) []byte {
	t.Helper()
	network, err := w.client.Network(t.Context())
	fatal(t, err, "network")
	parents := make([]settle.VertexID, len(network.Tips))
	for i, id := range network.Tips {
		parents[i] = settle.VertexID(id)
	}
	v, err := settle.Sign(settle.Draft{Network: network.Network, Issuer: w.wallet.DID(), Parents: parents, Payload: &settle.Anchor{Hash: [32]byte{1}}}, w.wallet.Account())
	fatal(t, err, "vertex")
	return v.Encode()
}

func TestATransferOfTheNodeSurvivesItsEnd(t *testing.T) {
	w := start(t, nil)
	w.issue(t, w.wallet.DID(), 100*money.Nano)
	to := wallet.Generate().DID()
	ask := client.TransferRequest{To: to, Amount: money.Of(7*money.Nano, eur)}
	first, err := w.client.Transfer(t.Context(), "rent-7", ask)
	fatal(t, err, "transfer")
	w.again(t)
	again, err := w.client.Transfer(t.Context(), "rent-7", ask)
	if err != nil || again.Vertex != first.Vertex {
		t.Errorf("after a new start: %+v %v, first %+v", again, err, first)
	}
	account, err := w.client.Account(t.Context(), to)
	if err != nil || account.Balance.Amount != 7*money.Nano {
		t.Errorf("%+v %v", account.Balance, err)
	}
}

// awaitFinal waits until the newest issue is final: before, a ledger has no snapshot to give.
func awaitFinal(t *testing.T, url string) {
	t.Helper()
	c, err := client.New(url, client.Options{Token: operate})
	fatal(t, err, "client")
	issues, err := c.Issues(t.Context(), client.EntryQuery{})
	fatal(t, err, "issues")
	if len(issues.Items) == 0 {
		t.Fatal("nothing was issued")
	}
	for { // each answer comes when the vertex is final, or after client.WaitMax
		v, err := c.AwaitVertex(t.Context(), issues.Items[0].Vertex)
		fatal(t, err, "vertex")
		if v.State == client.VertexFinal {
			return
		}
	}
}

func TestEveryOperationOfALedgerNodeIsAsDocumented(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	broker, err := operator.StartBroker(dir, "127.0.0.1:0", nil, log)
	fatal(t, err, "broker")
	t.Cleanup(func() { fatal(t, broker.Close(), "broker") })
	own := wallet.Generate()
	node, err := operator.StartNode(context.Background(), operator.Options{Dir: dir, Wallet: own, Broker: broker, Log: log})
	fatal(t, err, "node")
	t.Cleanup(func() { fatal(t, node.Close(), "node") })
	config := node.Config()
	config.Loopback, config.Tokens = true, []api.Token{{Scope: api.ScopeOperate, Secret: operate}}
	handler, err := api.New(config)
	fatal(t, err, "API")
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := newCaller(t, server.URL)
	for _, target := range []string{"/v1/issues", "/v1/transfers"} {
		body := `{"to":"` + own.DID().String() + `","amount":{"value":"5","currency":"EUR"},"reference":"r1"}`
		if code := c.call(http.MethodPost, target, "application/json", []byte(body)); code >= 500 {
			t.Errorf("%s: %d", target, code)
		}
	}
	awaitFinal(t, server.URL)
	none := strings.Repeat("ab", 32)
	answered := c.each(map[string]string{
		"did": own.DID().String(), "channels": none, "vertices": none, "sessions": none[:32], "receipts": none[:32], "status-lists": "2026",
	})
	for _, wanted := range []string{"network", "account", "did", "channels", "vertices", "transfers", "settlements", "issues", "redemptions",
		"checkpoints", "snapshot", "events", "healthz", "readyz", "metrics", "openapi"} {
		if !slices.Contains(answered, wanted) {
			t.Errorf("a ledger node does not answer %s", wanted)
		}
	}
	for _, foreign := range []string{"sessions", "stations", "tariffs", "prices"} {
		if slices.Contains(answered, foreign) {
			t.Errorf("a ledger node answers %s", foreign)
		}
	}
}

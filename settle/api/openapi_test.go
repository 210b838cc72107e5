package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"joulepay/settle/api/apitest"
	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/settle/receipt"
	"joulepay/wallet"
)

func bodyReader(body []byte) io.Reader {
	if body == nil {
		return http.NoBody
	}
	return bytes.NewReader(body)
}

// contract checks recorded answers.
type contract struct{ *apitest.Contract }

func loadContract(t testing.TB) contract {
	t.Helper()
	return contract{apitest.Load(t)}
}

// check validates an exchange.
func (c contract) check(r *http.Request, body []byte, w *httptest.ResponseRecorder) (operation string, err error) {
	return c.Check(apitest.Exchange{Request: r, Sent: body, Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()})
}

// exchange is one call of the API and the status that it should have.
type exchange struct {
	method, target string
	contentType    string
	body           []byte
	token, key     string
	elsewhere      bool // not addressed on loopback
	status         int
}

func (e exchange) request() *http.Request {
	r := newRequest(e.method, e.target, e.body)
	if e.elsewhere {
		r.Host = "10.0.0.1:8420"
	}
	if e.contentType != "" {
		r.Header.Set("Content-Type", e.contentType)
	}
	if e.key != "" {
		r.Header.Set("Idempotency-Key", e.key)
	}
	if e.token != "" {
		r.Header.Set("Authorization", "Bearer "+e.token)
	}
	return r
}

func goodExchanges() []exchange {
	did, id, visit := wallet.DIDOf(vehicle).String(), someID.String(), visitID.String()
	const get, post = http.MethodGet, http.MethodPost
	return []exchange{
		{method: get, target: "/v1/network", status: 200},
		{method: get, target: "/v1/accounts/" + did, status: 200},
		{method: get, target: "/v1/dids/" + did + "?proof=1", status: 200},
		{method: get, target: "/v1/channels?limit=10&state=open&since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z&party=" + did, status: 200},
		{method: get, target: "/v1/channels/" + id, status: 200},
		{method: get, target: "/v1/channels/" + id + "/claims", status: 200},
		{method: get, target: "/v1/vertices?kind=transfer&state=final&payload=" + id + "&issuer=" + did + "&party=" + did + "&channel=" + id, status: 200},
		{method: get, target: "/v1/vertices/" + id, status: 200},
		{method: get, target: "/v1/vertices/" + id + "?wait=final", status: 200},
		{method: post, target: "/v1/vertices", contentType: "application/octet-stream", body: []byte("vertex"), status: 201},
		{method: post, target: "/v1/vertices?wait=final", contentType: "application/json", body: []byte(`{"encoded":"dmVydGV4"}`), status: 201},
		{method: get, target: "/v1/transfers?party=" + did, status: 200},
		{method: post, target: "/v1/transfers", contentType: "application/json", token: operatorToken, key: "k1",
			body: []byte(`{"to":"` + did + `","amount":{"value":"5","currency":"EUR"},"reference":"r1"}`), status: 201},
		{method: get, target: "/v1/settlements?channel=" + id, status: 200},
		{method: get, target: "/v1/issues", status: 200},
		{method: post, target: "/v1/issues", contentType: "application/json", token: operatorToken,
			body: []byte(`{"to":"` + did + `","amount":{"value":"50","currency":"EUR"},"reference":"r1"}`), status: 201},
		{method: get, target: "/v1/redemptions", status: 200},
		{method: get, target: "/v1/checkpoints?limit=500&state=final", status: 200},
		{method: get, target: "/v1/snapshot", status: 200},
		{method: get, target: "/v1/sessions?state=final", status: 200},
		{method: get, target: "/v1/sessions/" + visit, status: 200},
		{method: get, target: "/v1/sessions/" + visit + "/readings?after=7&limit=2", status: 200},
		{method: get, target: "/v1/receipts/" + visit, status: 200},
		{method: get, target: "/v1/receipts/" + visit + "/report", status: 200},
		{method: get, target: "/v1/stations?state=free&party=" + did, status: 200},
		{method: get, target: "/v1/tariffs?at=2026-03-01T00:00:00Z&party=" + did, status: 200},
		{method: get, target: "/v1/estimates?limit=3", status: 200},
		{method: get, target: "/v1/prices?since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00%2B01:00", status: 200},
		{method: get, target: "/v1/events?types=vertex,session&after=0123456789abcdef-7", status: 200},
		{method: get, target: "/v1/status-lists/2026", status: 200},
		{method: get, target: "/healthz", status: 200},
		{method: get, target: "/readyz", status: 200},
		{method: get, target: "/metrics", status: 200},
		{method: get, target: "/openapi.json", status: 200},
	}
}

func TestEveryOperationAnswersAsItsDocumentSays(t *testing.T) {
	c, h := loadContract(t), handler(t, full(&fake{}))
	for _, e := range goodExchanges() {
		r := e.request()
		w := serve(h, r)
		if w.Code != e.status {
			t.Fatalf("%s %s: status %d, want %d: %s", e.method, e.target, w.Code, e.status, w.Body)
		}
		if _, err := c.check(r, e.body, w); err != nil {
			t.Errorf("%s %s: %v", e.method, e.target, err)
		}
	}
	if left := c.NotCalled(); len(left) > 0 {
		t.Errorf("documented and not called: %v", left)
	}
}

func TestEveryRefusalIsDocumented(t *testing.T) {
	c := loadContract(t)
	for _, sentinel := range []error{client.ErrNotFound, client.ErrUnavailable, client.ErrInternal} {
		h := handler(t, full(&fake{err: client.NewProblem(sentinel, "on purpose", "do nothing")}))
		for _, e := range goodExchanges() {
			r := e.request()
			w := serve(h, r)
			if _, err := c.check(r, e.body, w); err != nil {
				t.Errorf("%s %s with %v: %v", e.method, e.target, sentinel, err)
			}
		}
	}
}

func TestTheContractCheckFindsWhatIsNotDocumented(t *testing.T) {
	c, e := loadContract(t), exchange{method: http.MethodGet, target: "/healthz"}
	answer := func(status int, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.WriteString(body)
		return w
	}
	if _, err := c.check(e.request(), nil, answer(200, `{"status":"ok"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.check(e.request(), nil, answer(200, `{"status":"ok","extra":1}`)); err == nil {
		t.Error("an undocumented field passed")
	}
	if _, err := c.check(e.request(), nil, answer(200, `{}`)); err == nil {
		t.Error("a missing field passed")
	}
	if _, err := c.check(e.request(), nil, answer(202, `{"status":"ok"}`)); err == nil {
		t.Error("an undocumented status passed")
	}
}

func TestSchemasHaveTheFieldsOfTheShapes(t *testing.T) {
	c := loadContract(t)
	for name, shape := range map[string]any{
		"Network": client.Network{}, "Stream": client.Stream{}, "Peer": client.Peer{}, "Limits": client.Limits{}, "Resolution": did.Resolution{}, "DIDMetadata": did.DocumentMetadata{},
		"DIDDocument": did.Document{}, "DIDKey": did.VerificationMethod{}, "DIDService": did.Service{}, "DIDKeyBinding": did.KeyBinding{},
		"Witness": client.Witness{}, "Checkpoint": client.Checkpoint{},
		"Account": client.Account{}, "Channel": client.Channel{}, "PerParty": client.PerParty{}, "Claim": client.Claim{},
		"Vertex": client.Vertex{}, "Transfer": client.Transfer{}, "Issue": client.Issue{}, "IssueRequest": client.IssueRequest{}, "TransferRequest": client.TransferRequest{},
		"Reading": client.Reading{}, "PriceSlot": client.PriceSlot{}, "Redemption": client.Redemption{}, "Settlement": client.Settlement{}, "Session": client.Session{}, "Station": client.Station{},
		"Tariff": client.Tariff{}, "Estimate": client.Estimate{}, "Price": client.Price{}, "PricePart": client.PricePart{},
		"Problem": client.Problem{}, "PageOfVertex": client.Page[client.Vertex]{},
		"Receipt": receipt.Receipt{}, "ReceiptReport": client.ReceiptReport{}, "ReceiptSummary": receipt.Summary{}, "ReceiptEvidence": receipt.Evidence{},
		"ReceiptVertex": receipt.Vertex{}, "ReceiptCheckpoint": receipt.FinalCheckpoint{},
	} {
		schema := c.Document.Components.Schemas[name].Value
		var documented []string
		for property := range schema.Properties {
			documented = append(documented, property)
		}
		all, required := jsonFields(reflect.TypeOf(shape))
		slices.Sort(documented)
		if !slices.Equal(documented, all) {
			t.Errorf("%s: document has %v, shape has %v", name, documented, all)
		}
		if got := slices.Sorted(slices.Values(schema.Required)); !slices.Equal(got, required) {
			t.Errorf("%s: document requires %v, shape always has %v", name, got, required)
		}
	}
}

// jsonFields gives the JSON names of a struct, and those that are always there, sorted.
func jsonFields(t reflect.Type) (all, required []string) {
	for _, field := range reflect.VisibleFields(t) {
		tag, ok := field.Tag.Lookup("json")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		all = append(all, name)
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	slices.Sort(all)
	slices.Sort(required)
	return all, required
}

func TestProblemTypesAreDocumented(t *testing.T) {
	var documented []string
	for _, v := range loadContract(t).Document.Components.Schemas["Problem"].Value.Properties["type"].Value.Enum {
		documented = append(documented, v.(string))
	}
	if !slices.Equal(documented, client.ProblemTypes()) {
		t.Errorf("document has %v, client has %v", documented, client.ProblemTypes())
	}
}

func TestTheDocumentIsServedAsItIs(t *testing.T) {
	w := serve(handler(t, full(&fake{})), newRequest(http.MethodGet, "/openapi.json", nil))
	var document struct {
		OpenAPI string         `json:"openapi"`
		Sets    map[string]any `json:"x-sets"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" || document.Sets != nil {
		t.Errorf("version %q, sets %v", document.OpenAPI, document.Sets)
	}
}

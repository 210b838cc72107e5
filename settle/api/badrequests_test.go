package api_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// operationOf is one operation of the document, with what a good request to it has.
type operationOf struct {
	*openapi3.Operation
	method, path string
}

func operations(c contract) []operationOf {
	var all []operationOf
	for path, item := range c.Document.Paths.Map() {
		for method, operation := range item.Operations() {
			all = append(all, operationOf{operation, method, path})
		}
	}
	slices.SortFunc(all, func(a, b operationOf) int { return strings.Compare(a.OperationID, b.OperationID) })
	return all
}

// sampleOf gives a good value of a parameter.
func sampleOf(p *openapi3.Parameter) string {
	samples := map[string]string{
		"did": wallet.DIDOf(vehicle).String(), "party": wallet.DIDOf(vehicle).String(), "issuer": wallet.DIDOf(vehicle).String(),
		"payload": someID.String(), "channel": someID.String(), "kind": "transfer", "limit": "7", "since": "2026-03-01T00:00:00Z",
		"until": "2026-03-02T00:00:00Z", "at": "2026-03-01T00:00:00Z", "proof": "1", "wait": "final", "types": "vertex,session",
	}
	switch schema := p.Schema.Value; {
	case p.Name == "id" && strings.Contains(schema.Pattern, "{32}"):
		return visitID.String()
	case p.Name == "id" && strings.Contains(schema.Pattern, "{64}"):
		return someID.String()
	case p.Name == "id":
		return "2026"
	case p.Name == "after" && schema.Type.Is("integer"):
		return "3"
	case p.Name == "after" || p.Name == "Last-Event-ID":
		return "0123456789abcdef-7"
	case len(schema.Enum) > 0:
		return schema.Enum[0].(string)
	}
	return samples[p.Name]
}

// target gives a good address, with what query adds or changes.
func (o operationOf) target(path map[string]string, query url.Values) string {
	at := o.path
	for _, p := range o.Parameters {
		if p.Value.In == "path" {
			value := sampleOf(p.Value)
			if other, ok := path[p.Value.Name]; ok {
				value = other
			}
			at = strings.ReplaceAll(at, "{"+p.Value.Name+"}", value)
		}
	}
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	return at
}

func (o operationOf) has(in, name string) bool { return o.Parameters.GetByInAndName(in, name) != nil }

// bodies are good bodies of the writes.
func bodies(operation string) (contentType, body string) {
	did := wallet.DIDOf(vehicle).String()
	switch operation {
	case "postVertex":
		return "application/json", `{"encoded":"dmVydGV4"}`
	case "postIssue":
		return "application/json", `{"to":"` + did + `","amount":{"value":"5","currency":"EUR"},"reference":"r1"}`
	case "postTransfer":
		return "application/json", `{"to":"` + did + `","amount":{"value":"5","currency":"EUR"},"reference":"r1"}`
	}
	return "", ""
}

// good gives a request that is answered.
func (o operationOf) good() exchange {
	e := exchange{method: o.method, target: o.target(nil, nil)}
	contentType, body := bodies(o.OperationID)
	if body != "" {
		e.contentType, e.body = contentType, []byte(body)
	}
	if o.Security != nil {
		e.token = operatorToken
	}
	if o.has("header", "Idempotency-Key") {
		e.key = "key of " + o.OperationID
		e.key = strings.ReplaceAll(e.key, " ", "-")
	}
	return e
}

// bad is a request that must be refused, and how.
type bad struct {
	name string
	exchange
	want error
}

// badRequests gives everything that can be wrong with a request to an operation.
func badRequests(o operationOf) []bad {
	var rows []bad
	add := func(name string, want error, change func(*exchange)) {
		e := o.good()
		change(&e)
		rows = append(rows, bad{name, e, want})
	}
	query := func(name, key string, values ...string) {
		add(name, client.ErrBadRequest, func(e *exchange) { e.target = o.target(nil, url.Values{key: values}) })
	}
	add("wrong method", client.ErrMethod, func(e *exchange) { e.method = "DELETE" })
	add("unknown method", client.ErrMethod, func(e *exchange) { e.method = "BREW" })
	if strings.HasPrefix(o.path, "/v1/") { // what watches a process may send what it likes
		query("unknown parameter", "colour", "red")
		add("broken query", client.ErrBadRequest, func(e *exchange) { e.target += "?a=%zz" })
	}
	for _, p := range o.Parameters {
		switch name := p.Value.Name; {
		case p.Value.In == "path":
			want := client.ErrBadRequest
			if o.OperationID == "statusList" {
				want = client.ErrNotFound
			}
			add("bad "+name, want, func(e *exchange) { e.target = o.target(map[string]string{name: "x!"}, nil) })
		case p.Value.In == "query":
			query("twice "+name, name, sampleOf(p.Value), sampleOf(p.Value))
			query("bad "+name, name, "§")
		case name == "Idempotency-Key":
			add("bad key", client.ErrBadRequest, func(e *exchange) { e.key = `"open` })
			add("long key", client.ErrBadRequest, func(e *exchange) { e.key = strings.Repeat("k", 256) })
			if p.Value.Required {
				add("no key", client.ErrBadRequest, func(e *exchange) { e.key = "" })
			}
		}
	}
	if o.has("query", "cursor") {
		query("cursor of another list", "cursor", "AAAAAAAAMTA")
		query("long cursor", "cursor", strings.Repeat("A", 257))
		query("cursor in clear", "cursor", "10")
	}
	if o.has("query", "limit") {
		query("limit 0", "limit", "0")
		query("limit beyond", "limit", "501")
	}
	if o.has("query", "since") {
		add("until before since", client.ErrBadRequest, func(e *exchange) {
			e.target = o.target(nil, url.Values{"since": {"2026-03-02T00:00:00Z"}, "until": {"2026-03-01T00:00:00Z"}})
		})
	}
	if o.RequestBody != nil {
		rows = append(rows, badBodies(o)...)
	}
	return append(rows, badTokens(o)...)
}

func badBodies(o operationOf) []bad {
	var rows []bad
	body := func(name string, want error, contentType, body string) {
		e := o.good()
		e.contentType, e.body = contentType, []byte(body)
		rows = append(rows, bad{name, e, want})
	}
	contentType, good := bodies(o.OperationID)
	body("oversize", client.ErrTooLarge, contentType, `{"encoded":"`+strings.Repeat("A", 200_000)+`"}`)
	body("no type", client.ErrMediaType, "", good)
	body("wrong type", client.ErrMediaType, "text/html", good)
	body("not JSON", client.ErrBadRequest, contentType, "{")
	body("empty", client.ErrBadRequest, contentType, "")
	body("a list", client.ErrBadRequest, contentType, "["+good+"]")
	body("unknown field", client.ErrBadRequest, contentType, strings.Replace(good, "{", `{"colour":"red",`, 1))
	body("two values", client.ErrBadRequest, contentType, good+good)
	body("a number for a text", client.ErrBadRequest, contentType, `{"encoded":7,"to":7}`)
	return rows
}

// badTokens are refused away from loopback.
func badTokens(o operationOf) []bad {
	if o.Security == nil {
		return nil
	}
	var rows []bad
	token := func(name, token string, want error) {
		e := o.good()
		e.token, e.elsewhere = token, true
		rows = append(rows, bad{name, e, want})
	}
	token("missing token", "", client.ErrUnauthorized)
	token("wrong token", "guess-guess-guess-guess", client.ErrUnauthorized)
	if o.method == http.MethodPost {
		token("wrong scope", readerToken, client.ErrForbidden)
	}
	return rows
}

func TestI9_EveryRouteRefusesWhatIsWrongWithATypedProblem(t *testing.T) {
	c := loadContract(t)
	config := full(&fake{})
	config.Rate = api.Rate{PerSecond: 1e9, Burst: 1e9}
	here := handler(t, config)
	config.Loopback = false
	elsewhere := handler(t, config)
	for _, o := range operations(c) {
		t.Run(o.OperationID, func(t *testing.T) {
			for _, row := range badRequests(o) {
				h := here
				if row.elsewhere {
					h = elsewhere
				}
				r := row.request()
				w := serve(h, r)
				p := problemIn(t, w)
				if !errors.Is(&p, row.want) || w.Header().Get("ETag") != "" {
					t.Errorf("%s: %s %s: %d %s, want %v", row.name, row.method, row.target, w.Code, w.Body, row.want)
				}
				if !c.Has(r) {
					continue
				}
				if _, err := c.check(r, row.body, w); err != nil {
					t.Errorf("%s: not as documented: %v", row.name, err)
				}
			}
		})
	}
}

func TestEveryDocumentedParameterIsTaken(t *testing.T) {
	c := loadContract(t)
	h := handler(t, full(&fake{}))
	for _, o := range operations(c) {
		for _, p := range o.Parameters {
			if p.Value.In != "query" || p.Value.Name == "cursor" {
				continue
			}
			e := o.good()
			e.target = o.target(nil, url.Values{p.Value.Name: {sampleOf(p.Value)}})
			r := e.request()
			w := serve(h, r)
			if w.Code >= 300 {
				t.Errorf("%s: %s: %d %s", o.OperationID, e.target, w.Code, w.Body)
			}
			if _, err := c.check(r, e.body, w); err != nil {
				t.Errorf("%s: %v", o.OperationID, err)
			}
		}
	}
}

// Package apitest owns the check of exchanges against the OpenAPI document, for tests of whatever serves the API. It leaves
// what is asked to the tests.
// It keeps the document honest: a status, a header's type or a field that it does not have fails the test.
//
// Start with Load; Contract.Transport checks all that a client sends and gets.
package apitest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"joulepay/settle/api"
)

// Contract is the OpenAPI document, ready to check exchanges against. It is safe for concurrent use.
type Contract struct {
	Document *openapi3.T
	router   routers.Router

	mu     sync.Mutex // guards called
	called map[string]bool
}

// Load reads the document and validates it.
func Load(t testing.TB) *Contract {
	t.Helper()
	raw, err := api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	decoders.Do(func() {
		openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.PlainBodyDecoder)
		openapi3filter.RegisterBodyDecoder("application/octet-stream", openapi3filter.FileBodyDecoder)
		openapi3filter.RegisterBodyDecoder("application/vc+jwt", openapi3filter.PlainBodyDecoder)
	})
	document.Servers = nil // whatever the address
	router, err := legacy.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	return &Contract{Document: document, router: router, called: map[string]bool{}}
}

// decoders is done once: the library keeps them in a table of its own.
var decoders sync.Once

// Exchange is a request and what it was answered with.
type Exchange struct {
	Request *http.Request
	Sent    []byte // its body
	Status  int
	Header  http.Header
	Body    []byte
}

// Check validates an exchange and gives its operation. A request that was refused need not be valid; its answer must be.
func (c *Contract) Check(e Exchange) (operation string, err error) {
	route, params, err := c.router.FindRoute(e.Request)
	if err != nil {
		return "", err
	}
	r := e.Request.Clone(context.Background())
	r.Body = http.NoBody
	if e.Sent != nil {
		r.Body = io.NopCloser(bytes.NewReader(e.Sent))
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if e.Status < 400 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			return "", err
		}
		if err := documented(route.Operation, r); err != nil {
			return "", err
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.Status, Header: e.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	out.SetBodyBytes(e.Body)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Status < 400 {
		c.called[route.Operation.OperationID] = true
	}
	return route.Operation.OperationID, nil
}

// documented refuses query parameters that were accepted and are not in the document.
func documented(o *openapi3.Operation, r *http.Request) error {
	for name := range r.URL.Query() {
		if o.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("%s takes a parameter %q that is not documented", o.OperationID, name)
		}
	}
	return nil
}

// Has tells whether a request is to an operation of the document.
func (c *Contract) Has(r *http.Request) bool {
	_, _, err := c.router.FindRoute(r)
	return err == nil
}

// NotCalled lists the operations that no exchange without a problem had, in order.
func (c *Contract) NotCalled() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []string
	for _, item := range c.Document.Paths.Map() {
		for _, operation := range item.Operations() {
			if !c.called[operation.OperationID] {
				left = append(left, operation.OperationID)
			}
		}
	}
	slices.Sort(left)
	return left
}

// Transport gives a transport that reports every exchange that is not as the document says. Streams without end pass
// unchecked but for their operation.
func (c *Contract) Transport(report func(error)) http.RoundTripper { return transport{c, report} }

type transport struct {
	contract *Contract
	report   func(error)
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	e := Exchange{Request: r}
	if r.Body != nil && r.Body != http.NoBody {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body, e.Sent = io.NopCloser(bytes.NewReader(sent)), sent
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	e.Status, e.Header = resp.StatusCode, resp.Header
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		if e.Body, err = io.ReadAll(resp.Body); err != nil {
			return nil, err
		}
		if err := resp.Body.Close(); err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(e.Body))
	}
	if _, err := t.contract.Check(e); err != nil {
		t.report(fmt.Errorf("%s %s: %d: %w", r.Method, r.URL, resp.StatusCode, err))
	}
	return resp, nil
}

// Package client owns the resource shapes of the HTTP API and the typed client that speaks it: money as decimal text
// beside its currency, energy as decimal watt-hours, times in RFC 3339, ids in hexadecimal. It leaves what the
// resources mean to the ledger and the station, and keys to whoever calls it.
// It keeps invariant I9 for answers (every body is bounded and typed) and its share of I4: a write whose outcome is
// not known says so, with the id by which it can be resolved.
//
// Start with New. Submitter sends payloads; Network.Pin gives what verifies accounts and channels without trust in a server.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// ResponseSizeMax bounds what is read of an answer. The largest is a receipt: a day of readings every two
	// seconds, 200 bytes each in base64, is 12 MB.
	ResponseSizeMax = 16 << 20
	// RequestTimeoutDefault bounds one request. It is longer than WaitMax, so that the server answers first.
	RequestTimeoutDefault = 40 * time.Second
	// tokenSizeMax bounds a bearer token; common proxies refuse headers from 8 KiB on.
	tokenSizeMax = 4096
)

// Errors of the transport. Refusals by the server are *Problem.
var (
	ErrBaseURL     = errors.New("client: not an http or https address")
	ErrUnreachable = errors.New("client: the server cannot be reached")
	ErrResponse    = errors.New("client: the answer is not what the API promises")
	// ErrOutcomeUnknown means that a write was sent and no answer came: it may have happened. UnknownOutcome,
	// which wraps it, holds the id by which to ask.
	ErrOutcomeUnknown = errors.New("client: sent, but whether it took effect is not known")

	errHungUp = errors.New("the server hung up")
)

// Options are the choices of a Client. The zero value is usable.
type Options struct {
	HTTP    *http.Client  // default: a client with its own connections that follows no redirect
	Token   string        // bearer token of an operator; not needed on loopback except where the node signs
	Timeout time.Duration // of one request, RequestTimeoutDefault when zero
}

// Client speaks to one server. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	http    *http.Client
	token   string
	timeout time.Duration
}

// New makes a client of a base address such as "http://127.0.0.1:8420". It contacts nobody.
func New(baseURL string, o Options) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%w: %q", ErrBaseURL, clip(baseURL))
	}
	if len(o.Token) > tokenSizeMax || strings.ContainsAny(o.Token, "\r\n") {
		return nil, fmt.Errorf("%w: a token of %d bytes", ErrBaseURL, len(o.Token))
	}
	c := &Client{base: base, http: o.HTTP, token: o.Token, timeout: o.Timeout}
	if c.http == nil {
		c.http = &http.Client{CheckRedirect: refuseRedirect, Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	if c.timeout <= 0 {
		c.timeout = RequestTimeoutDefault
	}
	return c, nil
}

func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// BaseURL gives the address that the client was made with.
func (c *Client) BaseURL() string { return c.base.String() }

// request is one exchange: what to ask, and how to read the answer.
type request struct {
	method      string
	path        string
	query       url.Values
	contentType string
	body        []byte
	key         string // idempotency key; empty: none
}

// read gets a JSON resource.
func read[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	return do[T](ctx, c, request{method: http.MethodGet, path: path, query: query})
}

// do sends a request and decodes the answer, or the problem.
func do[T any](ctx context.Context, c *Client, r request) (T, error) {
	var answer, none T
	body, err := c.exchange(ctx, r)
	if err != nil {
		return none, err
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return none, c.unsure(r, fmt.Errorf("%w: %s %s: %w", ErrResponse, r.method, r.path, err))
	}
	return answer, nil
}

// exchange sends a request and gives the body of a 2xx answer.
func (c *Client) exchange(ctx context.Context, r request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(r, err, sent.Load())
	}
	defer resp.Body.Close()
	body, err := readBounded(resp.Body)
	if err != nil {
		return nil, c.transportError(r, err, true)
	}
	if resp.StatusCode/100 != 2 {
		return nil, c.refusal(r, resp, body)
	}
	if got := mediaType(resp.Header); got != "application/json" {
		return nil, c.unsure(r, fmt.Errorf("%w: %s %s: content type %q", ErrResponse, r.method, r.path, clip(got)))
	}
	return body, nil
}

// readBounded reads a body that must end within ResponseSizeMax.
func readBounded(body io.Reader) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(body, ResponseSizeMax+1))
	if err != nil {
		return nil, err
	}
	if len(read) > ResponseSizeMax {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrResponse, ResponseSizeMax)
	}
	return read, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	target := c.base.JoinPath(r.path)
	target.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, target.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBaseURL, err)
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

// transportError tells a request that never left from one that may have been carried out.
func (c *Client) transportError(r request, err error, sent bool) error {
	err = fmt.Errorf("%w: %s %s: %w", ErrUnreachable, r.method, r.path, err)
	if !sent {
		return err
	}
	return c.unsure(r, err)
}

// refusal decodes a problem. A write that failed inside the server may have been carried out.
func (c *Client) refusal(r request, resp *http.Response, body []byte) error {
	problem := decodeProblem(resp.StatusCode, mediaType(resp.Header), body)
	if resp.StatusCode >= http.StatusInternalServerError && !errors.Is(problem, ErrUnavailable) {
		return c.unsure(r, problem)
	}
	return problem
}

// unsure marks an error of a write as one whose outcome is not known.
func (c *Client) unsure(r request, err error) error {
	if r.method == http.MethodGet {
		return err
	}
	return &UnknownOutcome{Err: err}
}

// UnknownOutcome is ErrOutcomeUnknown with what went wrong and, for a vertex, the id of its payload.
type UnknownOutcome struct {
	Payload ID // zero when what was sent is not a vertex
	Err     error
}

// Error implements error.
func (u *UnknownOutcome) Error() string { return fmt.Sprintf("%v: %v", ErrOutcomeUnknown, u.Err) }

// Unwrap gives ErrOutcomeUnknown and the cause.
func (u *UnknownOutcome) Unwrap() []error { return []error{ErrOutcomeUnknown, u.Err} }

func mediaType(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// clip keeps foreign text in errors short.
func clip(text string) string {
	const shown = 80
	if len(text) > shown {
		return text[:shown] + "…"
	}
	return text
}

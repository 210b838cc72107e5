package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"joulepay/settle"
)

// ProblemTypePrefix begins the type of every problem of this API. What follows it never changes its meaning.
const ProblemTypePrefix = "urn:joulepay:problem:"

// What a server may refuse with. Test for them with errors.Is; the *Problem around them says more.
var (
	ErrBadRequest   = errors.New("client: the request is not well formed")
	ErrUnauthorized = errors.New("client: this needs a token")
	ErrForbidden    = errors.New("client: the token does not allow this")
	ErrNotFound     = errors.New("client: no such resource")
	// ErrPruned is ErrNotFound on a node that keeps only the end of the log: it may have been there.
	ErrPruned        = fmt.Errorf("%w: this node keeps only the end of the log", ErrNotFound)
	ErrNotServedHere = errors.New("client: this server does not serve that resource")
	ErrMethod        = errors.New("client: the resource has no such method")
	ErrTooSlow       = errors.New("client: the request took too long to arrive")
	ErrTooLarge      = errors.New("client: the request is too large")
	ErrMediaType     = errors.New("client: the content type is not supported")
	ErrRateLimited   = errors.New("client: too many requests")
	ErrConflict      = errors.New("client: already used for something else")
	ErrKeyInUse      = errors.New("client: a request with this idempotency key is being answered")
	ErrKeyReused     = errors.New("client: this idempotency key was used for another request")
	ErrStaleSequence = errors.New("client: the account's sequence has moved on")
	ErrUnknownParent = errors.New("client: a parent vertex is not known")
	ErrParentTooOld  = errors.New("client: a parent vertex is too old")
	ErrInsufficient  = errors.New("client: insufficient funds")
	ErrBadSignature  = errors.New("client: a signature does not verify")
	ErrWrongNetwork  = errors.New("client: for another network")
	ErrRefused       = errors.New("client: the ledger's rules do not allow it")
	ErrInternal      = errors.New("client: the server failed")
	ErrUnavailable   = errors.New("client: the server cannot do this now; nothing was done")
	errOfNoKind      = errors.New("client: refused")
)

const (
	// typeless is the type of a problem without one (RFC 9457, section 4.2.1).
	typeless = "about:blank"
	// problemTextMax bounds each text of a problem that is shown to a person, in bytes.
	problemTextMax = 1000
)

// kind is one row of the table that both ends share.
type kind struct {
	err    error
	name   string
	status int
	title  string
}

var kinds = []kind{
	{ErrBadRequest, "bad-request", http.StatusBadRequest, "The request is not well formed"},
	{ErrUnauthorized, "unauthorized", http.StatusUnauthorized, "A token is needed"},
	{ErrForbidden, "forbidden", http.StatusForbidden, "The token does not allow this"},
	{ErrPruned, "pruned", http.StatusNotFound, "No such resource on this node, which keeps the end of the log only"},
	{ErrNotFound, "not-found", http.StatusNotFound, "No such resource"},
	{ErrNotServedHere, "not-served-here", http.StatusNotFound, "This server does not serve that resource"},
	{ErrMethod, "method-not-allowed", http.StatusMethodNotAllowed, "The resource has no such method"},
	{ErrTooSlow, "request-timeout", http.StatusRequestTimeout, "The request took too long to arrive"},
	{ErrTooLarge, "too-large", http.StatusRequestEntityTooLarge, "The request is too large"},
	{ErrMediaType, "unsupported-media-type", http.StatusUnsupportedMediaType, "The content type is not supported"},
	{ErrRateLimited, "rate-limited", http.StatusTooManyRequests, "Too many requests"},
	{ErrConflict, "conflict", http.StatusConflict, "Already used for something else"},
	{ErrKeyInUse, "key-in-use", http.StatusConflict, "A request with this idempotency key is being answered"},
	{ErrStaleSequence, "stale-sequence", http.StatusConflict, "The account's sequence has moved on"},
	{ErrUnknownParent, "unknown-parent", http.StatusConflict, "A parent vertex is not known"},
	{ErrParentTooOld, "parent-too-old", http.StatusConflict, "A parent vertex is too old"},
	{ErrInsufficient, "insufficient-funds", http.StatusUnprocessableEntity, "Insufficient funds"},
	{ErrBadSignature, "bad-signature", http.StatusUnprocessableEntity, "A signature does not verify"},
	{ErrWrongNetwork, "wrong-network", http.StatusUnprocessableEntity, "For another network"},
	{ErrKeyReused, "key-reused", http.StatusUnprocessableEntity, "This idempotency key was used for another request"},
	{ErrRefused, "refused", http.StatusUnprocessableEntity, "The ledger's rules do not allow it"},
	{ErrInternal, "internal", http.StatusInternalServerError, "The server failed"},
	{ErrUnavailable, "unavailable", http.StatusServiceUnavailable, "The server cannot do this now"},
	{ErrOutcomeUnknown, "outcome-unknown", http.StatusGatewayTimeout, "Whether it took effect is not known yet"},
}

// Problem is an RFC 9457 problem document. It unwraps to the sentinel of its type and to the error of its verdict.
type Problem struct {
	Type   string `json:"type"`             // ProblemTypePrefix and a name
	Title  string `json:"title"`            // the same for every problem of the type
	Status int    `json:"status"`           // of HTTP
	Detail string `json:"detail,omitempty"` // what happened this time, for people
	Hint   string `json:"hint,omitempty"`   // what to do next, for people
	// Verdict is the ledger's, by name (settle.Verdict), when it was the ledger that refused.
	Verdict string `json:"verdict,omitempty"`
}

// NewProblem makes the problem of a sentinel of this package; one that has no row in the table becomes ErrInternal.
func NewProblem(sentinel error, detail, hint string) *Problem {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.err == sentinel })
	if i < 0 {
		return NewProblem(ErrInternal, detail, hint)
	}
	k := kinds[i]
	return &Problem{Type: ProblemTypePrefix + k.name, Title: k.title, Status: k.status, Detail: detail, Hint: hint}
}

// ProblemTypes gives the types that a server of this API answers with.
func ProblemTypes() []string {
	types := make([]string, len(kinds))
	for i, k := range kinds {
		types[i] = ProblemTypePrefix + k.name
	}
	return types
}

// Error implements error. It leaves the hint to whoever shows it.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Unwrap gives the sentinel of the problem's type, and the error of its verdict.
func (p *Problem) Unwrap() []error {
	errs := []error{errOfNoKind}
	name, ok := strings.CutPrefix(p.Type, ProblemTypePrefix)
	if i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name }); ok && i >= 0 {
		errs[0] = kinds[i].err
	}
	if verdict, err := settle.ParseVerdict(p.Verdict); err == nil && verdict.Err() != nil {
		errs = append(errs, verdict.Err())
	}
	return errs
}

// decodeProblem reads whatever came with an error status: a problem, or what some proxy said.
func decodeProblem(status int, contentType string, body []byte) *Problem {
	p := &Problem{}
	if contentType != "application/problem+json" || json.Unmarshal(body, p) != nil {
		p = &Problem{Detail: string(body)}
	}
	if p.Type == "" {
		p.Type = typeless
	}
	if p.Title == "" {
		p.Title = http.StatusText(status)
	}
	p.Status = status
	p.Detail, p.Hint, p.Title = printable(p.Detail), printable(p.Hint), printable(p.Title)
	return p
}

// printable makes a server's text safe to show in a terminal and bounds it.
func printable(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), problemTextMax)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}

package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/once"
	"joulepay/wallet"
)

// badRequest says what is wrong with a part of a request.
func badRequest(part string, err error) error {
	return client.NewProblem(client.ErrBadRequest, part+": "+err.Error(), "")
}

var (
	errUnknownParameter  = errors.New("no such query parameter here")
	errRepeatedParameter = errors.New("given more than once")
	errLimit             = fmt.Errorf("want 1…%d", client.PageSizeMax)
	errCursor            = errors.New("not a cursor of this server")
	errChoice            = errors.New("not one of the values that it may have")
	errEventID           = errors.New("not the id of an event of this server")
	errTime              = errors.New("want a time of RFC 3339, such as 2026-03-01T12:00:00Z")
	errKey               = fmt.Errorf("want one text of 1…%d printable characters", once.KeySizeMax)
	errSpan              = errors.New("before since")
	errSequence          = errors.New("want a whole number from 0 on")
	errTrailing          = errors.New("more than one JSON value")
)

// query reads query parameters strictly: each at most once, none that the route does not have. The first error stays.
type query struct {
	values url.Values
	list   string // that is asked for, whatever the page
	err    error
}

func newQuery(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values, list: listOf(r, values)}
	if err != nil {
		q.err = badRequest("query", err)
	}
	return q
}

func (q *query) fail(name string, err error) {
	if err != nil && q.err == nil {
		q.err = badRequest(name, err)
	}
}

// text takes a parameter; an absent one is empty.
func (q *query) text(name string) string {
	given := q.values[name]
	delete(q.values, name)
	switch {
	case len(given) > 1:
		q.fail(name, errRepeatedParameter)
		return ""
	case len(given) == 0:
		return ""
	}
	return given[0]
}

func (q *query) did(name string) wallet.DID {
	text := q.text(name)
	if text == "" {
		return wallet.DID{}
	}
	did, err := wallet.ParseDID(text)
	q.fail(name, err)
	return did
}

func (q *query) id(name string) client.ID {
	text := q.text(name)
	if text == "" {
		return client.ID{}
	}
	id, err := client.ParseID(text)
	q.fail(name, err)
	return id
}

// choice takes a parameter that has only a few values.
func (q *query) choice(name string, allowed ...string) string {
	text := q.text(name)
	if text == "" {
		return ""
	}
	for _, one := range allowed {
		if text == one {
			return text
		}
	}
	q.fail(name, errChoice)
	return ""
}

// kind takes the name of a payload's kind.
func (q *query) kind(name string) string {
	text := q.text(name)
	if text != "" {
		_, err := settle.ParseKind(text)
		q.fail(name, err)
	}
	return text
}

// span takes the bounds of a time.
func (q *query) span() client.Span {
	s := client.Span{Since: q.time("since"), Until: q.time("until")}
	if !s.Since.IsZero() && !s.Until.IsZero() && s.Until.Before(s.Since) {
		q.fail("until", errSpan)
	}
	return s
}

// time takes a time of RFC 3339; an absent one is zero.
func (q *query) time(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		q.fail(name, errTime)
	}
	return t
}

func (q *query) page() client.PageQuery {
	p := client.PageQuery{Limit: client.PageSizeDefault}
	if text := q.text("cursor"); text != "" {
		place, err := "", errCursor
		if len(text) <= client.CursorSizeMax {
			place, err = openCursor(q.list, text)
		}
		q.fail("cursor", err)
		p.Cursor = place
	}
	if text := q.text("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > client.PageSizeMax {
			q.fail("limit", errLimit)
		}
		p.Limit = limit
	}
	return p
}

// done gives the first error, or complains about what nobody took.
func (q *query) done() error {
	for name := range q.values {
		q.fail(fmt.Sprintf("%.40q", name), errUnknownParameter)
	}
	return q.err
}

// pathID reads the {id} of a path, and refuses query parameters.
func pathID(r *http.Request) (client.ID, error) {
	id, err := client.ParseID(chi.URLParam(r, "id"))
	if err != nil {
		return client.ID{}, badRequest("id", err)
	}
	return id, nil
}

func pathSession(r *http.Request) (client.SessionID, error) {
	id, err := client.ParseSessionID(chi.URLParam(r, "id"))
	if err != nil {
		return client.SessionID{}, badRequest("id", err)
	}
	return id, newQuery(r).done()
}

// contentType gives the media type of a body, or ErrMediaType when it is none of those allowed.
func contentType(r *http.Request, allowed ...string) (string, error) {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	for _, one := range allowed {
		if err == nil && got == one {
			return got, nil
		}
	}
	return "", client.NewProblem(client.ErrMediaType, "", fmt.Sprintf("send one of %q", allowed))
}

// readBody takes a body of at most max bytes.
func readBody(r *http.Request, max int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, max+1))
	if err != nil {
		return nil, fmt.Errorf("body: %w", bodyError(err))
	}
	if int64(len(body)) > max {
		return nil, &http.MaxBytesError{Limit: max}
	}
	return body, nil
}

// bodyError tells a body that is too large, or too slow, from one that broke off.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return client.NewProblem(client.ErrTooSlow, fmt.Sprintf("the body took longer than %s", bodyTimeout), "")
	}
	return badRequest("body", err)
}

// readJSON decodes a body strictly: one value, no field that the shape does not have.
func readJSON(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return bodyError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("body", errTrailing)
	}
	return nil
}

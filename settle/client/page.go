package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// Bounds of a page.
const (
	PageSizeDefault = 50
	// PageSizeMax keeps an answer, and the work for it, small; the next cursor gives the rest.
	PageSizeMax = 500
	// CursorSizeMax bounds a cursor, in characters.
	CursorSizeMax = 256
)

// Page is one part of a list, newest first unless the resource says otherwise.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // cursor of the next page; empty on the last
}

// PageQuery asks for a part of a list. The zero value asks for the first page.
type PageQuery struct {
	Cursor string // Next of the page before
	Limit  int    // items at most; PageSizeDefault when zero
}

func (q PageQuery) values() url.Values {
	v := url.Values{}
	set(v, "cursor", q.Cursor)
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// Span filters by time: ledger time, or that of the resource. A zero time is no bound.
type Span struct {
	Since time.Time // not before
	Until time.Time // before
}

func (s Span) addTo(v url.Values) {
	setTime(v, "since", s.Since)
	setTime(v, "until", s.Until)
}

// setTime leaves absent what is zero.
func setTime(v url.Values, key string, t time.Time) {
	if !t.IsZero() {
		v.Set(key, t.UTC().Format(time.RFC3339Nano))
	}
}

// set leaves absent what is empty.
func set(v url.Values, key, value string) {
	if value != "" {
		v.Set(key, value)
	}
}

// list reads one page of a collection.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) (Page[T], error) {
	return read[Page[T]](ctx, c, path, query)
}

// All walks a list page by page. It ends after the first error, which it yields with the zero item.
func All[T any](fetch func(cursor string) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		cursor := ""
		for {
			page, err := fetch(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" || page.Next == cursor {
				return
			}
			cursor = page.Next
		}
	}
}

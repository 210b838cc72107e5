package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// Types of events.
const (
	EventVertex     = "vertex"     // Data is a Vertex whose state changed
	EventCheckpoint = "checkpoint" // Data is a Checkpoint that became justified or final
	EventSession    = "session"    // Data is a Session that changed; who may not read sessions does not hear of them
	// EventGap says that events were missed: the resources tell how things stand. It is never asked for, and always told.
	EventGap = "gap"
)

// EventTypes are those that can be asked for.
var EventTypes = []string{EventVertex, EventCheckpoint, EventSession}

// Event is something that happened on the server.
type Event struct {
	Type string
	ID   string // to go on from after a break
	Data json.RawMessage
}

// EventQuery says which events to follow.
type EventQuery struct {
	After string   // ID of the last event that was got; empty: from now on
	Types []string // empty: all
}

// eventSizeMax bounds one line of the event stream, in bytes: a vertex of 64 KiB in base64, with room.
const eventSizeMax = 128 << 10

// Events follows what happens, until the context ends or the server hangs up, which the last pair says. Call it again with
// the ID of the last event to go on; where something was missed meanwhile, the first event is EventGap.
func (c *Client) Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		resp, err := c.openEvents(ctx, q)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, eventSizeMax)
		var e Event
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case name == "event":
				e.Type = value
			case name == "id":
				e.ID = value
			case name == "data":
				e.Data = json.RawMessage(value)
			case name == "" && e.Data != nil:
				if !yield(e, nil) {
					return
				}
				e = Event{}
			}
		}
		yield(Event{}, fmt.Errorf("%w: events ended: %w", ErrUnreachable, cause(ctx, lines.Err())))
	}
}

// cause says why a stream ended.
func cause(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	}
	return errHungUp
}

func (c *Client) openEvents(ctx context.Context, q EventQuery) (*http.Response, error) {
	r := request{method: http.MethodGet, path: "/v1/events", query: url.Values{}}
	set(r.query, "types", strings.Join(q.Types, ","))
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	if q.After != "" {
		req.Header.Set("Last-Event-ID", q.After)
	}
	req.Header.Set("Accept", "text/event-stream, application/problem+json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(r, err, false)
	}
	if resp.StatusCode == http.StatusOK && mediaType(resp.Header) == "text/event-stream" {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := readBounded(resp.Body)
	if err != nil {
		return nil, c.transportError(r, err, true)
	}
	return nil, c.refusal(r, resp, body)
}

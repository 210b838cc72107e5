package api

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"joulepay/settle/client"
)

const (
	// eventReadersMax bounds how many callers follow events: each holds a connection and a buffer of its own.
	eventReadersMax = 512
	// eventWriteTimeout ends a reader that takes nothing for so long.
	eventWriteTimeout = 10 * time.Second
	// eventPause lets events gather: each reader is written to at most ten times a second, however much happens.
	eventPause = 100 * time.Millisecond
	// eventsAtOnce bounds what is written in one go, about 250 kB.
	eventsAtOnce = 256
	// keepAlive is how long a quiet stream stays quiet. It finds out who has gone, and keeps proxies from hanging up.
	keepAlive = 15 * time.Second
)

// events streams server-sent events (WHATWG HTML, section 9.2) until the caller goes, is too slow, or a source ends.
func (s *server) events(w http.ResponseWriter, r *http.Request) error {
	ask, err := s.eventQuery(r)
	if err != nil {
		return err
	}
	select {
	case s.eventReaders <- struct{}{}:
		defer func() { <-s.eventReaders }()
	default:
		return client.NewProblem(client.ErrUnavailable, fmt.Sprintf("%d callers follow events already", eventReadersMax), "")
	}
	at, missed, err := s.feed.follow(ask.after)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := stream{w, http.NewResponseController(w), s.Now}
	out.rest()
	w.WriteHeader(http.StatusOK)
	if out.controller.Flush() != nil || r.Method == http.MethodHead {
		return nil
	}
	out.follow(r, ask, &at, missed)
	return nil
}

// eventQuery is what a caller wants to hear of.
type eventQuery struct {
	after string   // id of the last event that they got
	kinds []string // empty: all
}

// private lists the kinds of events that only those hear of who may read sessions.
var privateEvents = []string{client.EventSession}

func (s *server) eventQuery(r *http.Request) (eventQuery, error) {
	q := newQuery(r)
	ask := eventQuery{after: q.text("after"), kinds: q.choices("types", client.EventTypes...)}
	if err := q.done(); err != nil {
		return ask, err
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		ask.after = id // a browser that comes back sends it with the address that it had first
	}
	if s.authorize(r, private) == nil {
		return ask, nil
	}
	if len(ask.kinds) == 0 {
		ask.kinds = slices.DeleteFunc(slices.Clone(client.EventTypes), isPrivate)
	}
	if slices.ContainsFunc(ask.kinds, isPrivate) {
		return ask, s.authorize(r, private)
	}
	return ask, nil
}

func isPrivate(kind string) bool { return slices.Contains(privateEvents, kind) }

func (q eventQuery) wants(kind string) bool {
	return len(q.kinds) == 0 || slices.Contains(q.kinds, kind)
}

// stream is an answer that has no end.
type stream struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	now        func() time.Time
}

// rest lifts the deadline: the server's own, for a whole answer, would end a quiet stream. A test's recorder has none.
func (o stream) rest() { _ = o.controller.SetWriteDeadline(time.Time{}) }

// send writes to a reader that must take it in time.
func (o stream) send(message []byte) error {
	_ = o.controller.SetWriteDeadline(o.now().Add(eventWriteTimeout))
	if _, err := o.w.Write(message); err != nil {
		return err
	}
	if err := o.controller.Flush(); err != nil {
		return err
	}
	o.rest()
	return nil
}

// follow sends what happens until the reader or the feed ends.
func (o stream) follow(r *http.Request, ask eventQuery, at *cursor, missed bool) {
	pulse := time.NewTicker(keepAlive)
	defer pulse.Stop()
	pause := time.NewTimer(eventPause)
	defer pause.Stop()
	for {
		events, slow, more := at.next(eventsAtOnce)
		text := wanted(ask, at, events, missed || slow)
		missed = false
		if len(text) > 0 {
			if o.send(text) != nil {
				return
			}
			pulse.Reset(keepAlive)
		}
		if more == nil {
			return
		}
		if len(events) > 0 {
			pause.Reset(eventPause)
			if !waits(r, pause.C) {
				return
			}
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-more:
		case <-pulse.C:
			if o.send([]byte(": still here\n\n")) != nil {
				return
			}
		}
	}
}

func waits(r *http.Request, until <-chan time.Time) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-until:
		return true
	}
}

// wanted writes the events that a reader asked for, and before them that some are gone.
func wanted(ask eventQuery, at *cursor, events []numbered, missed bool) []byte {
	var text bytes.Buffer
	if missed {
		before := at.last - uint64(len(events))
		text.Write(message(client.EventGap, eventID(at.run.id, before), []byte("{}")))
	}
	for _, e := range events {
		if ask.wants(e.kind) {
			text.Write(e.message)
		}
	}
	return text.Bytes()
}

// choices takes a parameter that lists values out of a few.
func (q *query) choices(name string, allowed ...string) []string {
	text := q.text(name)
	if text == "" {
		return nil
	}
	list := strings.Split(text, ",")
	for _, one := range list {
		if !slices.Contains(allowed, one) {
			q.fail(name, errChoice)
		}
	}
	return list
}

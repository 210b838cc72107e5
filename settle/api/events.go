package api

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"joulepay/settle/client"
)

const (
	// eventReadersMax bounds how many callers follow events: each holds a connection and a buffer of its own.
	eventReadersMax = 512
	// eventWriteTimeout ends a reader that takes nothing for so long.
	eventWriteTimeout = 30 * time.Second
)

// events streams server-sent events (WHATWG HTML, section 9.2) until the caller goes or falls behind.
func (s *server) events(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	select {
	case s.eventReaders <- struct{}{}:
		defer func() { <-s.eventReaders }()
	default:
		return client.NewProblem(client.ErrUnavailable, fmt.Sprintf("%d callers follow events already", eventReadersMax), "")
	}
	stream, err := s.Events.Events(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	if out.Flush() != nil {
		return nil
	}
	for {
		select {
		case <-r.Context().Done():
			return nil
		case e, ok := <-stream:
			if !ok || s.writeEvent(w, out, e) != nil {
				return nil
			}
		}
	}
}

// writeEvent sends one event. A test's recorder has no deadlines, which is no reason to send nothing.
func (s *server) writeEvent(w http.ResponseWriter, out *http.ResponseController, e client.Event) error {
	_ = out.SetWriteDeadline(s.Now().Add(eventWriteTimeout))
	if strings.ContainsAny(e.Type, "\r\n") {
		return nil
	}
	// JSON in one line: its only line breaks are between values.
	data := strings.NewReplacer("\r", "", "\n", "").Replace(string(e.Data))
	if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.Type, data); err != nil {
		return err
	}
	return out.Flush()
}

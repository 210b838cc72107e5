package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
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
	stream, err := s.merged(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	// The server's deadline for a whole answer would end a quiet stream; a test's recorder has none to lift.
	_ = out.SetWriteDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	if out.Flush() != nil || r.Method == http.MethodHead {
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

// merged gives the events of all sources in one channel, which is closed when the context ends or any source ends.
func (s *server) merged(ctx context.Context) (<-chan client.Event, error) {
	ctx, cancel := context.WithCancel(ctx)
	merged := make(chan client.Event)
	var all sync.WaitGroup
	for _, source := range s.Events {
		stream, err := source.Events(ctx)
		if err != nil {
			cancel()
			return nil, err
		}
		all.Go(func() {
			defer cancel()
			forward(ctx, stream, merged)
		})
	}
	go func() {
		all.Wait()
		cancel()
		close(merged)
	}()
	return merged, nil
}

func forward(ctx context.Context, from <-chan client.Event, to chan<- client.Event) {
	for e := range from {
		select {
		case to <- e:
		case <-ctx.Done():
			return
		}
	}
}

// writeEvent sends one event to a reader that must take it in time.
func (s *server) writeEvent(w http.ResponseWriter, out *http.ResponseController, e client.Event) error {
	_ = out.SetWriteDeadline(s.Now().Add(eventWriteTimeout))
	// JSON in one line: its only line breaks are between values.
	data := strings.NewReplacer("\r", "", "\n", "").Replace(string(e.Data))
	if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.Type, data); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_ = out.SetWriteDeadline(time.Time{})
	return nil
}

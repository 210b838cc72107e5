package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"joulepay/settle/api"
	"joulepay/settle/client"
)

// eventIDs finds the ids of events.
var eventIDs = regexp.MustCompile("id: [0-9a-f]{16}-([0-9]+)\n")

// deadlines is a response writer that remembers the write deadlines it was given.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

func TestAQuietStreamIsNotEndedAndASlowReaderIs(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	handler(t, full(&fake{})).ServeHTTP(w, newRequest("GET", "/v1/events", nil))
	got := eventIDs.ReplaceAllString(w.Body.String(), "id: run-$1\n")
	if want := "event: vertex\nid: run-1\ndata: {\"id\":1}\n\nevent: session\nid: run-2\ndata: {\"id\":2}\n\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if len(w.set) < 3 || len(w.set)%2 == 0 {
		t.Fatalf("deadlines %v: want none, then one for each write and none after it", w.set)
	}
	for i, deadline := range w.set {
		if want := noon.Add(10 * time.Second); i%2 == 0 && !deadline.IsZero() || i%2 == 1 && !deadline.Equal(want) {
			t.Errorf("deadline %d is %v", i, deadline)
		}
	}
}

// silent is a source of events without events.
type silent struct{}

func (silent) Events(ctx context.Context) (<-chan client.Event, error) {
	stream := make(chan client.Event)
	context.AfterFunc(ctx, func() { close(stream) })
	return stream, nil
}

func TestOneSourceThatEndsEndsTheStream(t *testing.T) {
	config := full(&fake{})
	config.Events = append(config.Events, silent{})
	if w := serve(handler(t, config), newRequest("GET", "/v1/events", nil)); w.Code != http.StatusOK {
		t.Error(w.Code)
	}
}

func TestHeadOfEventsEnds(t *testing.T) {
	config := full(&fake{})
	config.Events = []api.Events{silent{}}
	if w := serve(handler(t, config), newRequest("HEAD", "/v1/events", nil)); w.Code != http.StatusOK {
		t.Error(w.Code)
	}
}

func TestAStreamEndsWithItsReader(t *testing.T) {
	config := full(&fake{})
	config.Events = []api.Events{silent{}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	serve(handler(t, config), newRequest("GET", "/v1/events", nil).WithContext(ctx))
}

func TestI9_FollowersOfEventsAreBounded(t *testing.T) {
	config := full(&fake{})
	config.Events, config.Rate = []api.Events{silent{}}, api.Rate{PerSecond: 1, Burst: 1000}
	h := handler(t, config)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	started := make(chan struct{}, 600)
	for range 512 {
		go func() {
			w := &starting{ResponseRecorder: httptest.NewRecorder(), started: started}
			h.ServeHTTP(w, newRequest("GET", "/v1/events", nil).WithContext(ctx))
			done <- struct{}{}
		}()
	}
	for range 512 {
		<-started
	}
	if w := serve(h, newRequest("GET", "/v1/events", nil)); w.Code != http.StatusServiceUnavailable {
		t.Error(w.Code)
	}
	cancel()
	for range 512 {
		<-done
	}
	if w := serve(h, newRequest("HEAD", "/v1/events", nil)); w.Code != http.StatusOK {
		t.Errorf("places are not given back: %d", w.Code)
	}
}

// starting says when the answer begins.
type starting struct {
	*httptest.ResponseRecorder
	started chan struct{}
}

func (s *starting) WriteHeader(status int) {
	s.ResponseRecorder.WriteHeader(status)
	s.started <- struct{}{}
}

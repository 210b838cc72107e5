package ocpp_test

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"joulepay/meter/ocpp"
)

// patience is for whatever a loaded machine has to do; nothing is decided by it.
const patience = 2 * time.Minute

// world is a central system with what it told, on a clock that the test moves.
type world struct {
	t      *testing.T
	system *ocpp.System
	url    string

	mu     sync.Mutex // guards below
	now    time.Time
	events []ocpp.Event
	news   chan struct{}

	connectors int                    // of the first station
	waited     map[ocpp.EventKind]int // of the test
}

func serve(t *testing.T, config ocpp.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), news: make(chan struct{}, 1), connectors: len(config.Stations[0].Connectors)}
	config.Now, config.Report = w.clock, w.told
	system, err := ocpp.New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.system = system
	server := httptest.NewServer(system)
	w.url = "ws" + strings.TrimPrefix(server.URL, "http") + "/ocpp/"
	t.Cleanup(func() {
		if err := system.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	return w.now
}

// at sets the clock to a time of the day of the recordings.
func (w *world) at(hour, minute, second int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = time.Date(2026, 11, 20, hour, minute, second, 0, time.UTC)
}

func (w *world) told(e ocpp.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// awaits waits until something of a kind was told, and gives the first.
func (w *world) awaits(kind ocpp.EventKind) ocpp.Event {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		for _, e := range w.events {
			if e.Kind == kind {
				w.mu.Unlock()
				return e
			}
		}
		w.mu.Unlock()
		select {
		case <-w.news:
		case <-deadline:
			w.t.Fatalf("nothing of %s was told: %+v", kind, w.events)
		}
	}
}

func (w *world) quirks() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]bool{}
	for _, e := range w.events {
		if e.Kind == ocpp.EventQuirk {
			out[e.Detail] = true
		}
	}
	return out
}

// settled waits until a condition holds that depends on an answer of the station. It looks whenever something is told.
func (w *world) settled(holds func() bool) {
	w.t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-w.news:
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			w.t.Fatal("it never came to that")
		}
	}
}

// awaitsMore waits until something of a kind was told that this has not waited for yet.
func (w *world) awaitsMore(kind ocpp.EventKind) {
	w.t.Helper()
	if w.waited == nil {
		w.waited = map[ocpp.EventKind]int{}
	}
	w.waited[kind]++
	w.settled(func() bool { return len(w.of(kind)) >= w.waited[kind] })
}

package ocpp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"joulepay/meter/ocpp"
)

// vectors finds the recorded frames beside the module; a test that needs them is skipped where they are missing.
func vectors(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		path := filepath.Join(dir, "shared", "vectors", "ocpp", name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skipf("shared/vectors/ocpp/%s is not here", name)
		}
		dir = parent
	}
}

// line is one recorded frame.
type line struct {
	From  string            `json:"from"`
	Frame []json.RawMessage `json:"frame"`
}

func recording(t *testing.T, name string) []line {
	t.Helper()
	file, err := os.Open(vectors(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []line
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// part reads an element of a frame.
func part[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// station plays a charging station: a WebSocket client that answers what it is asked.
type station struct {
	t       *testing.T
	ws      *websocket.Conn
	answers chan ocpp.Frame
	calls   chan ocpp.Frame // what the central system asked, after it was answered

	mu    sync.Mutex // guards below
	reply func(ocpp.Frame) (string, bool)
	gone  chan struct{}
}

// patience is for whatever a loaded machine has to do; nothing is decided by it.
const patience = 60 * time.Second

func dial(t *testing.T, url, subprotocol string, header http.Header) (*station, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{subprotocol}, HTTPHeader: header})
	if err != nil {
		return nil, response, err
	}
	ws.SetReadLimit(ocpp.FrameSizeMax)
	s := &station{t: t, ws: ws, answers: make(chan ocpp.Frame, 16), calls: make(chan ocpp.Frame, 64), gone: make(chan struct{})}
	go s.read()
	t.Cleanup(func() { _ = ws.CloseNow(); <-s.gone })
	return s, response, nil
}

func (s *station) read() {
	defer close(s.gone)
	for {
		_, raw, err := s.ws.Read(context.Background())
		if err != nil {
			return
		}
		f, err := ocpp.DecodeFrame(raw)
		if err != nil {
			s.t.Errorf("the central system sent %q: %v", raw, err)
			return
		}
		if f.Kind != ocpp.Call {
			s.answers <- f
			continue
		}
		s.answerTo(f)
		s.calls <- f
	}
}

func (s *station) answerTo(f ocpp.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	payload, answer := `{"status":"Accepted"}`, true
	if s.reply != nil {
		payload, answer = s.reply(f)
	}
	if answer {
		s.write(ocpp.Frame{Kind: ocpp.CallResult, ID: f.ID, Payload: json.RawMessage(payload)})
	}
}

// replies sets how the station answers calls; false does not answer.
func (s *station) replies(reply func(ocpp.Frame) (string, bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = reply
}

func (s *station) write(f ocpp.Frame) {
	raw, err := f.Encode()
	if err == nil {
		err = s.ws.Write(context.Background(), websocket.MessageText, raw)
	}
	if err != nil {
		s.t.Logf("not sent: %v", err)
	}
}

// ask makes a call and gives the answer.
func (s *station) ask(id, action string, payload any) ocpp.Frame {
	s.t.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	if text, ok := payload.(string); ok {
		raw = []byte(text)
	}
	s.write(ocpp.Frame{Kind: ocpp.Call, ID: id, Action: action, Payload: raw})
	select {
	case f := <-s.answers:
		if f.ID != id {
			s.t.Fatalf("the answer to %s is for %s", id, f.ID)
		}
		return f
	case <-time.After(patience):
		s.t.Fatalf("%s %s: no answer", action, id)
	case <-s.gone:
		s.t.Fatalf("%s %s: the connection is gone", action, id)
	}
	return ocpp.Frame{}
}

// expect waits until the central system has made a call with an action; others before it are passed over.
func (s *station) expect(action string) ocpp.Frame {
	s.t.Helper()
	for {
		select {
		case f := <-s.calls:
			if f.Action == action {
				return f
			}
		case <-time.After(patience):
			s.t.Fatalf("no %s came", action)
		case <-s.gone:
			s.t.Fatalf("no %s came: the connection is gone", action)
		}
	}
}

// replay plays the station's side of a recording. Transaction numbers of 1.6 are those that the central system of now gives.
// before is called ahead of each of the station's calls.
func (s *station) replay(lines []line, before func(action string)) {
	s.t.Helper()
	numbers := map[int64]int64{}
	byID := map[string]string{} // the action of a recorded call
	for i, l := range lines {
		kind, id := part[int](s.t, l.Frame[0]), part[string](s.t, l.Frame[1])
		switch {
		case l.From == "csms" && kind == int(ocpp.Call):
			s.expect(part[string](s.t, l.Frame[2])) // it is answered already
		case l.From == "station" && kind == int(ocpp.Call):
			action := part[string](s.t, l.Frame[2])
			if before != nil {
				before(action)
			}
			byID[id] = action
			payload := part[map[string]any](s.t, l.Frame[3])
			if old, ok := payload["transactionId"].(float64); ok {
				payload["transactionId"] = numbers[int64(old)]
			}
			answer := s.ask(id, action, payload)
			if answer.Kind != ocpp.CallResult {
				s.t.Fatalf("line %d, %s: %s %s", i, action, answer.Code, answer.Detail)
			}
			if action == "StartTransaction" {
				numbers[recordedNumber(s.t, lines, id)] = part[struct{ TransactionID int64 }](s.t, answer.Payload).TransactionID
			}
		}
	}
}

// recordedNumber gives the transaction number that the central system of the recording gave.
func recordedNumber(t *testing.T, lines []line, id string) int64 {
	for _, l := range lines {
		if l.From == "csms" && part[int](t, l.Frame[0]) == int(ocpp.CallResult) && part[string](t, l.Frame[1]) == id {
			return part[struct{ TransactionID int64 }](t, l.Frame[2]).TransactionID
		}
	}
	t.Fatalf("the recording has no answer to %s", id)
	return 0
}

// world is a central system with what it told, on a clock that the test moves.
type world struct {
	t      *testing.T
	system *ocpp.System
	url    string

	mu     sync.Mutex // guards below
	now    time.Time
	events []ocpp.Event
	news   chan struct{}
}

func serve(t *testing.T, config ocpp.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), news: make(chan struct{}, 1)}
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

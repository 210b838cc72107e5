// Package ocpptest owns a charging station for tests: a WebSocket client that plays a station's side by hand or from a
// recording of frames. It leaves every judgement to the test that drives it.
// It keeps tests honest: what it sends goes over a real connection, and a frame that the central system sends wrong fails.
package ocpptest

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"joulepay/meter/ocpp"
)

// patience is for whatever a loaded machine has to do; nothing is decided by it.
const patience = 2 * time.Minute

// Station is a charging station that answers what it is asked.
type Station struct {
	t       testing.TB
	ws      *websocket.Conn
	answers chan ocpp.Frame
	calls   chan ocpp.Frame // what the central system asked, after it was answered
	gone    chan struct{}

	mu    sync.Mutex // guards below
	reply func(ocpp.Frame) (payload string, answer bool)
}

// callsMax is how many calls of the central system may wait to be looked at.
const callsMax = 256

// Dial connects with a subprotocol, "ocpp1.6" or "ocpp2.0.1". The response tells why a handshake failed.
func Dial(t testing.TB, url, subprotocol string, header http.Header) (*Station, *http.Response, error) {
	t.Helper()
	return DialWith(t, http.DefaultClient, url, subprotocol, header)
}

// DialWith is Dial with a client of HTTP, which knows the certificates that are trusted.
func DialWith(t testing.TB, client *http.Client, url, subprotocol string, header http.Header) (*Station, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: client, Subprotocols: []string{subprotocol}, HTTPHeader: header,
	})
	if err != nil {
		return nil, response, err
	}
	ws.SetReadLimit(ocpp.FrameSizeMax)
	s := &Station{t: t, ws: ws, answers: make(chan ocpp.Frame, 16), calls: make(chan ocpp.Frame, callsMax), gone: make(chan struct{})}
	go s.read()
	t.Cleanup(s.Leave)
	return s, response, nil
}

// MustDial is Dial for a connection that must come about.
func MustDial(t testing.TB, url, subprotocol string, header http.Header) *Station {
	t.Helper()
	s, _, err := Dial(t, url, subprotocol, header)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Leave cuts the connection.
func (s *Station) Leave() {
	_ = s.ws.CloseNow() // it may be closed
	<-s.gone
}

// Gone is closed when the connection has ended.
func (s *Station) Gone() <-chan struct{} { return s.gone }

func (s *Station) read() {
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

func (s *Station) answerTo(f ocpp.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	payload, answer := `{"status":"Accepted"}`, true
	if s.reply != nil {
		payload, answer = s.reply(f)
	}
	if answer {
		s.Write(ocpp.Frame{Kind: ocpp.CallResult, ID: f.ID, Payload: json.RawMessage(payload)})
	}
}

// Replies sets how the station answers calls; false does not answer. Without it, it accepts everything.
func (s *Station) Replies(reply func(ocpp.Frame) (payload string, answer bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = reply
}

// Write sends a frame. One that cannot be sent is lost, as it is for a real station.
func (s *Station) Write(f ocpp.Frame) {
	raw, err := f.Encode()
	if err != nil {
		s.t.Errorf("%+v: %v", f, err)
		return
	}
	s.WriteRaw(raw)
}

// WriteRaw sends bytes as a text message.
func (s *Station) WriteRaw(raw []byte) {
	if err := s.ws.Write(context.Background(), websocket.MessageText, raw); err != nil {
		s.t.Logf("not sent: %v", err)
	}
}

// Ask makes a call and gives the answer. The payload is JSON text, or what makes some.
func (s *Station) Ask(id, action string, payload any) ocpp.Frame {
	s.t.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	if text, ok := payload.(string); ok {
		raw = []byte(text)
	}
	s.Write(ocpp.Frame{Kind: ocpp.Call, ID: id, Action: action, Payload: raw})
	return s.Answer(id)
}

// Answer waits for the answer to a call.
func (s *Station) Answer(id string) ocpp.Frame {
	s.t.Helper()
	select {
	case f := <-s.answers:
		if f.ID != id {
			s.t.Fatalf("the answer to %s is for %s", id, f.ID)
		}
		return f
	case <-time.After(patience):
		s.t.Fatalf("%s: no answer", id)
	case <-s.gone:
		s.t.Fatalf("%s: the connection is gone", id)
	}
	return ocpp.Frame{}
}

// Expect waits until the central system has made a call with an action; others before it are passed over.
func (s *Station) Expect(action string) ocpp.Frame {
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

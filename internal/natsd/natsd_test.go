package natsd_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"joulepay/internal/natsd"
)

// patience ends a test that would hang; no test waits for it to pass.
const patience = time.Minute

func start(t *testing.T, options natsd.Options) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func dial(t *testing.T, url string, options natsd.DialOptions) *nats.Conn {
	t.Helper()
	conn, err := natsd.Dial(url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func subscribe(t *testing.T, conn *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	sub, err := conn.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	flush(t, conn)
	return sub
}

func flush(t *testing.T, conn *nats.Conn) {
	t.Helper()
	if err := conn.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, conn *nats.Conn, subject, text string) {
	t.Helper()
	if err := conn.Publish(subject, []byte(text)); err != nil {
		t.Fatal(err)
	}
	flush(t, conn)
}

func expect(t *testing.T, sub *nats.Subscription, text string) {
	t.Helper()
	msg, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	if string(msg.Data) != text {
		t.Fatalf("got %q, want %q", msg.Data, text)
	}
}

func await[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v
}

func portOf(t *testing.T, s *natsd.Server) int {
	t.Helper()
	parsed, err := url.Parse(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestAStartedServerCarriesMessages(t *testing.T) {
	s := start(t, natsd.Options{})
	host, _, err := net.SplitHostPort(mustURL(t, s.ClientURL()).Host)
	if err != nil || host != "127.0.0.1" {
		t.Errorf("listens on %s (%v), want loopback", host, err)
	}
	sub := subscribe(t, dial(t, s.ClientURL(), natsd.DialOptions{}), "a.b")
	publish(t, dial(t, s.ClientURL(), natsd.DialOptions{}), "a.b", "over TCP")
	expect(t, sub, "over TCP")
	inside, err := s.Dial(natsd.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	publish(t, inside, "a.b", "in process")
	expect(t, sub, "in process")
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestAServerWithoutAPortServesItsOwnProcess(t *testing.T) {
	s := start(t, natsd.Options{Port: natsd.PortNone})
	conn, err := s.Dial(natsd.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sub := subscribe(t, conn, "a")
	publish(t, conn, "a", "hello")
	expect(t, sub, "hello")
}

func TestWhatStopsAStartIsNamed(t *testing.T) {
	running := start(t, natsd.Options{JetStream: true, StoreDir: t.TempDir()})
	held := t.TempDir()
	start(t, natsd.Options{JetStream: true, StoreDir: held})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options natsd.Options
		want    error
	}{
		{"the port is taken", natsd.Options{Port: portOf(t, running)}, natsd.ErrPortTaken},
		{"the store is held", natsd.Options{JetStream: true, StoreDir: held}, natsd.ErrStoreHeld},
		{"others could reach it", natsd.Options{Host: "0.0.0.0"}, natsd.ErrExposed},
		{"the address is not ours", natsd.Options{Host: "192.0.2.1", Verify: verifyBare, Authorize: refuseAll}, natsd.ErrStart},
		{"the store is a file", natsd.Options{JetStream: true, StoreDir: file}, nil},
		{"a policy cannot verify", natsd.Options{Authorize: refuseAll}, nil},
		{"no store is named", natsd.Options{JetStream: true}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := natsd.Start(test.options)
			if err == nil {
				_ = s.Close()
				t.Fatal("started")
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("%v, want %v", err, test.want)
			}
		})
	}
}

func refuseAll(natsd.Client) (natsd.Permissions, error) {
	return natsd.Permissions{}, errors.New("refused")
}

func TestAStreamSurvivesARestartOfItsServer(t *testing.T) {
	options := natsd.Options{JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, Port: natsd.PortNone}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for round := range uint64(2) {
		s := start(t, options)
		conn, err := s.Dial(natsd.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "log", Subjects: []string{"log"}})
		if err != nil {
			t.Fatal(err)
		}
		ack, err := js.Publish(ctx, "log", []byte("entry"))
		if err != nil {
			t.Fatal(err)
		}
		if ack.Sequence != round+1 {
			t.Errorf("round %d: sequence %d", round, ack.Sequence)
		}
		conn.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

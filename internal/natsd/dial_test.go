package natsd_test

import (
	"errors"
	"net"
	"testing"

	"github.com/nats-io/nats.go"

	"joulepay/internal/natsd"
)

func TestDialSaysThatNobodyAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "nats://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := natsd.Dial(gone, natsd.DialOptions{}); !errors.Is(err, natsd.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
}

func TestAConnectionOutlivesItsServerAndDelaysNothing(t *testing.T) {
	s := start(t, natsd.Options{})
	port := portOf(t, s)
	lost, back := make(chan error, 10), make(chan struct{}, 10)
	conn := dial(t, s.ClientURL(), natsd.DialOptions{
		OnError:     func(err error) { lost <- err },
		OnReconnect: func() { back <- struct{}{} },
	})
	sub := subscribe(t, conn, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := await(t, lost); !errors.Is(err, natsd.ErrDisconnected) {
		t.Errorf("%v, want ErrDisconnected", err)
	}
	if err := conn.Publish("a", []byte("into the void")); err == nil {
		t.Error("a publish without a server was accepted, to be delivered late")
	}
	start(t, natsd.Options{Port: port})
	await(t, back)
	publish(t, conn, "a", "fresh")
	expect(t, sub, "fresh")
}

func TestASlowSubscriptionIsReported(t *testing.T) {
	s := start(t, natsd.Options{})
	reports := make(chan error, 10)
	conn := dial(t, s.ClientURL(), natsd.DialOptions{OnError: func(err error) { reports <- err }})
	blocked := make(chan struct{})
	sub, err := conn.Subscribe("a", func(*nats.Msg) { <-blocked })
	if err != nil {
		t.Fatal(err)
	}
	defer close(blocked)
	if err := sub.SetPendingLimits(1, -1); err != nil {
		t.Fatal(err)
	}
	flush(t, conn)
	for range 5 {
		publish(t, conn, "a", "more")
	}
	if err := await(t, reports); !errors.Is(err, natsd.ErrSlow) {
		t.Errorf("%v, want ErrSlow", err)
	}
}

func TestURLsAreShownWithoutPasswords(t *testing.T) {
	for text, want := range map[string]string{
		"nats://127.0.0.1:4222":                    "nats://127.0.0.1:4222",
		"tls://station:secret@broker.example:4222": "tls://station:xxxxx@broker.example:4222",
		"tls://secret@broker.example":              "tls://xxxxx@broker.example",
		"tls://a:secret@b,tls://c:secret@d":        "tls://a:xxxxx@b,tls://c:xxxxx@d",
	} {
		if got := natsd.Shown(text); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}

func TestAnOpenServerTakesConnectionsWithAKey(t *testing.T) {
	s := start(t, natsd.Options{})
	conn := dial(t, s.ClientURL(), natsd.DialOptions{Key: newKey(t)})
	sub := subscribe(t, conn, "a")
	publish(t, conn, "a", "hello")
	expect(t, sub, "hello")
}

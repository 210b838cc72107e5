package natslink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"joulepay/channel/link"
	"joulepay/channel/natslink"
	"joulepay/internal/natsd"
)

func TestANewcomerFindsEveryStationAtOnce(t *testing.T) {
	s := start(t, natsd.Options{})
	const stations = 5
	var want []natslink.Announcement
	for i := range stations {
		did := newDID()
		announcer, err := natslink.NewAnnouncer(dial(t, s, natsd.DialOptions{}), did)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"old", fmt.Sprint("station ", i)} {
			if err := announcer.Publish([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, natslink.Announcement{Station: did, Payload: fmt.Append(nil, "station ", i)})
	}
	silent, err := natslink.NewAnnouncer(dial(t, s, natsd.DialOptions{}), newDID())
	if err != nil {
		t.Fatal(err)
	}
	if err := silent.Publish(make([]byte, link.PayloadMax+1)); !errors.Is(err, link.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	gone, err := natslink.NewAnnouncer(dial(t, s, natsd.DialOptions{}), newDID())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(gone.Publish([]byte("gone")), gone.Close()); err != nil {
		t.Fatal(err)
	}

	count := 0
	found, err := natslink.Discover(t.Context(), dial(t, s, natsd.DialOptions{}), natslink.NewToken(), patience,
		func(natslink.Announcement) bool { count++; return count == stations })
	if err != nil {
		t.Fatal(err)
	}
	if got := sorted(found); !slices.Equal(got, sorted(want)) {
		t.Errorf("found %v, want %v", got, sorted(want))
	}
}

func TestDiscoverEndsWithItsWaitOrItsContext(t *testing.T) {
	conn := dial(t, start(t, natsd.Options{}), natsd.DialOptions{})
	found, err := natslink.Discover(t.Context(), conn, natslink.NewToken(), 1, nil)
	if err != nil || len(found) != 0 {
		t.Errorf("nobody is there: %v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := natslink.Discover(ctx, conn, natslink.NewToken(), patience, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want Canceled", err)
	}
	conn.Close()
	if _, err := natslink.Discover(t.Context(), conn, natslink.NewToken(), patience, nil); !errors.Is(err, link.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}

func TestAStationAnswersNobodyElseThanTheAsker(t *testing.T) {
	s := start(t, natsd.Options{})
	stationConn := dial(t, s, natsd.DialOptions{})
	announcer, err := natslink.NewAnnouncer(stationConn, newDID())
	if err != nil {
		t.Fatal(err)
	}
	if err := announcer.Publish([]byte("here")); err != nil {
		t.Fatal(err)
	}
	flush(t, stationConn)
	conn := dial(t, s, natsd.DialOptions{})
	everything, err := conn.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	token := natslink.NewToken().String()
	for _, subject := range []string{"joulepay.v1.discover.victim", "joulepay.v1.discover." + token} {
		if err := conn.PublishRequest(subject, "reply.to.a.victim", nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the questions themselves
		if _, err := everything.NextMsg(patience); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := everything.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	if want := "joulepay.v1.found." + token + "."; !strings.HasPrefix(answer.Subject, want) {
		t.Errorf("answered on %s", answer.Subject)
	}
}

func TestAWatcherHearsEachAnnouncement(t *testing.T) {
	s := start(t, natsd.Options{})
	did := newDID()
	announcerConn := dial(t, s, natsd.DialOptions{})
	announcer, err := natslink.NewAnnouncer(announcerConn, did)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error)
	heard := make(chan natslink.Announcement, 10)
	watcher := dial(t, s, natsd.DialOptions{})
	go func() {
		ended <- natslink.WatchAnnouncements(ctx, watcher,
			func() { close(ready) }, func(a natslink.Announcement) { heard <- a })
	}()
	await(t, ready)
	if err := announcerConn.Publish("joulepay.v1.announce.nobody", []byte("forged")); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if err := announcer.Publish([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if a := await(t, heard); a.Station != did || string(a.Payload) != text {
			t.Errorf("heard %+v, want %q", a, text)
		}
	}
	cancel()
	if err := await(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"joulepay/internal/natsd"
	"joulepay/settle/jetstream"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

var network = wallet.NetworkID{7}

func startServer(t *testing.T, dir string) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Port: natsd.PortNone, JetStream: true, StoreDir: dir, SyncAlways: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newLog(t *testing.T, s *natsd.Server) *jetstream.Log {
	t.Helper()
	conn, err := s.Dial(natsd.DialOptions{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	log, err := jetstream.New(conn, jetstream.Options{Network: network})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

var errEnough = errors.New("enough")

// readAll gives the bundles after a position up to the head.
func readAll(t *testing.T, l stream.Log, after stream.Position) [][]byte {
	t.Helper()
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if head == after {
		return nil
	}
	var out [][]byte
	err = l.Read(t.Context(), after, func(d stream.Delivery) error {
		after.Sequence++
		if d.Position != after {
			t.Errorf("delivered %+v, want %+v", d.Position, after)
		}
		out = append(out, d.Bundle)
		if d.Position == head {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	return out
}

func appendAll(t *testing.T, l stream.Log, bundles ...string) {
	t.Helper()
	for _, b := range bundles {
		if _, err := l.Append(t.Context(), []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
}

// logs are the real log and its twin, which must keep the same contract.
func logs(t *testing.T) map[string]stream.Log {
	s := startServer(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	return map[string]stream.Log{"jetstream": newLog(t, s), "twin": stream.NewMemory()}
}

func TestLogKeepsOrderWithoutGaps(t *testing.T) {
	for name, l := range logs(t) {
		t.Run(name, func(t *testing.T) {
			start, err := l.Head(t.Context())
			if err != nil || start.Sequence != 0 {
				t.Fatal(start, err)
			}
			var want []string
			for i := range 100 {
				want = append(want, fmt.Sprint("bundle ", i))
			}
			appendAll(t, l, want...)
			got := readAll(t, l, start)
			if len(got) != len(want) {
				t.Fatalf("%d bundles", len(got))
			}
			for i := range got {
				if string(got[i]) != want[i] {
					t.Errorf("bundle %d is %q", i, got[i])
				}
			}
			middle := stream.Position{Incarnation: start.Incarnation, Sequence: 98}
			if got := readAll(t, l, middle); len(got) != 2 || !bytes.Equal(got[0], []byte(want[98])) {
				t.Errorf("from the middle: %q", got)
			}
		})
	}
}

func TestLogRefusesWhatItIsNot(t *testing.T) {
	for name, l := range logs(t) {
		t.Run(name, func(t *testing.T) {
			appendAll(t, l, "one", "two")
			head, _ := l.Head(t.Context())
			never := func(stream.Delivery) error { t.Error("delivered"); return nil }
			other := stream.Position{Incarnation: stream.Incarnation{1, 2, 3}}
			if err := l.Read(t.Context(), other, never); !errors.Is(err, stream.ErrIncarnation) {
				t.Errorf("other incarnation: %v", err)
			}
			if err := l.Read(t.Context(), stream.Position{Incarnation: head.Incarnation, Sequence: 3}, never); !errors.Is(err, stream.ErrGap) {
				t.Errorf("beyond the end: %v", err)
			}
			if _, err := l.Append(t.Context(), make([]byte, stream.BundleSizeMax+1)); !errors.Is(err, stream.ErrTooLarge) {
				t.Errorf("too large: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := l.Read(ctx, head, never); err == nil {
				t.Error("read goes on after its context")
			}
		})
	}
}

func TestAppendAllKeepsTheOrderAndStopsAtTheFirstFailure(t *testing.T) {
	for name, l := range logs(t) {
		t.Run(name, func(t *testing.T) {
			start, err := l.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var want [][]byte
			for round := range 10 {
				var bundles [][]byte
				for i := range stream.AppendMax {
					bundles = append(bundles, bytes.Repeat([]byte{byte(round), byte(i)}, 1000))
				}
				placed, err := l.AppendAll(t.Context(), bundles)
				if err != nil || len(placed) != len(bundles) {
					t.Fatalf("%d placed, %v", len(placed), err)
				}
				for i, at := range placed {
					if at.Incarnation != start.Incarnation || at.Sequence != uint64(len(want)+i+1) {
						t.Errorf("bundle %d of round %d at %d", i, round, at.Sequence)
					}
				}
				want = append(want, bundles...)
			}
			got := readAll(t, l, start)
			if len(got) != len(want) {
				t.Fatalf("%d bundles, want %d", len(got), len(want))
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Errorf("bundle %d is another one", i)
				}
			}
			tooLarge := [][]byte{{1}, make([]byte, stream.BundleSizeMax+1), {2}}
			if placed, err := l.AppendAll(t.Context(), tooLarge); !errors.Is(err, stream.ErrTooLarge) || len(placed) > 1 {
				t.Errorf("%d placed beside one that is too large: %v", len(placed), err)
			}
		})
	}
}

func TestAppendAllWithoutAServerIsAnError(t *testing.T) {
	s := startServer(t, t.TempDir())
	l := newLog(t, s)
	appendAll(t, l, "one")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if placed, err := l.AppendAll(t.Context(), [][]byte{{1}, {2}, {3}}); err == nil || len(placed) != 0 {
		t.Errorf("%d placed, %v", len(placed), err)
	}
}

func TestRenewStartsAnotherIncarnation(t *testing.T) {
	for name, l := range logs(t) {
		t.Run(name, func(t *testing.T) {
			appendAll(t, l, "one", "two")
			old, _ := l.Head(t.Context())
			start, err := l.Renew(t.Context(), old.Incarnation)
			if err != nil || start.Incarnation == old.Incarnation || start.Sequence != 0 {
				t.Fatal(start, err)
			}
			appendAll(t, l, "three")
			again, err := l.Renew(t.Context(), old.Incarnation)
			if err != nil || again != start {
				t.Errorf("renewing what ended: %+v, %v", again, err)
			}
			if got := readAll(t, l, start); len(got) != 1 || string(got[0]) != "three" {
				t.Errorf("new incarnation has %q", got)
			}
		})
	}
}

func TestAppendToDeletedStreamIsAnError(t *testing.T) {
	s := startServer(t, t.TempDir())
	defer s.Close()
	first, second := newLog(t, s), newLog(t, s)
	appendAll(t, first, "one")
	head, _ := second.Head(t.Context())
	if _, err := second.Renew(t.Context(), head.Incarnation); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Append(t.Context(), []byte("two")); !errors.Is(err, stream.ErrIncarnation) {
		t.Errorf("append to the old incarnation: %v", err)
	}
	if placed, err := first.AppendAll(t.Context(), [][]byte{{2}, {3}}); !errors.Is(err, stream.ErrIncarnation) || len(placed) != 0 {
		t.Errorf("append several to the old incarnation: %d, %v", len(placed), err)
	}
}

func TestLogSurvivesTheServer(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir)
	l := newLog(t, s)
	appendAll(t, l, "one", "two")
	before, _ := l.Head(t.Context())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, dir)
	defer s.Close()
	l = newLog(t, s)
	after, err := l.Head(t.Context())
	if err != nil || after != before {
		t.Errorf("head %+v, want %+v, %v", after, before, err)
	}
}

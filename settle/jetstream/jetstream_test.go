package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"joulepay/internal/natsd"
	"joulepay/settle/jetstream"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

var network = wallet.NetworkID{7}

func startServer(t testing.TB, dir string) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Port: natsd.PortNone, JetStream: true, StoreDir: dir, SyncAlways: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newLog(t testing.TB, s *natsd.Server) *jetstream.Log {
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

// logs are the real log and its twins, which must keep the same contract.
func logs(t *testing.T) map[string]stream.Log {
	s := startServer(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	return map[string]stream.Log{"jetstream": newLog(t, s), "twin": stream.NewMemory(), "member of a twin": stream.NewMemory().Join()}
}

// world is a log with several nodes, and the hand of its disk.
type world struct {
	join    func() stream.Log
	discard func(below uint64)
}

func worlds(t *testing.T) map[string]world {
	s := startServer(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	memory := stream.NewMemory()
	return map[string]world{
		"jetstream": {func() stream.Log { return newLog(t, s) }, func(below uint64) {
			current := newLog(t, s)
			if _, err := current.Head(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := admin(t, s, current.StreamName()).Purge(t.Context(), natsjs.WithPurgeSequence(below)); err != nil {
				t.Fatal(err)
			}
		}},
		"twin": {func() stream.Log { return memory.Join() }, memory.Discard},
	}
}

// admin gives a stream as its server knows it.
func admin(t *testing.T, s *natsd.Server, name string) natsjs.Stream {
	t.Helper()
	stream, err := adminOf(t, s).Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func adminOf(t *testing.T, s *natsd.Server) natsjs.JetStream {
	t.Helper()
	conn, err := s.Dial(natsd.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := natsjs.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
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

func TestAppendToAnIncarnationThatEndedIsAnError(t *testing.T) {
	for name, w := range worlds(t) {
		t.Run(name, func(t *testing.T) {
			first, second := w.join(), w.join()
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
			now, err := first.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if at, err := first.Append(t.Context(), []byte("two")); err != nil || at.Incarnation != now.Incarnation || at.Sequence != 1 {
				t.Errorf("append after a look: %+v, %v", at, err)
			}
		})
	}
}

func TestSeveralThatRenewAtOnceGetOneIncarnation(t *testing.T) {
	for name, w := range worlds(t) {
		t.Run(name, func(t *testing.T) {
			const nodes, rounds = 4, 5
			var logs []stream.Log
			for range nodes {
				logs = append(logs, w.join())
			}
			seen := map[stream.Incarnation]bool{}
			for range rounds {
				old, err := logs[0].Head(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				starts := make([]stream.Position, nodes)
				var all sync.WaitGroup
				for i, l := range logs {
					all.Go(func() {
						var err error
						if starts[i], err = l.Renew(t.Context(), old.Incarnation); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if slices.ContainsFunc(starts, func(p stream.Position) bool { return p != starts[0] }) || starts[0].Incarnation == old.Incarnation {
					t.Errorf("from %s to %v", old.Incarnation, starts)
				}
				if seen[starts[0].Incarnation] {
					t.Error("an incarnation comes back")
				}
				seen[starts[0].Incarnation] = true
			}
		})
	}
}

func TestWhatTheLogDiscardedIsToldApartFromWhatItLost(t *testing.T) {
	for name, w := range worlds(t) {
		t.Run(name, func(t *testing.T) {
			l := w.join()
			start, err := l.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			appendAll(t, l, "one", "two", "three", "four")
			w.discard(3)
			never := func(stream.Delivery) error { t.Error("delivered"); return nil }
			if err := l.Read(t.Context(), start, never); !errors.Is(err, stream.ErrDiscarded) || errors.Is(err, stream.ErrGap) {
				t.Errorf("from the start: %v", err)
			}
			at := stream.Position{Incarnation: start.Incarnation, Sequence: 2}
			if got := readAll(t, l, at); len(got) != 2 || string(got[0]) != "three" {
				t.Errorf("from what is left: %q", got)
			}
			w.discard(5)
			at.Sequence = 1
			if err := l.Read(t.Context(), at, never); !errors.Is(err, stream.ErrDiscarded) {
				t.Errorf("with nothing left: %v", err)
			}
			appendAll(t, l, "five")
			at.Sequence = 4
			if got := readAll(t, l, at); len(got) != 1 || string(got[0]) != "five" {
				t.Errorf("after all was discarded: %q", got)
			}
		})
	}
}

// A reader that waits for more hears of another incarnation, and needs nobody to append.
func TestAReaderNoticesThatItsIncarnationEnded(t *testing.T) {
	for name, w := range worlds(t) {
		t.Run(name, func(t *testing.T) {
			reader, other := w.join(), w.join()
			appendAll(t, reader, "one")
			head, _ := reader.Head(t.Context())
			ended, reading := make(chan error, 1), make(chan struct{})
			go func() {
				at := stream.Position{Incarnation: head.Incarnation}
				ended <- reader.Read(t.Context(), at, func(stream.Delivery) error { close(reading); return nil })
			}()
			<-reading
			if _, err := other.Renew(t.Context(), head.Incarnation); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; !errors.Is(err, stream.ErrIncarnation) && !errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("ended with %v", err)
			}
			if now, err := reader.Head(t.Context()); err != nil || now.Incarnation == head.Incarnation {
				t.Errorf("head %+v, %v", now, err)
			}
		})
	}
}

// If whoever renewed died before it deleted the old stream, readers find the new one all the same.
func TestAnOldStreamThatNobodyDeletedHoldsNobody(t *testing.T) {
	s := startServer(t, t.TempDir())
	defer s.Close()
	l := newLog(t, s)
	appendAll(t, l, "one")
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	js := adminOf(t, s)
	next := stream.Incarnation{7: 2, 8: 9}
	successor := strings.TrimSuffix(l.StreamName(), "1") + "2"
	reading, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		at := stream.Position{Incarnation: head.Incarnation}
		ended <- l.Read(t.Context(), at, func(stream.Delivery) error { close(reading); return nil })
	}()
	<-reading
	_, err = js.CreateStream(t.Context(), natsjs.StreamConfig{
		Name: successor, Subjects: []string{strings.TrimSuffix(jetstream.Subjects(network), "*") + next.String()},
		Metadata: map[string]string{"joulepay-incarnation": next.String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, stream.ErrIncarnation) {
		t.Errorf("ended with %v", err)
	}
	if now, err := l.Head(t.Context()); err != nil || now.Incarnation != next {
		t.Errorf("head %+v, %v", now, err)
	}
	if _, err := l.Renew(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	var left []string
	for name := range js.StreamNames(t.Context()).Name() {
		left = append(left, name)
	}
	if len(left) != 1 || left[0] != l.StreamName() {
		t.Errorf("streams left: %v, current %s", left, l.StreamName())
	}
}

// A stream of somebody else, or one that no renewal can follow, is an error and no loop.
func TestForeignStreamsAreRefused(t *testing.T) {
	s := startServer(t, t.TempDir())
	defer s.Close()
	js, l := adminOf(t, s), newLog(t, s)
	prefix := "LEDGER_" + strings.Split(jetstream.Subjects(network), ".")[2] + "_"
	subject := strings.TrimSuffix(jetstream.Subjects(network), "*")
	for i, name := range []string{prefix + "07", prefix + "x", prefix + "99999999999999999999", "OTHER"} {
		if _, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: name, Subjects: []string{fmt.Sprint(subject, i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if head, err := l.Head(t.Context()); err != nil || l.StreamName() != prefix+"1" {
		t.Errorf("head %+v of %s, %v", head, l.StreamName(), err)
	}
	last := stream.Incarnation{8}
	_, err := js.CreateStream(t.Context(), natsjs.StreamConfig{
		Name: fmt.Sprint(prefix, jetstream.EpochMax), Subjects: []string{subject + last.String()},
		Metadata: map[string]string{"joulepay-incarnation": last.String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Renew(t.Context(), last); !errors.Is(err, jetstream.ErrServer) {
		t.Errorf("renew the last: %v", err)
	}
	if _, err := js.UpdateStream(t.Context(), natsjs.StreamConfig{Name: fmt.Sprint(prefix, jetstream.EpochMax), Subjects: []string{subject + "x"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Head(t.Context()); !errors.Is(err, jetstream.ErrServer) {
		t.Errorf("a stream without incarnation: %v", err)
	}
}

// TestAFullStoreIsAnErrorUntilThereIsRoom makes the server refuse, as one does whose disk is full.
func TestAFullStoreIsAnErrorUntilThereIsRoom(t *testing.T) {
	s := startServer(t, t.TempDir())
	defer s.Close()
	l, js := newLog(t, s), adminOf(t, s)
	start, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	set := func(bytes int64) {
		t.Helper()
		config := admin(t, s, l.StreamName()).CachedInfo().Config
		config.Discard, config.MaxBytes = natsjs.DiscardNew, bytes
		if _, err := js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	set(4000)
	bundle := func(i byte) []byte { return bytes.Repeat([]byte{i}, 1000) }
	var want [][]byte
	for i := byte(0); i < 3; i++ {
		want = append(want, bundle(i))
	}
	if _, err := l.AppendAll(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	more := [][]byte{bundle(3), bundle(4), bundle(5)}
	if placed, err := l.AppendAll(t.Context(), more); !errors.Is(err, stream.ErrUnavailable) || len(placed) > 0 {
		t.Errorf("%d placed in a full store, %v", len(placed), err)
	}
	if _, err := l.Append(t.Context(), more[0]); !errors.Is(err, stream.ErrUnavailable) {
		t.Errorf("placed in a full store, %v", err)
	}
	set(1 << 20)
	if placed, err := l.AppendAll(t.Context(), more); err != nil || len(placed) != len(more) {
		t.Errorf("%d placed when there is room again, %v", len(placed), err)
	}
	if got := readAll(t, l, start); !slices.EqualFunc(got, append(want, more...), bytes.Equal) {
		t.Errorf("the log has %d bundles", len(got))
	}
}

// A disk that has room for one log, and not for two, is enough to begin the next.
func TestRenewNeedsRoomForOneLog(t *testing.T) {
	dir := t.TempDir()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	size := int64(disk.Bavail) * int64(disk.Bsize) / 2
	s := startServer(t, dir) // which offers three quarters of what is free
	defer s.Close()
	conn, err := s.Dial(natsd.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, err := jetstream.New(conn, jetstream.Options{Network: network, SizeMax: size})
	if err != nil {
		t.Fatal(err)
	}
	start, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, "one")
	for range 3 {
		next, err := l.Renew(t.Context(), start.Incarnation)
		if err != nil || next.Incarnation == start.Incarnation {
			t.Fatal(next, err)
		}
		start = next
	}
	if info := admin(t, s, l.StreamName()).CachedInfo(); info.Config.MaxBytes != size {
		t.Errorf("the next log may grow to %d, want %d", info.Config.MaxBytes, size)
	}
}

// TestAServerThatStallsIsAnErrorAndHoldsNoMoreThanItsShare has a server that takes bundles and acknowledges none.
func TestAServerThatStallsIsAnErrorAndHoldsNoMoreThanItsShare(t *testing.T) {
	s := startServer(t, t.TempDir())
	defer s.Close()
	conn, err := s.Dial(natsd.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, err := jetstream.New(conn, jetstream.WithAppendTimeout(jetstream.Options{Network: network}, 300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	config := admin(t, s, l.StreamName()).CachedInfo().Config
	config.NoAck = true
	if _, err := adminOf(t, s).UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	bundles := slices.Repeat([][]byte{{1}}, stream.AppendMax)
	for range 3 {
		if placed, err := l.AppendAll(t.Context(), bundles); !errors.Is(err, stream.ErrUnavailable) || len(placed) > 0 {
			t.Errorf("%d placed, %v", len(placed), err)
		}
	}
	config.NoAck = false
	if _, err := adminOf(t, s).UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for { // what is still on its way from before leaves room after its time
		placed, err := l.AppendAll(t.Context(), bundles)
		if err == nil && len(placed) == len(bundles) {
			break
		}
		if !errors.Is(err, stream.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

// TestPermissionsAreEnough has a connection that may only what a node needs.
func TestPermissionsAreEnough(t *testing.T) {
	const inbox = "joule.inbox.mine"
	s, err := natsd.Start(natsd.Options{
		JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, Verify: func([natsd.KeySize]byte, []byte, []byte) error { return nil },
		Authorize: func(natsd.Client) (natsd.Permissions, error) {
			return natsd.Permissions{Publish: jetstream.Publishes(network), Subscribe: []string{inbox + ".>"}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	key := natsd.Key{Sign: func([]byte) []byte { return make([]byte, 64) }}
	conn, err := natsd.Dial(s.ClientURL(), natsd.DialOptions{Key: key, InboxPrefix: inbox, OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, err := jetstream.New(conn, jetstream.Options{Network: network})
	if err != nil {
		t.Fatal(err)
	}
	start, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte{7}, stream.BundleSizeMax)
	if _, err := l.AppendAll(t.Context(), slices.Repeat([][]byte{large}, stream.AppendMax)); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, l, start); len(got) != stream.AppendMax {
		t.Errorf("%d bundles", len(got))
	}
	if _, err := l.Renew(t.Context(), start.Incarnation); err != nil {
		t.Error(err)
	}
	if err := conn.FlushTimeout(time.Minute); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		t.Error(err)
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

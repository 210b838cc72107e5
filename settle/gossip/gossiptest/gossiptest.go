// Package gossiptest owns the tests that every gossip.Bus must pass. It leaves making buses to the packages that
// implement them.
// It keeps the in-memory twin and the real carrier to one contract.
package gossiptest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"joulepay/settle/gossip"
	"joulepay/settle/proof"
	"joulepay/settle/stream"
)

// patience ends a test that would hang; no test waits for it to pass.
const patience = 2 * time.Minute

// Source answers with what it was given.
type Source struct {
	mu      sync.Mutex // guards all below
	Stand   gossip.Standing
	Log     [][]byte // entries; the first has height 1
	Fault   error    // of Entries, instead of an answer
	Blocked chan struct{}
	Entered chan struct{}
}

// Standing implements gossip.Source.
func (s *Source) Standing() gossip.Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Stand
}

// Entries implements gossip.Source.
func (s *Source) Entries(ctx context.Context, after, upTo uint64) ([][]byte, error) {
	if s.Blocked != nil {
		s.Entered <- struct{}{}
		select {
		case <-s.Blocked:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fault != nil {
		return nil, s.Fault
	}
	if after >= uint64(len(s.Log)) {
		return nil, gossip.ErrNothing
	}
	return s.Log[after:min(upTo, uint64(len(s.Log)))], nil
}

// Standing is one with every field set.
func Standing() gossip.Standing {
	certificate := proof.NewCertificate([]proof.SignedVote{Vote(0, 9), Vote(2, 9)})
	return gossip.Standing{
		Checkpoint:  proof.Checkpoint{Number: 9, Previous: proof.Hash{1}, Height: 70, Log: proof.Hash{2}, State: proof.Hash{3}, Time: 4, Paused: 5},
		Certificate: certificate, Position: stream.Position{Incarnation: stream.Incarnation{7}, Sequence: 8},
	}
}

// Vote is a vote of a witness for a checkpoint, with no good signature.
func Vote(witness uint8, number uint64) proof.SignedVote {
	return proof.SignedVote{Witness: witness, Vote: proof.Vote{
		Source: proof.Ref{Number: number - 1, Hash: proof.Hash{byte(number - 1)}},
		Target: proof.Ref{Number: number, Hash: proof.Hash{byte(number)}}, Time: 1,
	}}
}

// Run tests the contract. buses gives one bus for each place from 0 on, of a new network.
func Run(t *testing.T, buses func(t *testing.T, count int) []gossip.Bus) {
	t.Run("a vote reaches all others, and not its sender", func(t *testing.T) { testVotes(t, buses(t, 3)) })
	t.Run("a peer answers how far it is", func(t *testing.T) { testStanding(t, buses(t, 2)) })
	t.Run("a peer gives pages of its log", func(t *testing.T) { testEntries(t, buses(t, 2)) })
	t.Run("nobody there is an error, and so is what makes no sense", func(t *testing.T) { testErrors(t, buses(t, 3)) })
}

func begin(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}
}

func testVotes(t *testing.T, buses []gossip.Bus) {
	heard := make([]chan proof.SignedVote, len(buses))
	for i, b := range buses {
		heard[i] = make(chan proof.SignedVote, 1000)
		defer begin(t, func(ctx context.Context) error {
			return b.Votes(ctx, func(v proof.SignedVote) {
				select {
				case heard[i] <- v:
				default:
				}
			})
		})()
	}
	// A broadcast promises nothing: before everybody listens, it is repeated.
	for i, b := range buses {
		want := Vote(uint8(i), uint64(5+i))
		for other := range buses {
			if other != i {
				repeatUntilHeard(t, b, want, heard[other])
			}
		}
	}
	for i := range buses {
		for len(heard[i]) > 0 {
			if v := <-heard[i]; int(v.Witness) == i {
				t.Errorf("witness %d hears itself", i)
			}
		}
	}
}

func repeatUntilHeard(t *testing.T, from gossip.Bus, want proof.SignedVote, heard <-chan proof.SignedVote) {
	t.Helper()
	limit, again := time.After(patience), time.NewTicker(10*time.Millisecond)
	defer again.Stop()
	for {
		select {
		case got := <-heard:
			if got == want {
				return
			}
		case <-again.C:
			if err := from.Broadcast(t.Context(), want); err != nil {
				t.Fatal(err)
			}
		case <-limit:
			t.Fatal("the vote never came")
		}
	}
}

// standing asks until the peer serves.
func standing(t *testing.T, b gossip.Bus, peer uint8) gossip.Standing {
	t.Helper()
	for limit := time.After(patience); ; {
		s, err := b.Standing(t.Context(), peer)
		if err == nil {
			return s
		}
		select {
		case <-limit:
			t.Fatal(err)
		default:
		}
		if !errors.Is(err, gossip.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

func testStanding(t *testing.T, buses []gossip.Bus) {
	source := &Source{Stand: Standing()}
	defer begin(t, func(ctx context.Context) error { return buses[1].Serve(ctx, 1, source) })()
	if got := standing(t, buses[0], 1); !reflect.DeepEqual(got, source.Stand) {
		t.Errorf("got %+v", got)
	}
	source.mu.Lock()
	source.Stand = gossip.Standing{Checkpoint: proof.Checkpoint{Height: 1}}
	source.mu.Unlock()
	if got := standing(t, buses[0], 1); !reflect.DeepEqual(got, source.Stand) {
		t.Errorf("of the genesis: got %+v", got)
	}
}

func testEntries(t *testing.T, buses []gossip.Bus) {
	large := bytes.Repeat([]byte{9}, gossip.PageSizeMax-2)
	source := &Source{Log: [][]byte{{1}, {2}, large, {4}}}
	defer begin(t, func(ctx context.Context) error { return buses[1].Serve(ctx, 1, source) })()
	standing(t, buses[0], 1)
	for _, c := range []struct {
		after, upTo uint64
		want        [][]byte
		err         error
	}{
		{0, 2, source.Log[:2], nil},
		{1, 4, source.Log[1:], nil},
		{3, 100, source.Log[3:], nil},
		{4, 5, nil, gossip.ErrNothing},
		{0, 4, nil, gossip.ErrUnavailable}, // a source that gives too much is a fault of the peer
	} {
		got, err := buses[0].Entries(t.Context(), 1, c.after, c.upTo)
		if !errors.Is(err, c.err) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("above %d up to %d: %d entries, %v", c.after, c.upTo, len(got), err)
		}
	}
	source.mu.Lock()
	source.Fault = errors.New("disk")
	source.mu.Unlock()
	if _, err := buses[0].Entries(t.Context(), 1, 0, 2); !errors.Is(err, gossip.ErrUnavailable) {
		t.Errorf("a fault of the peer: %v", err)
	}
}

func testErrors(t *testing.T, buses []gossip.Bus) {
	source := &Source{Log: [][]byte{{1}}}
	stop := begin(t, func(ctx context.Context) error { return buses[1].Serve(ctx, 1, source) })
	standing(t, buses[0], 1)
	if _, err := buses[0].Standing(t.Context(), 2); !errors.Is(err, gossip.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := buses[0].Entries(t.Context(), 1, 5, 5); !errors.Is(err, gossip.ErrRequest) {
		t.Errorf("no heights: %v", err)
	}
	if err := buses[0].Broadcast(t.Context(), Vote(1, 3)); !errors.Is(err, gossip.ErrRequest) {
		t.Errorf("somebody else's vote: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := buses[0].Standing(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop()
	if _, err := buses[0].Standing(t.Context(), 1); !errors.Is(err, gossip.ErrUnavailable) {
		t.Errorf("no longer there: %v", err)
	}
}

package gossip

import (
	"context"
	"fmt"
	"sync"

	"joulepay/settle"
	"joulepay/settle/proof"
)

// votesWaitingMax is how many votes wait for one listener before more are lost, as on a connection that is too slow.
const votesWaitingMax = 1024

// Memory connects nodes of one process, for tests and simulations. Every request and answer passes through its canonical
// bytes. It is safe for concurrent use.
type Memory struct {
	mu        sync.Mutex // guards all below
	listeners map[*listener]uint8
	sources   map[uint8]*served
	cut       map[[2]uint8]bool // directed: from, to
	lose      func(from, to uint8) bool
}

type served struct{ from Source }

type listener struct{ votes chan proof.SignedVote }

// NewMemory connects nobody yet.
func NewMemory() *Memory {
	return &Memory{listeners: map[*listener]uint8{}, sources: map[uint8]*served{}, cut: map[[2]uint8]bool{}}
}

// Join gives the bus of the node at a place. Whoever is no witness takes a place that no witness has.
func (m *Memory) Join(self uint8) *Member { return &Member{network: m, self: self} }

// Cut loses all that one place sends to another, or ends that.
func (m *Memory) Cut(from, to uint8, cut bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut[[2]uint8{from, to}] = cut
}

// Partition cuts every place of one side from every place of the other, both ways.
func (m *Memory) Partition(one, other []uint8) {
	for _, a := range one {
		for _, b := range other {
			m.Cut(a, b, true)
			m.Cut(b, a, true)
		}
	}
}

// Heal ends every cut.
func (m *Memory) Heal() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.cut)
}

// SetLoss makes lose decide over each message; nil loses none. It is called under a lock, and must not call back.
func (m *Memory) SetLoss(lose func(from, to uint8) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lose = lose
}

// arrives tells whether a message gets through; the lock is held.
func (m *Memory) arrives(from, to uint8) bool {
	return !m.cut[[2]uint8{from, to}] && (m.lose == nil || !m.lose(from, to))
}

// Member is the Bus of one node of a Memory. It is safe for concurrent use.
type Member struct {
	network *Memory
	self    uint8
}

var _ Bus = (*Member)(nil)

// Broadcast implements Bus.
func (b *Member) Broadcast(ctx context.Context, vote proof.SignedVote) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if vote.Witness != b.self {
		return fmt.Errorf("%w: a vote of witness %d, sent by %d", ErrRequest, vote.Witness, b.self)
	}
	m := b.network
	m.mu.Lock()
	defer m.mu.Unlock()
	for l, to := range m.listeners {
		if to == b.self || !m.arrives(b.self, to) {
			continue
		}
		select {
		case l.votes <- vote:
		default: // lost, as promised
		}
	}
	return nil
}

// Votes implements Bus.
func (b *Member) Votes(ctx context.Context, deliver func(proof.SignedVote)) error {
	m, l := b.network, &listener{votes: make(chan proof.SignedVote, votesWaitingMax)}
	m.mu.Lock()
	m.listeners[l] = b.self
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.listeners, l)
	}()
	for {
		select {
		case v := <-l.votes:
			deliver(v)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Serve implements Bus.
func (b *Member) Serve(ctx context.Context, self uint8, from Source) error {
	if self != b.self || int(self) >= settle.WitnessesMax {
		return fmt.Errorf("%w: place %d, joined at %d", ErrRequest, self, b.self)
	}
	m, mine := b.network, &served{from}
	m.mu.Lock()
	m.sources[self] = mine
	m.mu.Unlock()
	<-ctx.Done()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sources[self] == mine {
		delete(m.sources, self)
	}
	return ctx.Err()
}

// Standing implements Bus.
func (b *Member) Standing(ctx context.Context, peer uint8) (Standing, error) {
	raw, err := b.ask(ctx, peer, Request{Kind: AskStanding})
	if err != nil {
		return Standing{}, err
	}
	return ReadStanding(raw)
}

// Entries implements Bus.
func (b *Member) Entries(ctx context.Context, peer uint8, after, upTo uint64) ([][]byte, error) {
	raw, err := b.ask(ctx, peer, Request{Kind: AskEntries, After: after, UpTo: upTo})
	if err != nil {
		return nil, err
	}
	return ReadEntries(raw)
}

// ask carries a request and its answer. What is lost on the way fails at once, where a real bus would wait.
func (b *Member) ask(ctx context.Context, peer uint8, q Request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := b.network
	m.mu.Lock()
	source, there := m.sources[peer], m.arrives(b.self, peer)
	m.mu.Unlock()
	if source == nil || !there {
		return nil, fmt.Errorf("%w: witness %d", ErrUnavailable, peer)
	}
	answer := Answer(ctx, q.Encode(), source.from)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.arrives(peer, b.self) {
		return nil, fmt.Errorf("%w: witness %d", ErrUnavailable, peer)
	}
	return answer, nil
}

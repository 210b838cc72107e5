package simtest

import (
	"context"
	"fmt"
	"time"

	"joulepay/settle/gossip"
	"joulepay/settle/node"
	"joulepay/settle/proof"
)

// links carry what does not go through the stream: votes, questions to peers; and whether a node reaches the stream.
type links struct {
	world *world
	side  []int // places of different sides do not hear each other
	away  map[int]bool
}

func newLinks(w *world) *links {
	return &links{world: w, side: make([]int, len(w.keys)), away: map[int]bool{}}
}

// reaches tells whether a place reaches the stream.
func (l *links) reaches(place int) bool { return !l.away[place] && !l.world.orderer.down }

// partition divides the places.
func (l *links) partition() {
	for place := range l.side {
		l.side[place] = l.world.rng.IntN(2)
	}
}

// heal ends partitions.
func (l *links) heal() {
	clear(l.side)
	clear(l.away)
	l.world.orderer.down = false
	l.world.orderer.tell()
}

// carries tells whether a message gets through now.
func (l *links) carries(from, to int) bool {
	w := l.world
	if l.side[from] != l.side[to] {
		w.fire("message lost in a partition")
		return false
	}
	if w.faulty && w.chance(10) {
		w.fire("message lost")
		return false
	}
	return true
}

// delay is how long a message takes: seldom so long that others overtake it.
func (l *links) delay() time.Duration {
	if w := l.world; w.faulty && w.chance(10) {
		w.fire("message delayed")
		return w.upTo(4 * time.Second)
	}
	return l.world.upTo(30 * time.Millisecond)
}

// broadcast sends a vote to all others.
func (l *links) broadcast(from int, v proof.SignedVote) {
	l.world.oracle.voted(l.world.machines[from], v)
	for _, liar := range l.world.liars {
		liar.hear(v)
	}
	for to, m := range l.world.machines {
		if to != from && m != nil {
			l.send(from, to, v)
		}
	}
}

// send sends a vote to one, perhaps twice.
func (l *links) send(from, to int, v proof.SignedVote) {
	copies := 1
	if l.world.faulty && l.world.chance(5) {
		l.world.fire("message duplicated")
		copies = 2
	}
	for range copies {
		if l.carries(from, to) {
			m := l.world.machines[to]
			l.world.after(l.delay(), func() { m.step(node.VoteReceived{Vote: v}) })
		}
	}
}

// bus gives what a Rebase asks peers with. Answers come at once, in their canonical bytes.
func (l *links) bus(self int) gossip.Bus { return bus{links: l, self: self} }

type bus struct {
	gossip.Bus // only questions are asked
	links      *links
	self       int
}

// Standing implements gossip.Bus.
func (b bus) Standing(ctx context.Context, peer uint8) (gossip.Standing, error) {
	raw, err := b.ask(ctx, peer, gossip.Request{Kind: gossip.AskStanding})
	if err != nil {
		return gossip.Standing{}, err
	}
	return gossip.ReadStanding(raw)
}

// Entries implements gossip.Bus.
func (b bus) Entries(ctx context.Context, peer uint8, after, upTo uint64) ([][]byte, error) {
	raw, err := b.ask(ctx, peer, gossip.Request{Kind: gossip.AskEntries, After: after, UpTo: upTo})
	if err != nil {
		return nil, err
	}
	return gossip.ReadEntries(raw)
}

func (b bus) ask(ctx context.Context, peer uint8, q gossip.Request) ([]byte, error) {
	w := b.links.world
	if !b.links.carries(b.self, int(peer)) || !b.links.carries(int(peer), b.self) {
		return nil, fmt.Errorf("%w: witness %d", gossip.ErrUnavailable, peer)
	}
	for _, liar := range w.liars {
		if liar.place == int(peer) {
			return gossip.Answer(ctx, q.Encode(), liar), nil
		}
	}
	if m := w.machines[peer]; m.core != nil {
		return gossip.Answer(ctx, q.Encode(), m), nil
	}
	return nil, fmt.Errorf("%w: witness %d is off", gossip.ErrUnavailable, peer)
}

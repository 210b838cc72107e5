package node

import (
	"sync"
	"time"

	"joulepay/settle"
	"joulepay/wallet"
)

// Bounds of one account's part in what a node does for all.
const (
	// shareMax is how many vertices of one account wait for their places: a quarter of all that may, and as many as a
	// busy operator has under way. Who fills it has the credit for it.
	shareMax = PendingMax / 4
	// idleMax is how many vertices of one account a node orders in a second that turn out to change nothing: the
	// ledger asks no credit for them.
	idleMax = 64
)

// shares counts what each account has under way, so that none takes the place of the others. Only vertices with good
// signatures count: a forger cannot use up another's share.
type shares struct {
	mu      sync.Mutex // guards what follows
	issuer  map[settle.VertexID]wallet.DID
	waiting map[wallet.DID]int
	idle    map[wallet.DID]int // in the second that began at since
	since   time.Time
}

func newShares() *shares {
	return &shares{issuer: make(map[settle.VertexID]wallet.DID), waiting: make(map[wallet.DID]int), idle: make(map[wallet.DID]int)}
}

// waits gives how many vertices of an account wait for their places.
func (s *shares) waits(d wallet.DID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting[d]
}

// exhausted tells whether an account has used its share of now.
func (s *shares) exhausted(d wallet.DID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetIdle(now)
	return s.waiting[d] >= shareMax || s.idle[d] >= idleMax
}

// take counts a vertex that is given to the core.
func (s *shares) take(v *settle.Vertex) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, counted := s.issuer[v.ID()]; !counted {
		s.issuer[v.ID()] = v.Issuer()
		s.waiting[v.Issuer()]++
	}
}

// tell hears what became of a vertex.
func (s *shares) tell(n Notice) {
	if n.Stage != StageDecided && n.Stage != StageRepeated {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, counted := s.issuer[n.Vertex]
	if !counted {
		return
	}
	delete(s.issuer, n.Vertex)
	if s.waiting[d]--; s.waiting[d] == 0 {
		delete(s.waiting, d)
	}
	// Too few parents are nobody's fault: while a network begins, many start from the genesis at once.
	if n.Stage == StageDecided && n.Verdict != settle.Applied && n.Verdict != settle.TooFewParents {
		s.idle[d]++
	}
}

func (s *shares) forgetIdle(now time.Time) {
	if now.Sub(s.since) >= time.Second || now.Before(s.since) {
		clear(s.idle)
		s.since = now
	}
}

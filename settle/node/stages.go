package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"joulepay/settle"
)

// Bounds of those who wait and listen.
const (
	waitersMax = 1 << 17 // twice PendingMax: each pending vertex may have one who submits and one who waits
	// subscriptionBuffer is how far a listener may fall behind; then it is cut off.
	subscriptionBuffer = 4096
	// acceptedMax is how many accepted vertices a generation of the memory holds, so that those who wait for
	// finality need not ask the store: two generations are a second at full load and take about 10 MB.
	acceptedMax = 1 << 15
)

// stages tells waiters and listeners what happened.
type stages struct {
	mu        sync.Mutex // guards what follows
	waiters   map[settle.VertexID][]chan Notice
	listeners map[*Subscription]struct{}
	finality  chan struct{} // closed and replaced when a checkpoint becomes final
	count     int           // of waiters
	shares    *shares
	tally     *tally

	// The results of the vertices that were accepted last. A vertex is accepted once, so none goes stale.
	young, old map[settle.VertexID]Result
}

func newStages(now func() time.Time) *stages {
	return &stages{
		waiters:   make(map[settle.VertexID][]chan Notice),
		listeners: make(map[*Subscription]struct{}), finality: make(chan struct{}),
		young: make(map[settle.VertexID]Result), shares: newShares(), tally: newTally(now),
	}
}

// await gives a channel that hears once of the verdict on a vertex.
func (s *stages) await(id settle.VertexID) (chan Notice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count >= waitersMax {
		return nil, ErrBusy
	}
	s.count++
	heard := make(chan Notice, 1)
	s.waiters[id] = append(s.waiters[id], heard)
	return heard, nil
}

func (s *stages) forget(id settle.VertexID, heard chan Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count--
	left := slices.DeleteFunc(s.waiters[id], func(c chan Notice) bool { return c == heard })
	if len(left) == 0 {
		delete(s.waiters, id)
		return
	}
	s.waiters[id] = left
}

// accepted gives the result of a vertex that was accepted lately, and is stored.
func (s *stages) accepted(id settle.VertexID) (Result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.young[id]; ok {
		return r, true
	}
	r, ok := s.old[id]
	return r, ok
}

// forgetAccepted forgets all of them: some were undone.
func (s *stages) forgetAccepted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.young)
	clear(s.old)
}

func (s *stages) remember(n Notice) {
	if len(s.young) >= acceptedMax {
		s.old, s.young = s.young, make(map[settle.VertexID]Result, acceptedMax)
	}
	s.young[n.Vertex] = Result{ID: n.Vertex, Payload: n.Payload, Verdict: n.Verdict, Height: n.Height}
}

func (s *stages) tell(n Notice) {
	s.shares.tell(n)
	s.tally.tell(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n.Stage {
	case StageDecided, StageRepeated:
		if n.Stage == StageDecided && n.Verdict.Accepted() {
			s.remember(n)
		}
		for _, heard := range s.waiters[n.Vertex] {
			select {
			case heard <- n:
			default: // it has heard already
			}
		}
	case StageFinal:
		close(s.finality)
		s.finality = make(chan struct{})
	}
	for l := range s.listeners {
		select {
		case l.notices <- n:
		default:
			s.drop(l)
		}
	}
}

// finalized gives a channel that is closed when the next checkpoint becomes final.
func (s *stages) finalized() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finality
}

// waitHeight waits until final reports a height at or above one.
func (s *stages) waitHeight(ctx, node context.Context, height uint64, final func() uint64) error {
	for {
		changed := s.finalized()
		if final() >= height {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-node.Done():
			return ErrStopped
		}
	}
}

// Subscription hears every Notice from its start on. It is cut off, and the channel closed, when it falls too far
// behind or is closed.
type Subscription struct {
	stages  *stages
	notices chan Notice
}

// Notices gives the channel.
func (s *Subscription) Notices() <-chan Notice { return s.notices }

// Close ends the subscription.
func (s *Subscription) Close() {
	s.stages.mu.Lock()
	defer s.stages.mu.Unlock()
	s.stages.drop(s)
}

func (s *stages) drop(l *Subscription) {
	if _, ok := s.listeners[l]; ok {
		delete(s.listeners, l)
		close(l.notices)
	}
}

// Subscribe listens to what happens from now on.
func (n *Node) Subscribe() *Subscription {
	s := &Subscription{n.stages, make(chan Notice, subscriptionBuffer)}
	n.stages.mu.Lock()
	defer n.stages.mu.Unlock()
	n.stages.listeners[s] = struct{}{}
	return s
}

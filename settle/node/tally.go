package node

import (
	"maps"
	"slices"
	"sync"
	"time"

	"joulepay/settle"
)

// followedMax bounds how many vertices are timed at once: a sample is enough, and a node at full load pays nothing for it.
const followedMax = 64

// finalityBounds are the upper ends of the classes into which times to finality are counted.
var finalityBounds = [...]time.Duration{
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 10 * time.Second, time.Minute,
}

// Decision is what a vertex wanted, and what the ledger said.
type Decision struct {
	Kind    settle.Kind
	Verdict settle.Verdict
}

// Tally counts what a node did since it started: for a collector of metrics. A decision that was undone and made again is
// counted twice.
type Tally struct {
	Decided map[Decision]uint64

	// Of a sample of the vertices that this node took in: from then until they were final here.
	Final        uint64             // vertices
	FinalSeconds float64            // of all together
	FinalWithin  map[float64]uint64 // vertices that took at most so many seconds
}

// Tally gives the counts so far. It is safe to call from anywhere.
func (n *Node) Tally() Tally { return n.stages.tally.read() }

// tally counts notices.
type tally struct {
	now func() time.Time

	mu       sync.Mutex // guards what follows
	decided  map[Decision]uint64
	followed map[settle.VertexID]followedVertex
	final    uint64
	took     time.Duration
	classes  [len(finalityBounds)]uint64
}

type followedVertex struct {
	since  time.Time
	height uint64 // 0 until it is decided
}

func newTally(now func() time.Time) *tally {
	return &tally{now: now, decided: make(map[Decision]uint64), followed: make(map[settle.VertexID]followedVertex)}
}

func (t *tally) tell(n Notice) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch n.Stage {
	case StageReceived:
		if len(t.followed) < followedMax {
			t.followed[n.Vertex] = followedVertex{since: t.now()}
		}
	case StageDecided:
		t.decided[Decision{n.Kind, n.Verdict}]++
		t.decide(n)
	case StageFinal:
		t.finish(n.Height)
	}
}

// decide notes where a followed vertex stands in the log. One that was refused never becomes final.
func (t *tally) decide(n Notice) {
	v, known := t.followed[n.Vertex]
	switch {
	case known && n.Verdict.Accepted():
		v.height = n.Height
		t.followed[n.Vertex] = v
	case known:
		delete(t.followed, n.Vertex)
	}
}

// finish times the followed vertices up to a height.
func (t *tally) finish(height uint64) {
	if len(t.followed) == 0 {
		return
	}
	now := t.now()
	for id, v := range t.followed {
		took := now.Sub(v.since)
		if v.height == 0 || v.height > height {
			if v.height == 0 && took > finalityBounds[len(finalityBounds)-1] {
				delete(t.followed, id) // it was dropped: make room
			}
			continue
		}
		delete(t.followed, id)
		t.final++
		t.took += took
		if i := slices.IndexFunc(finalityBounds[:], func(bound time.Duration) bool { return took <= bound }); i >= 0 {
			t.classes[i]++
		}
	}
}

func (t *tally) read() Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := Tally{Decided: maps.Clone(t.decided), Final: t.final, FinalSeconds: t.took.Seconds(), FinalWithin: map[float64]uint64{}}
	var within uint64
	for i, bound := range finalityBounds {
		within += t.classes[i]
		out.FinalWithin[bound.Seconds()] = within
	}
	return out
}

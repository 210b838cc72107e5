package dag

import (
	"container/heap"
	"time"

	"joulepay/channel"
	"joulepay/settle"
)

// expiry says when a channel closes itself, unless a top-up has moved it since.
type expiry struct {
	at      settle.LedgerTime
	channel channel.ID
}

// expiryHeap implements heap.Interface, the earliest first.
type expiryHeap []expiry

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h expiryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *expiryHeap) Push(x any)        { *h = append(*h, x.(expiry)) }
func (h *expiryHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// expiryQueue gives expiries in the order of time. Superseded ones stay in it until they are due.
type expiryQueue struct{ heap expiryHeap }

func (q *expiryQueue) push(e expiry) { heap.Push(&q.heap, e) }

// due removes and gives the expiries up to now.
func (q *expiryQueue) due(now settle.LedgerTime) []expiry {
	var out []expiry
	for len(q.heap) > 0 && q.heap[0].at <= now {
		out = append(out, heap.Pop(&q.heap).(expiry))
	}
	return out
}

// advance moves ledger time, and starts the challenge window of every channel that expired by it. The clock of
// windows moves by at most the network's step.
func (s *State) advance(to settle.LedgerTime) error {
	to = max(to, s.head.Time+1)
	step := int64(to - s.head.Time)
	if most := s.network.Genesis.Limits.StepMax.Milliseconds(); step > most {
		s.head.Paused += step - most
	}
	s.head.Time = to
	g := s.newStage()
	for _, e := range s.expiries.due(to) {
		key := settle.ChannelKey(e.channel)
		c, ok := load(g, key, settle.DecodeChannel)
		if !ok || c.State != channel.Open || settle.LedgerTimeOf(c.Expiry) > to {
			continue
		}
		s.startWindow(&c)
		g.put(key, c.Encode())
	}
	return g.commit()
}

// startWindow puts a channel into closing, as of now.
func (s *State) startWindow(c *settle.Channel) {
	c.State = channel.Closing
	c.ClosingSince = s.head.Time
	c.WindowEnd = s.WindowTime() + settle.WindowTime(c.Opening.Terms.Window/time.Millisecond)
	c.ClosingCheckpoint = s.head.Certified
}

// windowOver tells whether a closing channel may be paid out.
func (s *State) windowOver(c settle.Channel) bool {
	return s.WindowTime() >= c.WindowEnd &&
		s.head.Certified >= c.ClosingCheckpoint+uint64(s.network.Genesis.Limits.WindowCheckpoints)
}

// Package timeline owns virtual time: a queue of events in the order of their times, and of their entry where times are
// equal. It leaves what an event does to the worlds that enter it.
// It keeps runs repeatable: there is no clock, no goroutine and no lock, so the order of events depends on nothing but
// the calls that entered them.
package timeline

import (
	"container/heap"
	"time"
)

// Timeline is a virtual clock with the events that wait for it. It is not safe for concurrent use.
type Timeline struct {
	now     time.Time
	entered uint64
	ran     uint64
	queue   queue
}

// event is something that happens at a time.
type event struct {
	at       time.Time
	last     bool // of those at its time
	sequence uint64
	run      func()
}

// New makes a timeline that stands at a time.
func New(start time.Time) *Timeline { return &Timeline{now: start.UTC()} }

// Now gives the virtual time, UTC.
func (t *Timeline) Now() time.Time { return t.now }

// Ran gives the number of events that have happened.
func (t *Timeline) Ran() uint64 { return t.ran }

// Waiting gives the number of events that have not happened yet.
func (t *Timeline) Waiting() int { return len(t.queue) }

// At enters an event. One for the past happens now, after those that wait for now already.
func (t *Timeline) At(when time.Time, run func()) { t.enter(when, false, run) }

// AtEnd enters an event that happens when nothing else is left to happen at its time.
func (t *Timeline) AtEnd(when time.Time, run func()) { t.enter(when, true, run) }

func (t *Timeline) enter(when time.Time, last bool, run func()) {
	if when.Before(t.now) {
		when = t.now
	}
	t.entered++
	heap.Push(&t.queue, event{when, last, t.entered, run})
}

// After enters an event some time from now.
func (t *Timeline) After(wait time.Duration, run func()) { t.At(t.now.Add(wait), run) }

// Next gives the time of the next event; false when none waits.
func (t *Timeline) Next() (time.Time, bool) {
	if len(t.queue) == 0 {
		return time.Time{}, false
	}
	return t.queue[0].at, true
}

// Step moves to the next event and lets it happen. It tells whether there was one.
func (t *Timeline) Step() bool {
	if len(t.queue) == 0 {
		return false
	}
	next := heap.Pop(&t.queue).(event)
	t.now = next.at
	t.ran++
	next.run()
	return true
}

// queue implements heap.Interface.
type queue []event

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	if q[i].last != q[j].last {
		return q[j].last
	}
	return q[i].sequence < q[j].sequence
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *queue) Push(x any) { *q = append(*q, x.(event)) }

func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = event{} // let the closure go
	*q = old[:len(old)-1]
	return last
}

package sqlite

import (
	"slices"
	"sync/atomic"
	"time"
)

// commitBounds are the upper ends of the classes into which the times of commits are counted, from a fast disk without a
// queue to one that is about to fail.
var commitBounds = [...]time.Duration{
	250 * time.Microsecond, time.Millisecond, 4 * time.Millisecond, 16 * time.Millisecond,
	64 * time.Millisecond, 250 * time.Millisecond, time.Second, 4 * time.Second,
}

// Work says what the writer did since Open, and how long the disk took: for a collector of metrics.
type Work struct {
	Stats
	Seconds float64            // of all commits together, from COMMIT until what was written is durable
	Within  map[float64]uint64 // commits that took at most so many seconds
}

// Work gives the work so far. It is cheap, and safe to call from anywhere.
func (db *DB) Work() Work {
	w := Work{Stats: db.Stats(), Within: map[float64]uint64{}}
	if db.writer == nil {
		return w
	}
	var within uint64
	for i, bound := range commitBounds {
		within += db.writer.times.classes[i].Load()
		w.Within[bound.Seconds()] = within
	}
	w.Seconds = time.Duration(db.writer.times.sum.Load()).Seconds()
	return w
}

// commitTimes counts how long commits took.
type commitTimes struct {
	sum     atomic.Int64 // nanoseconds
	classes [len(commitBounds)]atomic.Uint64
}

func (c *commitTimes) note(took time.Duration) {
	c.sum.Add(int64(took))
	if i := slices.IndexFunc(commitBounds[:], func(bound time.Duration) bool { return took <= bound }); i >= 0 {
		c.classes[i].Add(1)
	}
}

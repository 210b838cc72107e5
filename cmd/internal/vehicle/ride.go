package vehicle

import (
	"context"
	"errors"
	"time"

	"joulepay/channel/session"
	"joulepay/cmd/internal/simcable"
	"joulepay/meter/counter"
)

// Passage is one that a vehicle made.
type Passage struct {
	Number int64         // in the session, from 1
	Took   time.Duration // from when the vehicle asked, or stood before the barrier, until that opened
}

// ride drives through a gate as often as is wanted.
type ride struct {
	road     *simcable.Road
	passages *counter.Tally
	passed   func(Passage)
	every    time.Duration // on the road, between two passages
}

const (
	// arriveEvery is how often a vehicle that sees no barrier open says again that it stands there.
	arriveEvery = 500 * time.Millisecond
	// barrierMax is how long a vehicle that is to stop waits for a barrier for which it may have paid.
	barrierMax = 2 * time.Second
)

// run passes until as many passages are made as are wanted, or polite or ctx ends, then stops the session.
func (r *ride) run(ctx, polite context.Context, resume *session.SessionRecord, wanted int64, stop func(context.Context)) {
	first := r.passages.Count()
	if resume != nil && resume.StartedMs != 0 {
		first = resume.MeasureBase
	}
	began := time.Now()
	for r.passages.Count() < first+wanted && polite.Err() == nil && ctx.Err() == nil {
		if !r.pass(ctx, polite) {
			break
		}
		now := time.Now()
		if r.passed != nil {
			r.passed(Passage{Number: r.passages.Count() - first, Took: now.Sub(began)})
		}
		select {
		case <-time.After(r.every):
		case <-polite.Done():
		case <-ctx.Done():
		}
		began = time.Now()
	}
	if ctx.Err() == nil {
		stop(ctx)
	}
}

// pass waits before the barrier until it opens, and drives through.
func (r *ride) pass(ctx, polite context.Context) bool {
	passage := r.passages.Count() + 1
	again := time.NewTicker(arriveEvery)
	defer again.Stop()
	_ = r.road.Arrive(passage) // a gate that does not answer is asked again
	leaving, enough := polite.Done(), make(<-chan time.Time)
	for {
		select {
		case <-ctx.Done():
			return false
		case <-leaving:
			leaving, enough = nil, time.After(barrierMax)
		case <-enough:
			return false
		case <-again.C:
			_ = r.road.Arrive(passage)
		case opened := <-r.road.Opened():
			if opened == passage {
				return r.passages.Add(1) == nil
			}
		}
	}
}

// joined calls all, and gives what went wrong.
func joined(each ...func() error) (err error) {
	for _, f := range each {
		err = errors.Join(err, f())
	}
	return err
}

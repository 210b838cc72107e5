package study

import (
	"context"
	"errors"
	"sync"

	"joulepay/simulations/report"
)

// Outcome is what a run came to.
type Outcome struct {
	Run     Run
	Figures []report.Figure // none when it failed
	Err     error
}

// Do makes a run. It is called by several goroutines at a time, and ends early when its context does.
type Do func(context.Context, Run) ([]report.Figure, error)

// Sweep makes runs, so many at a time, and gives what they came to in their order. When the context ends, what is
// finished by then is still given, what is under way is not, and the context's error returned. An error of give ends the
// sweep. Progress hears how many runs are over; it may be nil. Both are called by the caller's goroutine.
func Sweep(ctx context.Context, runs []Run, atATime int, do Do, give func(Outcome) error, progress func(over int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next, over := make(chan Run), make(chan Outcome)
	var workers sync.WaitGroup
	for range max(1, min(atATime, len(runs))) {
		workers.Go(func() {
			for run := range next {
				figures, err := do(ctx, run)
				over <- Outcome{run, figures, err}
			}
		})
	}
	go func() { // ends with the context or the last run; the loop below hears everything until then
		defer close(over)
		defer workers.Wait()
		defer close(next)
		for _, run := range runs {
			if ctx.Err() != nil {
				return
			}
			select {
			case next <- run:
			case <-ctx.Done():
			}
		}
	}()

	o := order{give: give, waiting: map[int]Outcome{}}
	count := 0
	for x := range over {
		if ctx.Err() != nil && errors.Is(x.Err, ctx.Err()) {
			continue // it was under way
		}
		count++
		if err := o.add(x); err != nil {
			cancel()
		}
		if progress != nil {
			progress(count)
		}
	}
	if err := o.rest(); err != nil {
		return err
	}
	if count < len(runs) {
		return ctx.Err()
	}
	return nil
}

// order gives outcomes in the order of runs.
type order struct {
	give    func(Outcome) error
	waiting map[int]Outcome // by number, for one before them
	next    int
	err     error // of give
}

func (o *order) add(x Outcome) error {
	o.waiting[x.Run.Number] = x
	for {
		first, there := o.waiting[o.next]
		if !there || o.err != nil {
			return o.err
		}
		delete(o.waiting, o.next)
		o.next++
		o.err = o.give(first)
	}
}

// rest gives what waits for runs that never end.
func (o *order) rest() error {
	for len(o.waiting) > 0 && o.err == nil {
		if x, there := o.waiting[o.next]; there {
			delete(o.waiting, o.next)
			o.err = o.give(x)
		}
		o.next++
	}
	return o.err
}

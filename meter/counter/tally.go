package counter

import (
	"fmt"
	"sync"
	"time"

	"joulepay/meter"
)

// Tally is what a vehicle counts for itself: the pieces that it received. It implements meter.Source and is safe for
// concurrent use; time in it never falls.
type Tally struct {
	keep    Keep
	changed chan struct{}

	mu       sync.Mutex // guards all below
	now      time.Time
	register int64
}

var _ meter.Source = (*Tally)(nil)

// NewTally makes a count that begins where it was kept last. keep may be nil, where nothing needs to survive.
func NewTally(register int64, keep Keep) (*Tally, error) {
	if register < 0 || register > RegisterMax {
		return nil, fmt.Errorf("%w: count of %d", ErrConfig, register)
	}
	if keep == nil {
		keep = func(int64) error { return nil }
	}
	return &Tally{keep: keep, register: register, changed: make(chan struct{}, 1)}, nil
}

// Add counts n more pieces. It fails with ErrKeep, and then counts nothing.
func (t *Tally) Add(n int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n < 0 || t.register > RegisterMax-n {
		return fmt.Errorf("%w: %d more than %d", ErrConfig, n, t.register)
	}
	if err := t.keep(t.register + n); err != nil {
		return fmt.Errorf("%w: %w", ErrKeep, err)
	}
	t.register += n
	select {
	case t.changed <- struct{}{}:
	default: // somebody was told already, and has not looked yet
	}
	return nil
}

// Count gives how many pieces there are.
func (t *Tally) Count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.register
}

// Changed tells that there is something to sample.
func (t *Tally) Changed() <-chan struct{} { return t.changed }

// Sample implements meter.Source.
func (t *Tally) Sample(now time.Time) (meter.Sample, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now = wholeMilliseconds(now); t.now.Before(now) {
		t.now = now
	}
	return sample(t.now, t.register, meter.Charging), nil
}

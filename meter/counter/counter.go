// Package counter owns the meters of what is sold by the piece: passages of a gate, messages, whatever else is given out one
// by one, and the vehicle's own count. It leaves to others what a piece costs (pricing), who pays (channel), and the pieces.
// It keeps its share of invariant I5: a station counts no further than to the register that its session permitted, and gives
// out nothing that it has not counted. Every moment is an argument, and nothing here waits.
//
// A station sells with a Connector, or with a Gate on top of one; a vehicle counts with a Tally. For pieces, the limit of a
// meter.Connector is the register up to which it may count.
package counter

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/meter"
)

// Errors of this package.
var (
	ErrConfig = errors.New("counter: not a usable setting")
	ErrKeep   = errors.New("counter: the register cannot be kept")
)

// RegisterMax is where a register may begin: a million pieces a second for 30 years.
const RegisterMax = 1_000_000_000_000_000

// Keep makes a register durable, so that it survives the process (I4). It is called before what was counted is given out, and
// with the lock of the meter held: it must be quick and call nothing of the meter.
type Keep func(register int64) error

// Connector counts pieces. It implements meter.Connector and is safe for concurrent use; time in it never falls.
type Connector struct {
	keep    Keep
	changed chan struct{}

	mu       sync.Mutex // guards all below
	now      time.Time  // to which it has come; zero before the first call
	register int64
	limit    int64 // the register that may be reached; 0 pauses
	started  bool
	ended    bool
}

var _ meter.Connector = (*Connector)(nil)

// New makes a connector whose register begins at a count. keep may be nil, where nothing needs to survive.
func New(register int64, keep Keep) (*Connector, error) {
	if register < 0 || register > RegisterMax {
		return nil, fmt.Errorf("%w: register of %d", ErrConfig, register)
	}
	if keep == nil {
		keep = func(int64) error { return nil }
	}
	return &Connector{keep: keep, register: register, changed: make(chan struct{}, 1)}, nil
}

// Plugged implements meter.Connector. Whoever asks is there.
func (c *Connector) Plugged() bool { return true }

// MaxPowerMilliwatts implements meter.Connector: no energy flows.
func (c *Connector) MaxPowerMilliwatts() int64 { return 0 }

// Take counts up to n pieces and gives how many may be given out now: as many as the limit leaves room for, and none unless
// they could be kept. It fails with ErrKeep.
func (c *Connector) Take(now time.Time, n int64) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	return c.take(n)
}

func (c *Connector) take(n int64) (int64, error) {
	n = max(0, min(n, c.room()))
	if n == 0 {
		return 0, nil
	}
	if err := c.keep(c.register + n); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrKeep, err)
	}
	c.register += n
	c.note()
	return n, nil
}

// Room gives how many pieces may be counted now.
func (c *Connector) Room() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room()
}

func (c *Connector) room() int64 {
	if !c.started {
		return 0
	}
	return max(0, c.limit-c.register)
}

// Changed tells that there is something to sample, or more room, sooner than who looks from time to time would find out.
func (c *Connector) Changed() <-chan struct{} { return c.changed }

func (c *Connector) note() {
	select {
	case c.changed <- struct{}{}:
	default: // somebody was told already, and has not looked yet
	}
}

// Start implements meter.Connector.
func (c *Connector) Start(now time.Time, limit int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	switch {
	case limit < 0:
		return fmt.Errorf("%w: %d", meter.ErrLimit, limit)
	case c.started:
		return meter.ErrStarted
	}
	c.started, c.ended, c.limit = true, false, limit
	c.note()
	return nil
}

// SetLimit implements meter.Connector. A limit below what is counted already gives no room, and takes nothing back.
func (c *Connector) SetLimit(now time.Time, limit int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	switch {
	case limit < 0:
		return fmt.Errorf("%w: %d", meter.ErrLimit, limit)
	case !c.started:
		return meter.ErrNotStarted
	}
	c.limit = limit
	c.note()
	return nil
}

// Stop implements meter.Connector.
func (c *Connector) Stop(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	if c.started {
		c.started, c.ended = false, true
		c.note()
	}
	return nil
}

// Sample implements meter.Source.
func (c *Connector) Sample(now time.Time) (meter.Sample, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	return sample(c.now, c.register, c.state()), nil
}

func (c *Connector) advance(now time.Time) {
	if now = wholeMilliseconds(now); c.now.Before(now) {
		c.now = now
	}
}

func (c *Connector) state() meter.State {
	switch {
	case c.ended:
		return meter.Ended
	case !c.started || c.limit == 0:
		return meter.SuspendedStation
	}
	return meter.Charging
}

func sample(now time.Time, register int64, state meter.State) meter.Sample {
	return meter.Sample{
		Time: now, Register: register, Unit: meter.Count, StateOfChargePermille: meter.StateOfChargeUnknown, State: state,
	}
}

func wholeMilliseconds(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

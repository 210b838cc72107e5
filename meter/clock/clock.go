// Package clock owns the meter of a place that is sold by the time for which it is occupied, and the vehicle's own watch.
// It leaves to others what a second costs (pricing), who pays (channel) and what opens a barrier: every moment is an
// argument, and nothing here waits.
// It keeps its part of invariant I10: the register counts whole seconds, the same however often it is read in between.
//
// A station sells with a Place; a vehicle measures with a Watch.
package clock

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/meter"
)

// ErrConfig is returned for a register that no meter begins with.
var ErrConfig = errors.New("clock: not a usable setting")

// RegisterSecondsMax is where a register may begin: 3 × 10⁷ years.
const RegisterSecondsMax = 1_000_000_000_000_000

// Place is one parking place, or whatever else is occupied. It implements meter.Connector: from Start to Stop every second
// counts. A limit of 0 pauses nothing, since a vehicle that stands there goes on standing there; the sample says
// meter.SuspendedStation, and a barrier stays shut. It is safe for concurrent use; time in it never falls.
type Place struct {
	mu       sync.Mutex // guards all below
	now      time.Time  // to which it has come; zero before the first call
	register int64      // seconds of earlier visits
	since    time.Time  // of the present visit; zero without one
	held     time.Time  // since when the place has been occupied although this meter did not run; zero: not
	ended    bool
	limit    int64 // 0: the barrier stays shut
}

var _ meter.Connector = (*Place)(nil)

// NewPlace makes a free place whose register begins at so many seconds.
func NewPlace(registerSeconds int64) (*Place, error) {
	if registerSeconds < 0 || registerSeconds > RegisterSecondsMax {
		return nil, fmt.Errorf("%w: register of %d s", ErrConfig, registerSeconds)
	}
	return &Place{register: registerSeconds}, nil
}

// ResumePlace makes a place on which a vehicle has stood since its last reading, with that reading's register: the next Start
// counts from then, for the vehicle stood there while the meter's process did not run.
func ResumePlace(registerSeconds int64, since time.Time) (*Place, error) {
	p, err := NewPlace(registerSeconds)
	if err == nil {
		p.held = wholeMilliseconds(since)
	}
	return p, err
}

// Plugged implements meter.Connector. Whoever asks for the place stands before it.
func (p *Place) Plugged() bool { return true }

// MaxPowerMilliwatts implements meter.Connector: no energy flows.
func (p *Place) MaxPowerMilliwatts() int64 { return 0 }

// Occupied tells whether time counts.
func (p *Place) Occupied() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.since.IsZero()
}

// Start implements meter.Connector: the vehicle drives in, and its time counts.
func (p *Place) Start(now time.Time, limit int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	switch {
	case limit < 0:
		return fmt.Errorf("%w: %d", meter.ErrLimit, limit)
	case !p.since.IsZero():
		return meter.ErrStarted
	}
	p.since, p.limit, p.ended = p.now, limit, false
	if !p.held.IsZero() && p.held.Before(p.now) {
		p.since = p.held
	}
	p.held = time.Time{}
	return nil
}

// SetLimit implements meter.Connector. Time goes on counting under every limit.
func (p *Place) SetLimit(now time.Time, limit int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	switch {
	case limit < 0:
		return fmt.Errorf("%w: %d", meter.ErrLimit, limit)
	case p.since.IsZero():
		return meter.ErrNotStarted
	}
	p.limit = limit
	return nil
}

// Stop implements meter.Connector: the vehicle leaves.
func (p *Place) Stop(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	if !p.since.IsZero() {
		p.register, p.since, p.ended = p.total(), time.Time{}, true
	}
	return nil
}

// Sample implements meter.Source.
func (p *Place) Sample(now time.Time) (meter.Sample, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	return sample(p.now, p.total(), p.state()), nil
}

func (p *Place) advance(now time.Time) {
	if now = wholeMilliseconds(now); p.now.Before(now) {
		p.now = now
	}
}

func (p *Place) total() int64 {
	if p.since.IsZero() {
		return p.register
	}
	return p.register + wholeSeconds(p.since, p.now)
}

func (p *Place) state() meter.State {
	switch {
	case p.ended:
		return meter.Ended
	case p.since.IsZero() || p.limit == 0:
		return meter.SuspendedStation
	}
	return meter.Charging
}

// Watch is the vehicle's own clock: it counts the seconds since it was looked at first. It implements meter.Source, and is
// safe for concurrent use.
type Watch struct {
	mu   sync.Mutex // guards all below
	from time.Time
	now  time.Time
}

var _ meter.Source = (*Watch)(nil)

// NewWatch gives a watch that was not looked at yet.
func NewWatch() *Watch { return &Watch{} }

// Sample implements meter.Source.
func (w *Watch) Sample(now time.Time) (meter.Sample, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now = wholeMilliseconds(now); w.now.Before(now) {
		w.now = now
	}
	if w.from.IsZero() {
		w.from = w.now
	}
	return sample(w.now, wholeSeconds(w.from, w.now), meter.Charging), nil
}

func sample(now time.Time, register int64, state meter.State) meter.Sample {
	return meter.Sample{
		Time: now, Register: register, Unit: meter.Seconds, StateOfChargePermille: meter.StateOfChargeUnknown, State: state,
	}
}

func wholeSeconds(from, to time.Time) int64 { return (to.UnixMilli() - from.UnixMilli()) / 1000 }

func wholeMilliseconds(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

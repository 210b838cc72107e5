// Package execmeter owns a meter behind a program: it runs a command, reads one reading a line from its output,
// and tells it on its input what the station wants.
// It leaves to others what the program talks to, the clock, and the judgement of readings (meter.Chain,
// meter.Comparison).
// It keeps its part of invariant I9: what a program says is bounded, checked and refused with typed errors; and
// it leaves no process behind: Close ends the program and all it started, and waits for it.
//
// The program writes one JSON object a line, for example
//
//	{"register_mwh":1234567,"power_mw":11000000,"soc_permille":420,"state":"charging"}
//
// with these fields:
//
//	register_mwh  absolute register in mWh, never falling; or
//	register      the same in another unit, with
//	unit          "mWh", "s" or "count"
//	exported_mwh  absolute register in mWh of what flowed back from the vehicle, never falling; 0 if absent
//	time          RFC 3339, of the clock that the session runs on; without it, a reading has the moment at
//	              which it is first asked for
//	power_mw      for display, 0 if absent; below zero it flows back
//	soc_permille  0 to 1000, or −1 (also if absent) when unknown
//	state         "charging", "suspended_ev", "suspended_evse" or "ended"; "charging" if absent
//	plugged       false while no vehicle is connected; true if absent
//
// It reads one JSON object a line, each the whole of what is wanted, whenever that changes:
//
//	{"run":true,"limit_mw":11000000}
//	{"run":true,"limit_mw":0}
//	{"run":false,"limit_mw":0}
//
// A program that is slow to read misses states in between, never the last. One that only measures need not read
// at all. It is not asked to take energy back from a vehicle: limits are not below zero. At the end of its input, or on SIGTERM, it must bring its hardware to rest; it is killed shortly after.
package execmeter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"joulepay/meter"
)

// Errors of programs. ErrLine comes as a *LineError, ErrExited with the status and the end of what the program
// wrote to its error output.
var (
	ErrCommand = errors.New("execmeter: the command cannot be run")
	ErrLine    = errors.New("execmeter: the command wrote a line that is not a reading")
	ErrExited  = errors.New("execmeter: the command has ended")
	ErrClosed  = errors.New("execmeter: the meter is closed")
)

// LineError says which line of the output is not a reading, and why.
type LineError struct {
	Line   int // from 1
	Reason string
}

// Error implements error.
func (e *LineError) Error() string { return fmt.Sprintf("%v: line %d: %s", ErrLine, e.Line, e.Reason) }

// Unwrap makes errors.Is(err, ErrLine) true.
func (e *LineError) Unwrap() error { return ErrLine }

// Meter is a running program. It implements meter.Connector, and for a vehicle meter.Source. Its methods may be
// called from any goroutine.
type Meter struct {
	maxPowerMilliwatts int64
	command            *exec.Cmd
	stdout             *os.File
	stdin              *os.File
	wants              chan want     // the latest state wanted, not yet written; capacity 1
	news               chan struct{} // there is something that Sample has not seen; capacity 1
	ended              chan struct{} // closed when the program and all goroutines have ended

	mu      sync.Mutex // guards all below
	latest  reading
	lines   int       // accepted so far
	seen    int       // lines of them when Sample was last called
	seenAt  time.Time // the moment of that call
	started bool
	stopped bool
	closed  bool
	reaped  bool  // the process group may no longer be signalled
	failure error // why there will be no further reading
}

var _ meter.Connector = (*Meter)(nil)

// Open runs a command: the program and its arguments, without a shell, in a process group of its own.
func Open(command []string, maxPowerMilliwatts int64) (*Meter, error) {
	if len(command) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrCommand)
	}
	m := &Meter{
		maxPowerMilliwatts: maxPowerMilliwatts,
		wants:              make(chan want, 1),
		news:               make(chan struct{}, 1),
		ended:              make(chan struct{}),
	}
	if err := m.spawn(command); err != nil {
		return nil, err
	}
	return m, nil
}

// Plugged implements meter.Connector. Before the first reading, and after the program's end, nothing is.
func (m *Meter) Plugged() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.plugged()
}

func (m *Meter) plugged() bool { return m.failure == nil && m.lines > 0 && m.latest.plugged }

// MaxPowerMilliwatts implements meter.Connector, with what Open was told.
func (m *Meter) MaxPowerMilliwatts() int64 { return m.maxPowerMilliwatts }

// Start implements meter.Connector.
func (m *Meter) Start(_ time.Time, limitMilliwatts int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.failure != nil:
		return m.failure
	case limitMilliwatts < 0:
		return fmt.Errorf("%w: %d mW", meter.ErrLimit, limitMilliwatts)
	case m.started:
		return meter.ErrStarted
	case !m.plugged():
		return meter.ErrNotPlugged
	}
	m.started, m.stopped = true, false
	m.want(want{Run: true, LimitMilliwatts: limitMilliwatts})
	return nil
}

// SetLimit implements meter.Connector.
func (m *Meter) SetLimit(_ time.Time, limitMilliwatts int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.failure != nil:
		return m.failure
	case limitMilliwatts < 0:
		return fmt.Errorf("%w: %d mW", meter.ErrLimit, limitMilliwatts)
	case !m.started:
		return meter.ErrNotStarted
	}
	m.want(want{Run: true, LimitMilliwatts: limitMilliwatts})
	return nil
}

// Stop implements meter.Connector. The program may still report what flowed until it obeyed.
func (m *Meter) Stop(time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started {
		m.started, m.stopped = false, true
		m.want(want{})
	}
	return nil
}

// Sample implements meter.Source with the last line read. A reading without a time of its own keeps the moment
// at which Sample first gave it, so that a program that hangs shows as time that stands still. When the program
// has ended, and its last reading was given once, Sample fails with ErrExited or ErrLine; after Close with
// ErrClosed.
func (m *Meter) Sample(now time.Time) (meter.Sample, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil && !m.fresh() {
		return meter.Sample{}, m.failure
	}
	if m.lines == 0 {
		return meter.Sample{}, meter.ErrNoSample
	}
	if m.fresh() {
		m.seen = m.lines
		if now.After(m.seenAt) {
			m.seenAt = now
		}
	}
	s := m.latest.sample
	if s.Time.IsZero() {
		s.Time = m.seenAt
	}
	if m.stopped {
		s.State = meter.Ended
	}
	return s, nil
}

// fresh tells whether there is a reading that Sample has not given yet.
func (m *Meter) fresh() bool { return m.seen != m.lines && !m.closed }

// Next waits until there is a reading that Sample has not given yet. It fails as Sample does when the program
// ends first, or with the context's error. One goroutine at a time waits.
func (m *Meter) Next(ctx context.Context) error {
	for {
		m.mu.Lock()
		fresh, failure := m.fresh(), m.failure
		m.mu.Unlock()
		switch {
		case fresh:
			return nil
		case failure != nil:
			return failure
		}
		select {
		case <-m.news:
		case <-m.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// accept takes a line's reading, unless it contradicts the one before.
func (m *Meter) accept(r reading) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lines > 0 {
		if err := r.follows(m.latest); err != nil {
			return err
		}
	}
	m.latest = r
	m.lines++
	m.tell()
	return nil
}

// fail keeps the first reason why there will be no further reading.
func (m *Meter) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == nil {
		m.failure = err
	}
	m.tell()
}

// tell wakes Next, if it waits.
func (m *Meter) tell() {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

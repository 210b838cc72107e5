package counter

import (
	"fmt"
	"time"

	"joulepay/meter"
)

// Gate counts passages: each vehicle that stands before it is one, counted before the barrier opens. By default the barrier
// opens once the passage is paid; a trusting gate opens at once, for as many as its session permits unpaid. It implements
// meter.Connector and is safe for concurrent use.
type Gate struct {
	*Connector
	trusting bool
	opened   func(now time.Time, register int64)

	// Guarded by the connector's lock:
	waiting bool  // a vehicle stands before it
	counted bool  // and is in the register
	last    int64 // register of the last passage for which it opened, or that was forgotten
}

var _ meter.Connector = (*Gate)(nil)

// NewGate makes a gate of a connector whose session permits one unpaid passage, which shows that a passage is paid by permitting
// the next. lastOpened is the register of the last passage for which the barrier opened: one below the connector's own where a
// vehicle was counted and waits. opened hears of every passage, with the lock of the gate held; it may be nil.
func NewGate(c *Connector, trusting bool, lastOpened int64, opened func(now time.Time, register int64)) (*Gate, error) {
	if lastOpened != c.register && lastOpened != c.register-1 {
		return nil, fmt.Errorf("%w: opened for passage %d, counted %d", ErrConfig, lastOpened, c.register)
	}
	if opened == nil {
		opened = func(time.Time, int64) {}
	}
	return &Gate{Connector: c, trusting: trusting, opened: opened, counted: lastOpened < c.register, last: lastOpened}, nil
}

// Arrive tells that a vehicle stands before the barrier. To tell it again changes nothing. It fails with ErrKeep.
func (g *Gate) Arrive(now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance(now)
	g.waiting = true
	return g.turn()
}

// Opened gives the register of the last passage for which the barrier opened, or that was forgotten.
func (g *Gate) Opened() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

// Start implements meter.Connector.
func (g *Gate) Start(now time.Time, limit int64) error {
	if err := g.Connector.Start(now, limit); err != nil {
		return err
	}
	return g.again()
}

// SetLimit implements meter.Connector.
func (g *Gate) SetLimit(now time.Time, limit int64) error {
	if err := g.Connector.SetLimit(now, limit); err != nil {
		return err
	}
	return g.again()
}

// Stop implements meter.Connector: the barrier stays shut, and who stood before it has left. A gate that has not started keeps
// whom it counted before its process ended.
func (g *Gate) Stop(now time.Time) error {
	g.mu.Lock()
	if g.started {
		g.forget()
	}
	g.mu.Unlock()
	return g.Connector.Stop(now)
}

// Forget lets nobody pass for what was counted: who stood before the barrier has left.
func (g *Gate) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
}

func (g *Gate) forget() { g.waiting, g.counted, g.last = false, false, g.register }

func (g *Gate) again() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turn()
}

// turn counts who waits, and opens when that one may pass. The lock is held.
func (g *Gate) turn() error {
	if !g.started || !g.waiting && !g.counted {
		return nil
	}
	if !g.counted {
		n, err := g.take(1)
		if err != nil || n == 0 {
			return err
		}
		g.counted = true
	}
	if paid := g.limit > g.register; !paid && !g.trusting {
		return nil
	}
	g.waiting, g.counted, g.last = false, false, g.register
	g.opened(g.now, g.register)
	return nil
}

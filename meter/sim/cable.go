package sim

import (
	"fmt"
	"sync"
	"time"

	"joulepay/meter"
)

// Cable is the physical plug: the truth of what has flowed. A station's Connector and a vehicle's Measurement
// both look at it, each with its own error. It is safe for concurrent use; time in it never falls: a call with
// an earlier moment acts at the latest moment that the cable has seen.
type Cable struct {
	maxPowerMilliwatts int64

	mu        sync.Mutex // guards all below
	now       time.Time  // to which the simulation has come; zero before the first call
	register  int64      // mWh that flowed during earlier visits
	remainder int64      // µJ of them, below one mWh
	delivery  delivery   // of the present visit
	plugged   bool
	started   bool // implies plugged
	ended     bool
	limit     int64 // mW, as the station set it
}

// NewCable makes a cable with nothing plugged in. Its register begins at 0, or, for a session that is resumed,
// at the register of the last stored reading.
func NewCable(maxPowerMilliwatts, registerMilliwattHours int64) (*Cable, error) {
	if maxPowerMilliwatts <= 0 || maxPowerMilliwatts > PowerMilliwattsMax {
		return nil, fmt.Errorf("%w: cable for %d mW", ErrConfig, maxPowerMilliwatts)
	}
	if registerMilliwattHours < 0 || registerMilliwattHours > RegisterMilliwattHoursMax {
		return nil, fmt.Errorf("%w: register of %d mWh", ErrConfig, registerMilliwattHours)
	}
	return &Cable{maxPowerMilliwatts: maxPowerMilliwatts, register: registerMilliwattHours}, nil
}

// Plug connects a vehicle. Nothing flows before the station starts. It fails with ErrPlugged.
func (c *Cable) Plug(load Load) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plugged {
		return ErrPlugged
	}
	c.settleVisit()
	c.delivery = newDelivery(load)
	c.plugged, c.started, c.ended, c.limit = true, false, false, 0
	return nil
}

// Unplug takes the vehicle off; what flowed stays in the register. Without a vehicle it does nothing.
func (c *Cable) Unplug(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	if c.plugged {
		c.plugged, c.started, c.ended = false, false, true
	}
}

// Plugged tells whether a vehicle is connected.
func (c *Cable) Plugged() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plugged
}

// State gives the truth at a moment. It never fails; the error is there for RemoteCable's sake.
func (c *Cable) State(now time.Time) (CableState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	s := CableState{
		Register:              c.total(),
		Time:                  c.now,
		StateOfChargePermille: meter.StateOfChargeUnknown,
		State:                 c.state(),
		Plugged:               c.plugged,
	}
	if c.plugged {
		s.StateOfChargePermille = c.delivery.stateOfCharge()
	}
	if s.State == meter.Charging {
		s.PowerMilliwatts = c.delivery.power(c.effectiveLimit())
	}
	return s, nil
}

func (c *Cable) start(now time.Time, limitMilliwatts int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	switch {
	case limitMilliwatts < 0:
		return fmt.Errorf("%w: %d mW", meter.ErrLimit, limitMilliwatts)
	case !c.plugged:
		return meter.ErrNotPlugged
	case c.started:
		return meter.ErrStarted
	}
	c.started, c.ended, c.limit = true, false, limitMilliwatts
	return nil
}

func (c *Cable) setLimit(now time.Time, limitMilliwatts int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	switch {
	case limitMilliwatts < 0:
		return fmt.Errorf("%w: %d mW", meter.ErrLimit, limitMilliwatts)
	case !c.started:
		return meter.ErrNotStarted
	}
	c.limit = limitMilliwatts
	return nil
}

func (c *Cable) stop(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	if c.started {
		c.started, c.ended = false, true
	}
}

// advance lets time pass. The mutex is held.
func (c *Cable) advance(now time.Time) {
	now = time.UnixMilli(now.UnixMilli()).UTC()
	if c.now.IsZero() {
		c.now = now
	}
	if !now.After(c.now) {
		return
	}
	if c.started {
		c.delivery.advance(now.UnixMilli()-c.now.UnixMilli(), c.effectiveLimit())
	}
	c.now = now
}

func (c *Cable) effectiveLimit() int64 { return min(c.limit, c.maxPowerMilliwatts) }

// visit gives what flowed during the present visit, in µJ.
func (c *Cable) visit() int64 { return c.delivery.taken - c.delivery.load.delivered }

func (c *Cable) total() int64 {
	return c.register + (c.remainder+c.visit())/microjoulesPerMilliwattHour
}

// settleVisit moves what flowed into the register of earlier visits.
func (c *Cable) settleVisit() {
	c.register, c.remainder = c.total(), (c.remainder+c.visit())%microjoulesPerMilliwattHour
	c.delivery = delivery{}
}

func (c *Cable) state() meter.State {
	switch {
	case c.ended:
		return meter.Ended
	case !c.started:
		return meter.SuspendedStation
	case c.delivery.done():
		return meter.SuspendedVehicle
	case c.limit == 0:
		return meter.SuspendedStation
	}
	return meter.Charging
}

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
	maxPowerMilliwatts  int64
	maxReturnMilliwatts int64

	mu       sync.Mutex // guards all below
	now      time.Time  // to which the simulation has come; zero before the first call
	imported register   // toward vehicles, during earlier visits
	exported register   // back from them
	delivery delivery   // of the present visit
	plugged  bool
	started  bool // implies plugged
	ended    bool
	limit    int64 // mW, as the station set it; below zero energy flows back
}

// register counts energy in whole milliwatt-hours and keeps what is below one.
type register struct {
	milliwattHours int64
	microjoules    int64 // below one milliwatt-hour
}

// with gives the register after so many more microjoules.
func (r register) with(microjoules int64) register {
	sum := r.microjoules + microjoules
	return register{r.milliwattHours + sum/microjoulesPerMilliwattHour, sum % microjoulesPerMilliwattHour}
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
	return &Cable{maxPowerMilliwatts: maxPowerMilliwatts, imported: register{milliwattHours: registerMilliwattHours}}, nil
}

// NewTwoWayCable makes a cable through which energy flows back, too, under a limit below zero. Its registers begin where
// those of the last stored reading were.
func NewTwoWayCable(maxPowerMilliwatts, maxReturnMilliwatts, importedMilliwattHours, exportedMilliwattHours int64) (*Cable, error) {
	c, err := NewCable(maxPowerMilliwatts, importedMilliwattHours)
	if err != nil {
		return nil, err
	}
	if maxReturnMilliwatts < 0 || maxReturnMilliwatts > PowerMilliwattsMax {
		return nil, fmt.Errorf("%w: cable for %d mW back", ErrConfig, maxReturnMilliwatts)
	}
	if exportedMilliwattHours < 0 || exportedMilliwattHours > RegisterMilliwattHoursMax {
		return nil, fmt.Errorf("%w: register of %d mWh", ErrConfig, exportedMilliwattHours)
	}
	c.maxReturnMilliwatts, c.exported.milliwattHours = maxReturnMilliwatts, exportedMilliwattHours
	return c, nil
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
	imported, exported := c.totals()
	s := CableState{
		Register:              imported.milliwattHours,
		Exported:              exported.milliwattHours,
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

// Permit sets the most that the plugged vehicle lets flow back from now on, as its own controller would; at first it is what
// its battery can. It fails with meter.ErrNotPlugged, and with ErrConfig below zero.
func (c *Cable) Permit(now time.Time, limitMilliwatts int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	switch {
	case limitMilliwatts < 0:
		return fmt.Errorf("%w: %d mW permitted", ErrConfig, limitMilliwatts)
	case !c.plugged:
		return meter.ErrNotPlugged
	}
	c.delivery.permit = limitMilliwatts
	return nil
}

func (c *Cable) start(now time.Time, limitMilliwatts int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	switch {
	case limitMilliwatts < 0 && c.maxReturnMilliwatts == 0:
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
	case limitMilliwatts < 0 && c.maxReturnMilliwatts == 0:
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

func (c *Cable) effectiveLimit() int64 {
	return max(min(c.limit, c.maxPowerMilliwatts), -c.maxReturnMilliwatts)
}

func (c *Cable) totals() (imported, exported register) {
	return c.imported.with(c.delivery.imported()), c.exported.with(c.delivery.exported())
}

// settleVisit moves what flowed into the registers of earlier visits.
func (c *Cable) settleVisit() {
	c.imported, c.exported = c.totals()
	c.delivery = delivery{}
}

func (c *Cable) state() meter.State {
	switch {
	case c.ended:
		return meter.Ended
	case !c.started:
		return meter.SuspendedStation
	case c.limit < 0 && c.delivery.power(c.effectiveLimit()) < 0:
		return meter.Charging
	case c.delivery.done():
		return meter.SuspendedVehicle
	case c.limit <= 0: // also where the vehicle has no more to give: it would take some
		return meter.SuspendedStation
	}
	return meter.Charging
}

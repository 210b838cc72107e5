package sim

import (
	"fmt"
	"time"

	"joulepay/meter"
)

// Connector is the station's end of a cable: it controls the flow and meters it. It implements meter.Connector.
type Connector struct {
	cable     *Cable
	importPPM int64 // error of its meter, toward the vehicle
	exportPPM int64 // and back
}

var _ meter.Returner = (*Connector)(nil)

// NewConnector gives an honest connector: its meter shows what has flowed.
func NewConnector(cable *Cable) *Connector { return &Connector{cable: cable} }

// NewLyingConnector gives a connector whose meter shows more than has flowed, by parts per million up to a
// doubling: the fraud that the comparison of I6 must find.
func NewLyingConnector(cable *Cable, inflatePPM int64) (*Connector, error) {
	if inflatePPM < 0 || inflatePPM > ppmOne {
		return nil, fmt.Errorf("%w: inflated by %d ppm", ErrConfig, inflatePPM)
	}
	return &Connector{cable: cable, importPPM: inflatePPM}, nil
}

// NewHidingConnector gives a connector whose meter shows less than has flowed back, by parts per million up to all of it.
func NewHidingConnector(cable *Cable, hiddenPPM int64) (*Connector, error) {
	if hiddenPPM < 0 || hiddenPPM > ppmOne {
		return nil, fmt.Errorf("%w: hidden by %d ppm", ErrConfig, hiddenPPM)
	}
	return &Connector{cable: cable, exportPPM: -hiddenPPM}, nil
}

// Cable gives the plug itself, for what the vehicle measures and for telling other processes its state.
func (c *Connector) Cable() *Cable { return c.cable }

// Plugged implements meter.Connector.
func (c *Connector) Plugged() bool { return c.cable.Plugged() }

// MaxPowerMilliwatts implements meter.Connector.
func (c *Connector) MaxPowerMilliwatts() int64 { return c.cable.maxPowerMilliwatts }

// MaxReturnMilliwatts implements meter.Returner: 0 for a cable that is one way.
func (c *Connector) MaxReturnMilliwatts() int64 { return c.cable.maxReturnMilliwatts }

// Start implements meter.Connector.
func (c *Connector) Start(now time.Time, limitMilliwatts int64) error {
	return c.cable.start(now, limitMilliwatts)
}

// SetLimit implements meter.Connector.
func (c *Connector) SetLimit(now time.Time, limitMilliwatts int64) error {
	return c.cable.setLimit(now, limitMilliwatts)
}

// Stop implements meter.Connector.
func (c *Connector) Stop(now time.Time) error {
	c.cable.stop(now)
	return nil
}

// Sample implements meter.Source, with the station's register.
func (c *Connector) Sample(now time.Time) (meter.Sample, error) {
	state, err := c.cable.State(now)
	if err != nil {
		return meter.Sample{}, err
	}
	return state.sample(c.importPPM, c.exportPPM), nil
}

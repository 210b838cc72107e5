package agent

import (
	"errors"
	"sync"

	"joulepay/channel/session"
	"joulepay/meter"
)

// Drive brings an outlet to what a session last asked for, however often the outlet is not ready: a cable that is not
// plugged in yet, or a connector that kept running while the station's process was restarted.
type Drive struct {
	connector meter.Connector

	mu     sync.Mutex // guards below
	wanted bool       // energy is to flow, or to be able to
	limit  int64      // milliwatts
	done   bool       // the connector follows
}

// NewDrive makes a drive of an outlet that nothing was asked of.
func NewDrive(connector meter.Connector) *Drive { return &Drive{connector: connector} }

// Actuate notes what is asked for and tries it once. Only an outlet that cannot be stopped is an error.
func (d *Drive) Actuate(now session.Instant, a session.Actuate) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.Command == session.CommandStop {
		d.wanted, d.done = false, true
		return d.connector.Stop(now.Session)
	}
	d.wanted, d.limit, d.done = true, a.LimitMilliwatts, false
	return d.try(now)
}

// Retry tries again what the outlet was not ready for.
func (d *Drive) Retry(now session.Instant) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted || d.done {
		return nil
	}
	return d.try(now)
}

func (d *Drive) try(now session.Instant) error {
	err := d.connector.SetLimit(now.Session, d.limit)
	if errors.Is(err, meter.ErrNotStarted) {
		err = d.connector.Start(now.Session, d.limit)
	}
	if errors.Is(err, meter.ErrNotPlugged) {
		return nil // tried again with the next pulse
	}
	d.done = err == nil
	return err
}

// Off stops the outlet whatever was asked for.
func (d *Drive) Off(now session.Instant) error {
	return d.Actuate(now, session.Actuate{Command: session.CommandStop})
}

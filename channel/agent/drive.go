package agent

import (
	"errors"
	"sync"
	"sync/atomic"

	"joulepay/channel/session"
	"joulepay/meter"
)

// Drive brings an outlet to what a session last asked for, however often the outlet is not ready: a cable that is not
// plugged in yet, a connector that kept running while the station's process was restarted, or one that cannot be reached.
type Drive struct {
	connector meter.Connector
	stopping  atomic.Bool // told to stop, and does not follow yet

	mu    sync.Mutex      // guards below, and the order of commands
	asked session.Actuate // zero: nothing yet
	done  bool            // the connector follows
}

// NewDrive makes a drive of an outlet that nothing was asked of.
func NewDrive(connector meter.Connector) *Drive { return &Drive{connector: connector, done: true} }

// Actuate notes what is asked for and tries it once. An outlet into which nothing is plugged yet, or that follows in a
// moment, is no error; every other failure is one, and Retry tries again.
func (d *Drive) Actuate(now session.Instant, a session.Actuate) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = a
	return d.try(now)
}

// Retry tries again what the outlet was not ready for.
func (d *Drive) Retry(now session.Instant) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done {
		return nil
	}
	return d.try(now)
}

// Off stops the outlet whatever was asked for.
func (d *Drive) Off(now session.Instant) error {
	return d.Actuate(now, session.Actuate{Command: session.CommandStop})
}

// Stopping tells whether the outlet was told to stop and could not be reached, so that energy may still flow.
func (d *Drive) Stopping() bool { return d.stopping.Load() }

func (d *Drive) try(now session.Instant) error {
	err := d.bring(now)
	d.done = err == nil
	d.stopping.Store(d.asked.Command == session.CommandStop && !d.done)
	if errors.Is(err, meter.ErrNotPlugged) || errors.Is(err, meter.ErrPending) {
		return nil // tried again with the next pulse
	}
	return err
}

func (d *Drive) bring(now session.Instant) error {
	if d.asked.Command == session.CommandStop {
		return d.connector.Stop(now.Session)
	}
	err := d.connector.SetLimit(now.Session, d.asked.LimitMilliwatts)
	switch {
	case !errors.Is(err, meter.ErrNotStarted):
		return err
	case d.asked.LimitMilliwatts == 0:
		return nil // nothing flows from an outlet that has not started
	}
	return d.connector.Start(now.Session, d.asked.LimitMilliwatts)
}

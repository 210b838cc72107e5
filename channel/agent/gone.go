package agent

import (
	"time"

	"joulepay/meter"
)

// goneConnector is the connector of an outlet that is no more: it gives nothing and knows nothing.
type goneConnector struct{}

var _ meter.Connector = goneConnector{}

// Plugged implements meter.Connector.
func (goneConnector) Plugged() bool { return false }

// MaxPowerMilliwatts implements meter.Connector.
func (goneConnector) MaxPowerMilliwatts() int64 { return 0 }

// Start implements meter.Connector.
func (goneConnector) Start(time.Time, int64) error { return ErrNoOutlet }

// SetLimit implements meter.Connector.
func (goneConnector) SetLimit(time.Time, int64) error { return ErrNoOutlet }

// Stop implements meter.Connector.
func (goneConnector) Stop(time.Time) error { return nil }

// Sample implements meter.Source.
func (goneConnector) Sample(time.Time) (meter.Sample, error) { return meter.Sample{}, ErrNoOutlet }

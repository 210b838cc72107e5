// Package ocmfsign owns a meter that signs: it wraps any connector and gives the end of each delivery as a signed OCMF
// transaction, as calibrated meters do. It leaves metering to the connector that it wraps, records and curves to meter/ocmf,
// and keys to whoever runs the charger.
// It keeps the promise of a signed record: what it signs is the wrapped connector's own register, at the begin and at the end.
package ocmfsign

import (
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocmf"
)

// register is the OBIS code of what is signed: energy from the grid, at the point of delivery.
const register = "01-00:98.08.00.FF"

// Options say what records state beside the register.
type Options struct {
	Serial string // of the meter
	Model  string // of the meter; may be empty
	EVSE   string // charge point; may be empty
	// OpenMilliwattHours is what was delivered before in a session that goes on, where this process begins in its middle.
	OpenMilliwattHours int64
}

// Connector is a connector whose meter signs. It implements meter.Connector and meter.Holder, and is driven by one goroutine
// like any other.
type Connector struct {
	meter.Connector
	key     ocmf.PrivateKey
	options Options

	begin  *ocmf.Reading // of the transaction that is under way; nil without one
	proof  string        // records of the last transaction, for the holder that it was made for
	failed error         // why the last transaction has no proof
	page   uint64
}

var (
	_ meter.Connector = (*Connector)(nil)
	_ meter.Holder    = (*Connector)(nil)
)

// Wrap gives a connector that signs with a key.
func Wrap(c meter.Connector, key ocmf.PrivateKey, o Options) *Connector {
	return &Connector{Connector: c, key: key, options: o}
}

// Hold implements meter.Holder: what was signed for the holder before is not the next one's.
func (c *Connector) Hold(did string) {
	if did != "" {
		c.proof, c.failed = "", nil
	}
	if h, ok := c.Connector.(meter.Holder); ok {
		h.Hold(did)
	}
}

// Start implements meter.Connector: the transaction begins with the register as it is.
func (c *Connector) Start(now time.Time, limitMilliwatts int64) error {
	sample, err := c.Connector.Sample(now)
	if err != nil {
		return err
	}
	if err := c.Connector.Start(now, limitMilliwatts); err != nil {
		return err
	}
	begin := reading(ocmf.Begin, sample.Time, sample.Register-min(c.options.OpenMilliwattHours, sample.Register))
	c.begin, c.proof, c.failed, c.options.OpenMilliwattHours = &begin, "", nil, 0
	return nil
}

// Stop implements meter.Connector: the transaction ends with the register as it rests.
func (c *Connector) Stop(now time.Time) error {
	if err := c.Connector.Stop(now); err != nil {
		return err
	}
	if c.begin == nil {
		return nil
	}
	sample, err := c.Connector.Sample(now)
	if err != nil {
		return err // stopped; signed when it is told again
	}
	c.proof, c.failed = c.sign(*c.begin, reading(ocmf.End, sample.Time, sample.Register))
	c.begin = nil
	return nil
}

// Sample implements meter.Source. After the end of a transaction it carries its records.
func (c *Connector) Sample(now time.Time) (meter.Sample, error) {
	sample, err := c.Connector.Sample(now)
	if err != nil {
		return sample, err
	}
	if c.failed != nil {
		return sample, c.failed
	}
	if c.begin == nil && sample.State == meter.Ended {
		sample.Evidence = c.proof
	}
	return sample, nil
}

func reading(event ocmf.Event, at time.Time, milliwattHours int64) ocmf.Reading {
	return ocmf.Reading{
		Time: at.UTC(), Sync: ocmf.Synchronised, Event: event, Value: ocmf.WattHours(milliwattHours), Register: register, Unit: "Wh",
		Current: "DC", Status: ocmf.Good,
	}
}

// sign gives the transaction in two records, one a line, as many calibrated meters do.
func (c *Connector) sign(begin, end ocmf.Reading) (string, error) {
	proof := ""
	for _, r := range []ocmf.Reading{begin, end} {
		c.page++
		record, err := ocmf.Sign(ocmf.Payload{
			Version: "1.0", Page: ocmf.Page{Context: ocmf.Transactional, Number: c.page},
			Meter:       ocmf.Meter{Serial: c.options.Serial, Model: c.options.Model},
			ChargePoint: ocmf.ChargePoint{Type: chargePointType(c.options.EVSE), Identification: c.options.EVSE}, Readings: []ocmf.Reading{r},
		}, c.key)
		if err != nil {
			return "", fmt.Errorf("ocmfsign: %w", err)
		}
		if proof != "" {
			proof += "\n"
		}
		proof += string(record.Raw())
	}
	if len(proof) > meter.EvidenceSizeMax {
		return "", fmt.Errorf("ocmfsign: %w: %d bytes", meter.ErrEvidence, len(proof))
	}
	return proof, nil
}

func chargePointType(evse string) string {
	if evse == "" {
		return ""
	}
	return "EVSEID"
}

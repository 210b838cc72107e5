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
	Page   uint64 // of the last record that the meter made before
	// Open is the transaction of a session that goes on, where this process begins in its middle; nil for none.
	Open *Open
}

// Open is a transaction that began before this process did.
type Open struct {
	Holder                 string // DID of who is charged
	RegisterMilliwattHours int64  // at its begin
	At                     time.Time
	Stopping               bool // its session was told to stop: it only has to be signed
}

// Connector is a connector whose meter signs. It implements meter.Connector and meter.Holder, and is driven by one goroutine
// like any other.
type Connector struct {
	meter.Connector
	key     ocmf.PrivateKey
	options Options

	begin   *ocmf.Reading // of the transaction that is under way; nil without one
	beganAt int64         // the register of begin, mWh
	awaits  string        // the holder of the transaction that goes on, before it holds the connector; "" otherwise
	ends    bool          // that transaction has to be signed as it is
	over    bool          // and was
	proof   string        // records of the last transaction, for the holder that it was made for
	failed  error         // why the last transaction has no proof
	page    uint64
}

var (
	_ meter.Connector = (*Connector)(nil)
	_ meter.Holder    = (*Connector)(nil)
)

// Wrap gives a connector that signs with a key.
func Wrap(c meter.Connector, key ocmf.PrivateKey, o Options) *Connector {
	out := &Connector{Connector: c, key: key, options: o, page: o.Page}
	if o.Open != nil {
		begin := reading(ocmf.Begin, o.Open.At, o.Open.RegisterMilliwattHours)
		out.begin, out.beganAt, out.awaits, out.ends = &begin, o.Open.RegisterMilliwattHours, o.Open.Holder, o.Open.Stopping
	}
	return out
}

// Hold implements meter.Holder: what was signed for the holder before is not the next one's.
func (c *Connector) Hold(did string) {
	if did != "" && did != c.awaits {
		c.proof, c.failed, c.begin, c.ends, c.over = "", nil, nil, false, false
	}
	c.awaits = ""
	if h, ok := c.Connector.(meter.Holder); ok {
		h.Hold(did)
	}
}

// Start implements meter.Connector: the transaction begins with the register as it is, unless it goes on.
func (c *Connector) Start(now time.Time, limitMilliwatts int64) error {
	sample, err := c.Connector.Sample(now)
	if err != nil {
		return err
	}
	if err := c.Connector.Start(now, limitMilliwatts); err != nil {
		return err
	}
	c.proof, c.failed = "", nil
	if c.begin == nil {
		begin := reading(ocmf.Begin, sample.Time, sample.Register)
		c.begin, c.beganAt = &begin, sample.Register
	}
	return nil
}

// Stop implements meter.Connector: the transaction ends with the register as it rests.
func (c *Connector) Stop(now time.Time) error {
	if err := c.Connector.Stop(now); err != nil {
		return err
	}
	if c.begin == nil || c.awaits != "" { // whether it goes on, its session knows
		return nil
	}
	sample, err := c.Connector.Sample(now)
	if err != nil {
		return err // stopped; signed when it is told again
	}
	c.finish(sample)
	return nil
}

// finish signs the transaction with the register as it rests.
func (c *Connector) finish(s meter.Sample) {
	if s.Register < c.beganAt {
		c.proof, c.failed = "", fmt.Errorf("ocmfsign: %w: from %d to %d mWh", meter.ErrRegisterFell, c.beganAt, s.Register)
	} else {
		c.proof, c.failed = c.sign(*c.begin, reading(ocmf.End, s.Time, s.Register))
	}
	c.begin, c.ends = nil, false
}

// Sample implements meter.Source. After the end of a transaction it carries its records.
func (c *Connector) Sample(now time.Time) (meter.Sample, error) {
	sample, err := c.Connector.Sample(now)
	if err != nil {
		return sample, err
	}
	if c.ends && c.awaits == "" {
		c.finish(sample)
		c.over = true
	}
	if c.over {
		sample.State = meter.Ended
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

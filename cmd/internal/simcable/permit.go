package simcable

import (
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/meter"
)

// permit is what a vehicle's controller tells its inverter: how much may flow back. Between two processes it is told to the
// simulated cable, for the battery lives there.
type permit struct {
	Vehicle         string `json:"vehicle"`
	LimitMilliwatts int64  `json:"limit_mw"`
}

// permitted takes what the plugged vehicle lets flow back. What is not its word, or comes too early, is not heard: it is told again.
func (o *Outlet) permitted(m *nats.Msg) {
	var p permit
	if len(m.Data) > messageMax || json.Unmarshal(m.Data, &p) != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.vehicle == p.Vehicle {
		_ = o.Cable().Permit(time.Time{}, p.LimitMilliwatts)
	}
}

// MaxReturnMilliwatts implements meter.Returner.
func (o *Outlet) MaxReturnMilliwatts() int64 { return meter.MaxReturn(o.Connector) }

var (
	_ meter.Returner = (*Outlet)(nil)
	_ meter.Giver    = (*Plug)(nil)
)

// Permit implements meter.Giver. Keep tells it again, for a cable that was not there or did not hear.
func (p *Plug) Permit(_ time.Time, limitMilliwatts int64) error {
	p.mu.Lock()
	p.permit = &limitMilliwatts
	p.mu.Unlock()
	return p.tellPermit()
}

// tellPermit tells what was permitted last, if anything was.
func (p *Plug) tellPermit() error {
	p.mu.Lock()
	limit := p.permit
	p.mu.Unlock()
	if limit == nil {
		return nil
	}
	raw, err := json.Marshal(permit{Vehicle: p.request.Vehicle, LimitMilliwatts: *limit})
	if err != nil {
		return err
	}
	return p.conn.Publish(subject(p.station, "permit"), raw)
}

// Package simcable owns the simulated physical world between two processes: a plug, at which the vehicle's simulator tells the
// charger's what battery is plugged in, and learns what really flows; and a gate, before which a vehicle stands until it opens. It leaves the physics to meter/sim, and it is no part of the
// protocol: nobody signs here, and with real hardware it does not exist.
// It keeps the independence that invariant I6 needs: the vehicle measures the cable, not the charger's readings.
package simcable

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/wallet"
)

// Errors of this package.
var (
	ErrNoOutlet = errors.New("simcable: the station has no simulated outlet to plug into")
	ErrInUse    = errors.New("simcable: another vehicle is plugged in")
)

const (
	messageMax  = 1 << 10
	plugTimeout = 2 * time.Second
)

func subject(station wallet.DID, leaf string) string {
	return "joulepay.v1.sim." + strings.TrimPrefix(station.String(), "did:joule:") + "." + leaf
}

// plug is what a vehicle's simulator says when it is plugged in.
type plug struct {
	Vehicle string      `json:"vehicle"`
	Battery sim.Battery `json:"battery"`
}

type answer struct {
	Error string `json:"error,omitempty"`
}

// Connector is a simulated outlet: of a battery, or of a recording.
type Connector interface {
	meter.Connector
	Cable() *sim.Cable
}

// Outlet is the charger's end: a connector whose cable other processes can plug into and look at.
type Outlet struct {
	Connector
	conn    *nats.Conn
	station wallet.DID
	subs    []*nats.Subscription
	fixed   bool
	free    func() bool

	mu      sync.Mutex // guards vehicle
	vehicle string
}

// Serve lets vehicles plug into a connector. free tells whether no session runs, so that another vehicle may take over. At a
// fixed outlet, such as a recording's, the vehicle stands from the beginning, and plugging in changes nothing.
func Serve(conn *nats.Conn, station wallet.DID, connector Connector, fixed bool, free func() bool) (*Outlet, error) {
	o := &Outlet{Connector: connector, conn: conn, station: station, fixed: fixed, free: free}
	for leaf, hear := range map[string]nats.MsgHandler{"plug": o.plugged, "permit": o.permitted} {
		sub, err := conn.Subscribe(subject(station, leaf), hear)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("simulated cable: %w", err), o.Close())
		}
		o.subs = append(o.subs, sub)
	}
	return o, nil
}

// Close ends the service; the cable stays as it is.
func (o *Outlet) Close() error {
	var err error
	for _, sub := range o.subs {
		err = errors.Join(err, sub.Unsubscribe())
	}
	return err
}

func (o *Outlet) plugged(m *nats.Msg) {
	var a answer
	if err := o.accept(m.Data); err != nil {
		a.Error = err.Error()
	}
	if raw, err := json.Marshal(a); err == nil {
		_ = m.Respond(raw) // an answer that is lost is asked for again
	}
}

func (o *Outlet) accept(raw []byte) error {
	var p plug
	if len(raw) > messageMax {
		return fmt.Errorf("%w: %d bytes", sim.ErrConfig, len(raw))
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("%w: %w", sim.ErrConfig, err)
	}
	load, err := p.Battery.Load()
	if err != nil {
		return err
	}
	if o.fixed {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Plugged() {
		if !o.free() {
			return o.same(p.Vehicle)
		}
		o.Cable().Unplug(time.Time{})
	}
	if err := o.Cable().Plug(load); err != nil {
		return err
	}
	o.vehicle = p.Vehicle
	return nil
}

// same tells whether the vehicle that asks is the one that is plugged in.
func (o *Outlet) same(vehicle string) error {
	if o.vehicle != vehicle {
		return ErrInUse
	}
	return nil
}

// Sample implements meter.Source, and shows the cable to whoever is plugged in, before the reading can reach it.
func (o *Outlet) Sample(now time.Time) (meter.Sample, error) {
	sample, err := o.Connector.Sample(now)
	if err != nil {
		return sample, err
	}
	state, err := o.Cable().State(now)
	if err != nil {
		return sample, err
	}
	raw, err := state.Encode()
	if err != nil {
		return sample, err
	}
	_ = o.conn.Publish(subject(o.station, "cable"), raw) // the next sample shows it again
	return sample, nil
}

// Plug is the vehicle's end: what its sensors see of the cable.
type Plug struct {
	*sim.Measurement
	conn    *nats.Conn
	sub     *nats.Subscription
	station wallet.DID
	request plug
	remote  *sim.RemoteCable

	mu     sync.Mutex // guards permit
	permit *int64     // milliwatts that may flow back; nil: nobody said so

	// Of Keep's goroutine only:
	first *int64      // the register that was seen first
	now   sim.Battery // as it is by what was seen last
}

// PlugIn connects a battery to a station's simulated outlet. gainPPM is the error of the vehicle's own meter.
func PlugIn(conn *nats.Conn, station wallet.DID, vehicle string, battery sim.Battery, gainPPM int64) (*Plug, error) {
	p, err := Attach(conn, station, vehicle, battery, gainPPM)
	if err != nil {
		return nil, err
	}
	if err := p.ask(battery); err != nil {
		_ = p.Unplug()
		return nil, err
	}
	return p, nil
}

// Attach is PlugIn for a vehicle that may still be plugged in, at a station that may not be there yet: Keep plugs in when
// it can.
func Attach(conn *nats.Conn, station wallet.DID, vehicle string, battery sim.Battery, gainPPM int64) (*Plug, error) {
	remote := sim.NewRemoteCable()
	measurement, err := sim.NewMeasurement(remote, gainPPM)
	if err != nil {
		return nil, err
	}
	sub, err := conn.Subscribe(subject(station, "cable"), func(m *nats.Msg) {
		if state, err := sim.DecodeCableState(m.Data); err == nil {
			_ = remote.Update(state) // a state that is older than the last is dropped
		}
	})
	if err != nil {
		return nil, fmt.Errorf("simulated cable: %w", err)
	}
	return &Plug{
		Measurement: measurement, conn: conn, sub: sub, station: station, remote: remote,
		request: plug{Vehicle: vehicle, Battery: battery}, now: battery,
	}, nil
}

// Keep plugs in whenever the outlet has no cable to show, as after a restart of the charger's simulator, until done is
// closed.
func (p *Plug) Keep(done <-chan struct{}) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		state, err := p.remote.State(time.Time{})
		if err == nil && state.Plugged {
			p.seen(state)
			_ = p.tellPermit() // told again with the next tick
			continue
		}
		_ = p.ask(p.now) // asked again while it is not plugged in
	}
}

// seen notes what the battery has by now, for the case that it must be plugged in again.
func (p *Plug) seen(s sim.CableState) {
	if p.first == nil {
		p.first = &s.Register
	}
	soc := max(s.StateOfChargePermille, p.now.StateOfChargePermille)
	if p.now.MaxReturnMilliwatts > 0 && s.StateOfChargePermille >= 0 {
		soc = s.StateOfChargePermille // it falls, too
	}
	p.now.StateOfChargePermille = min(soc, p.now.TargetPermille)
	if wanted := p.request.Battery.WantedMilliwattHours; wanted > 0 {
		p.now.WantedMilliwattHours = max(wanted-(s.Register-*p.first), 1)
	}
}

func (p *Plug) ask(battery sim.Battery) error {
	raw, err := json.Marshal(plug{Vehicle: p.request.Vehicle, Battery: battery})
	if err != nil {
		return err
	}
	m, err := exchange(p.conn, subject(p.station, "plug"), raw)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return fmt.Errorf("simulated cable: %w", err)
	}
	switch a.Error {
	case "":
		return nil
	case ErrInUse.Error():
		return ErrInUse
	}
	return fmt.Errorf("simulated cable: %q", a.Error)
}

// Unplug ends the vehicle's end.
func (p *Plug) Unplug() error { return p.sub.Unsubscribe() }

package simcable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/channel/natslink"
	"joulepay/meter/counter"
	"joulepay/wallet"
)

// ErrGate is returned for the file of a gate that cannot be used.
var ErrGate = errors.New("simcable: the gate's counts cannot be kept")

// approach is what a vehicle's simulator says when it stands before a barrier, and what the gate's says when that opens.
type approach struct {
	Vehicle string `json:"vehicle"`
	Passage int64  `json:"passage"` // of the vehicle, by its own count
}

// state is what a gate keeps: so a passage is counted once, and a barrier that opened has opened.
type state struct {
	Register int64 `json:"register"`
	Opened   int64 `json:"opened"` // register of the last passage for which the barrier opened
	approach       // whose that was
}

// gateFileMax bounds the file: three numbers and a token.
const gateFileMax = 1 << 10

// awayAfter is how long a vehicle that says nothing still stands before the barrier: it says so several times in that.
const awayAfter = 2 * time.Second

// GateOptions say what a simulated gate is made of.
type GateOptions struct {
	File       string           // where the counts are kept
	Register   int64            // at least so many passages are known
	Unfinished bool             // a session was interrupted; else whoever was counted last has left
	Trusting   bool             // the barrier opens before the passage is paid
	Free       func() bool      // no session runs
	Now        func() time.Time // session clock
}

// Gate is the station's end of a simulated toll gate: vehicles in other processes stand before it, and see it open.
type Gate struct {
	*counter.Gate
	conn    *nats.Conn
	station wallet.DID
	sub     *nats.Subscription
	options GateOptions

	mu      sync.Mutex // guards below; taken with the lock of the gate held, and not the other way round
	state   state
	present approach
	seen    time.Time // real clock: when the one present last said so
}

// ServeGate lets vehicles stand before a gate.
func ServeGate(conn *nats.Conn, station wallet.DID, o GateOptions) (*Gate, error) {
	g := &Gate{conn: conn, station: station, options: o}
	if err := g.load(); err != nil {
		return nil, err
	}
	if g.state.Register < o.Register || !o.Unfinished || g.state.Opened < g.state.Register-1 {
		g.state.Register = max(g.state.Register, o.Register)
		g.state.Opened = g.state.Register
	}
	c, err := counter.New(g.state.Register, g.keep)
	if err != nil {
		return nil, err
	}
	if g.Gate, err = counter.NewGate(c, o.Trusting, g.state.Opened, g.opened); err != nil {
		return nil, err
	}
	if g.sub, err = conn.Subscribe(subject(station, "gate"), g.asked); err != nil {
		return nil, fmt.Errorf("simulated gate: %w", err)
	}
	return g, nil
}

// Close ends the service.
func (g *Gate) Close() error { return g.sub.Unsubscribe() }

// Hold implements meter.Holder: with the session, whoever stood before the barrier has left.
func (g *Gate) Hold(did string) {
	if did != "" {
		return
	}
	g.Forget()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Opened, g.present = g.state.Register, approach{}
	_ = g.save() // what is lost lets one vehicle pass that was counted before
}

func (g *Gate) load() error {
	raw, err := os.ReadFile(g.options.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(raw) > gateFileMax {
		err = fmt.Errorf("%d bytes", len(raw))
	}
	if err == nil {
		err = json.Unmarshal(raw, &g.state)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrGate, g.options.File, err)
	}
	return nil
}

// save replaces the file. If the process is killed before this returns, the counts of before are in force. The lock is held.
func (g *Gate) save() error {
	raw, err := json.Marshal(g.state)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGate, err)
	}
	next := g.options.File + ".next"
	if err := errors.Join(os.WriteFile(next, raw, 0o600), os.Rename(next, g.options.File)); err != nil {
		return fmt.Errorf("%w: %w", ErrGate, err)
	}
	return nil
}

func (g *Gate) keep(register int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.state.Register
	g.state.Register = register
	if err := g.save(); err != nil {
		g.state.Register = before
		return err
	}
	return nil
}

// opened lets the vehicle that is present see the barrier open.
func (g *Gate) opened(_ time.Time, register int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Opened, g.state.approach = register, g.present
	_ = g.save() // it has opened: a gate that forgets it lets the vehicle pay again, which the vehicle's own count refuses
	if raw, err := json.Marshal(g.present); err == nil {
		_ = g.conn.Publish(subject(g.station, "barrier"), raw) // who does not hear it asks again
	}
}

func (g *Gate) asked(m *nats.Msg) {
	var a gateAnswer
	var err error
	if a.Open, err = g.arrived(m.Data); err != nil {
		a.Error = err.Error()
	}
	if raw, err := json.Marshal(a); err == nil {
		_ = m.Respond(raw) // an answer that is lost is asked for again
	}
}

type gateAnswer struct {
	Open  bool   `json:"open"`
	Error string `json:"error,omitempty"`
}

// arrived tells whether the barrier has opened for a passage; else the vehicle stands before it from now on.
func (g *Gate) arrived(raw []byte) (open bool, err error) {
	var a approach
	if len(raw) > messageMax {
		return false, fmt.Errorf("%w: %d bytes", ErrGate, len(raw))
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return false, fmt.Errorf("%w: %w", ErrGate, err)
	}
	g.mu.Lock()
	if g.state.approach == a && a.Vehicle != "" {
		g.mu.Unlock()
		return true, nil
	}
	now := time.Now()
	if g.present.Vehicle != "" && g.present.Vehicle != a.Vehicle && (!g.options.Free() || now.Sub(g.seen) < awayAfter) {
		g.mu.Unlock()
		return false, ErrInUse
	}
	g.present, g.seen = a, now
	g.mu.Unlock()
	return false, g.Arrive(g.options.Now())
}

// Road is the vehicle's end: it drives up to a gate, and sees the barrier open.
type Road struct {
	conn    *nats.Conn
	sub     *nats.Subscription
	station wallet.DID
	vehicle string
	opened  chan int64
}

// DriveTo leads to a station's simulated gate.
func DriveTo(conn *nats.Conn, station wallet.DID, vehicle string) (*Road, error) {
	r := &Road{conn: conn, station: station, vehicle: vehicle, opened: make(chan int64, 1)}
	var err error
	r.sub, err = conn.Subscribe(subject(station, "barrier"), func(m *nats.Msg) {
		var a approach
		if len(m.Data) <= messageMax && json.Unmarshal(m.Data, &a) == nil && a.Vehicle == vehicle {
			r.sees(a.Passage)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("simulated gate: %w", err)
	}
	return r, nil
}

func (r *Road) sees(passage int64) {
	select {
	case r.opened <- passage:
	default: // it has seen one already; the next question tells of this one
	}
}

// Opened gives the passages for which the barrier opened, by the vehicle's count, perhaps more than once.
func (r *Road) Opened() <-chan int64 { return r.opened }

// Arrive stands before the barrier for a passage, by the vehicle's own count. To say so again is harmless, and how a vehicle
// learns of a barrier that it did not see open. It fails with ErrNoOutlet or ErrInUse.
func (r *Road) Arrive(passage int64) error {
	raw, err := json.Marshal(approach{Vehicle: r.vehicle, Passage: passage})
	if err != nil {
		return err
	}
	m, err := exchange(r.conn, subject(r.station, "gate"), raw)
	if err != nil {
		return err
	}
	var a gateAnswer
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return fmt.Errorf("simulated gate: %w", err)
	}
	switch {
	case a.Open:
		r.sees(passage)
		return nil
	case a.Error == "":
		return nil
	case a.Error == ErrInUse.Error():
		return ErrInUse
	}
	return fmt.Errorf("simulated gate: %q", a.Error)
}

// Leave ends the vehicle's end.
func (r *Road) Leave() error { return r.sub.Unsubscribe() }

// exchange asks on a station's subject and waits on one of its own: the broker lets sessions use no other.
func exchange(conn *nats.Conn, subject string, raw []byte) (*nats.Msg, error) {
	reply := "joulepay.v1.sim.reply." + natslink.NewToken().String()
	sub, err := conn.SubscribeSync(reply)
	if err != nil {
		return nil, fmt.Errorf("simulated cable: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // of one answer
	if err := conn.PublishRequest(subject, reply, raw); err != nil {
		return nil, fmt.Errorf("simulated cable: %w", err)
	}
	m, err := sub.NextMsg(plugTimeout)
	if errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("%w: %w", ErrNoOutlet, err)
	}
	if err != nil {
		return nil, fmt.Errorf("simulated cable: %w", err)
	}
	return m, nil
}

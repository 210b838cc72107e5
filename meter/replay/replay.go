// Package replay owns recorded charging sessions: it reads a row of a session table and replays it at a
// simulated outlet, so that a register ends exactly on the recorded energy.
// It leaves to others the outlet itself (meter/sim), the clock, and where the tables come from: it knows the
// layouts of EPFL's DC fast-charging data and of the ACN-Sim reference's input, by their headers.
// It keeps its part of invariants I9 and I10: a file is read strictly and within bounds, and energy is an
// integer of mWh, rounded half-even once, when it is read.
//
// Open reads a row; NewConnector replays it, from the moment of Start on.
package replay

import (
	"errors"
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/meter/sim"
)

// Errors of recordings. ErrFormat comes as a *FormatError, which names the line.
var (
	ErrFileMissing = errors.New("replay: no such file")
	ErrNoSuchRow   = errors.New("replay: no such row")
	ErrFormat      = errors.New("replay: not a session table that is known")
)

// FormatError says which line of a file cannot be read, and why.
type FormatError struct {
	Line   int // 1 is the header
	Reason string
}

// Error implements error.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%v: line %d: %s", ErrFormat, e.Line, e.Reason)
}

// Unwrap makes errors.Is(err, ErrFormat) true.
func (e *FormatError) Unwrap() error { return ErrFormat }

// Recording is one recorded session.
type Recording struct {
	format                  string
	row                     int
	requestedMilliwattHours int64
	maxPowerMilliwatts      int64
	arrival                 time.Time // as recorded, without zone; zero where the table has periods only
	stay                    time.Duration
	load                    sim.Load
	note                    string
}

// Format names the table: "epfl" or "acn".
func (r *Recording) Format() string { return r.format }

// Row is the zero-based data row.
func (r *Recording) Row() int { return r.row }

// EnergyMilliwattHours is where the register ends: the recorded energy, or what power and stay allow.
func (r *Recording) EnergyMilliwattHours() int64 { return r.load.EnergyMilliwattHours() }

// RequestedMilliwattHours is the energy in the table, rounded half-even.
func (r *Recording) RequestedMilliwattHours() int64 { return r.requestedMilliwattHours }

// MaxPowerMilliwatts is the recorded peak power, or the station's.
func (r *Recording) MaxPowerMilliwatts() int64 { return r.maxPowerMilliwatts }

// Arrival is the recorded local time of arrival, marked as UTC; zero where the table does not tell.
func (r *Recording) Arrival() time.Time { return r.arrival }

// Duration is the recorded stay, from arrival to departure. Without pauses, the energy flows within it.
func (r *Recording) Duration() time.Duration { return r.stay }

// Note says in words where the replay departs from the table; empty if it does not.
func (r *Recording) Note() string { return r.note }

// Load gives what the recorded vehicle asks of a cable.
func (r *Recording) Load() sim.Load { return r.load }

// Connector replays a recording: a simulated outlet at which the recorded vehicle stands from the beginning.
// Energy flows from Start on, along a curve over energy: a pause or a limit shifts what remains, and the
// register still ends on EnergyMilliwattHours above its beginning. When it has, the state is SuspendedVehicle.
type Connector struct {
	*sim.Connector
	recording *Recording
}

var _ meter.Connector = (*Connector)(nil)

// NewConnector replays a recording from its beginning, with a register at 0.
func NewConnector(recording *Recording) (*Connector, error) { return ResumeConnector(recording, 0, 0) }

// ResumeConnector continues a replay after a restart: the register of the last stored reading, and how much of
// it belongs to this session.
func ResumeConnector(recording *Recording, registerMilliwattHours, deliveredMilliwattHours int64) (*Connector, error) {
	load, err := recording.load.After(deliveredMilliwattHours)
	if err != nil {
		return nil, err
	}
	cable, err := sim.NewCable(recording.maxPowerMilliwatts, registerMilliwattHours)
	if err != nil {
		return nil, err
	}
	if err := cable.Plug(load); err != nil {
		return nil, err
	}
	return &Connector{Connector: sim.NewConnector(cable), recording: recording}, nil
}

// Recording gives what is replayed.
func (c *Connector) Recording() *Recording { return c.recording }

// Duration is the recorded stay.
func (c *Connector) Duration() time.Duration { return c.recording.Duration() }

// Note says in words where the replay departs from the table; empty if it does not.
func (c *Connector) Note() string { return c.recording.Note() }

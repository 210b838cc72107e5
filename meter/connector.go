package meter

import (
	"errors"
	"strings"
	"time"
)

// Errors of devices.
var (
	ErrNotPlugged = errors.New("meter: no vehicle is plugged in")
	ErrStarted    = errors.New("meter: the connector has started already")
	ErrNotStarted = errors.New("meter: the connector has not started")
	ErrLimit      = errors.New("meter: a limit below zero asks for energy back, which this outlet does not take")
	ErrNoSample   = errors.New("meter: the device has said nothing yet")
	ErrPending    = errors.New("meter: the device was told, and does not follow yet")
)

// Sample is what a device says, before anybody signs it.
type Sample struct {
	Time                  time.Time // when the device measured, on the clock that the caller passes in
	Register              int64     // absolute and never falling, in Unit
	Exported              int64     // what flowed back from the vehicle, likewise; 0 where nothing does
	Unit                  Unit
	PowerMilliwatts       int64 // for display; below zero it flows back
	StateOfChargePermille int16 // 0…1000, or StateOfChargeUnknown
	State                 State
	// Evidence is what proves this very sample, in a foreign format, at most EvidenceSizeMax bytes: records of OCMF, one after
	// the other. Empty for none, and then the station stands behind the sample.
	Evidence string
}

// ocmfMark begins a record of OCMF.
const ocmfMark = "OCMF|"

// Attested tells who stands behind a sample in a session that promised an attestation: where a meter signs by OCMF, its
// records stand for themselves and the station for all else.
func (s Sample) Attested(promised Attestation) Attestation {
	if promised == AttestedOCMF && !strings.HasPrefix(s.Evidence, ocmfMark) {
		return AttestedByStation
	}
	return promised
}

// Source measures. A vehicle confirms with one what a station claims (I6).
type Source interface {
	// Sample gives the device's latest state at the moment now. Moments never fall; for one that is earlier than
	// the last, a source answers with its last state and that state's time. A device that has said nothing yet
	// gives ErrNoSample.
	Sample(now time.Time) (Sample, error)
}

// Connector is one outlet that a station controls and meters: a simulated one, a recording, an attached
// program, or an OCPP charging station. Nothing in it waits for time to pass: time is an argument, so that one
// goroutine, or a virtual clock, drives it.
type Connector interface {
	Source
	// Plugged tells whether a vehicle is connected.
	Plugged() bool
	// MaxPowerMilliwatts is the most that the outlet can give.
	MaxPowerMilliwatts() int64
	// Start lets energy flow, up to a limit: toward the vehicle, or, below zero, back from it, where the outlet is a Returner.
	// It fails with ErrNotPlugged, ErrStarted or ErrLimit.
	Start(now time.Time, limitMilliwatts int64) error
	// SetLimit changes the limit while started; 0 pauses. It fails with ErrNotStarted or ErrLimit.
	SetLimit(now time.Time, limitMilliwatts int64) error
	// Stop ends the flow of energy. The register rests; a sample then has the state Ended. To stop what has not
	// started, or has stopped, is no error. A device that takes its time gives ErrPending, here and for a Sample, and is
	// stopped again until it has followed; it bounds that time itself.
	Stop(now time.Time) error
}

// Returner is a Connector that can take energy back from the vehicle: it takes limits below zero.
type Returner interface {
	Connector
	// MaxReturnMilliwatts is the most that the outlet can take back.
	MaxReturnMilliwatts() int64
}

// MaxReturn gives the most that an outlet can take back, in milliwatts; 0 for one that takes nothing.
func MaxReturn(c Connector) int64 {
	if r, ok := c.(Returner); ok {
		return r.MaxReturnMilliwatts()
	}
	return 0
}

// Giver is a vehicle's Source that can also withhold: its battery gives back no more than is permitted.
type Giver interface {
	Source
	// Permit sets the most that may flow back from now on; 0 is nothing.
	Permit(now time.Time, limitMilliwatts int64) error
}

// Holder is a Connector that tells its device who is charged, as charging stations want it.
type Holder interface {
	// Hold says who has the connector from now on, by its DID; "" for nobody. What follows is billed to this holder alone.
	Hold(did string)
}

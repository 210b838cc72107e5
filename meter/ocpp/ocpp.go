// Package ocpp owns the central system that real charging stations connect to: OCPP 1.6J and 2.0.1 over WebSocket, who may
// connect, and one Outlet, a meter.Connector, for each connector of a station.
// It leaves to others what energy costs and who owes it (a session drives an Outlet as it drives any other connector), and
// the format of signed records (meter/ocmf).
// It keeps its part of the invariants: energy flows only while a session wants it (I5), and what a station says is bounded,
// checked and refused with typed errors (I9).
//
// System is an http.Handler; a Station is what it knows of one charging station, across reconnections; an Outlet turns what
// a session asks for (start, limit, stop) into calls, and what the station reports into samples. What a station promises is
// not believed: the register is watched, and a station that goes on delivering at a limit of zero is stopped, then shut out.
package ocpp

import (
	"errors"
	"time"
)

// Errors of frames and connections.
var (
	ErrFrame       = errors.New("ocpp: not a frame of OCPP-J")
	ErrPayload     = errors.New("ocpp: the payload does not fit its action")
	ErrAction      = errors.New("ocpp: unknown action")
	ErrOffline     = errors.New("ocpp: the station is not connected")
	ErrTimeout     = errors.New("ocpp: the station did not answer in time")
	ErrCallRefused = errors.New("ocpp: the station answered with an error")
	ErrConfig      = errors.New("ocpp: not a usable configuration")
	ErrKept        = errors.New("ocpp: not what a central system keeps of a connector")
	ErrMemory      = errors.New("ocpp: what a restart must not lose cannot be kept")
)

// Errors of a handshake: why a station was not let in.
var (
	ErrUnknownStation = errors.New("ocpp: unknown station")
	ErrPassword       = errors.New("ocpp: wrong password")
	ErrSubprotocol    = errors.New("ocpp: the station offers neither ocpp1.6 nor ocpp2.0.1")
	ErrHandshake      = errors.New("ocpp: not the handshake of a charging station")
	ErrTooMany        = errors.New("ocpp: too many connections")
)

// Errors of a charging station that does not do as it should. A session ends with them.
var (
	ErrRefused        = errors.New("ocpp: the station refuses to start")
	ErrNoTransaction  = errors.New("ocpp: the station accepted to start, and did not")
	ErrSilent         = errors.New("ocpp: the station does not report its meter any more")
	ErrUnpaidEnergy   = errors.New("ocpp: the station goes on delivering what it was told to stop")
	ErrDoesNotStop    = errors.New("ocpp: the station does not end its transaction")
	ErrRegisterFell   = errors.New("ocpp: the register fell")
	ErrRegisterJumped = errors.New("ocpp: the register rose more than the outlet can deliver")
	ErrRegisterStuck  = errors.New("ocpp: power flows and the register stands still")
	ErrEndedAway      = errors.New("ocpp: the station ended its transaction while the central system was away")
	ErrUnsigned       = errors.New("ocpp: the meter's signature is required, and there is none that holds")
	ErrSigned         = errors.New("ocpp: the signed record does not fit its transaction")
)

// Bounds on what a station may send or cause, each with its reason.
const (
	// FrameSizeMax bounds a frame. A StopTransaction carries all samples of its transaction, signed ones too: 256 KiB hold
	// some 80 signed records.
	FrameSizeMax = 256 << 10
	// DepthMax bounds the nesting of a frame; the deepest of the standards, a charging profile, needs ten.
	DepthMax = 16
	// textMax bounds every text that is kept: the longest of the standards that matter here has 255 characters.
	textMax = 255
	// idMax bounds a message id: 36 by the standard, and some stations send more.
	idMax = 64
	// actionMax bounds the name of an action.
	actionMax = 64
	// valuesMax bounds the sampled values of one message: 100 samples of ten measurands.
	valuesMax = 1000
	// recordsMax bounds the signed records kept of a transaction; more do not fit the evidence of a reading.
	recordsMax = 64
	// ConnectionsMax bounds the stations connected, and handshakes under way, at one time.
	ConnectionsMax = 256
	// StationsMax bounds the stations of one central system.
	StationsMax = 64
	// ConnectorsMax bounds the connectors of a station.
	ConnectorsMax = 16
	// straysMax bounds the transactions that nobody pays for and that wait to be stopped.
	straysMax = 16
)

// Times, by the clock that Config.Now gives unless it says otherwise.
const (
	// startPatience is for a station that accepted to start: the driver may yet have to plug in.
	startPatience = 90 * time.Second
	// refusedPatience is for a station that refuses to start: it may still be ending what somebody else began. It is asked
	// again every refusedAgain.
	refusedPatience = 20 * time.Second
	refusedAgain    = 5 * time.Second
	// stopPatience is for a station that was told to stop; it is shorter than a session's own patience.
	stopPatience = 30 * time.Second
	// silenceIntervals and silenceSlack are how long a station that delivers may report nothing: three intervals of its meter
	// and a reconnection.
	silenceIntervals = 3
	silenceSlack     = 20 * time.Second
	// returnPatience is for a station to connect again after a restart of the central system: stations wait longer each time.
	returnPatience = 2 * time.Minute
	// clockDeviationMax is how far a signed time may be from that of the transaction, and from our clock when it is reported.
	// Vehicles allow twice as much.
	clockDeviationMax = time.Minute
)

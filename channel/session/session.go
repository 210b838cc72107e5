// Package session owns the two machines of a visit: Payer (a vehicle) and Payee (a station). Each is one Step from
// an event to ordered effects. It leaves storage, transport, the meter and the ledger to the agent that executes the
// effects, and the rules of money to package channel.
// It keeps invariants I4 (a message follows the Persist that it depends on), I5 (energy unpaid for a claim interval is
// not delivered) and I6 (a vehicle signs only what it measured, at times that its own clock confirms).
//
// Nothing here reads a clock, holds a lock or starts a goroutine. One goroutine owns one machine.
package session

import (
	"errors"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/wire"
	"joulepay/meter"
)

// Instant is a moment on the two clocks that a session lives by. They are different on purpose: a simulated session
// may run at many times the speed of the timers that repeat lost messages.
type Instant struct {
	Session time.Time // what readings and tariffs are about; never falls
	Real    time.Time // what retransmission and patience are about; never falls
}

// Event is what a machine reacts to.
type Event interface{ event() }

// Effect is what a machine asks for. Effects are executed in order; a Persist is durable before the next begins.
type Effect interface{ effect() }

// Events.
type (
	// Received is a message of the peer, decoded but not otherwise checked.
	Received struct{ Message wire.Message }
	// Sampled is what the machine's own meter says now: the station's connector or the vehicle's measurement.
	// Without one, Err says why. It also lets time pass, as Tick does.
	Sampled struct {
		Sample meter.Sample
		Err    error
	}
	// Tick lets time pass.
	Tick struct{}
	// Viewed answers a Look.
	Viewed struct {
		View View
		Err  error
	}
	// Concluded tells the outcome of a ledger operation: final, or refused for good with Err.
	Concluded struct {
		Op  OpRecord
		Err error
	}
	// Reoffered changes the prices of a running session from a time on to those of an offer. The vehicle is asked to agree.
	Reoffered struct {
		Offer quote.Quote // only its prices count
		From  time.Time   // session clock
	}
	// Steered says what the station's controller wants of its outlet from now on: the most that may flow toward the vehicle, or,
	// below zero, back from it. A session that nobody steers gives all that its quote names.
	Steered struct{ LimitMilliwatts int64 }
	// StopAsked ends the session from this side.
	StopAsked struct{ Reason wire.Reason }
)

// Effects.
type (
	// Persist makes records durable, all or none, before anything after it happens.
	Persist struct{ Batch Batch }
	// Send gives a message to the peer; it may be lost.
	Send struct{ Message wire.Message }
	// Look asks for a certified view of a channel; the answer is a Viewed.
	Look struct{ Channel channel.ID }
	// Actuate commands the station's connector.
	Actuate struct {
		Command         Command
		LimitMilliwatts int64
	}
	// Permit tells the vehicle's battery how much may flow back from now on; 0 is nothing.
	Permit struct{ LimitMilliwatts int64 }
	// Report tells people and metrics; nothing depends on it.
	Report struct{ Event Progress }
)

// Command is what a connector is asked to do.
type Command uint8

// Commands.
const (
	CommandStart Command = 1
	CommandLimit Command = 2
	CommandStop  Command = 3
)

func (Received) event()  {}
func (Sampled) event()   {}
func (Tick) event()      {}
func (Viewed) event()    {}
func (Concluded) event() {}
func (Reoffered) event() {}
func (Steered) event()   {}
func (StopAsked) event() {}

func (Persist) effect() {}
func (Send) effect()    {}
func (Look) effect()    {}
func (Actuate) effect() {}
func (Permit) effect()  {}
func (Report) effect()  {}

// View is the ledger's certified word on a channel.
type View struct {
	Opening   channel.Opening
	Funds     channel.Funds
	Lanes     channel.PerLane // the maxima that the ledger knows
	State     channel.State
	WindowEnd time.Time // of a closing channel, ledger time
	Expiry    time.Time // ledger time, extensions included
	Time      time.Time // of the final checkpoint that certifies this, ledger time
	At        time.Time // of the witnesses' clocks when they certified it; zero when that is not told
	Final     bool      // false while the latest state is not yet certified
}

// Errors of the machines. They end or refuse a session; bad messages of the peer are reported and refused, and do
// not end it.
var (
	ErrNoAnswer     = errors.New("session: the other side does not answer")
	ErrRefused      = errors.New("session: the other side refused")
	ErrPolicy       = errors.New("session: the quote is outside the vehicle's policy")
	ErrQuoteChanged = errors.New("session: the quote does not fit what was asked")
	ErrIdentity     = errors.New("session: the message is not signed by its sender")
	ErrClock        = errors.New("session: clocks differ too much")
	ErrOverDemand   = errors.New("session: more is demanded than the reading costs")
	ErrUnexpected   = errors.New("session: message does not fit the session's phase")
	ErrChannel      = errors.New("session: the channel is not usable for this session")
	ErrMeasure      = errors.New("session: the vehicle cannot measure")
	ErrRecord       = errors.New("session: stored session cannot be read")
)

// Timers of the machines on the real clock.
const (
	// resendAfter is how long an answer may take before the question is repeated: several round trips over a mobile
	// network.
	resendAfter = 500 * time.Millisecond
	// answerMax is how long a vehicle asks a station that says nothing.
	answerMax = 15 * time.Second
	// silenceMax is how long a vehicle hears nothing in a running session before it resumes it.
	silenceMax = 2 * time.Second
	// silentLook is how long a vehicle hears nothing, beyond a claim interval, before it asks the ledger whether the
	// station closed the channel.
	silentLook = 10 * time.Second
	// cosignMax is how long a station waits for a counter-signature before it settles alone.
	cosignMax = 3 * time.Second
	// certifiedSlack is what a certified view may be older than asked for: two heartbeats of a quiet ledger, and the
	// difference between two machines' clocks.
	certifiedSlack = 15 * time.Second
	// lookEvery is how often a side looks at the ledger while it waits for it.
	lookEvery = 250 * time.Millisecond
)

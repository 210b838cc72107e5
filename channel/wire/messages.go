package wire

import (
	"strings"
	"unicode/utf8"

	"joulepay/channel"
	"joulepay/internal/canon"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Hello begins or resumes a session (vehicle to station). The vehicle's account key signs it: Key where one is stated, and
// else the one that Vehicle names.
type Hello struct {
	Vehicle   wallet.DID       `cbor:"1,keyasint"`
	Station   wallet.DID       `cbor:"2,keyasint"`
	AtMs      int64            `cbor:"3,keyasint"` // Unix milliseconds, the vehicle's session clock
	Service   string           `cbor:"4,keyasint"`
	Quantity  int64            `cbor:"5,keyasint"` // how much is wanted, in the service's unit; 0 when unknown
	Resume    bool             `cbor:"6,keyasint"` // the session exists: send what is outstanding
	Channel   channel.ID       `cbor:"7,keyasint"` // an open channel with the station; zero when there is none
	Known     Known            `cbor:"8,keyasint"`
	Signature wallet.Signature `cbor:"9,keyasint"`
	EVSE      string           `cbor:"10,keyasint,omitempty"` // the plug it stands at; empty: whichever the station sees it at
	Key       []byte           `cbor:"11,keyasint,omitempty"` // as wallet.StateKey gives it
}

// Known is what the sender knows of the channel: encoded channel.Best of each lane, empty when untouched. The peer
// joins them with its own (resync).
type Known struct {
	Lanes [2][]byte `cbor:"1,keyasint"`
}

// SigningBytes gives what the vehicle's account key signs under wallet.DomainHello.
func (h Hello) SigningBytes(session channel.SessionID) []byte {
	h.Signature = wallet.Signature{}
	return append(session[:], canon.Marshal(h)...)
}

// Offer answers a Hello (station to vehicle).
type Offer struct {
	Quote []byte `cbor:"1,keyasint"` // quote.Signed
	Known Known  `cbor:"2,keyasint"`
}

// Accept binds the vehicle to a quote and names the channel that pays (vehicle to station).
type Accept struct {
	Quote   channel.Hash    `cbor:"1,keyasint"`
	Opening []byte          `cbor:"2,keyasint"` // channel.Opening, of a new or an existing channel
	Base    channel.PerLane `cbor:"3,keyasint"` // both lanes' amounts before this session
	// ReturnMw is how much the vehicle lets flow back at most, milliwatts; 0 is nothing, whatever the quote would take.
	ReturnMw int64 `cbor:"4,keyasint,omitempty"`
}

// Requote offers other prices from a time on, while the session runs (station to vehicle). The vehicle agrees with a claim under
// the new quote, or stops.
type Requote struct {
	Quote []byte `cbor:"1,keyasint"` // quote.Signed that follows the session's
}

// Demand presents a reading and asks for payment up to it (station to vehicle).
type Demand struct {
	Reading  []byte       `cbor:"1,keyasint"` // meter.Signed
	Required money.Amount `cbor:"2,keyasint"` // what the vehicle's lane must reach
	Accepted money.Amount `cbor:"3,keyasint"` // what the station has stored of it
	Covered  money.Amount `cbor:"4,keyasint"` // up to where the deposit covers the lane, as the station knows it
	Back     []byte       `cbor:"5,keyasint"` // channel.Best of the station's own lane; empty when untouched
	Final    bool         `cbor:"6,keyasint"` // the session ended with this reading; Required includes the surcharges of its end
	Reason   Reason       `cbor:"7,keyasint"` // why it ended, when Final
}

// Claim pays (vehicle to station).
type Claim struct {
	Best []byte `cbor:"1,keyasint"` // channel.Best
}

// Reason says why a session ended.
type Reason string

// Reasons.
const (
	ReasonTarget    Reason = "target"    // what the vehicle wanted is delivered
	ReasonUser      Reason = "user"      // a person or the vehicle's policy stopped it
	ReasonStation   Reason = "station"   // the station stopped it
	ReasonUnpaid    Reason = "unpaid"    // no claim came
	ReasonUncovered Reason = "uncovered" // the channel's money is used up
	ReasonMeter     Reason = "meter"     // the meters disagree, or the meter failed
	ReasonCost      Reason = "cost"      // the vehicle's limit of cost is reached
	ReasonTariff    Reason = "tariff"    // the tariff changes, and the vehicle did not agree
)

// Stop asks to end the session (vehicle to station). The vehicle's channel key signs it.
type Stop struct {
	Reason    Reason           `cbor:"1,keyasint"`
	Signature wallet.Signature `cbor:"2,keyasint"`
}

// SigningBytes gives what is signed under wallet.DomainStop.
func (s Stop) SigningBytes(session channel.SessionID) []byte {
	return append(session[:], s.Reason...)
}

// Done says that the final claim is stored (station to vehicle).
type Done struct {
	Accepted money.Amount `cbor:"1,keyasint"`
	Reason   Reason       `cbor:"2,keyasint"`
	Back     []byte       `cbor:"3,keyasint"` // channel.Best of the station's own lane; empty when untouched
}

// Withdraw proposes or countersigns a withdrawal (both ways).
type Withdraw struct {
	Withdrawal []byte `cbor:"1,keyasint"` // channel.SignedWithdrawal
}

// Close proposes or countersigns a cooperative close (both ways).
type Close struct {
	Close []byte `cbor:"1,keyasint"` // channel.SignedClose
}

// Code says why a message was refused.
type Code string

// Codes.
const (
	CodeBusy           Code = "busy"            // another session is running
	CodeUnknownSession Code = "unknown-session" // nothing is known of it
	CodeService        Code = "service"         // this service is not offered here
	CodeChannel        Code = "channel"         // the channel is not usable
	CodeQuote          Code = "quote"           // the quote is not, or no longer, good
	CodeClaim          Code = "claim"           // the claim is not good
	CodeIdentity       Code = "identity"        // a signature does not fit
	CodeClock          Code = "clock"           // the clocks differ too much
	CodeInternal       Code = "internal"        // the refusing side failed
)

// Refuse says that the session cannot go on as asked (both ways).
type Refuse struct {
	Code   Code   `cbor:"1,keyasint"`
	Detail string `cbor:"2,keyasint"` // at most DetailMax bytes
}

// DetailMax bounds the words of a refusal, which go to logs and screens.
const DetailMax = 512

// NewRefuse gives a refusal that names its cause, cut to what a message carries.
func NewRefuse(code Code, cause error) Refuse {
	detail := strings.ToValidUTF8(cause.Error(), "\uFFFD")
	for len(detail) > DetailMax {
		_, size := utf8.DecodeLastRuneInString(detail)
		detail = detail[:len(detail)-size]
	}
	return Refuse{Code: code, Detail: detail}
}

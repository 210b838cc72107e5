package session

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel/quote"
	"joulepay/wallet/credential"
)

// Errors of what a station shows of itself.
var (
	// ErrCredential says that the vehicle does not do without a credential that the station does not show, or not a good one.
	// The cause is one of package credential.
	ErrCredential = errors.New("session: the station's credentials do not do")
	// ErrUndecided is for the Keys and the Status of a CredentialPolicy: the answer is not at hand, and is being looked up. The
	// vehicle asks the station again, and so is asked for its decision again.
	ErrUndecided = errors.New("session: not known yet, being looked up")
)

// CredentialPolicy says which credentials a vehicle wants of a station, and whom it believes. Keys and Status answer from
// what is at hand, as a machine never waits: for what is not, they give an ErrUndecided.
type CredentialPolicy struct {
	Demands credential.Demands
	credential.Policy
}

// check looks at what a quote shows. The quote's own signature proves that the station, and nobody else, shows it.
func (c CredentialPolicy) check(now time.Time, q quote.Quote) error {
	_, err := credential.CheckStation(credential.Offered{
		Station: q.Station, Payout: q.Payout, MeterKey: q.MeterKey, Credentials: q.Credential,
	}, c.Demands, now, c.Policy)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCredential, err)
	}
	return nil
}

// undecided keeps why the station's offer waits. The station gives it again with the next hello.
func (p *Payer) undecided(now Instant, err error) []Effect {
	first := p.waits == nil
	p.waits = err
	if !first {
		return nil
	}
	return []Effect{p.report(now, "looking up who stands behind the station", nil)}
}

// unanswered says why a greeting that led to nothing is over.
func (p *Payer) unanswered() error {
	if p.waits != nil {
		return p.waits
	}
	return ErrNoAnswer
}

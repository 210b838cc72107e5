package share

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// exchangesMax bounds the exchanges that a receiver remembers: one sender starts one, and anybody may start more where the
// carrier does not prove who sends. The oldest is forgotten; its sender fails, and begins again.
const exchangesMax = 16

// Receiver takes the credentials of one holder, in one exchange.
type Receiver struct {
	self      credential.Signer
	from      wallet.DID
	policy    credential.Policy
	nonce     func() string
	exchanges []exchange // oldest first
	presented *credential.Presented
	refusal   error // of the last presentation that was refused
	thanked   bool
}

// exchange is one that began.
type exchange struct {
	id     ID
	nonce  string
	result []byte // once it is decided
}

// NewReceiver waits for a holder. Credentials are verified against the policy; nonce makes one that nobody guesses, of at
// most credential.NonceMax characters.
func NewReceiver(self credential.Signer, from wallet.DID, policy credential.Policy, nonce func() string) *Receiver {
	return &Receiver{self: self, from: from, policy: policy, nonce: nonce}
}

// Presented gives what was accepted, or nil, and the last refusal before it.
func (r *Receiver) Presented() (*credential.Presented, error) { return r.presented, r.refusal }

// Thanked tells whether the sender knows that it was accepted, so that nothing more comes.
func (r *Receiver) Thanked() bool { return r.thanked }

// Receive takes a message and gives the answer to it, nil when there is none. A repeated message gets the answer that it
// had. A malformed one is an error; a presentation that is refused is none: the answer says so.
func (r *Receiver) Receive(now time.Time, raw []byte) (answer []byte, err error) {
	m, err := decode(raw)
	if err != nil {
		return nil, err
	}
	known := r.find(m.ID)
	switch {
	case m.Kind == kindOffer:
		return r.challenge(m.ID, known), nil
	case known == nil:
		return nil, nil // of an exchange that is forgotten
	case m.Kind == kindPresentation && known.result == nil:
		known.result = r.decide(known, m.Text, now)
		return known.result, nil
	case m.Kind == kindPresentation:
		return known.result, nil
	case m.Kind == kindThanks && known.result != nil && r.presented != nil:
		r.thanked = true
	}
	return nil, nil
}

func (r *Receiver) find(id ID) *exchange {
	for i := range r.exchanges {
		if r.exchanges[i].id == id {
			return &r.exchanges[i]
		}
	}
	return nil
}

// challenge answers an offer with the nonce of its exchange.
func (r *Receiver) challenge(id ID, known *exchange) []byte {
	if known == nil {
		if len(r.exchanges) == exchangesMax {
			r.exchanges = r.exchanges[1:]
		}
		r.exchanges = append(r.exchanges, exchange{id: id, nonce: r.nonce()})
		known = &r.exchanges[len(r.exchanges)-1]
	}
	return message{Kind: kindChallenge, ID: id, Text: known.nonce}.encode()
}

// decide verifies a presentation and signs the result. The nonce is used up either way.
func (r *Receiver) decide(e *exchange, presentation string, now time.Time) []byte {
	presented, err := r.verify(e, presentation, now)
	m := message{Kind: kindResult, ID: e.id, Accepted: err == nil}
	if err != nil {
		r.refusal = err
		m.Text = clip(err.Error())
	} else if r.presented == nil {
		r.presented = &presented
	}
	m.Signature = r.self.Key.Sign(wallet.DomainPresentation, wallet.NetworkID{}, resultBody(e.id, m.Accepted, presentation))
	return m.encode()
}

func (r *Receiver) verify(e *exchange, presentation string, now time.Time) (credential.Presented, error) {
	to := credential.Challenge{Audience: r.self.DID, Nonce: e.nonce}
	presented, err := credential.VerifyPresentation(presentation, to, now, r.policy)
	if err != nil {
		return presented, err
	}
	if presented.Holder != r.from {
		return presented, fmt.Errorf("%w: %s, not %s", ErrHolder, presented.Holder, r.from)
	}
	return presented, nil
}

// clip bounds a reason, on a boundary between characters.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= detailMax {
		return text
	}
	text = text[:detailMax]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}

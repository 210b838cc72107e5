package share

import (
	"fmt"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// Sender shows credentials to one receiver, once.
type Sender struct {
	by           credential.Signer
	to           wallet.DID
	keys         credential.Keys
	compacts     []string
	id           ID
	presentation string // once the receiver asked
	last         []byte // what to repeat
	done         bool
	refusal      error
}

// NewSender begins an exchange under an id that nobody used before. keys gives the receiver's current keys; nil means the
// inception key.
func NewSender(by credential.Signer, to wallet.DID, keys credential.Keys, id ID, compacts ...string) *Sender {
	return &Sender{by: by, to: to, keys: keys, compacts: compacts, id: id, last: message{Kind: kindOffer, ID: id}.encode()}
}

// Message gives what to send now, and again until it is answered; after Done, the thanks.
func (s *Sender) Message() []byte { return s.last }

// Done tells whether the receiver has decided, and its refusal as ErrRefused.
func (s *Sender) Done() (bool, error) { return s.done, s.refusal }

// Receive takes a message of the receiver. It tells whether there is something new to send. What belongs to another
// exchange, or comes twice, changes nothing; what is malformed or not genuine is an error that changes nothing either.
func (s *Sender) Receive(now time.Time, raw []byte) (news bool, err error) {
	m, err := decode(raw)
	if err != nil || m.ID != s.id || s.done {
		return false, err
	}
	switch {
	case m.Kind == kindChallenge && s.presentation == "":
		return s.present(now, m.Text)
	case m.Kind == kindResult && s.presentation != "":
		return s.finish(m)
	}
	return false, nil
}

func (s *Sender) present(now time.Time, nonce string) (bool, error) {
	presentation, err := credential.Present(s.by, s.to, nonce, now, s.compacts...)
	if err != nil {
		return false, err
	}
	m := message{Kind: kindPresentation, ID: s.id, Text: presentation}.encode()
	if len(m) > MessageMax {
		return false, fmt.Errorf("%w: %d bytes, at most %d", ErrTooMuch, len(m), MessageMax)
	}
	s.presentation, s.last = presentation, m
	return true, nil
}

func (s *Sender) finish(m message) (bool, error) {
	keys, err := current(s.keys, s.to)
	if err != nil {
		return false, err
	}
	body := resultBody(s.id, m.Accepted, s.presentation)
	err = wallet.ErrSignature
	for _, key := range keys {
		if err = wallet.Verify(key, wallet.DomainPresentation, wallet.NetworkID{}, body, m.Signature); err == nil {
			break
		}
	}
	if err != nil {
		return false, err
	}
	s.done, s.last = true, message{Kind: kindThanks, ID: s.id}.encode()
	if !m.Accepted {
		s.refusal = fmt.Errorf("%w: %s", ErrRefused, clip(m.Text))
	}
	return true, nil
}

// Package share owns how one machine shows verified claims to another that it knows by its DID: a question and an answer
// over messages that may be lost or repeated. It leaves the carriage, and its secrecy, to its callers, and what is
// verified to package credential.
// It keeps this invariant: what is sent is a presentation for the receiver's DID and the nonce that it chose for this
// exchange, and is taken for received only when the receiver signs that it verified exactly this presentation.
//
//	Sender                                  Receiver
//	  │ offer: id ────────────────────────────▶ │
//	  │ ◀───────────────────────── nonce, of id │
//	  │ presentation (vp+jwt) ────────────────▶ │  verifies
//	  │ ◀──────── accepted or refused, signed   │
//	  │ thanks ───────────────────────────────▶ │
//
// Sender and Receiver are machines without clock, goroutine or I/O. The sender repeats its last message until it is
// answered; the receiver only ever answers.
package share

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"joulepay/internal/canon"
	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// MessageMax bounds a message in bytes: a presentation and its frame. It fits a datagram of channel/link.
const MessageMax = 14 << 10

// detailMax bounds the reason of a refusal, in bytes: a line for people.
const detailMax = 256

// Errors of this package.
var (
	ErrMessage = errors.New("share: malformed message")
	ErrTooMuch = errors.New("share: the presentation does not fit a message")
	ErrRefused = errors.New("share: the receiver refused")
	ErrHolder  = errors.New("share: another holder than the one that was expected")
)

// kind is the kind of a message.
type kind uint8

const (
	kindOffer kind = iota + 1
	kindChallenge
	kindPresentation
	kindResult
	kindThanks
)

// ID names one exchange. The sender draws it.
type ID [16]byte

// message is every message; what a kind does not need is empty.
type message struct {
	Version   uint8            `cbor:"1,keyasint"`
	Kind      kind             `cbor:"2,keyasint"`
	ID        ID               `cbor:"3,keyasint"`
	Text      string           `cbor:"4,keyasint"` // the nonce, the presentation, or why it is refused
	Accepted  bool             `cbor:"5,keyasint"`
	Signature wallet.Signature `cbor:"6,keyasint"` // of a result
}

const version = 1

func decode(raw []byte) (m message, err error) {
	if err := canon.Unmarshal(raw, MessageMax, &m); err != nil {
		return message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if m.Version != version || m.Kind < kindOffer || m.Kind > kindThanks {
		return message{}, fmt.Errorf("%w: version %d, kind %d", ErrMessage, m.Version, m.Kind)
	}
	return m, nil
}

func (m message) encode() []byte {
	m.Version = version
	return canon.Marshal(m)
}

// resultBody is what a receiver signs, under wallet.DomainPresentation and no network: id (16 bytes), verdict (1), SHA-256
// of the presentation (32).
func resultBody(id ID, accepted bool, presentation string) []byte {
	digest := sha256.Sum256([]byte(presentation))
	body := append(id[:], 0)
	if accepted {
		body[len(id)] = 1
	}
	return append(body, digest[:]...)
}

// current gives the keys under which a receiver may sign its result.
func current(keys credential.Keys, did wallet.DID) ([]wallet.PublicKey, error) {
	if keys == nil {
		keys = credential.InceptionKey
	}
	return keys(did)
}

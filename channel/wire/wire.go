// Package wire owns the messages of a session and their canonical bytes. It leaves their meaning and order to
// channel/session, and their secrecy to channel/secure.
// It keeps invariant I9: every field is bounded, decoding gives typed errors, and what is accepted encodes to the
// same bytes.
//
// A frame is one datagram: version (1 byte), kind (1), session id (16), body (canonical CBOR of the kind's struct).
package wire

import (
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/internal/canon"
)

// FrameSizeMax bounds a frame: the largest, an Offer, carries a quote of at most 14 KiB.
const FrameSizeMax = 16 << 10

const (
	version    = 1
	headerSize = 1 + 1 + 16
)

// Errors of decoding.
var (
	ErrFrame    = errors.New("wire: malformed frame")
	ErrVersion  = errors.New("wire: unknown protocol version")
	ErrReserved = errors.New("wire: message kind reserved for a later version")
)

// Kind numbers a message. Numbers are never reused.
type Kind uint8

// Kinds. Handshake frames belong to channel/secure; Credential and Tick are reserved.
const (
	KindHello      Kind = 1
	KindOffer      Kind = 2
	KindAccept     Kind = 3
	KindDemand     Kind = 4
	KindClaim      Kind = 5
	KindStop       Kind = 6
	KindDone       Kind = 7
	KindWithdraw   Kind = 8
	KindClose      Kind = 9
	KindRefuse     Kind = 10
	KindHandshake  Kind = 11
	KindCredential Kind = 12
	KindRequote    Kind = 13
	KindTick       Kind = 14
	KindPiece      Kind = 15
	KindMissing    Kind = 16
)

// Message is one of the structs of this package.
type Message interface {
	Kind() Kind
	check() error // that no field is longer than what is stored or shown of it
}

// Frame is a message in its session.
type Frame struct {
	Session channel.SessionID
	Message Message
}

// Encode gives the bytes of one datagram.
func (f Frame) Encode() []byte {
	b := make([]byte, 0, 512)
	b = append(b, version, byte(f.Message.Kind()))
	b = append(b, f.Session[:]...)
	return append(b, canon.Marshal(f.Message)...)
}

// Decode reads one datagram.
func Decode(b []byte) (Frame, error) {
	if len(b) < headerSize || len(b) > FrameSizeMax {
		return Frame{}, fmt.Errorf("%w: %d bytes", ErrFrame, len(b))
	}
	if b[0] != version {
		return Frame{}, fmt.Errorf("%w: %d", ErrVersion, b[0])
	}
	var f Frame
	copy(f.Session[:], b[2:headerSize])
	var err error
	f.Message, err = decodeBody(Kind(b[1]), b[headerSize:])
	if err != nil {
		return Frame{}, err
	}
	return f, nil
}

func decodeBody(kind Kind, body []byte) (Message, error) {
	switch kind {
	case KindHello:
		return decode[Hello](body)
	case KindOffer:
		return decode[Offer](body)
	case KindAccept:
		return decode[Accept](body)
	case KindDemand:
		return decode[Demand](body)
	case KindClaim:
		return decode[Claim](body)
	case KindStop:
		return decode[Stop](body)
	case KindDone:
		return decode[Done](body)
	case KindWithdraw:
		return decode[Withdraw](body)
	case KindClose:
		return decode[Close](body)
	case KindRefuse:
		return decode[Refuse](body)
	case KindRequote:
		return decode[Requote](body)
	case KindPiece:
		return decode[Piece](body)
	case KindMissing:
		return decode[Missing](body)
	case KindHandshake, KindCredential, KindTick:
		return nil, fmt.Errorf("%w: %d", ErrReserved, kind)
	}
	return nil, fmt.Errorf("%w: kind %d", ErrFrame, kind)
}

func decode[M Message](body []byte) (Message, error) {
	var m M
	if err := canon.Unmarshal(body, FrameSizeMax, &m); err != nil {
		return nil, fmt.Errorf("%w: %T: %w", ErrFrame, m, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: %T: %w", ErrFrame, m, err)
	}
	return m, nil
}

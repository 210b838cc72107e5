package secure

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"joulepay/channel/link"
)

// Version is the version of frames, handshake and proofs.
const Version = 1

// kind says what a frame is.
type kind byte

const (
	kindFirst   kind = 1 // handshake, vehicle to station: e
	kindSecond  kind = 2 // handshake, station to vehicle: e, ee, s, es and the station's proof
	kindThird   kind = 3 // handshake, vehicle to station: s, se and the vehicle's proof
	kindData    kind = 4 // sealed, both ways; empty as an answer to the third message
	kindUnknown kind = 5 // station to vehicle, not authenticated: nothing is known of this connection
	kindRefused kind = 6 // sealed, station to vehicle: the vehicle's key is not admitted
)

// Sizes in bytes. A frame is version (1), kind (1) and connection (8), then the Noise message of a handshake, or counter
// (8, big-endian) and ciphertext with its tag (16).
const (
	idSize      = 8
	headerSize  = 1 + 1 + idSize
	counterSize = 8
	tagSize     = 16
	keySize     = 32

	firstSize  = headerSize + keySize
	secondSize = headerSize + keySize + (keySize + tagSize) + (proofSize + tagSize)
	thirdSize  = headerSize + (keySize + tagSize) + (proofSize + tagSize)

	// Overhead is what sealing adds to a datagram.
	Overhead = headerSize + counterSize + tagSize
	// PayloadMax bounds a datagram of a secure link.
	PayloadMax = link.PayloadMax - Overhead
)

// ID names a connection: the beginning of the SHA-256 of its first handshake message, so that nobody has to agree on it. 64
// bits are for finding, not for authority: who makes two that coincide has confused his own.
type ID [idSize]byte

// String gives the id in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

func idOf(first []byte) (id ID) {
	digest := sha256.Sum256(first)
	copy(id[:], digest[:])
	return id
}

// frame is a datagram that was cut into its parts.
type frame struct {
	kind    kind
	id      ID
	counter uint64 // of a sealed one
	header  []byte // what is authenticated of a sealed one beside its payload
	body    []byte // Noise message or ciphertext
}

// parse cuts a datagram. Errors: ErrFrame, ErrVersion.
func parse(b []byte) (frame, error) {
	if len(b) < headerSize || len(b) > link.PayloadMax {
		return frame{}, fmt.Errorf("%w: %d bytes", ErrFrame, len(b))
	}
	if b[0] != Version {
		return frame{}, fmt.Errorf("%w: %d", ErrVersion, b[0])
	}
	f := frame{kind: kind(b[1]), body: b[headerSize:]}
	copy(f.id[:], b[2:headerSize])
	switch f.kind {
	case kindFirst:
		if len(b) == firstSize && f.id == idOf(f.body) {
			return f, nil
		}
	case kindSecond:
		if len(b) == secondSize {
			return f, nil
		}
	case kindThird:
		if len(b) == thirdSize {
			return f, nil
		}
	case kindData, kindRefused:
		if len(b) >= Overhead {
			f.counter = binary.BigEndian.Uint64(f.body)
			f.header, f.body = b[:headerSize+counterSize], f.body[counterSize:]
			return f, nil
		}
	case kindUnknown:
		if len(b) == headerSize {
			return f, nil
		}
	}
	return frame{}, fmt.Errorf("%w: kind %d of %d bytes", ErrFrame, f.kind, len(b))
}

// encode gives the datagram of a handshake message, or of none.
func encode(k kind, id ID, body []byte) []byte {
	b := make([]byte, 0, headerSize+len(body))
	b = append(b, Version, byte(k))
	b = append(b, id[:]...)
	return append(b, body...)
}

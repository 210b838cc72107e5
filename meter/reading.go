package meter

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// Bounds of a reading's fields.
const (
	// StateOfChargeUnknown stands where the vehicle does not tell its state of charge.
	StateOfChargeUnknown = -1
	// StateOfChargeMax is a full battery, in permille.
	StateOfChargeMax = 1000
	// timeMillisecondsMax is the end of the year 9999 (UTC), the last that RFC 3339 can write.
	timeMillisecondsMax = 253402300799999
)

// Layout of an encoded reading, all integers big-endian:
//
//	offset size field
//	     0    1 version
//	     1   16 session
//	    17    8 sequence
//	    25    8 register
//	    33    1 unit
//	    34    8 time, milliseconds since 1970-01-01 UTC
//	    42    1 state
//	    43    8 power, mW
//	    51    2 state of charge, permille, −1 unknown
//	    53    1 attestation
//	    54   32 hash of the previous reading
//	    86    8 exported, in version 2 only
//
// Version 2 is written where something has flowed back, and version 1 where nothing has: each reading has one form.
const (
	readingVersion    = 1
	readingVersionTwo = 2 // with the second register
	// ReadingSize is the length in bytes of an encoded reading of version 1.
	ReadingSize = 86
	// ReadingSizeMax is the length in bytes of one of version 2.
	ReadingSizeMax = ReadingSize + 8
)

// readingHashPrefix keeps the hash of a reading apart from every other hash.
const readingHashPrefix = "joulepay/reading/v1\x00"

// Reading is what a meter says at one moment of one session. Readings of a session form a chain: each names the
// hash of the one before.
type Reading struct {
	Session               [16]byte    // the session that the reading belongs to
	Sequence              uint64      // 0 is the baseline, the register before anything flowed
	Register              int64       // absolute and never falling, in Unit; quantities are differences of registers
	Unit                  Unit        // the same in all readings of a session
	Time                  time.Time   // UTC, whole milliseconds, of the session clock
	State                 State       // what goes on at the connector
	PowerMilliwatts       int64       // for display; nothing is computed from it
	StateOfChargePermille int16       // 0…1000, or StateOfChargeUnknown
	Attestation           Attestation // who stands behind the reading
	Previous              [32]byte    // Hash of the previous reading; zero for the baseline
	Exported              int64       // what flowed back from the vehicle: absolute and never falling, in Unit; 0 unless that is energy
}

// Canonical gives the reading with its time as the encoding keeps it: UTC, whole milliseconds.
func (r Reading) Canonical() Reading {
	r.Time = canonicalTime(r.Time)
	return r
}

func canonicalTime(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// Validate tells what is wrong with a reading by itself, without its neighbours. It returns ErrReading or nil.
func (r Reading) Validate() error {
	switch {
	case !r.Unit.Valid():
		return fmt.Errorf("%w: unit %d", ErrReading, r.Unit)
	case !r.State.Valid():
		return fmt.Errorf("%w: state %d", ErrReading, r.State)
	case !r.Attestation.Valid():
		return fmt.Errorf("%w: attestation %d", ErrReading, r.Attestation)
	case r.Register < 0 || r.Exported < 0:
		return fmt.Errorf("%w: registers %d and %d: one is negative", ErrReading, r.Register, r.Exported)
	case r.Exported != 0 && r.Unit != MilliwattHours:
		return fmt.Errorf("%w: %v do not flow back", ErrReading, r.Unit)
	case r.Time.UnixMilli() < 0 || r.Time.UnixMilli() > timeMillisecondsMax:
		return fmt.Errorf("%w: time is outside 1970…9999", ErrReading)
	case r.StateOfChargePermille < StateOfChargeUnknown || r.StateOfChargePermille > StateOfChargeMax:
		return fmt.Errorf("%w: state of charge %d permille", ErrReading, r.StateOfChargePermille)
	case (r.Sequence == 0) != (r.Previous == [32]byte{}):
		return fmt.Errorf("%w: exactly the baseline has no previous reading", ErrReading)
	}
	return nil
}

// Encode gives the canonical bytes: ReadingSize of them, or ReadingSizeMax where something has flowed back. DecodeReading reads
// them back if the reading is valid.
func (r Reading) Encode() []byte { return r.appendTo(make([]byte, 0, ReadingSizeMax)) }

func (r *Reading) appendTo(b []byte) []byte {
	version := byte(readingVersion)
	if r.Exported != 0 {
		version = readingVersionTwo
	}
	b = append(b, version)
	b = append(b, r.Session[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Register))
	b = append(b, byte(r.Unit))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time.UnixMilli()))
	b = append(b, byte(r.State))
	b = binary.BigEndian.AppendUint64(b, uint64(r.PowerMilliwatts))
	b = binary.BigEndian.AppendUint16(b, uint16(r.StateOfChargePermille))
	b = append(b, byte(r.Attestation))
	b = append(b, r.Previous[:]...)
	if version == readingVersion {
		return b
	}
	return binary.BigEndian.AppendUint64(b, uint64(r.Exported))
}

// sizeOfReading gives the length of the reading that some bytes begin with, by its version; 0 for one that is not known.
func sizeOfReading(b []byte) int {
	switch {
	case len(b) > 0 && b[0] == readingVersion:
		return ReadingSize
	case len(b) > 0 && b[0] == readingVersionTwo:
		return ReadingSizeMax
	}
	return 0
}

// DecodeReading reads what Encode wrote, and nothing else: what it accepts, Encode writes byte for byte.
func DecodeReading(b []byte) (Reading, error) {
	if size := sizeOfReading(b); size == 0 || len(b) != size {
		return Reading{}, fmt.Errorf("%w: %d bytes, want %d of version %d, or %d of version %d", ErrEncoding, len(b),
			ReadingSize, readingVersion, ReadingSizeMax, readingVersionTwo)
	}
	r := Reading{
		Session:               [16]byte(b[1:17]),
		Sequence:              binary.BigEndian.Uint64(b[17:]),
		Register:              int64(binary.BigEndian.Uint64(b[25:])),
		Unit:                  Unit(b[33]),
		Time:                  time.UnixMilli(int64(binary.BigEndian.Uint64(b[34:]))).UTC(),
		State:                 State(b[42]),
		PowerMilliwatts:       int64(binary.BigEndian.Uint64(b[43:])),
		StateOfChargePermille: int16(binary.BigEndian.Uint16(b[51:])),
		Attestation:           Attestation(b[53]),
		Previous:              [32]byte(b[54:]),
	}
	if len(b) == ReadingSizeMax {
		if r.Exported = int64(binary.BigEndian.Uint64(b[ReadingSize:])); r.Exported == 0 {
			return Reading{}, fmt.Errorf("%w: version %d, and nothing has flowed back", ErrEncoding, readingVersionTwo)
		}
	}
	if err := r.Validate(); err != nil {
		return Reading{}, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	return r, nil
}

// Hash names the reading: SHA-256 over a prefix of its own and the canonical bytes. Claims and the next reading
// refer to it.
func (r Reading) Hash() [32]byte {
	var room [len(readingHashPrefix) + ReadingSizeMax]byte
	return sha256.Sum256(r.appendTo(append(room[:0], readingHashPrefix...)))
}

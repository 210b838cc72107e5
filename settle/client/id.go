package client

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"joulepay/settle/receipt"
	"joulepay/wallet/money"
)

// Errors of texts in resources.
var (
	ErrID     = errors.New("client: not an id in lower-case hexadecimal")
	ErrEnergy = errors.New("client: not an energy in Wh with at most three decimals")
)

// ID is a SHA-256 hash that names a vertex, a payload, a channel, a quote, a reading or a checkpoint: 64 hexadecimal digits.
type ID [32]byte

// ParseID reads 64 hexadecimal digits.
func ParseID(text string) (ID, error) {
	var id ID
	err := id.UnmarshalText([]byte(text))
	return id, err
}

// String gives the id in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero tells whether no id is set.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error { return decodeHex(id[:], text) }

// SessionID names one visit: 32 hexadecimal digits.
type SessionID [16]byte

// ParseSessionID reads 32 hexadecimal digits.
func ParseSessionID(text string) (SessionID, error) {
	var id SessionID
	err := id.UnmarshalText([]byte(text))
	return id, err
}

// String gives the id in hexadecimal.
func (id SessionID) String() string { return hex.EncodeToString(id[:]) }

// IsZero tells whether no id is set.
func (id SessionID) IsZero() bool { return id == SessionID{} }

// MarshalText implements encoding.TextMarshaler.
func (id SessionID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *SessionID) UnmarshalText(text []byte) error { return decodeHex(id[:], text) }

// decodeHex fills dst, or leaves it as it was.
func decodeHex(dst, text []byte) error {
	if len(text) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("%w: %d characters, want %d", ErrID, len(text), hex.EncodedLen(len(dst)))
	}
	raw, err := hex.DecodeString(string(text))
	if err != nil || hex.EncodeToString(raw) != string(text) {
		return fmt.Errorf("%w: %q", ErrID, text)
	}
	copy(dst, raw)
	return nil
}

// energyTextMax is the length of the longest: -9223372036854775.808 has 21 characters.
const energyTextMax = 21

// Energy is an amount of energy in mWh. Its JSON is a decimal text of Wh: "9632", "0.5".
type Energy int64

// String gives the shortest decimal text in Wh.
func (e Energy) String() string { return receipt.WattHours(int64(e)) }

// MarshalText implements encoding.TextMarshaler.
func (e Energy) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Energy) UnmarshalText(text []byte) error {
	if len(text) > energyTextMax {
		return fmt.Errorf("%w: %d characters", ErrEnergy, len(text))
	}
	whole, fraction, hasPoint := strings.Cut(string(text), ".")
	if hasPoint && (fraction == "" || len(fraction) > 3) {
		return fmt.Errorf("%w: %q", ErrEnergy, text)
	}
	n, err := strconv.ParseInt(whole+fraction+"000"[len(fraction):], 10, 64)
	if err != nil || strings.HasPrefix(whole, "+") || strings.Trim(whole, "-") == "" || !digits(fraction) {
		return fmt.Errorf("%w: %q", ErrEnergy, text)
	}
	*e = Energy(n)
	return nil
}

func digits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// PerParty is one sum for each party of a channel.
type PerParty struct {
	Opener  money.Money `json:"opener"`
	Partner money.Money `json:"partner"`
}

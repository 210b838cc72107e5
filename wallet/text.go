package wallet

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrText is returned for text that is not the lower-case hexadecimal of a value of this package.
var ErrText = errors.New("wallet: not lower-case hexadecimal of the right length")

// ParseSignature accepts 64 bytes. Whether they are a signature, verification says.
func ParseSignature(b []byte) (Signature, error) {
	if len(b) != SignatureSize {
		return Signature{}, fmt.Errorf("%w: %d bytes, want %d", ErrSignature, len(b), SignatureSize)
	}
	return Signature(b), nil
}

// String gives the signature in hexadecimal.
func (s Signature) String() string { return hex.EncodeToString(s[:]) }

// MarshalText implements encoding.TextMarshaler, in hexadecimal.
func (s Signature) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Signature) UnmarshalText(text []byte) error { return decodeHex(s[:], text) }

// MarshalText implements encoding.TextMarshaler, in hexadecimal.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It refuses what ParsePublicKey refuses.
func (k *PublicKey) UnmarshalText(text []byte) error {
	var raw PublicKey
	if err := decodeHex(raw[:], text); err != nil {
		return err
	}
	key, err := ParsePublicKey(raw[:])
	if err != nil {
		return err
	}
	*k = key
	return nil
}

// MarshalText implements encoding.TextMarshaler, in hexadecimal.
func (n NetworkID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *NetworkID) UnmarshalText(text []byte) error { return decodeHex(n[:], text) }

// decodeHex fills dst, or leaves it as it was and returns ErrText.
func decodeHex(dst, text []byte) error {
	if len(text) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("%w: %d characters, want %d", ErrText, len(text), hex.EncodedLen(len(dst)))
	}
	raw, err := hex.DecodeString(string(text))
	if err != nil || hex.EncodeToString(raw) != string(text) {
		return fmt.Errorf("%w: %q", ErrText, text)
	}
	copy(dst, raw)
	return nil
}

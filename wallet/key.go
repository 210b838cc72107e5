package wallet

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// Sizes in bytes of the Ed25519 values (RFC 8032, section 5.1).
const (
	PublicKeySize = 32
	SignatureSize = 64
	SeedSize      = 32
)

// Errors of keys and signatures.
var (
	ErrKey       = errors.New("wallet: not a usable Ed25519 public key")
	ErrSignature = errors.New("wallet: signature does not verify")

	errSecret = errors.New("wallet: a secret does not encode itself")
)

// PublicKey is an Ed25519 public key in its canonical encoding. It is comparable and usable as a map key.
type PublicKey [PublicKeySize]byte

// Signature is an Ed25519 signature.
type Signature [SignatureSize]byte

// ParsePublicKey accepts 32 bytes that encode, canonically, a point that is not of small order.
// Keys enter the system here: what passes is safe to store and to verify under.
func ParsePublicKey(b []byte) (PublicKey, error) {
	var key PublicKey
	if len(b) != PublicKeySize {
		return key, fmt.Errorf("%w: %d bytes, want %d", ErrKey, len(b), PublicKeySize)
	}
	compressed, err := curve.NewCompressedEdwardsYFromBytes(b)
	if err != nil {
		return key, fmt.Errorf("%w: %w", ErrKey, err)
	}
	var point curve.EdwardsPoint
	if _, err := point.SetCompressedY(compressed); err != nil {
		return key, fmt.Errorf("%w: not on the curve", ErrKey)
	}
	if point.IsSmallOrder() {
		return key, fmt.Errorf("%w: small order", ErrKey)
	}
	var again curve.CompressedEdwardsY
	again.SetEdwardsPoint(&point)
	if again.Equal(compressed) != 1 {
		return key, fmt.Errorf("%w: not canonical", ErrKey)
	}
	copy(key[:], b)
	return key, nil
}

const signBit = 0x80 // in the last byte of an encoded point: the sign of x

// Little-endian field elements: the prime, and the two y at which x is 0.
var (
	fieldPrime = filled(0xed, 0x7f)
	yMinusOne  = filled(0xec, 0x7f)
	yOne       = PublicKey{0: 1}
)

func filled(first, last byte) PublicKey {
	var k PublicKey
	for i := range k {
		k[i] = 0xff
	}
	k[0], k[len(k)-1] = first, last
	return k
}

// smallOrder holds the canonical encodings of the eight points under which a signature proves nothing.
var smallOrder = func() map[PublicKey]bool {
	keys := make(map[PublicKey]bool, len(curve.EIGHT_TORSION))
	for _, point := range curve.EIGHT_TORSION {
		var compressed curve.CompressedEdwardsY
		compressed.SetEdwardsPoint(point)
		keys[PublicKey(compressed[:])] = true
	}
	return keys
}()

// usable tells what ParsePublicKey would say of a key on the curve, for some nanoseconds. Whether it is on the curve,
// verification finds out.
func (k PublicKey) usable() bool { return k.isCanonical() && !smallOrder[k] }

// isCanonical tells whether y is below the field's prime 2²⁵⁵−19, and whether the sign bit is clear where x is 0.
func (k PublicKey) isCanonical() bool {
	y := k
	y[31] &^= signBit
	if k[31]&signBit != 0 && (y == yOne || y == yMinusOne) {
		return false
	}
	for i := len(y) - 1; i >= 0; i-- {
		if y[i] != fieldPrime[i] {
			return y[i] < fieldPrime[i]
		}
	}
	return false
}

// String gives the key in hexadecimal.
func (k PublicKey) String() string { return hex.EncodeToString(k[:]) }

// IsZero tells whether no key is set.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// PrivateKey signs. It never prints, logs or encodes itself. The zero value holds no key, and to sign with it panics.
type PrivateKey struct {
	// The key is behind a function because fmt, for some verbs, follows unexported pointers and prints what it finds.
	secret func() ed25519.PrivateKey
}

// GenerateKey makes a fresh random key.
func GenerateKey() PrivateKey {
	var seed [SeedSize]byte
	_, _ = rand.Read(seed[:]) // never fails since Go 1.24
	return NewPrivateKey(seed)
}

// NewPrivateKey derives the key of an RFC 8032 seed.
func NewPrivateKey(seed [SeedSize]byte) PrivateKey {
	key := ed25519.NewKeyFromSeed(seed[:])
	return PrivateKey{secret: func() ed25519.PrivateKey { return key }}
}

// Public gives the public half, or the zero PublicKey of the zero PrivateKey.
func (p PrivateKey) Public() PublicKey {
	if p.IsZero() {
		return PublicKey{}
	}
	return PublicKey(p.secret()[SeedSize:])
}

// IsZero tells whether no key is set.
func (p PrivateKey) IsZero() bool { return p.secret == nil }

const redacted = "redacted"

// LogValue keeps the key out of logs.
func (PrivateKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format keeps the key out of every fmt verb.
func (PrivateKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText refuses, which keeps the key out of JSON and YAML.
func (PrivateKey) MarshalText() ([]byte, error) { return nil, errSecret }

// MarshalBinary refuses, which keeps the key out of CBOR and gob.
func (PrivateKey) MarshalBinary() ([]byte, error) { return nil, errSecret }

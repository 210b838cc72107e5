package ocmf

import (
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"unicode"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// PublicKey is the key of a meter: a point of a named curve. The zero value is no key.
type PublicKey struct {
	curve Curve
	point string // X and Y side by side, so that keys can be compared
	raw   bool   // not given as a SubjectPublicKeyInfo
}

// ParsePublicKey reads a DER SubjectPublicKeyInfo of a named curve with an uncompressed point (RFC 5480). Parameters that
// are spelled out are refused: whoever chooses them can make any signature hold.
func ParsePublicKey(der []byte) (PublicKey, error) {
	input := cryptobyte.String(der)
	var info, algorithm cryptobyte.String
	var kind, name asn1.ObjectIdentifier
	var bits asn1.BitString
	if !input.ReadASN1(&info, tag.SEQUENCE) || !input.Empty() ||
		!info.ReadASN1(&algorithm, tag.SEQUENCE) || !info.ReadASN1BitString(&bits) || !info.Empty() ||
		!algorithm.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidPublicKey) ||
		!algorithm.ReadASN1ObjectIdentifier(&name) || !algorithm.Empty() {
		return PublicKey{}, fmt.Errorf("%w: not a SubjectPublicKeyInfo of a named curve", ErrKey)
	}
	curve, ok := curveByOID(name)
	if !ok {
		return PublicKey{}, fmt.Errorf("%w: unknown curve %v", ErrKey, name)
	}
	const uncompressed = 4
	if bits.BitLength%8 != 0 || len(bits.Bytes) == 0 || bits.Bytes[0] != uncompressed {
		return PublicKey{}, fmt.Errorf("%w: not an uncompressed point", ErrKey)
	}
	return newPublicKey(curve, bits.Bytes[1:], false)
}

// RawPublicKey reads X and Y side by side, a quirk of some devices.
func RawPublicKey(curve Curve, point []byte) (PublicKey, error) {
	return newPublicKey(curve, point, true)
}

func newPublicKey(curve Curve, point []byte, raw bool) (PublicKey, error) {
	info, ok := curves[curve]
	if !ok || len(point) != 2*info.size {
		return PublicKey{}, fmt.Errorf("%w: a point of %d bytes on %s", ErrKey, len(point), curve)
	}
	k := PublicKey{curve: curve, point: string(point), raw: raw}
	if !k.isOnCurve() {
		return PublicKey{}, fmt.Errorf("%w: the point is not on %s", ErrKey, curve)
	}
	return k, nil
}

// DecodePublicKey reads a key as text: hexadecimal or base64 of a SubjectPublicKeyInfo, and with the quirk RawKey also of a
// point, which is then taken to be of the given curve, and base64 of hexadecimal.
func DecodePublicKey(text string, quirks Quirks, curve Curve) (PublicKey, error) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	if text == "" {
		return PublicKey{}, ErrNoKey
	}
	if len(text) > keyTextMax {
		return PublicKey{}, fmt.Errorf("%w: %d characters, at most %d", ErrKey, len(text), keyTextMax)
	}
	raw, err := decodeText(text)
	if err != nil {
		return PublicKey{}, err
	}
	if quirks.RawKey {
		if inner, err := hex.DecodeString(string(raw)); err == nil {
			raw = inner
		}
		if info, ok := curves[curve]; ok && len(raw) == 2*info.size {
			return RawPublicKey(curve, raw)
		}
	}
	return ParsePublicKey(raw)
}

// decodeText reads hexadecimal, or else base64. No key of base64 has only hexadecimal digits: it starts with an M.
func decodeText(text string) ([]byte, error) {
	if raw, err := hex.DecodeString(text); err == nil {
		return raw, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: neither hexadecimal nor base64", ErrKey)
	}
	return raw, nil
}

// Curve gives the curve of the key.
func (k PublicKey) Curve() Curve { return k.curve }

// String gives the hexadecimal text of the DER SubjectPublicKeyInfo.
func (k PublicKey) String() string { return hex.EncodeToString(k.DER()) }

// DER gives the SubjectPublicKeyInfo; nil for no key.
func (k PublicKey) DER() []byte {
	info, ok := curves[k.curve]
	if !ok {
		return nil
	}
	var b cryptobyte.Builder
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidPublicKey)
			b.AddASN1ObjectIdentifier(info.oid)
		})
		b.AddASN1BitString(k.uncompressed())
	})
	return b.BytesOrPanic() // a builder of fixed structure
}

func (k PublicKey) uncompressed() []byte { return append([]byte{4}, k.point...) }

func (k PublicKey) coordinates() (x, y *big.Int) {
	half := len(k.point) / 2
	return new(big.Int).SetBytes([]byte(k.point[:half])), new(big.Int).SetBytes([]byte(k.point[half:]))
}

func (k PublicKey) isOnCurve() bool {
	switch info := curves[k.curve]; {
	case info.own != nil:
		return info.own.isOnCurve(k.coordinates())
	case info.library != nil:
		_, err := ecdsa.ParseUncompressedPublicKey(info.library, k.uncompressed())
		return err == nil
	default:
		_, err := secp256k1.ParsePubKey(k.uncompressed())
		return err == nil
	}
}

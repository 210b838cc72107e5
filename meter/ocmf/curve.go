package ocmf

import (
	"crypto/elliptic"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
)

// Curve is an elliptic curve that signs records. The zero value is none.
type Curve byte

// Curves. Of the first three signatures can also be made.
const (
	P256 Curve = iota + 1
	P384
	Secp256k1
	BrainpoolP256r1
	BrainpoolP384r1
	Secp192r1
	Secp192k1
)

// curveInfo is what is known of a curve.
type curveInfo struct {
	name     string
	standard string                // the name in SA, when it is another one
	oid      asn1.ObjectIdentifier // named curve of a SubjectPublicKeyInfo
	size     int                   // bytes of a coordinate, and of the order
	library  elliptic.Curve        // of crypto/ecdsa, or nil
	own      *weierstrass          // where no kept library has the curve, or nil
}

var curves = map[Curve]curveInfo{
	P256:            {name: "secp256r1", oid: oid(1, 2, 840, 10045, 3, 1, 7), size: 32, library: elliptic.P256()},
	P384:            {name: "secp384r1", oid: oid(1, 3, 132, 0, 34), size: 48, library: elliptic.P384()},
	Secp256k1:       {name: "secp256k1", oid: oid(1, 3, 132, 0, 10), size: 32},
	BrainpoolP256r1: {name: "brainpoolP256r1", standard: "brainpool256r1", oid: oid(1, 3, 36, 3, 3, 2, 8, 1, 1, 7), size: 32, own: brainpoolP256r1},
	BrainpoolP384r1: {name: "brainpoolP384r1", standard: "brainpool384r1", oid: oid(1, 3, 36, 3, 3, 2, 8, 1, 1, 11), size: 48, own: brainpoolP384r1},
	Secp192r1:       {name: "secp192r1", oid: oid(1, 2, 840, 10045, 3, 1, 1), size: 24, own: secp192r1},
	Secp192k1:       {name: "secp192k1", oid: oid(1, 3, 132, 0, 31), size: 24, own: secp192k1},
}

func oid(numbers ...int) asn1.ObjectIdentifier { return numbers }

// oidPublicKey is id-ecPublicKey (RFC 5480).
var oidPublicKey = oid(1, 2, 840, 10045, 2, 1)

// String gives the name, "secp256r1".
func (c Curve) String() string {
	if info, ok := curves[c]; ok {
		return info.name
	}
	return fmt.Sprintf("unknown(%d)", byte(c))
}

// Algorithm gives the name of the signature algorithm [SA], as devices write it.
func (c Curve) Algorithm() string { return "ECDSA-" + c.String() + "-SHA256" }

// parseAlgorithm reads SA, whose absence means P-256. Devices write brainpoolP256r1 where the standard has brainpool256r1.
func parseAlgorithm(text string) (Curve, error) {
	if text == "" {
		return P256, nil
	}
	if name, ok := strings.CutPrefix(text, "ECDSA-"); ok {
		if name, ok = strings.CutSuffix(name, "-SHA256"); ok {
			for c, info := range curves {
				if name == info.name || name == info.standard {
					return c, nil
				}
			}
		}
	}
	return 0, fmt.Errorf("%w: SA %s", ErrAlgorithm, quoted(text))
}

func curveByOID(id asn1.ObjectIdentifier) (Curve, bool) {
	for c, info := range curves {
		if info.oid.Equal(id) {
			return c, true
		}
	}
	return 0, false
}

func hexInt(text string) *big.Int {
	n, _ := new(big.Int).SetString(strings.ReplaceAll(text, " ", ""), 16)
	return n
}

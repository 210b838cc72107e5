package ocmf

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k1 "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// signature is the last section of a record.
type signature struct {
	curve Curve
	data  []byte
}

func parseSignature(section string) (signature, error) {
	of, err := parseSection(section)
	if err != nil {
		return signature{}, err
	}
	f := &fields{of: of}
	algorithm, coding, mime, data := f.text("SA", textSizeMax), f.text("SE", textSizeMax), f.text("SM", textSizeMax), f.text("SD", signatureTextMax)
	if f.err != nil {
		return signature{}, f.err
	}
	if mime != "" && mime != "application/x-der" {
		return signature{}, fmt.Errorf("%w: SM: %s is not application/x-der", ErrFormat, quoted(mime))
	}
	s := signature{}
	if s.curve, err = parseAlgorithm(algorithm); err != nil {
		return signature{}, err
	}
	switch coding {
	case "", "hex":
		s.data, err = hex.DecodeString(data)
	case "base64":
		s.data, err = base64.StdEncoding.Strict().DecodeString(data)
	default:
		return signature{}, fmt.Errorf("%w: SE: %s is neither hex nor base64", ErrFormat, quoted(coding))
	}
	if err != nil || len(s.data) == 0 {
		return signature{}, fmt.Errorf("%w: SD: the signature cannot be decoded", ErrFormat)
	}
	return s, nil
}

// numbers gives r and s, and the quirks that reading them took.
func (s signature) numbers(allowed Quirks) (r, t *big.Int, used Quirks, err error) {
	size := curves[s.curve].size
	if r, t, ok := strictDER(s.data); ok {
		return r, t, Quirks{}, nil
	}
	if allowed.LooseDER {
		if r, t, ok := looseDER(s.data, size); ok {
			return r, t, Quirks{LooseDER: true}, nil
		}
	}
	if allowed.RawSignature && len(s.data) == 2*size {
		return new(big.Int).SetBytes(s.data[:size]), new(big.Int).SetBytes(s.data[size:]), Quirks{RawSignature: true}, nil
	}
	return nil, nil, Quirks{}, ErrNotDER
}

// strictDER reads SEQUENCE { INTEGER r, INTEGER s } with nothing around it, each in its shortest form.
func strictDER(der []byte) (r, s *big.Int, ok bool) {
	r, s = new(big.Int), new(big.Int)
	input := cryptobyte.String(der)
	var inner cryptobyte.String
	ok = input.ReadASN1(&inner, tag.SEQUENCE) && input.Empty() &&
		inner.ReadASN1Integer(r) && inner.ReadASN1Integer(s) && inner.Empty()
	return r, s, ok
}

// looseDER is strictDER but for the integers: their bytes are unsigned, with any zeros in front.
func looseDER(der []byte, size int) (r, s *big.Int, ok bool) {
	input := cryptobyte.String(der)
	var inner, first, second cryptobyte.String
	ok = input.ReadASN1(&inner, tag.SEQUENCE) && input.Empty() &&
		inner.ReadASN1(&first, tag.INTEGER) && inner.ReadASN1(&second, tag.INTEGER) && inner.Empty()
	first, second = bytes.TrimLeft(first, "\x00"), bytes.TrimLeft(second, "\x00")
	if !ok || len(first) > size || len(second) > size {
		return nil, nil, false
	}
	return new(big.Int).SetBytes(first), new(big.Int).SetBytes(second), true
}

// holds checks r and s over signed bytes. SHA-256 goes with every curve.
func (k PublicKey) holds(signed string, r, s *big.Int) bool {
	digest := sha256.Sum256([]byte(signed))
	if r.Sign() <= 0 || s.Sign() <= 0 {
		return false
	}
	switch info := curves[k.curve]; {
	case info.own != nil:
		x, y := k.coordinates()
		return info.own.verify(x, y, digest[:], r, s)
	case info.library != nil:
		key, err := ecdsa.ParseUncompressedPublicKey(info.library, k.uncompressed())
		return err == nil && ecdsa.Verify(key, digest[:], r, s)
	default:
		return holdsSecp256k1(k.uncompressed(), digest[:], r, s)
	}
}

func holdsSecp256k1(point, digest []byte, r, s *big.Int) bool {
	const size = 32
	key, err := secp256k1.ParsePubKey(point)
	if err != nil || r.BitLen() > 8*size || s.BitLen() > 8*size {
		return false
	}
	var first, second secp256k1.ModNScalar
	if first.SetByteSlice(r.Bytes()) || second.SetByteSlice(s.Bytes()) {
		return false // at or above the order
	}
	return k1.NewSignature(&first, &second).Verify(digest, key)
}

// Package status owns Bitstring Status Lists (W3C Recommendation 1.0): the bits, the file in which an issuer keeps and
// publishes them, and the cache in which a verifier looks them up. It leaves credentials to package credential, and
// fetching to a function that its caller passes in.
// It keeps invariant I9: a list is decoded within stated bounds whatever it claims, believed only when the issuer of the
// credential signed it under the list's own URL, and what is too old is not known.
//
// An issuer calls Create, then Allocate for each credential and Set to revoke; a server of the API serves a Directory. A
// verifier makes a Cache and gives it, or its Fetching, to the policy of package credential.
package status

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"joulepay/wallet/credential"
)

// Bounds of a list, in bits. The least is that of the Recommendation (section 3.2): in a shorter list a reader of the index
// would know too well who is meant.
const (
	SizeMin = 128 << 10
	SizeMax = credential.IndexMax + 1 // 1 Mi
)

// encodedSizeMax bounds the text of a list: SizeMax bits that do not compress, in base64, with the framing of gzip.
const encodedSizeMax = 180 << 10

// Errors of lists.
var (
	ErrEncoding = errors.New("status: not a multibase gzip bitstring")
	ErrSize     = errors.New("status: a list of this size is not accepted")
	ErrIndex    = errors.New("status: index outside of the list")
)

// Bitstring is the list itself. Index 0 is the left-most bit. It must be made by NewBitstring or Decode.
type Bitstring struct{ bytes []byte }

// NewBitstring makes a list of clear bits: a multiple of 8 between SizeMin and SizeMax.
func NewBitstring(size int) (Bitstring, error) {
	if size < SizeMin || size > SizeMax || size%8 != 0 {
		return Bitstring{}, fmt.Errorf("%w: %d bits, want %d to %d", ErrSize, size, SizeMin, SizeMax)
	}
	return Bitstring{make([]byte, size/8)}, nil
}

// Size gives the number of bits.
func (b Bitstring) Size() int { return 8 * len(b.bytes) }

// Ones gives how many bits are set.
func (b Bitstring) Ones() int {
	n := 0
	for _, octet := range b.bytes {
		n += bits.OnesCount8(octet)
	}
	return n
}

// Get gives a bit, or ErrIndex.
func (b Bitstring) Get(index int) (bool, error) {
	if index < 0 || index >= b.Size() {
		return false, fmt.Errorf("%w: %d of %d", ErrIndex, index, b.Size())
	}
	return b.bytes[index/8]&mask(index) != 0, nil
}

// Set sets or clears a bit, or returns ErrIndex.
func (b Bitstring) Set(index int, value bool) error {
	if index < 0 || index >= b.Size() {
		return fmt.Errorf("%w: %d of %d", ErrIndex, index, b.Size())
	}
	if value {
		b.bytes[index/8] |= mask(index)
	} else {
		b.bytes[index/8] &^= mask(index)
	}
	return nil
}

func mask(index int) byte { return 0x80 >> (index % 8) }

// base64url without padding is the multibase whose prefix is u.
var base64url = base64.RawURLEncoding.Strict()

const multibaseBase64url = "u"

// Encode gives the text of a list: multibase base64url of its gzip.
func (b Bitstring) Encode() string {
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, _ = writer.Write(b.bytes) // into memory
	_ = writer.Close()
	return multibaseBase64url + base64url.EncodeToString(compressed.Bytes())
}

// Decode reads the text of a list. However much it claims to hold, no more than SizeMax bits are ever expanded.
func Decode(text string) (Bitstring, error) {
	if len(text) > encodedSizeMax {
		return Bitstring{}, fmt.Errorf("%w: %d characters, at most %d", ErrSize, len(text), encodedSizeMax)
	}
	encoded, found := strings.CutPrefix(text, multibaseBase64url)
	if !found || strings.ContainsAny(encoded, "\r\n") {
		return Bitstring{}, fmt.Errorf("%w: not base64url", ErrEncoding)
	}
	compressed, err := base64url.DecodeString(encoded)
	if err != nil {
		return Bitstring{}, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	expanded, err := expand(compressed)
	if err != nil {
		return Bitstring{}, err
	}
	if size := 8 * len(expanded); size < SizeMin || size > SizeMax {
		return Bitstring{}, fmt.Errorf("%w: %d bits, want %d to %d", ErrSize, size, SizeMin, SizeMax)
	}
	return Bitstring{expanded}, nil
}

// expand reads one gzip member, of at most a byte more than is accepted.
func expand(compressed []byte) ([]byte, error) {
	source := bytes.NewReader(compressed) // an io.ByteReader: gzip takes nothing beyond its member
	reader, err := gzip.NewReader(source)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	reader.Multistream(false)
	expanded, err := io.ReadAll(io.LimitReader(reader, SizeMax/8+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	if len(expanded) <= SizeMax/8 && source.Len() > 0 {
		return nil, fmt.Errorf("%w: %d bytes after its end", ErrEncoding, source.Len())
	}
	return expanded, nil
}

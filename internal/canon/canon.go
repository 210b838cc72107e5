// Package canon owns canonical CBOR: the deterministic encoding of RFC 8949, section 4.2.1, and a decoder that accepts
// nothing else. It leaves the shapes of messages to their packages.
// It keeps invariant I9 for them: decoding is bounded, refuses unknown and duplicate keys, and what it accepts
// encodes to the same bytes, so a hash or a signature over the input is one over the value.
package canon

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrEncoding is returned for input that is not the canonical encoding of the value asked for.
var ErrEncoding = errors.New("canon: not canonical CBOR of the expected shape")

var (
	encoder = must(cbor.CoreDetEncOptions().EncMode())
	decoder = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   8,   // messages nest three deep
		MaxArrayElements:  256, // the longest list in a message holds 64
		MaxMapPairs:       64,  // the largest message has about 30 fields
		UTF8:              cbor.UTF8RejectInvalid,
	}.DecMode())
)

// must is for the fixed options above only.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Marshal encodes a value of one of our own message types.
func Marshal(v any) []byte { return must(encoder.Marshal(v)) }

// Unmarshal decodes into v, which must be a pointer to the zero value of a message type, and refuses input longer than
// limit bytes or not in canonical form.
func Unmarshal(b []byte, limit int, v any) error {
	if len(b) > limit {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrEncoding, len(b), limit)
	}
	if err := decoder.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	again, err := encoder.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	if !bytes.Equal(again, b) {
		return fmt.Errorf("%w: another encoding of the same value", ErrEncoding)
	}
	return nil
}

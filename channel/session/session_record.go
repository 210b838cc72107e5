package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"joulepay/internal/layout"
	"joulepay/wallet/money"
)

const (
	sessionTermsVersion    = 1
	sessionProgressVersion = 1
	sessionReturnVersion   = 2 // of progress in which something was given back

	// vertexCountMax bounds the ledger operations of a session: one every ten minutes for four weeks.
	vertexCountMax = 4096
	// failureSizeMax bounds the text that says what went wrong; it is cut, for no session may be lost over it.
	failureSizeMax = 1 << 10
)

// A session is stored in two parts, so that a claim writes few bytes: its terms, which change some times in its life,
// and its progress, which every reading and claim changes.

// terms gives the record without its progress and its vertices.
func (r SessionRecord) terms() SessionRecord {
	r.Phase, r.EndedMs, r.Sequence, r.Quantity, r.Returned = 0, 0, 0, 0, 0
	r.Cost, r.Paid, r.Claims, r.Power, r.SoCPermille = 0, 0, 0, 0, 0
	r.Vertices = nil
	return r
}

// SameTerms tells whether both records have the same terms.
func (r SessionRecord) SameTerms(other SessionRecord) bool {
	return r.ID == other.ID && r.Role == other.Role && r.Peer == other.Peer && r.PeerAddr == other.PeerAddr &&
		r.Channel == other.Channel && r.KeyIndex == other.KeyIndex && r.Base == other.Base &&
		r.StartedMs == other.StartedMs && r.Reason == other.Reason && r.Failure == other.Failure &&
		r.Service == other.Service && r.Wanted == other.Wanted && r.MeasureBase == other.MeasureBase &&
		r.ReturnMw == other.ReturnMw && r.ReturnBase == other.ReturnBase && r.Abandoned == other.Abandoned && slices.Equal(r.Vertices, other.Vertices) && bytes.Equal(r.Quote, other.Quote) &&
		bytes.Equal(r.Closing[0], other.Closing[0]) && bytes.Equal(r.Closing[1], other.Closing[1]) &&
		slices.EqualFunc(r.Earlier, other.Earlier, bytes.Equal) && bytes.Equal(r.Next, other.Next) && r.NextAgreed == other.NextAgreed
}

// CheckSize returns ErrRecord when the record is larger than what DecodeSessionParts accepts.
func (r SessionRecord) CheckSize() error {
	const rest = 512 // fixed fields and CBOR heads
	size := len(r.Next) + len(r.Quote) + len(r.Closing[0]) + len(r.Closing[1]) + len(r.PeerAddr) + len(r.Reason) + len(r.Service) + failureSizeMax + rest
	for _, q := range r.Earlier {
		size += len(q)
	}
	if size > recordSizeMax || len(r.Vertices) > vertexCountMax {
		return fmt.Errorf("%w: up to %d bytes and %d ledger operations, at most %d and %d",
			ErrRecord, size, len(r.Vertices), recordSizeMax, vertexCountMax)
	}
	return nil
}

// EncodeTerms gives the bytes of everything that EncodeProgress leaves out. Texts become valid UTF-8, and what went
// wrong is told in at most 1 KiB.
func (r SessionRecord) EncodeTerms() []byte {
	terms := r.terms()
	terms.PeerAddr, terms.Service = toUTF8(r.PeerAddr), toUTF8(r.Service)
	terms.Reason = toUTF8(r.Reason)
	terms.Failure = cut(toUTF8(r.Failure), failureSizeMax)
	b := layout.AppendBytes([]byte{sessionTermsVersion}, terms.Encode())
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Vertices)))
	for _, id := range r.Vertices {
		b = append(b, id[:]...)
	}
	return b
}

// EncodeProgress gives the bytes of phase, counters and amounts.
func (r SessionRecord) EncodeProgress() []byte {
	version := byte(sessionProgressVersion)
	if r.Returned != 0 {
		version = sessionReturnVersion
	}
	b := make([]byte, 0, 80)
	b = append(b, version, byte(r.Phase))
	b = layout.AppendInt64(b, r.EndedMs)
	b = binary.BigEndian.AppendUint64(b, r.Sequence)
	b = layout.AppendInt64(b, r.Quantity)
	b = layout.AppendInt64(b, int64(r.Cost))
	b = layout.AppendInt64(b, int64(r.Paid))
	b = binary.BigEndian.AppendUint64(b, r.Claims)
	b = layout.AppendInt64(b, r.Power)
	b = binary.BigEndian.AppendUint16(b, uint16(r.SoCPermille))
	if version == sessionReturnVersion {
		b = layout.AppendInt64(b, r.Returned)
	}
	return b
}

// DecodeSessionParts reads what EncodeTerms and EncodeProgress give.
func DecodeSessionParts(terms, progress []byte) (SessionRecord, error) {
	r, err := decodeSessionTerms(terms)
	if err != nil {
		return SessionRecord{}, fmt.Errorf("%w: terms of a session: %w", ErrRecord, err)
	}
	in, version := layout.NewReader(progress), byte(sessionProgressVersion)
	if len(progress) > 0 && progress[0] == sessionReturnVersion {
		version = sessionReturnVersion
	}
	in.Version(version)
	r.Phase = Phase(in.Uint8())
	r.EndedMs = in.Int64()
	r.Sequence = in.Uint64()
	r.Quantity = in.Int64()
	r.Cost = money.Amount(in.Int64())
	r.Paid = money.Amount(in.Int64())
	r.Claims = in.Uint64()
	r.Power = in.Int64()
	r.SoCPermille = int16(in.Uint16())
	if version == sessionReturnVersion {
		if r.Returned = in.Int64(); r.Returned == 0 {
			in.Fail(errors.New("nothing was given back"))
		}
	}
	if err := in.Close(); err != nil {
		return SessionRecord{}, fmt.Errorf("%w: session %s: %w", ErrRecord, r.ID, err)
	}
	return r, nil
}

func decodeSessionTerms(b []byte) (SessionRecord, error) {
	in := layout.NewReader(b)
	in.Version(sessionTermsVersion)
	fixed := in.Bytes(recordSizeMax)
	vertices := readVertices(in)
	if err := in.Close(); err != nil {
		return SessionRecord{}, err
	}
	r, err := DecodeSessionRecord(fixed)
	if err != nil {
		return SessionRecord{}, err
	}
	r.Vertices = vertices
	if !bytes.Equal(r.EncodeTerms(), b) {
		return SessionRecord{}, errors.New("another encoding of the same terms")
	}
	return r, nil
}

func readVertices(in *layout.Reader) []OpID {
	n := in.Uint32()
	if n > vertexCountMax || int(n)*len(OpID{}) > in.Len() {
		in.Fail(fmt.Errorf("%d ledger operations in %d bytes", n, in.Len()))
	}
	if in.Err() != nil || n == 0 {
		return nil
	}
	vertices := make([]OpID, n)
	for i := range vertices {
		in.Fixed(vertices[i][:])
	}
	return vertices
}

func toUTF8[T ~string](text T) T { return T(strings.ToValidUTF8(string(text), string(utf8.RuneError))) }

// cut shortens valid UTF-8 to at most size bytes.
func cut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"joulepay/internal/layout"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

const messageVersion = 1

// RequestSizeMax bounds an encoded request in bytes.
const RequestSizeMax = 1 + 1 + 8 + 8

// certificateSizeMax is a certificate of settle.WitnessesMax votes, rounded up.
const certificateSizeMax = 128 + settle.WitnessesMax*(1+8+wallet.SignatureSize)

// RequestKind says what a request asks for.
type RequestKind uint8

// Kinds of requests. A number is never reused.
const (
	AskStanding RequestKind = 1
	AskEntries  RequestKind = 2
)

// Request asks a peer for its standing, or for entries with heights from After+1 to UpTo.
type Request struct {
	Kind        RequestKind
	After, UpTo uint64 // of AskEntries, else zero
}

// Encode gives the canonical bytes: version (1), kind (1), and of entries both heights (8 each).
func (r Request) Encode() []byte {
	b := []byte{messageVersion, byte(r.Kind)}
	if r.Kind == AskEntries {
		b = binary.BigEndian.AppendUint64(b, r.After)
		b = binary.BigEndian.AppendUint64(b, r.UpTo)
	}
	return b
}

// DecodeRequest reads what Encode gives, or returns ErrRequest.
func DecodeRequest(raw []byte) (Request, error) {
	r := layout.NewReader(raw)
	r.Version(messageVersion)
	q := Request{Kind: RequestKind(r.Uint8())}
	switch {
	case r.Err() != nil, q.Kind == AskStanding:
	case q.Kind == AskEntries:
		q.After, q.UpTo = r.Uint64(), r.Uint64()
		if r.Err() == nil && q.After >= q.UpTo {
			r.Fail(fmt.Errorf("heights above %d up to %d", q.After, q.UpTo))
		}
	default:
		r.Fail(fmt.Errorf("kind %d", q.Kind))
	}
	if err := r.Close(); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return q, nil
}

// outcome is the second byte of an answer.
type outcome uint8

// Outcomes of requests. A number is never reused.
const (
	outcomeDone        outcome = 0
	outcomeNothing     outcome = 1
	outcomeRequest     outcome = 2 // not understood
	outcomeUnavailable outcome = 3 // too busy, or a fault of the peer's own
)

// Busy is the answer of a peer that has no time for a request.
func Busy() []byte { return []byte{messageVersion, byte(outcomeUnavailable)} }

// Answer carries out a request that came as bytes, and gives the encoded answer. It never fails: what is wrong with the
// request, or with what the source gives, is an answer too.
func Answer(ctx context.Context, raw []byte, from Source) []byte {
	q, err := DecodeRequest(raw)
	if err != nil {
		return []byte{messageVersion, byte(outcomeRequest)}
	}
	done := []byte{messageVersion, byte(outcomeDone)}
	if q.Kind == AskStanding {
		return from.Standing().appendTo(done)
	}
	entries, err := from.Entries(ctx, q.After, q.UpTo)
	switch {
	case errors.Is(err, ErrNothing):
		return []byte{messageVersion, byte(outcomeNothing)}
	case err != nil || checkPage(entries) != nil:
		return Busy()
	}
	return appendEntries(done, entries)
}

// readOutcome begins to read an answer.
func readOutcome(raw []byte) (*layout.Reader, error) {
	r := layout.NewReader(raw)
	r.Version(messageVersion)
	got := outcome(r.Uint8())
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if got == outcomeDone {
		return r, nil
	}
	if r.Len() > 0 {
		return nil, fmt.Errorf("%w: %d bytes after outcome %d", ErrAnswer, r.Len(), got)
	}
	switch got {
	case outcomeNothing:
		return nil, ErrNothing
	case outcomeRequest:
		return nil, ErrRequest
	case outcomeUnavailable:
		return nil, fmt.Errorf("%w now", ErrUnavailable)
	}
	return nil, fmt.Errorf("%w: outcome %d", ErrAnswer, got)
}

// appendTo appends the checkpoint, the length and bytes of its certificate, and the position (16+8).
func (s Standing) appendTo(b []byte) []byte {
	b = append(b, s.Checkpoint.Encode()...)
	var certificate []byte
	if len(s.Certificate.Votes) > 0 {
		certificate = s.Certificate.Encode()
	}
	b = layout.AppendBytes(b, certificate)
	b = append(b, s.Position.Incarnation[:]...)
	return binary.BigEndian.AppendUint64(b, s.Position.Sequence)
}

// ReadStanding reads the answer to AskStanding, or gives the error that it is.
func ReadStanding(raw []byte) (Standing, error) {
	r, err := readOutcome(raw)
	if err != nil {
		return Standing{}, err
	}
	var s Standing
	var checkpoint [proof.CheckpointSize]byte
	r.Fixed(checkpoint[:])
	certificate := r.Bytes(certificateSizeMax)
	r.Fixed(s.Position.Incarnation[:])
	s.Position.Sequence = r.Uint64()
	if err := r.Close(); err != nil {
		return Standing{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if s.Checkpoint, err = proof.DecodeCheckpoint(checkpoint[:]); err != nil {
		return Standing{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if s.Certificate, err = readCertificate(certificate); err != nil {
		return Standing{}, err
	}
	return s, nil
}

// readCertificate reads the one of a standing: no bytes for the genesis, which has none.
func readCertificate(raw []byte) (proof.Certificate, error) {
	if len(raw) == 0 {
		return proof.Certificate{}, nil
	}
	c, err := proof.DecodeCertificate(raw)
	if err == nil && len(c.Votes) == 0 {
		err = errors.New("a certificate without votes")
	}
	if err != nil {
		return proof.Certificate{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return c, nil
}

// checkPage tells whether entries keep the bounds of an answer.
func checkPage(entries [][]byte) error {
	if len(entries) == 0 || len(entries) > PageEntriesMax {
		return fmt.Errorf("%d entries, want 1 to %d", len(entries), PageEntriesMax)
	}
	size := 0
	for _, e := range entries {
		if size += len(e); len(e) == 0 || size > PageSizeMax {
			return fmt.Errorf("an entry of %d bytes, and at most %d for all", len(e), PageSizeMax)
		}
	}
	return nil
}

// appendEntries appends the number of entries (4), then of each its length (4) and bytes.
func appendEntries(b []byte, entries [][]byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(entries)))
	for _, e := range entries {
		b = layout.AppendBytes(b, e)
	}
	return b
}

// ReadEntries reads the answer to AskEntries, or gives the error that it is.
func ReadEntries(raw []byte) ([][]byte, error) {
	r, err := readOutcome(raw)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	n := r.Uint32()
	if n > PageEntriesMax {
		r.Fail(fmt.Errorf("%w: %d entries, at most %d", layout.ErrTooLong, n, PageEntriesMax))
	}
	for ; n > 0 && r.Err() == nil; n-- {
		entries = append(entries, r.Bytes(PageSizeMax))
	}
	err = r.Close()
	if err == nil {
		err = checkPage(entries)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return entries, nil
}

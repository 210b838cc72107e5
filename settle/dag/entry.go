package dag

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"joulepay/internal/layout"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// EntryKind says what an entry of the log is.
type EntryKind uint8

// Entry kinds. A number is never reused.
const (
	EntryVertex      EntryKind = 1
	EntryMark        EntryKind = 2 // "here is checkpoint n"
	EntryCertificate EntryKind = 3 // moves ledger time and what depends on it
	EntryStart       EntryKind = 4 // begins an incarnation of the stream
)

// Entry is one item of the ordered log; exactly one of its parts is set.
type Entry struct {
	Vertex      *settle.Vertex
	Mark        uint64 // number of the checkpoint, from 1
	Certificate *proof.Certificate
	Start       *Start

	// SignedBy is the key under which this node has verified the vertex's signature already, or zero. It never
	// travels.
	SignedBy wallet.PublicKey
}

// Kind says which part is set.
func (e Entry) Kind() EntryKind {
	switch {
	case e.Vertex != nil:
		return EntryVertex
	case e.Certificate != nil:
		return EntryCertificate
	case e.Start != nil:
		return EntryStart
	}
	return EntryMark
}

// ID names the entry in the log hash.
func (e Entry) ID() [32]byte {
	if e.Kind() == EntryVertex {
		return e.Vertex.ID()
	}
	return sha256.Sum256(append([]byte("joulepay/entry\x00"), e.Encode()...))
}

// Encode gives the canonical bytes: kind (1), content.
func (e Entry) Encode() []byte {
	b := []byte{byte(e.Kind())}
	switch e.Kind() {
	case EntryVertex:
		return append(b, e.Vertex.Encode()...)
	case EntryCertificate:
		return append(b, e.Certificate.Encode()...)
	case EntryStart:
		return e.Start.appendTo(b)
	}
	return binary.BigEndian.AppendUint64(b, e.Mark)
}

// DecodeEntry reads what Encode gives.
func DecodeEntry(raw []byte) (Entry, error) {
	if len(raw) == 0 {
		return Entry{}, fmt.Errorf("%w: empty entry", settle.ErrEncoding)
	}
	switch kind, rest := EntryKind(raw[0]), raw[1:]; kind {
	case EntryVertex:
		v, err := settle.DecodeVertex(rest)
		return Entry{Vertex: v}, err
	case EntryCertificate:
		c, err := proof.DecodeCertificate(rest)
		return Entry{Certificate: &c}, err
	case EntryStart:
		start, err := decodeStart(rest)
		return Entry{Start: &start}, err
	case EntryMark:
		r := layout.NewReader(rest)
		e := Entry{Mark: r.Uint64()}
		if err := r.Close(); err != nil {
			return Entry{}, fmt.Errorf("%w: mark: %w", settle.ErrEncoding, err)
		}
		return e, nil
	default:
		return Entry{}, fmt.Errorf("%w: entry of kind %d", settle.ErrEncoding, kind)
	}
}

// Bounds of a bundle: the unit of the stream.
const (
	BundleEntriesMax = 1024
	BundleSizeMax    = 512 << 10 // half of the broker's default message size
	bundleVersion    = 1
	bundleOverhead   = 1 + 2
	entryOverhead    = 4
)

// entrySizeMax is a vertex or a full certificate, whichever is larger, and the kind.
const entrySizeMax = 1 + settle.VertexSizeMax

// Bundle collects encoded entries up to the bounds. The zero value is empty.
type Bundle struct {
	entries [][]byte
	size    int
}

// Add appends an encoded entry, or reports that there is no room.
func (b *Bundle) Add(entry []byte) bool {
	if len(b.entries) == BundleEntriesMax || bundleOverhead+b.size+entryOverhead+len(entry) > BundleSizeMax {
		return false
	}
	b.entries = append(b.entries, entry)
	b.size += entryOverhead + len(entry)
	return true
}

// Len gives the number of entries.
func (b *Bundle) Len() int { return len(b.entries) }

// Encode gives the bytes for the stream.
func (b *Bundle) Encode() []byte {
	out := make([]byte, 0, bundleOverhead+b.size)
	out = append(out, bundleVersion)
	out = binary.BigEndian.AppendUint16(out, uint16(len(b.entries)))
	for _, e := range b.entries {
		out = layout.AppendBytes(out, e)
	}
	return out
}

// DecodeBundle gives the encoded entries of a bundle. A bundle that does not decode holds nothing for any node.
func DecodeBundle(raw []byte) ([][]byte, error) {
	if len(raw) > BundleSizeMax {
		return nil, fmt.Errorf("%w: bundle of %d bytes, at most %d", settle.ErrEncoding, len(raw), BundleSizeMax)
	}
	r := layout.NewReader(raw)
	r.Version(bundleVersion)
	n := int(r.Uint16())
	if n > BundleEntriesMax {
		r.Fail(fmt.Errorf("%w: %d entries, at most %d", layout.ErrTooLong, n, BundleEntriesMax))
	}
	var entries [][]byte
	for i := 0; i < n && r.Err() == nil; i++ {
		entries = append(entries, r.Bytes(entrySizeMax))
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: bundle: %w", settle.ErrEncoding, err)
	}
	return entries, nil
}

package proof

import (
	"encoding/binary"
	"fmt"
	"slices"

	"joulepay/internal/layout"
	"joulepay/settle"
)

const (
	slotProofVersion   = 1
	vertexProofVersion = 1
	vertexPathVersion  = 2 // of a proof with a path
)

// PathMax bounds the checkpoints between a vertex and what proves it final, of which a few wait for their certificates in
// each life of the log: 30 KB.
const PathMax = 128

// Slot proves the content of a slot in a final state. It is self-contained: Verify needs only the network.
type Slot struct {
	Final     Final
	Key       settle.SlotKey
	Content   []byte // decode it with the function for the key's kind
	Inclusion Inclusion
}

// Verify checks that the slot had this content in the final state.
func (p Slot) Verify(n *Network) error {
	if err := p.Final.Verify(n); err != nil {
		return err
	}
	return p.Inclusion.Verify(p.Final.Checkpoint.State, SlotLeaf(p.Key, p.Content))
}

// Encode gives the canonical bytes.
func (p Slot) Encode() []byte {
	b := p.Final.appendTo([]byte{slotProofVersion})
	b = append(b, byte(p.Key.Kind))
	b = append(b, p.Key.ID[:]...)
	b = layout.AppendBytes(b, p.Content)
	return p.Inclusion.appendTo(b)
}

// DecodeSlot reads what Encode gives. It checks the form, not the proof.
func DecodeSlot(raw []byte) (Slot, error) {
	var p Slot
	r := layout.NewReader(raw)
	r.Version(slotProofVersion)
	p.Final = readFinal(r)
	p.Key.Kind = settle.SlotKind(r.Uint8())
	r.Fixed(p.Key.ID[:])
	p.Content = r.Bytes(settle.SlotSizeMax)
	p.Inclusion = readInclusion(r)
	if err := r.Close(); err != nil {
		return Slot{}, fmt.Errorf("%w: slot proof: %w", settle.ErrEncoding, err)
	}
	return p, nil
}

// Vertex proves what the ledger decided about a vertex, for good.
type Vertex struct {
	Final Final // the first checkpoint that covers the vertex, or one after it
	// Path leads from the first checkpoint that covers the vertex up to Final, without that. It is empty unless the first
	// became final only by a later one, as while witnesses are away.
	Path      []Checkpoint
	ID        settle.VertexID
	Verdict   settle.Verdict
	Inclusion Inclusion
}

// Verify checks that the vertex got this verdict and that it is final.
func (p Vertex) Verify(n *Network) error {
	if err := p.Final.Verify(n); err != nil {
		return err
	}
	cover := p.Final.Checkpoint
	for _, c := range slices.Backward(p.Path) {
		if cover.Previous != c.Hash() {
			return fmt.Errorf("%w: checkpoint %d is not the one before checkpoint %d", ErrNotFinal, c.Number, cover.Number)
		}
		cover = c
	}
	return p.Inclusion.Verify(cover.Receipts, ReceiptLeaf(p.ID, p.Verdict))
}

// Encode gives the canonical bytes.
func (p Vertex) Encode() []byte {
	version := byte(vertexProofVersion)
	if len(p.Path) > 0 {
		version = vertexPathVersion
	}
	b := p.Final.appendTo([]byte{version})
	if len(p.Path) > 0 {
		b = append(b, byte(len(p.Path)))
		for _, c := range p.Path {
			b = append(b, c.Encode()...)
		}
	}
	b = append(b, p.ID[:]...)
	b = append(b, byte(p.Verdict))
	return p.Inclusion.appendTo(b)
}

// DecodeVertex reads what Encode gives. It checks the form, not the proof.
func DecodeVertex(raw []byte) (Vertex, error) {
	var p Vertex
	r := layout.NewReader(raw)
	path := len(raw) > 0 && raw[0] == vertexPathVersion
	if path {
		r.Version(vertexPathVersion)
	} else {
		r.Version(vertexProofVersion)
	}
	p.Final = readFinal(r)
	if path {
		p.Path = readPath(r)
	}
	r.Fixed(p.ID[:])
	p.Verdict = settle.Verdict(r.Uint8())
	p.Inclusion = readInclusion(r)
	if err := r.Close(); err != nil {
		return Vertex{}, fmt.Errorf("%w: vertex proof: %w", settle.ErrEncoding, err)
	}
	return p, nil
}

func readPath(r *layout.Reader) []Checkpoint {
	n := int(r.Uint8())
	if n == 0 || n > PathMax {
		r.Fail(fmt.Errorf("%w: a path of %d checkpoints, want 1 to %d", layout.ErrTooLong, n, PathMax))
		return nil
	}
	path := make([]Checkpoint, n)
	for i := range path {
		path[i] = readCheckpoint(r)
	}
	return path
}

func (p Inclusion) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Index)
	b = binary.BigEndian.AppendUint64(b, p.Count)
	b = append(b, byte(len(p.Siblings)))
	for _, s := range p.Siblings {
		b = append(b, s[:]...)
	}
	return b
}

func readInclusion(r *layout.Reader) Inclusion {
	p := Inclusion{Index: r.Uint64(), Count: r.Uint64()}
	n := int(r.Uint8())
	if n > depthMax {
		r.Fail(fmt.Errorf("%w: %d siblings, at most %d", layout.ErrTooLong, n, depthMax))
	}
	for i := 0; i < n && r.Err() == nil; i++ {
		var s Hash
		r.Fixed(s[:])
		p.Siblings = append(p.Siblings, s)
	}
	return p
}

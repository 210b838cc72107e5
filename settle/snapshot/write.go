package snapshot

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"joulepay/internal/layout"
	"joulepay/settle/store"
)

// bufferSize is what a reader or writer holds of the file.
const bufferSize = 64 << 10

// writer counts and hashes what it writes. After the first error it does nothing.
type writer struct {
	out  *bufio.Writer
	sum  hash.Hash
	size uint64
	err  error
}

func (w *writer) write(b []byte) {
	if w.err != nil {
		return
	}
	w.sum.Write(b)
	n, err := w.out.Write(b)
	w.size += uint64(n)
	w.err = err
}

// Write writes a snapshot of a base. The layout, integers big-endian:
//
//	magic and version (19)
//	genesis vertex, proof of finality, certificate that justifies the checkpoint (empty for the genesis): each a
//	  length (4) and canonical bytes
//	decided, accepted, certified, epoch (8 each), incarnation (16) of the last Start
//	incarnation (16) and sequence (8) of the position before the bundle with the checkpoint's mark
//	count (2) of checkpoints; for each its canonical bytes and whether its certificate is in the log (1)
//	log hash before the window (32), height of its first entry (8)
//	for each entry: kind (1, not zero), id (32), verdict (1); then a zero (1)
//	for each slot: kind (1, not zero), id (32), length (4), content; then a zero (1)
//	SHA-256 of everything before (32)
//
// What it writes has been read back by the same checks as those of Open: an error says that the base is not in order.
func Write(out io.Writer, b store.Base) (Summary, error) {
	w := &writer{out: bufio.NewWriterSize(out, bufferSize), sum: sha256.New()}
	s, err := w.base(b)
	if err != nil {
		return Summary{}, fmt.Errorf("write a snapshot: %w", err)
	}
	return s, nil
}

func (w *writer) base(b store.Base) (Summary, error) {
	s := Summary{Final: b.Final, Accepted: b.Head.Accepted}
	var window *windowChecker
	for item, err := range b.Window {
		if err != nil {
			return s, err
		}
		if window == nil {
			h := headingOf(b, item.Height)
			network, err := h.check(b.Genesis.NetworkID())
			if err != nil {
				return s, err
			}
			s.Network, s.Name = network.ID, network.Genesis.Name
			w.heading(h)
			window = newWindowChecker(&h)
		}
		if err := window.add(item); err != nil {
			return s, err
		}
		s.Window++
		w.write(append(append([]byte{byte(item.Kind)}, item.ID[:]...), byte(item.Verdict)))
	}
	if window == nil {
		return s, fmt.Errorf("%w: no window", ErrFormat)
	}
	if err := window.end(); err != nil {
		return s, err
	}
	w.write([]byte{0})
	var slots slotsChecker
	for slot, err := range b.Slots {
		if err != nil {
			return s, err
		}
		if err := slots.add(slot); err != nil {
			return s, err
		}
		s.Slots++
		w.write(layout.AppendBytes(append([]byte{byte(slot.Key.Kind)}, slot.Key.ID[:]...), slot.Content))
	}
	if err := slots.end(b.Final.Checkpoint.State); err != nil {
		return s, err
	}
	w.write([]byte{0})
	w.write(w.sum.Sum(nil))
	if w.err == nil {
		w.err = w.out.Flush()
	}
	s.Size = w.size
	return s, w.err
}

func (w *writer) heading(h heading) {
	w.write([]byte(magic))
	w.write(layout.AppendBytes(nil, h.genesis.Encode()))
	w.write(layout.AppendBytes(nil, h.final.Encode()))
	var by []byte
	if h.by != nil {
		by = h.by.Encode()
	}
	b := layout.AppendBytes(nil, by)
	for _, n := range []uint64{h.head.Decided, h.head.Accepted, h.head.Certified, h.head.Epoch} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(append(b, h.head.Incarnation[:]...), h.position.Incarnation[:]...)
	b = binary.BigEndian.AppendUint64(b, h.position.Sequence)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.marks)))
	for _, m := range h.marks {
		b = append(append(b, m.Checkpoint.Encode()...), bit(m.Certified))
	}
	b = append(b, h.before[:]...)
	w.write(binary.BigEndian.AppendUint64(b, h.first))
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/wallet"
)

// Reader is a snapshot whose beginning was checked. Its parts are read once, in order.
type Reader struct {
	in      *bufio.Reader
	sum     hash.Hash
	size    uint64
	heading heading
	network *proof.Network
	window  uint64 // entries read
	slots   uint64 // slots read
	whole   bool
}

// finalSizeMax is a checkpoint with a certificate of all witnesses, rounded up.
const finalSizeMax = 64 << 10

// Open reads the beginning of a snapshot and checks it against a network, which a caller that has a genesis or a pinned
// id names; with the zero id the genesis in the file is taken as it is. Errors: ErrFormat, ErrNetwork, ErrNotCertified,
// and those of the reader.
func Open(in io.Reader, pin wallet.NetworkID) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, bufferSize), sum: sha256.New()}
	err := r.readHeading()
	if err == nil {
		r.network, err = r.heading.check(pin)
	}
	if err != nil {
		return nil, fmt.Errorf("open a snapshot: %w", err)
	}
	return r, nil
}

// Network gives what a light client knows of the network.
func (r *Reader) Network() *proof.Network { return r.network }

// Genesis gives the vertex that made the network.
func (r *Reader) Genesis() *settle.Vertex { return r.heading.genesis }

// Final gives the checkpoint that the snapshot is of.
func (r *Reader) Final() proof.Final { return r.heading.final }

// Read gives how many bytes were read so far.
func (r *Reader) Read() uint64 { return r.size }

// Base gives what a store begins with. Its window, then its slots, are read once; what is wrong with them is the error
// with which they end, so that a store that took them whole took nothing wrong.
func (r *Reader) Base() store.Base {
	h := r.heading
	head := h.head
	c := h.final.Checkpoint
	head.Height, head.Log, head.Time, head.Paused = c.Height, c.Log, c.Time, c.Paused
	return store.Base{
		Genesis: h.genesis, Final: h.final, Justified: h.by, Head: head, Position: h.position, Marks: h.marks, Before: h.before,
		Window: r.readWindow(), Slots: r.readSlots(),
	}
}

// Summary says what the snapshot holds, after everything was read.
func (r *Reader) Summary() (Summary, error) {
	if !r.whole {
		return Summary{}, errors.New("snapshot: not read to its end")
	}
	return Summary{
		Network: r.network.ID, Name: r.network.Genesis.Name, Final: r.heading.final, Accepted: r.heading.head.Accepted,
		Window: r.window, Slots: r.slots, Size: r.size,
	}, nil
}

// Verify reads a snapshot through and says what it holds. progress hears now and then how many bytes were read; it may
// be nil.
func Verify(in io.Reader, pin wallet.NetworkID, progress func(read uint64)) (Summary, error) {
	r, err := Open(in, pin)
	if err != nil {
		return Summary{}, err
	}
	b := r.Base()
	told := uint64(0)
	tell := func() {
		if progress != nil && r.size-told >= 1<<20 {
			told = r.size
			progress(told)
		}
	}
	for _, err := range b.Window {
		if err != nil {
			return Summary{}, err
		}
		tell()
	}
	for _, err := range b.Slots {
		if err != nil {
			return Summary{}, err
		}
		tell()
	}
	return r.Summary()
}

// take reads so many bytes.
func (r *Reader) take(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: it ends after %d bytes", ErrFormat, r.size)
		}
		return nil, err
	}
	r.sum.Write(b)
	r.size += uint64(n)
	return b, nil
}

// fields reads integers and arrays into what they are given.
func (r *Reader) fields(into ...any) error {
	for _, field := range into {
		b, err := r.take(binary.Size(field))
		if err != nil {
			return err
		}
		if _, err := binary.Decode(b, binary.BigEndian, field); err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	return nil
}

// bytes reads a length and so many bytes, at most limit.
func (r *Reader) bytes(limit uint32) ([]byte, error) {
	var n uint32
	if err := r.fields(&n); err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("%w: a part of %d bytes, at most %d", ErrFormat, n, limit)
	}
	return r.take(int(n))
}

func (r *Reader) readHeading() error {
	begin, err := r.take(len(magic))
	if err != nil {
		return err
	}
	if !bytes.Equal(begin, []byte(magic)) {
		return fmt.Errorf("%w: it does not begin like one", ErrFormat)
	}
	genesis, err := r.bytes(settle.VertexSizeMax)
	if err != nil {
		return err
	}
	final, err := r.bytes(finalSizeMax)
	if err != nil {
		return err
	}
	by, err := r.bytes(finalSizeMax)
	if err != nil {
		return err
	}
	h := &r.heading
	if h.genesis, err = settle.DecodeVertex(genesis); err != nil {
		return fmt.Errorf("%w: genesis: %w", ErrFormat, err)
	}
	if h.final, err = proof.DecodeFinal(final); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(by) > 0 {
		c, err := proof.DecodeCertificate(by)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		h.by = &c
	}
	var marks uint16
	if err := r.fields(&h.head.Decided, &h.head.Accepted, &h.head.Certified, &h.head.Epoch, h.head.Incarnation[:],
		h.position.Incarnation[:], &h.position.Sequence, &marks); err != nil {
		return err
	}
	if marks > dag.MarksKept {
		return fmt.Errorf("%w: %d checkpoints", ErrFormat, marks)
	}
	for range marks {
		m, err := r.readMark()
		if err != nil {
			return err
		}
		h.marks = append(h.marks, m)
	}
	return r.fields(h.before[:], &h.first)
}

func (r *Reader) readMark() (dag.StoredMark, error) {
	raw, err := r.take(proof.CheckpointSize + 1)
	if err != nil {
		return dag.StoredMark{}, err
	}
	c, err := proof.DecodeCheckpoint(raw[:proof.CheckpointSize])
	if err != nil {
		return dag.StoredMark{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	certified := raw[proof.CheckpointSize]
	if certified > 1 {
		return dag.StoredMark{}, fmt.Errorf("%w: checkpoint %d is certified %d times", ErrFormat, c.Number, certified)
	}
	return dag.StoredMark{Checkpoint: c, Certified: certified == 1}, nil
}

// parts gives a sequence that ends with the error of next, or after a last part that was none.
func parts[T any](next func() (part T, more bool, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			part, more, err := next()
			if err != nil {
				yield(part, fmt.Errorf("read a snapshot: %w", err))
				return
			}
			if !more || !yield(part, nil) {
				return
			}
		}
	}
}

func (r *Reader) readWindow() iter.Seq2[store.Item, error] {
	check := newWindowChecker(&r.heading)
	return parts(func() (item store.Item, more bool, err error) {
		kind, err := r.take(1)
		if err != nil {
			return item, false, err
		}
		if kind[0] == 0 {
			return item, false, check.end()
		}
		item.Height, item.Kind = check.height, dag.EntryKind(kind[0])
		if item.Kind > dag.EntryStart {
			return item, false, fmt.Errorf("%w: an entry of kind %d", ErrFormat, item.Kind)
		}
		if err := r.fields(item.ID[:], (*uint8)(&item.Verdict)); err != nil {
			return item, false, err
		}
		r.window++
		return item, true, check.add(item)
	})
}

func (r *Reader) readSlots() iter.Seq2[dag.SlotChange, error] {
	var check slotsChecker
	return parts(func() (slot dag.SlotChange, more bool, err error) {
		kind, err := r.take(1)
		if err != nil {
			return slot, false, err
		}
		if kind[0] == 0 {
			return slot, false, r.end(&check)
		}
		slot.Index, slot.Key.Kind = uint32(r.slots), settle.SlotKind(kind[0])
		if err := r.fields(slot.Key.ID[:]); err != nil {
			return slot, false, err
		}
		if slot.Content, err = r.bytes(settle.SlotSizeMax); err != nil {
			return slot, false, err
		}
		r.slots++
		return slot, true, check.add(slot)
	})
}

// end checks the state root, the checksum, and that nothing follows.
func (r *Reader) end(slots *slotsChecker) error {
	if err := slots.end(r.heading.final.Checkpoint.State); err != nil {
		return err
	}
	want := r.sum.Sum(nil)
	got, err := r.take(len(want))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: checksum", ErrFormat)
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrFormat)
	}
	r.whole = true
	return nil
}

package dag

import (
	"fmt"

	"joulepay/settle"
	"joulepay/settle/proof"
)

// interval is what changed between two checkpoints: for each slot what it held before, nil for none.
type interval struct {
	before map[uint32][]byte
	tree   proof.Undo
}

func newInterval() interval { return interval{before: make(map[uint32][]byte)} }

// record tells whether this was the slot's first change in the interval.
func (i *interval) record(slot uint32, before []byte) bool {
	if _, ok := i.before[slot]; ok {
		return false
	}
	i.before[slot] = before
	return true
}

// history lets the state be read as it was at a checkpoint.
type history struct {
	started bool
	base    uint64     // number of the oldest checkpoint that can be read
	closed  []interval // closed[n] leads from checkpoint base+n to the next
	open    interval   // since the last checkpoint
}

// close ends the open interval at the checkpoint that was just made. The first checkpoint is as far as one can read.
func (h *history) close(number uint64, undo proof.Undo) {
	if h.started {
		h.open.tree = undo
		h.closed = append(h.closed, h.open)
	} else {
		h.started, h.base = true, number
	}
	h.open = newInterval()
}

// release forgets what is only needed for checkpoints below a number.
func (h *history) release(number uint64) {
	if !h.started || number <= h.base {
		return
	}
	n := min(number-h.base, uint64(len(h.closed)))
	h.closed = h.closed[n:]
	h.base += n
}

// since gives the intervals after a checkpoint, the open one last.
func (h *history) since(number uint64) ([]interval, error) {
	if !h.started || number < h.base || number > h.base+uint64(len(h.closed)) {
		return nil, fmt.Errorf("%w: checkpoint %d", ErrNotRetained, number)
	}
	return append(h.closed[number-h.base:len(h.closed):len(h.closed)], h.open), nil
}

// Release forgets what is only needed to read the state at checkpoints below a number.
func (s *State) Release(number uint64) { s.history.release(number) }

// Retains tells whether the state at a checkpoint can be read.
func (s *State) Retains(number uint64) bool {
	_, err := s.history.since(number)
	return err == nil
}

// ProveSlot gives the content of a slot at a checkpoint and the proof that leads to its state root. It returns
// ErrNotRetained or ErrNoSlot when there is none.
func (s *State) ProveSlot(checkpoint uint64, key settle.SlotKey) ([]byte, proof.Inclusion, error) {
	past, err := s.history.since(checkpoint)
	if err != nil {
		return nil, proof.Inclusion{}, err
	}
	index, ok := s.slots.index[key]
	if !ok {
		return nil, proof.Inclusion{}, fmt.Errorf("%w: %s", ErrNoSlot, key)
	}
	content := s.slots.content[index]
	for _, i := range past {
		if before, changed := i.before[index]; changed {
			content = before
			break
		}
	}
	if content == nil {
		return nil, proof.Inclusion{}, fmt.Errorf("%w: %s at checkpoint %d", ErrNoSlot, key, checkpoint)
	}
	undos := make([]proof.Undo, 0, len(past)-1)
	for _, i := range past[:len(past)-1] { // the tree moves only at checkpoints
		undos = append(undos, i.tree)
	}
	inclusion, err := s.tree.ProveAt(uint64(index), undos)
	return content, inclusion, err
}

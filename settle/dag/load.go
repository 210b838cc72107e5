package dag

import (
	"fmt"

	"joulepay/settle"
	"joulepay/settle/proof"
)

// Snapshot is what a node stored of a State, from which Load makes it again.
type Snapshot struct {
	Genesis  *settle.Vertex
	Head     Head
	Slots    []SlotChange // all, by index
	Recent   []Recent     // the last vertices with a verdict, oldest first; RecentKept of them or all
	Receipts []Receipt    // since the last checkpoint, in order
	Marks    []StoredMark // the last checkpoints, oldest first; MarksKept of them or all
	Final    uint64       // number of the last final checkpoint
}

// Recent is a vertex that may still be a parent or a repetition.
type Recent struct {
	ID       settle.VertexID
	Accepted bool
	Parents  []settle.VertexID
}

// Receipt is a vertex with its verdict.
type Receipt struct {
	ID      settle.VertexID
	Verdict settle.Verdict
}

// StoredMark is a checkpoint, and whether its certificate is in the log.
type StoredMark struct {
	Checkpoint proof.Checkpoint
	Certified  bool
}

// MarksKept is how many checkpoints Load needs.
const MarksKept = marksKept

// RecentKept is how many vertices Load needs.
func RecentKept(l settle.Limits) uint64 { return 2 * uint64(l.ParentWindow) }

// Load makes a State of what was stored. It returns ErrCorrupt when the parts do not fit together.
func Load(snap Snapshot) (*State, error) {
	if len(snap.Marks) == 0 || uint64(len(snap.Recent)) > snap.Head.Decided {
		return nil, fmt.Errorf("%w: no checkpoint or too many vertices", ErrCorrupt)
	}
	beginning, err := New(snap.Genesis)
	if err != nil {
		return nil, err
	}
	s, err := empty(snap.Genesis, snap.Head.Decided-uint64(len(snap.Recent)))
	if err != nil {
		return nil, err
	}
	s.first, s.head = beginning.first, snap.Head
	for _, r := range snap.Recent {
		s.recent.add(decided{r.ID, r.Accepted}, r.Parents)
	}
	for n, r := range snap.Receipts {
		s.receipts = append(s.receipts, proof.Leaf{Index: uint64(n), Hash: proof.ReceiptLeaf(r.ID, r.Verdict)})
	}
	for _, m := range snap.Marks {
		s.marks = append(s.marks, mark{m.Checkpoint.Ref(), m.Certified})
		s.last = m.Checkpoint
	}
	if err := s.loadSlots(snap.Slots); err != nil {
		return nil, err
	}
	return s, s.resumeHistory(snap)
}

// loadSlots fills the table and the tree, and audits I1 over all slots.
func (s *State) loadSlots(slots []SlotChange) error {
	var sum worth
	leaves := make([]proof.Hash, len(slots))
	s.slots = newSlotTable(len(slots))
	for n, slot := range slots {
		if int(slot.Index) != n {
			return fmt.Errorf("%w: slot %d where %d should be", ErrCorrupt, slot.Index, n)
		}
		if err := sum.add(slot.Key, nil, slot.Content); err != nil {
			return err
		}
		sum.effects = sum.effects[:0]
		s.slots.put(slot.Key, slot.Content)
		leaves[n] = proof.SlotLeaf(slot.Key, slot.Content)
	}
	if len(s.slots.keys) != len(slots) {
		return fmt.Errorf("%w: a slot is stored twice", ErrCorrupt)
	}
	if err := sum.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	s.live = sum.live
	for _, e := range sum.expiring {
		s.expiries.push(e)
	}
	s.tree = proof.TreeOf(leaves)
	return nil
}

// resumeHistory makes the last final checkpoint readable when nothing has changed since; otherwise the next checkpoint
// is the first that can be read. A state that is a checkpoint's must lead to its root.
func (s *State) resumeHistory(snap Snapshot) error {
	root := s.tree.Root()
	if !s.head.Changed && root != s.last.State {
		return fmt.Errorf("%w: state root %s, checkpoint %d says %s", ErrCorrupt, root, s.last.Number, s.last.State)
	}
	first := len(snap.Marks)
	for first > 0 && snap.Marks[first-1].Checkpoint.Number >= snap.Final && snap.Marks[first-1].Checkpoint.State == root {
		first--
	}
	for _, m := range snap.Marks[first:] {
		undo, err := s.tree.Update(nil)
		if err != nil {
			return err
		}
		s.history.close(m.Checkpoint.Number, undo)
	}
	return nil
}

// Audit checks I1 over all slots.
func (s *State) Audit() error {
	var sum worth
	for i, key := range s.slots.keys {
		if err := sum.add(key, nil, s.slots.content[i]); err != nil {
			return err
		}
	}
	return sum.check()
}

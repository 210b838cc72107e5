package dag

import (
	"maps"
	"slices"

	"joulepay/settle"
	"joulepay/settle/proof"
)

const (
	// marksAhead is how many checkpoints may wait for their certificates. It bounds the history that is kept when
	// witnesses are missing. Every epoch allows as many more than the one before: a witness that voted before an undo is
	// silent until the numbers have passed its last target, which every earlier epoch kept below this one's limit.
	marksAhead = 8
	// epochMax is where the limit stops growing: nobody renews a stream so often.
	epochMax = 1 << 32
	// marksKept is how far back the target of a certificate may lie.
	marksKept = 64
)

// mark is a checkpoint that the log has made.
type mark struct {
	ref       proof.Ref
	certified bool // the certificate is in the log
}

// applyMark makes the next checkpoint. One that is not the next, or too far ahead of the certificates, changes nothing.
func (s *State) applyMark(e Entry) (Result, error) {
	if e.Mark != s.last.Number+1 || !s.MayMark() {
		return Result{}, nil
	}
	height := s.log(e.ID(), settle.Applied)
	if err := s.checkpoint(e.Mark); err != nil {
		return Result{}, err
	}
	s.marks = append(s.marks, mark{ref: s.last.Ref()})
	if len(s.marks) > marksKept {
		s.marks = s.marks[1:]
	}
	made := s.last
	return Result{Logged: true, Height: height, Checkpoint: &made}, nil
}

// MayMark tells whether the log may make its next checkpoint before another certificate.
func (s *State) MayMark() bool { return s.last.Number < s.MarkMax() }

// MarkMax gives the highest number that a checkpoint can have before another certificate. No witness has voted above it.
func (s *State) MarkMax() uint64 {
	return s.head.Certified + marksAhead*(1+min(s.head.Epoch, epochMax))
}

// checkpoint hashes what changed since the last one and describes the state.
func (s *State) checkpoint(number uint64) error {
	dirty := slices.Sorted(maps.Keys(s.history.open.before))
	leaves := make([]proof.Leaf, len(dirty))
	for n, i := range dirty {
		leaves[n] = proof.Leaf{Index: uint64(i), Hash: proof.SlotLeaf(s.slots.keys[i], s.slots.content[i])}
	}
	undo, err := s.tree.Update(leaves)
	if err != nil {
		return err
	}
	s.history.close(number, undo)
	var receipts proof.Tree
	if _, err := receipts.Update(s.receipts); err != nil {
		return err
	}
	s.receipts, s.head.Changed = nil, false
	var previous proof.Hash
	if number > 0 {
		previous = s.last.Hash()
	}
	s.last = proof.Checkpoint{
		Number: number, Previous: previous, Height: s.head.Height, Log: s.head.Log, State: s.tree.Root(),
		Receipts: receipts.Root(), Time: s.head.Time, Paused: s.head.Paused, Witnesses: s.network.Witnesses.Hash(),
	}
	return nil
}

// applyCertificate moves ledger time. A certificate that is not new, or does not verify, changes nothing. Its source is not
// looked at: it may lie far back, its own certificate may have come too late for the log, and honest witnesses vote from
// nothing but a justified checkpoint of this log.
func (s *State) applyCertificate(e Entry) (Result, error) {
	c := *e.Certificate
	target := s.findMark(c.Target)
	if target == nil || target.ref.Number <= s.head.Certified {
		return Result{}, nil
	}
	if c.Verify(s.network.Witnesses, s.network.ID) != nil {
		return Result{}, nil
	}
	height := s.log(e.ID(), settle.Applied)
	return Result{Logged: true, Height: height}, s.certify(target, c)
}

// certify records that a certificate is in the log.
func (s *State) certify(m *mark, c proof.Certificate) error {
	m.certified = true
	s.head.Certified = m.ref.Number
	return s.advance(c.Time(s.network.Witnesses))
}

func (s *State) findMark(r proof.Ref) *mark {
	for i := range s.marks {
		if s.marks[i].ref == r {
			return &s.marks[i]
		}
	}
	return nil
}

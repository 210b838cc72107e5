package dag

import (
	"fmt"

	"joulepay/settle"
	"joulepay/settle/proof"
)

// Finality collects votes for the checkpoints that this node's log makes, in two phases: a checkpoint is justified
// when more than two thirds of the weight votes for it from a justified one, and final when its direct child is
// justified from it. It also says what this node's own witness may vote without ever contradicting itself.
type Finality struct {
	network   *proof.Network
	marked    map[uint64]proof.Checkpoint // of this log, from the last final one on
	newest    uint64
	votes     map[uint64]map[uint8]proof.SignedVote // by target number, for targets above the justified one
	justified proof.Checkpoint                      // the highest
	by        map[uint64]proof.Certificate          // what justifies checkpoints of this log; none for the start
	final     proof.Final                           // its certificate is empty for the genesis
	last      *proof.Vote                           // own, or nil
	silentTo  uint64                                // no own vote for a number up to this
}

// votesAhead bounds for how many checkpoints beyond the newest one votes are kept.
const votesAhead = 2 * marksAhead

// NewFinality starts from a checkpoint that is final, with the proof of it. The genesis checkpoint needs none. last
// is the last vote that this node's witness stored, or nil.
func NewFinality(network *proof.Network, final proof.Final, last *proof.Vote) *Finality {
	c := final.Checkpoint
	return &Finality{
		network: network, marked: map[uint64]proof.Checkpoint{c.Number: c}, newest: c.Number,
		votes: map[uint64]map[uint8]proof.SignedVote{}, by: map[uint64]proof.Certificate{},
		justified: c, final: final, last: last,
	}
}

// Justified gives the highest justified checkpoint.
func (f *Finality) Justified() proof.Checkpoint { return f.justified }

// JustifiedBy gives the certificate of the highest justified checkpoint; false when it was the start.
func (f *Finality) JustifiedBy() (proof.Certificate, bool) {
	c, ok := f.by[f.justified.Number]
	return c, ok
}

// Certificates gives those of justified checkpoints above a number, in order.
func (f *Finality) Certificates(above uint64) []proof.Certificate {
	var out []proof.Certificate
	for n := max(above, f.final.Checkpoint.Number) + 1; n <= f.justified.Number; n++ {
		if c, ok := f.by[n]; ok {
			out = append(out, c)
		}
	}
	return out
}

// Final gives the highest final checkpoint with its proof.
func (f *Finality) Final() proof.Final { return f.final }

// Marked gives a checkpoint of this log that is final or later.
func (f *Finality) Marked(number uint64) (proof.Checkpoint, bool) {
	c, ok := f.marked[number]
	return c, ok
}

// Mark records a checkpoint that the log has made, and gives a certificate when votes for it were waiting.
func (f *Finality) Mark(c proof.Checkpoint) *proof.Certificate {
	f.marked[c.Number] = c
	f.newest = max(f.newest, c.Number)
	return f.count(c.Number)
}

// Contradiction is the error of two votes of one witness that contradict each other.
type Contradiction struct{ Evidence proof.Evidence }

// Error implements error.
func (c *Contradiction) Error() string {
	return fmt.Sprintf("%v: witness %d contradicts itself", proof.ErrVote, c.Evidence.Witness())
}

// Unwrap implements errors.Unwrap: proof.ErrVote.
func (c *Contradiction) Unwrap() error { return proof.ErrVote }

// Vote takes a witness's vote, and gives a certificate when with it the target is justified. A vote for a checkpoint
// that this log does not have is kept as long as it may yet come; one that contradicts an earlier vote of the same
// witness is refused with a *Contradiction.
func (f *Finality) Vote(v proof.SignedVote) (*proof.Certificate, error) {
	n := v.Vote.Target.Number
	if n <= f.justified.Number || n > f.newest+votesAhead {
		return nil, nil
	}
	if before, repeated := f.votes[n][v.Witness]; repeated && before.Vote == v.Vote {
		return nil, nil
	}
	if err := v.Verify(f.network.Witnesses, f.network.ID); err != nil {
		return nil, err
	}
	for _, byWitness := range f.votes {
		if before, ok := byWitness[v.Witness]; ok && before.Vote.Conflicts(v.Vote) {
			e, err := proof.NewEvidence(before, v)
			if err != nil {
				return nil, err
			}
			return nil, &Contradiction{e}
		}
	}
	if f.votes[n] == nil {
		f.votes[n] = map[uint8]proof.SignedVote{}
	}
	if _, repeated := f.votes[n][v.Witness]; repeated {
		return nil, nil
	}
	f.votes[n][v.Witness] = v
	return f.count(n), nil
}

// count gives a certificate when the votes for our checkpoint, from one source, are enough. That this node knows the
// source to be justified is not needed, and it may never hear of it: honest witnesses vote from nothing else.
func (f *Finality) count(number uint64) *proof.Certificate {
	target, ok := f.marked[number]
	if !ok || number <= f.justified.Number {
		return nil
	}
	bySource := map[proof.Ref][]proof.SignedVote{}
	for _, v := range f.votes[number] {
		if v.Vote.Target == target.Ref() {
			bySource[v.Vote.Source] = append(bySource[v.Vote.Source], v)
		}
	}
	for _, votes := range bySource { // at most one of them is enough: a witness has one vote for a number
		if c := proof.NewCertificate(votes); c.Enough(f.network.Witnesses) {
			f.justify(target, c)
			return &c
		}
	}
	return nil
}

// Certified takes a certificate that verified. One for another log, or an old one, changes nothing.
func (f *Finality) Certified(c proof.Certificate) {
	target, ok := f.marked[c.Target.Number]
	switch {
	case !ok || target.Ref() != c.Target:
	case c.Target.Number > f.justified.Number:
		f.justify(target, c)
	case c.Target.Number == f.final.Checkpoint.Number: // where this began; an incarnation may have to go on from there
		f.by[c.Target.Number] = c
	}
}

func (f *Finality) justify(target proof.Checkpoint, c proof.Certificate) {
	f.by[target.Number] = c
	if parent, ok := f.marked[target.Number-1]; ok && c.Source == parent.Ref() && parent.Number >= f.final.Checkpoint.Number {
		f.final = proof.Final{Checkpoint: parent, Certificate: c}
	}
	f.justified = target
	for n := range f.marked {
		if n < f.final.Checkpoint.Number {
			delete(f.marked, n)
			delete(f.by, n)
		}
	}
	for n := range f.votes {
		if n <= target.Number {
			delete(f.votes, n)
		}
	}
}

// Forgot says that this node's witness may have voted for numbers up to one, and has no record of it: it lost its store.
// It votes for none of them, lest it contradict itself.
func (f *Finality) Forgot(upTo uint64) { f.silentTo = max(f.silentTo, upTo) }

// Voted tells whether this node's witness has a record of a vote.
func (f *Finality) Voted() bool { return f.last != nil }

// NextVote gives the vote that this node's witness may sign now: for the newest checkpoint, from the justified one,
// and above everything that it signed before, so that no two votes share a target number and none surrounds another.
// The caller makes the vote durable before it leaves the machine.
func (f *Finality) NextVote(now settle.LedgerTime) (proof.Vote, bool) {
	target := f.marked[f.newest]
	if target.Number <= f.justified.Number {
		return proof.Vote{}, false
	}
	if target.Number <= f.silentTo || f.last != nil && (target.Number <= f.last.Target.Number || f.justified.Number < f.last.Source.Number) {
		return proof.Vote{}, false
	}
	v := proof.Vote{Source: f.justified.Ref(), Target: target.Ref(), Time: now}
	f.last = &v
	return v, true
}

// Open tells whether this node's last vote is for a checkpoint that is not justified yet, so that it is worth sending
// again.
func (f *Finality) Open() bool { return f.last != nil && f.last.Target.Number > f.justified.Number }

// Waiting tells whether there are votes for what is not justified here.
func (f *Finality) Waiting() bool { return len(f.votes) > 0 }

// Disputed tells whether an honest witness voted, since a time, for another checkpoint of a number that this log has: then
// the logs of honest nodes differ. Of two sides of a fork, one at least sees so much weight on the other.
func (f *Finality) Disputed(since settle.LedgerTime) bool {
	against := map[uint8]uint64{}
	for n, votes := range f.votes {
		ours, ok := f.marked[n]
		for witness, v := range votes {
			if ok && v.Vote.Target != ours.Ref() && v.Vote.Time >= since {
				against[witness] = uint64(f.network.Genesis.Witnesses[witness].Weight)
			}
		}
	}
	var weight uint64
	for _, w := range against {
		weight += w
	}
	return f.network.Witnesses.Honest(weight)
}

// Silent tells whether this node's witness may not vote because it voted on another branch up to here, or may have.
func (f *Finality) Silent() bool {
	if f.newest <= f.silentTo {
		return true
	}
	return f.last != nil && f.last.Target.Number >= f.newest && f.last.Target != f.marked[f.newest].Ref()
}

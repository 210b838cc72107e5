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
	marked    map[uint64]proof.Checkpoint // from the last final one on
	newest    uint64
	votes     map[uint64]map[uint8]proof.SignedVote // by target number, for targets that are not justified
	justified proof.Checkpoint
	by        *proof.Certificate // that justifies it; nil at the start
	final     proof.Final        // its certificate is empty for the genesis
	last      *proof.Vote        // own, or nil
}

// votesAhead bounds for how many checkpoints beyond the newest one votes are kept.
const votesAhead = marksAhead

// NewFinality starts from a checkpoint that is final, with the proof of it. The genesis checkpoint needs none. last
// is the last vote that this node's witness stored, or nil.
func NewFinality(network *proof.Network, final proof.Final, last *proof.Vote) *Finality {
	c := final.Checkpoint
	return &Finality{
		network: network, marked: map[uint64]proof.Checkpoint{c.Number: c}, newest: c.Number,
		votes: map[uint64]map[uint8]proof.SignedVote{}, justified: c, final: final, last: last,
	}
}

// Justified gives the highest justified checkpoint.
func (f *Finality) Justified() proof.Checkpoint { return f.justified }

// JustifiedBy gives the certificate of the highest justified checkpoint, or nil when it was the start.
func (f *Finality) JustifiedBy() *proof.Certificate { return f.by }

// Final gives the highest final checkpoint with its proof.
func (f *Finality) Final() proof.Final { return f.final }

// Mark records a checkpoint that the log has made, and gives a certificate when votes for it were waiting.
func (f *Finality) Mark(c proof.Checkpoint) *proof.Certificate {
	f.marked[c.Number] = c
	f.newest = max(f.newest, c.Number)
	return f.count(c.Number)
}

// Vote takes a witness's vote, and gives a certificate when with it the target is justified. A vote for a checkpoint
// that this log does not have is kept as long as it may yet come; one that contradicts an earlier vote of the same
// witness is refused with proof.ErrVote.
func (f *Finality) Vote(v proof.SignedVote) (*proof.Certificate, error) {
	n := v.Vote.Target.Number
	if n <= f.justified.Number || n > f.newest+votesAhead {
		return nil, nil
	}
	if err := v.Verify(f.network.Witnesses, f.network.ID); err != nil {
		return nil, err
	}
	for _, byWitness := range f.votes {
		if before, ok := byWitness[v.Witness]; ok && before.Vote.Conflicts(v.Vote) {
			return nil, fmt.Errorf("%w: witness %d contradicts itself at checkpoint %d", proof.ErrVote, v.Witness, n)
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

// count gives a certificate when the votes for our checkpoint, from one justified source, are enough.
func (f *Finality) count(number uint64) *proof.Certificate {
	target, ok := f.marked[number]
	if !ok || number <= f.justified.Number {
		return nil
	}
	want := proof.Vote{Source: f.justified.Ref(), Target: target.Ref()}
	var agreeing []proof.SignedVote
	for _, v := range f.votes[number] {
		if v.Vote.Source == want.Source && v.Vote.Target == want.Target {
			agreeing = append(agreeing, v)
		}
	}
	if len(agreeing) == 0 {
		return nil
	}
	c := proof.NewCertificate(agreeing)
	if !c.Enough(f.network.Witnesses) {
		return nil
	}
	f.justify(target, c)
	return &c
}

// Certified takes a certificate from the log or from storage. One for another log, or an old one, changes nothing.
func (f *Finality) Certified(c proof.Certificate) {
	target, ok := f.marked[c.Target.Number]
	if ok && target.Ref() == c.Target && c.Source == f.justified.Ref() && c.Target.Number > f.justified.Number {
		f.justify(target, c)
	}
}

func (f *Finality) justify(target proof.Checkpoint, c proof.Certificate) {
	if target.Number == f.justified.Number+1 {
		f.final = proof.Final{Checkpoint: f.justified, Certificate: c}
	}
	f.justified, f.by = target, &c
	for n := range f.marked {
		if n < f.final.Checkpoint.Number {
			delete(f.marked, n)
		}
	}
	for n := range f.votes {
		if n <= target.Number {
			delete(f.votes, n)
		}
	}
}

// NextVote gives the vote that this node's witness may sign now: for the newest checkpoint, from the justified one,
// and above everything that it signed before, so that no two votes share a target number and none surrounds another.
// The caller makes the vote durable before it leaves the machine.
func (f *Finality) NextVote(now settle.LedgerTime) (proof.Vote, bool) {
	target := f.marked[f.newest]
	if target.Number <= f.justified.Number {
		return proof.Vote{}, false
	}
	if f.last != nil && (target.Number <= f.last.Target.Number || f.justified.Number < f.last.Source.Number) {
		return proof.Vote{}, false
	}
	v := proof.Vote{Source: f.justified.Ref(), Target: target.Ref(), Time: now}
	f.last = &v
	return v, true
}

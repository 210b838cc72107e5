package proof

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"joulepay/internal/layout"
	"joulepay/settle"
	"joulepay/wallet"
)

// ErrEvidence means that two votes do not show that a witness contradicted itself.
var ErrEvidence = errors.New("proof: the votes contradict nothing")

// Evidence is two votes of one witness that contradict each other. No honest witness signs both, so whoever verifies
// it knows who lied, and needs only the genesis for that.
type Evidence struct {
	first, second SignedVote // in the order of before
}

// NewEvidence puts two contradicting votes of one witness together, in either order. It checks no signature.
func NewEvidence(a, b SignedVote) (Evidence, error) {
	if a.Witness != b.Witness {
		return Evidence{}, fmt.Errorf("%w: of witnesses %d and %d", ErrEvidence, a.Witness, b.Witness)
	}
	if !a.Vote.Conflicts(b.Vote) {
		return Evidence{}, fmt.Errorf("%w: %d to %d and %d to %d", ErrEvidence, a.Vote.Source.Number, a.Vote.Target.Number,
			b.Vote.Source.Number, b.Vote.Target.Number)
	}
	if !a.before(b) {
		a, b = b, a
	}
	return Evidence{a, b}, nil
}

// before orders the two votes of an evidence, so that it has one encoding.
func (v SignedVote) before(w SignedVote) bool { return bytes.Compare(v.Encode(), w.Encode()) < 0 }

// Witness gives the place of the witness that contradicted itself.
func (e Evidence) Witness() uint8 { return e.first.Witness }

// Votes gives the two votes.
func (e Evidence) Votes() [2]SignedVote { return [2]SignedVote{e.first, e.second} }

// Verify checks that the witness signed both votes.
func (e Evidence) Verify(n *Network) error {
	if _, err := NewEvidence(e.first, e.second); err != nil { // of the zero value
		return err
	}
	for _, v := range e.Votes() {
		if err := v.Verify(n.Witnesses, n.ID); err != nil {
			return err
		}
	}
	return nil
}

const evidenceVersion = 1

// EvidenceSize is the length in bytes of the canonical layout.
const EvidenceSize = 1 + 2*signedVoteSize

// signedVoteSize is the length in bytes of a signed vote: version, source, target, time, witness, signature.
const signedVoteSize = 1 + 2*(8+32) + 8 + 1 + wallet.SignatureSize

// Encode gives the canonical bytes.
func (e Evidence) Encode() []byte {
	return append(append([]byte{evidenceVersion}, e.first.Encode()...), e.second.Encode()...)
}

func readSignedVote(r *layout.Reader) SignedVote {
	v := SignedVote{Vote: readVote(r), Witness: r.Uint8()}
	r.Fixed(v.Signature[:])
	return v
}

// DecodeEvidence reads what Encode gives. It checks that the votes contradict each other, not the signatures.
func DecodeEvidence(raw []byte) (Evidence, error) {
	r := layout.NewReader(raw)
	r.Version(evidenceVersion)
	a, b := readSignedVote(r), readSignedVote(r)
	if err := r.Close(); err != nil {
		return Evidence{}, fmt.Errorf("%w: evidence: %w", settle.ErrEncoding, err)
	}
	e, err := NewEvidence(a, b)
	if err != nil {
		return Evidence{}, err
	}
	if e.first != a {
		return Evidence{}, fmt.Errorf("%w: evidence: votes are not in order", settle.ErrEncoding)
	}
	return e, nil
}

// Culprits gives evidence against every witness whose votes in these certificates contradict each other, rising by
// witness. Certificates that do not verify are ignored, so nobody is named who did not sign.
//
// Given all certificates that lead to two final checkpoints of which none comes before the other, the witnesses named have more
// than a third of the weight: the lower one's certificate and one that leads past it on the other side contradict each
// other, and each has more than two thirds.
func Culprits(n *Network, certificates []Certificate) []Evidence {
	var good []Certificate
	for _, c := range certificates {
		if c.Verify(n.Witnesses, n.ID) == nil {
			good = append(good, c)
		}
	}
	found := map[uint8]Evidence{}
	for i, a := range good {
		for _, b := range good[:i] {
			if a.vote().Conflicts(b.vote()) {
				blame(found, a, b)
			}
		}
	}
	var out []Evidence
	for _, e := range found {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Evidence) int { return cmp.Compare(a.Witness(), b.Witness()) })
	return out
}

// blame records evidence against who signed both of two contradicting certificates.
func blame(found map[uint8]Evidence, a, b Certificate) {
	signed := map[uint8]SignedVote{}
	for _, v := range a.SignedVotes() {
		signed[v.Witness] = v
	}
	for _, v := range b.SignedVotes() {
		if _, named := found[v.Witness]; named {
			continue
		}
		if other, both := signed[v.Witness]; both {
			if e, err := NewEvidence(other, v); err == nil {
				found[v.Witness] = e
			}
		}
	}
}

// vote gives what all votes of the certificate say.
func (c Certificate) vote() Vote { return Vote{Source: c.Source, Target: c.Target} }

// SignedVotes gives the votes as their witnesses signed them.
func (c Certificate) SignedVotes() []SignedVote {
	votes := make([]SignedVote, len(c.Votes))
	for i, v := range c.Votes {
		votes[i] = SignedVote{Vote{c.Source, c.Target, v.Time}, v.Witness, v.Signature}
	}
	return votes
}

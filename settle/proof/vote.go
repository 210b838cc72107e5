package proof

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"joulepay/internal/layout"
	"joulepay/settle"
	"joulepay/wallet"
)

// Errors of votes and certificates.
var (
	ErrUnknownWitness = errors.New("proof: not a witness of this network")
	ErrVote           = errors.New("proof: vote can never count")
	ErrWeight         = errors.New("proof: not more than two thirds of the weight")
	ErrNotFinal       = errors.New("proof: certificate does not make the checkpoint final")
	ErrNotJustified   = errors.New("proof: certificate does not justify the checkpoint")
)

// WitnessSet is who certifies, and with how much weight.
type WitnessSet struct {
	witnesses []settle.Witness
	verifiers []*wallet.Verifier
	index     map[wallet.PublicKey]int
	total     uint64
	hash      Hash
}

// NewWitnessSet prepares the witnesses of a checked genesis.
func NewWitnessSet(witnesses []settle.Witness) (*WitnessSet, error) {
	s := &WitnessSet{witnesses: slices.Clone(witnesses), index: make(map[wallet.PublicKey]int, len(witnesses))}
	for i, w := range s.witnesses {
		v, err := wallet.NewVerifier(w.Key)
		if err != nil {
			return nil, err
		}
		s.verifiers = append(s.verifiers, v)
		s.index[w.Key] = i
		s.total += uint64(w.Weight)
	}
	s.hash = sha256.Sum256(settle.AppendWitnesses([]byte("joulepay/witnesses\x00"), s.witnesses))
	return s, nil
}

// Len gives the number of witnesses.
func (s *WitnessSet) Len() int { return len(s.witnesses) }

// Hash names the set.
func (s *WitnessSet) Hash() Hash { return s.hash }

// Index gives the place of the witness that votes with a key.
func (s *WitnessSet) Index(key wallet.PublicKey) (int, bool) {
	i, ok := s.index[key]
	return i, ok
}

// Supermajority tells whether a weight is more than two thirds of the whole.
func (s *WitnessSet) Supermajority(weight uint64) bool { return 3*weight > 2*s.total }

// Honest tells whether some of a weight must be honest when less than a third of the whole lies.
func (s *WitnessSet) Honest(weight uint64) bool { return 3*weight >= s.total }

// Decides tells whether the witness that votes with a key has more than two thirds of the weight.
func (s *WitnessSet) Decides(key wallet.PublicKey) bool {
	i, ok := s.index[key]
	return ok && s.Supermajority(uint64(s.witnesses[i].Weight))
}

// Vote says: "from source, which is justified, I go on to target; my clock says Time".
type Vote struct {
	Source Ref
	Target Ref
	Time   settle.LedgerTime
}

const voteVersion = 1

// Encode gives the canonical layout; it is signed under wallet.DomainVote.
func (v Vote) Encode() []byte {
	return layout.AppendInt64(v.Target.appendTo(v.Source.appendTo([]byte{voteVersion})), int64(v.Time))
}

func readVote(r *layout.Reader) Vote {
	r.Version(voteVersion)
	return Vote{Source: readRef(r), Target: readRef(r), Time: settle.LedgerTime(r.Int64())}
}

// SignedVote is a vote with its witness, by place in the set, and signature.
type SignedVote struct {
	Vote      Vote
	Witness   uint8
	Signature wallet.Signature
}

// SignVote signs with a witness's key.
func (s *WitnessSet) SignVote(v Vote, network wallet.NetworkID, key wallet.PrivateKey) (SignedVote, error) {
	i, ok := s.Index(key.Public())
	if !ok {
		return SignedVote{}, fmt.Errorf("%w: key %s", ErrUnknownWitness, key.Public())
	}
	return SignedVote{Vote: v, Witness: uint8(i), Signature: key.Sign(wallet.DomainVote, network, v.Encode())}, nil
}

// Verify checks the signature, and that the target comes after the source.
func (v SignedVote) Verify(s *WitnessSet, network wallet.NetworkID) error {
	if int(v.Witness) >= s.Len() {
		return fmt.Errorf("%w: number %d of %d", ErrUnknownWitness, v.Witness, s.Len())
	}
	if v.Vote.Source.Number >= v.Vote.Target.Number {
		return fmt.Errorf("%w: from checkpoint %d to %d", ErrVote, v.Vote.Source.Number, v.Vote.Target.Number)
	}
	return s.verifiers[v.Witness].Verify(wallet.DomainVote, network, v.Vote.Encode(), v.Signature)
}

// Encode gives the canonical bytes.
func (v SignedVote) Encode() []byte {
	return append(append(v.Vote.Encode(), v.Witness), v.Signature[:]...)
}

// DecodeSignedVote reads what Encode gives. It checks the form, not the signature.
func DecodeSignedVote(raw []byte) (SignedVote, error) {
	r := layout.NewReader(raw)
	v := readSignedVote(r)
	if err := r.Close(); err != nil {
		return SignedVote{}, fmt.Errorf("%w: vote: %w", settle.ErrEncoding, err)
	}
	return v, nil
}

// Conflicts tells whether one witness that signed both broke the rules of finality: two votes for one target number,
// or one whose span surrounds the other's. The two votes are the evidence.
func (v Vote) Conflicts(w Vote) bool {
	if v.Target.Number == w.Target.Number {
		return v.Target != w.Target || v.Source != w.Source
	}
	return v.surrounds(w) || w.surrounds(v)
}

func (v Vote) surrounds(w Vote) bool {
	return v.Source.Number < w.Source.Number && w.Target.Number < v.Target.Number
}

// Certificate is votes of more than two thirds of the weight for one step from source to target.
type Certificate struct {
	Source Ref
	Target Ref
	Votes  []CertificateVote // rising by witness
}

// CertificateVote is what a certificate keeps of a vote.
type CertificateVote struct {
	Witness   uint8
	Time      settle.LedgerTime
	Signature wallet.Signature
}

const certificateVersion = 1

// NewCertificate collects votes that agree on source and target.
func NewCertificate(votes []SignedVote) Certificate {
	c := Certificate{Source: votes[0].Vote.Source, Target: votes[0].Vote.Target}
	for _, v := range votes {
		c.Votes = append(c.Votes, CertificateVote{v.Witness, v.Vote.Time, v.Signature})
	}
	slices.SortFunc(c.Votes, func(a, b CertificateVote) int { return cmp.Compare(a.Witness, b.Witness) })
	return c
}

// Enough tells whether the witnesses have more than two thirds of the weight, their signatures being checked already.
func (c Certificate) Enough(s *WitnessSet) bool {
	var weight uint64
	for _, v := range c.Votes {
		weight += uint64(s.witnesses[v.Witness].Weight)
	}
	return s.Supermajority(weight)
}

// Verify checks every signature and the weight.
func (c Certificate) Verify(s *WitnessSet, network wallet.NetworkID) error {
	for i, v := range c.Votes {
		if i > 0 && c.Votes[i-1].Witness >= v.Witness {
			return fmt.Errorf("%w: witnesses do not rise", ErrVote)
		}
		signed := SignedVote{Vote{c.Source, c.Target, v.Time}, v.Witness, v.Signature}
		if err := signed.Verify(s, network); err != nil {
			return err
		}
	}
	if !c.Enough(s) {
		return fmt.Errorf("%w: %d votes", ErrWeight, len(c.Votes))
	}
	return nil
}

// Time gives the weighted median of the votes' times: less than half of the weight can neither hurry nor delay it.
// Ties go to the earlier.
func (c Certificate) Time(s *WitnessSet) settle.LedgerTime {
	votes := slices.Clone(c.Votes)
	slices.SortFunc(votes, func(a, b CertificateVote) int { return cmp.Compare(a.Time, b.Time) })
	var weight, seen uint64
	for _, v := range votes {
		weight += uint64(s.witnesses[v.Witness].Weight)
	}
	for _, v := range votes {
		if seen += uint64(s.witnesses[v.Witness].Weight); 2*seen >= weight {
			return v.Time
		}
	}
	return 0
}

// Encode gives the canonical bytes.
func (c Certificate) Encode() []byte {
	b := c.Target.appendTo(c.Source.appendTo([]byte{certificateVersion}))
	b = append(b, byte(len(c.Votes)))
	for _, v := range c.Votes {
		b = append(b, v.Witness)
		b = layout.AppendInt64(b, int64(v.Time))
		b = append(b, v.Signature[:]...)
	}
	return b
}

// DecodeCertificate reads what Encode gives. It checks the form, not the signatures.
func DecodeCertificate(raw []byte) (Certificate, error) {
	r := layout.NewReader(raw)
	c := readCertificate(r)
	if err := r.Close(); err != nil {
		return Certificate{}, fmt.Errorf("%w: certificate: %w", settle.ErrEncoding, err)
	}
	return c, nil
}

func readCertificate(r *layout.Reader) Certificate {
	r.Version(certificateVersion)
	c := Certificate{Source: readRef(r), Target: readRef(r)}
	n := int(r.Uint8())
	if n > settle.WitnessesMax {
		r.Fail(fmt.Errorf("%w: %d votes, at most %d", layout.ErrTooLong, n, settle.WitnessesMax))
	}
	for i := 0; i < n && r.Err() == nil; i++ {
		v := CertificateVote{Witness: r.Uint8(), Time: settle.LedgerTime(r.Int64())}
		r.Fixed(v.Signature[:])
		c.Votes = append(c.Votes, v)
	}
	return c
}

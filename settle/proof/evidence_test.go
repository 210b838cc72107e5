package proof_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// council is a network of several witnesses with their keys, by place.
type council struct {
	*proof.Network
	keys []wallet.PrivateKey
}

func newCouncil(weights []uint32) (council, error) {
	var c council
	g := settle.Genesis{
		Name: "council", Currency: money.Currency{'E', 'U', 'R'}, Time: time.Unix(1, 0).UTC(), Limits: settle.DefaultLimits(),
		Issuers: []settle.Issuer{{DID: account, Cap: 1}},
	}
	byKey := map[wallet.PublicKey]wallet.PrivateKey{}
	for i, weight := range weights {
		key := wallet.NewPrivateKey([32]byte{50, byte(i)})
		byKey[key.Public()] = key
		g.Witnesses = append(g.Witnesses, settle.Witness{DID: wallet.DIDOf(key.Public()), Key: key.Public(), Weight: weight})
	}
	settle.SortWitnesses(g.Witnesses)
	for _, w := range g.Witnesses {
		c.keys = append(c.keys, byKey[w.Key])
	}
	genesis, err := settle.NewGenesis(g)
	if err != nil {
		return c, err
	}
	c.Network, err = proof.NewNetwork(genesis)
	return c, err
}

func (c council) sign(t interface{ Fatal(...any) }, witness int, v proof.Vote) proof.SignedVote {
	signed, err := c.Witnesses.SignVote(v, c.ID, c.keys[witness])
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// weight gives the weight of a witness.
func (c council) weight(witness int) uint64 { return uint64(c.Genesis.Witnesses[witness].Weight) }

// ref names a checkpoint of a branch.
func ref(branch byte, number uint64) proof.Ref {
	return proof.Ref{Number: number, Hash: proof.Hash{branch, byte(number)}}
}

func vote(source, target proof.Ref) proof.Vote {
	return proof.Vote{Source: source, Target: target, Time: 7}
}

func TestTwoContradictingVotesAreEvidence(t *testing.T) {
	c, err := newCouncil([]uint32{1, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	later := vote(ref(0, 0), ref(0, 1))
	later.Time++
	for name, test := range map[string]struct {
		a, b proof.Vote
		want error
	}{
		"double vote":     {vote(ref(0, 0), ref(0, 2)), vote(ref(0, 0), ref(1, 2)), nil},
		"other source":    {vote(ref(0, 0), ref(0, 3)), vote(ref(0, 1), ref(0, 3)), nil},
		"surround":        {vote(ref(0, 1), ref(0, 2)), vote(ref(0, 0), ref(1, 3)), nil},
		"one after other": {vote(ref(0, 0), ref(0, 1)), vote(ref(0, 1), ref(0, 2)), proof.ErrEvidence},
		"same source":     {vote(ref(0, 0), ref(0, 1)), vote(ref(0, 0), ref(1, 2)), proof.ErrEvidence},
		"only time":       {vote(ref(0, 0), ref(0, 1)), later, proof.ErrEvidence},
		"the same":        {vote(ref(0, 0), ref(0, 1)), vote(ref(0, 0), ref(0, 1)), proof.ErrEvidence},
	} {
		a, b := c.sign(t, 2, test.a), c.sign(t, 2, test.b)
		e, err := proof.NewEvidence(a, b)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if test.want != nil {
			continue
		}
		swapped, err := proof.NewEvidence(b, a)
		if err != nil || swapped != e || e.Witness() != 2 {
			t.Errorf("%s: depends on the order, or names witness %d: %v", name, e.Witness(), err)
		}
		again, err := proof.DecodeEvidence(e.Encode())
		if err != nil || again != e || again.Verify(c.Network) != nil {
			t.Errorf("%s: decodes to something else: %v, %v", name, err, again.Verify(c.Network))
		}
		if len(e.Encode()) != proof.EvidenceSize {
			t.Errorf("%d bytes", len(e.Encode()))
		}
	}
	if _, err := proof.NewEvidence(c.sign(t, 0, vote(ref(0, 0), ref(0, 1))), c.sign(t, 1, vote(ref(0, 0), ref(1, 1)))); !errors.Is(err, proof.ErrEvidence) {
		t.Errorf("two witnesses that disagree are evidence: %v", err)
	}
}

func TestLiarsWhoLeadPastAFinalCheckpointAreNamed(t *testing.T) {
	c, err := newCouncil([]uint32{1, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	certify := func(source, target proof.Ref, witnesses ...int) proof.Certificate {
		var votes []proof.SignedVote
		for _, w := range witnesses {
			votes = append(votes, c.sign(t, w, vote(source, target)))
		}
		return proof.NewCertificate(votes)
	}
	found := proof.Culprits(c.Network, []proof.Certificate{
		certify(ref(0, 0), ref(0, 1), 0, 1, 2),
		certify(ref(0, 1), ref(0, 2), 0, 1, 2), // 1 is final
		certify(ref(0, 0), ref(1, 3), 1, 2, 3), // no number twice, and yet past it
		certify(ref(1, 3), ref(1, 4), 1, 2, 3), // 3 of the other branch is final
	})
	if len(found) != 2 || found[0].Witness() != 1 || found[1].Witness() != 2 {
		t.Errorf("evidence against %d witnesses", len(found))
	}
}

func TestForgedEvidenceNamesNobody(t *testing.T) {
	c, err := newCouncil([]uint32{1, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	signed := c.sign(t, 0, vote(ref(0, 0), ref(0, 1)))
	forged := signed
	forged.Vote.Target = ref(1, 1)
	stranger := func(v proof.SignedVote) proof.SignedVote { v.Witness = 4; return v }
	for name, test := range map[string]struct {
		a, b proof.SignedVote
		want error
	}{
		"one vote forged": {signed, forged, wallet.ErrSignature},
		"of a stranger":   {stranger(signed), stranger(forged), proof.ErrUnknownWitness},
	} {
		e, err := proof.NewEvidence(test.a, test.b)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Verify(c.Network); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (proof.Evidence{}).Verify(c.Network); !errors.Is(err, proof.ErrEvidence) {
		t.Errorf("nothing is evidence: %v", err)
	}
	certificate := proof.NewCertificate([]proof.SignedVote{signed, forged})
	if found := proof.Culprits(c.Network, []proof.Certificate{certificate, certificate}); found != nil {
		t.Errorf("certificates that do not verify name %v", found)
	}
}

func FuzzDecodeEvidence(f *testing.F) {
	c, err := newCouncil([]uint32{1, 1})
	if err != nil {
		f.Fatal(err)
	}
	e, err := proof.NewEvidence(c.sign(f, 1, vote(ref(0, 0), ref(0, 3))), c.sign(f, 1, vote(ref(0, 1), ref(1, 2))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.Encode())
	f.Add(e.Encode()[:100])
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := proof.DecodeEvidence(raw)
		if err == nil && !bytes.Equal(e.Encode(), raw) {
			t.Fatal("encodes to other bytes")
		}
		_ = e.Verify(c.Network) // never panics
	})
}

// schism is a council on a log that forks after a common part. Honest witnesses keep the rules wherever they are;
// liars vote for whatever helps.
type schism struct {
	council
	fork    uint64 // number of the last common checkpoint
	lies    []bool // by witness
	at      []byte // which branch each honest witness sees
	last    []proof.Vote
	voted   []bool
	tips    [2]proof.Ref // highest justified of each branch
	finals  [2]proof.Ref // highest final of each branch
	certain []proof.Certificate
}

func drawSchism(t *rapid.T) *schism {
	weights := rapid.SliceOfN(rapid.Uint32Range(1, 9), 3, 8).Draw(t, "weights")
	c, err := newCouncil(weights)
	if err != nil {
		t.Fatal(err)
	}
	n := len(weights)
	s := &schism{
		council: c, fork: rapid.Uint64Range(0, 2).Draw(t, "fork"), lies: make([]bool, n), at: make([]byte, n),
		last: make([]proof.Vote, n), voted: make([]bool, n),
	}
	for i := range n {
		s.lies[i] = rapid.Bool().Draw(t, "lies")
		s.at[i] = byte(rapid.IntRange(0, 1).Draw(t, "branch"))
	}
	s.tips = [2]proof.Ref{s.ref(0, 0), s.ref(1, 0)}
	s.finals = s.tips
	return s
}

func (s *schism) ref(branch byte, number uint64) proof.Ref {
	if number <= s.fork {
		branch = 0
	}
	return ref(branch, number)
}

// may tells whether an honest witness may sign a vote.
func (s *schism) may(witness int, v proof.Vote) bool {
	last := s.last[witness]
	return !s.voted[witness] || last.Target.Number < v.Target.Number && last.Source.Number <= v.Source.Number
}

// step lets all who see a branch, and all liars, vote for a checkpoint ahead of it.
func (s *schism) step(t *rapid.T) {
	branch := byte(rapid.IntRange(0, 1).Draw(t, "where"))
	source := s.tips[branch]
	v := vote(source, s.ref(branch, source.Number+rapid.Uint64Range(1, 3).Draw(t, "ahead")))
	var votes []proof.SignedVote
	var weight uint64
	for i := range s.keys {
		if !s.lies[i] && (s.at[i] != branch || !s.may(i, v)) {
			continue
		}
		if !s.lies[i] {
			s.last[i], s.voted[i] = v, true
		}
		votes = append(votes, s.sign(t, i, v))
		weight += s.weight(i)
	}
	if !s.Witnesses.Supermajority(weight) {
		return
	}
	s.certain = append(s.certain, proof.NewCertificate(votes))
	for b := range s.tips {
		if s.tips[b] == source && s.ref(byte(b), v.Target.Number) == v.Target {
			s.tips[b] = v.Target
			if v.Target.Number == source.Number+1 {
				s.finals[b] = source
			}
		}
	}
}

// conflict tells whether both branches have a final checkpoint above the fork.
func (s *schism) conflict() bool { return s.finals[0].Number > s.fork && s.finals[1].Number > s.fork }

func TestConflictingFinalCheckpointsNameMoreThanAThirdAndNobodyHonest(t *testing.T) {
	conflicts, surrounds, quiet := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchism(t)
		for range rapid.IntRange(6, 16).Draw(t, "steps") {
			if rapid.IntRange(0, 7).Draw(t, "moves") == 0 { // somebody meets a Start of the other branch
				s.at[rapid.IntRange(0, len(s.at)-1).Draw(t, "who")] ^= 1
			}
			s.step(t)
		}
		var lying, total, named uint64
		for i := range s.keys {
			total += s.weight(i)
			if s.lies[i] {
				lying += s.weight(i)
			}
		}
		for _, e := range proof.Culprits(s.Network, s.certain) {
			if err := e.Verify(s.Network); err != nil {
				t.Fatalf("evidence does not convince: %v", err)
			}
			if !s.lies[e.Witness()] {
				t.Fatalf("honest witness %d is named", e.Witness())
			}
			named += s.weight(int(e.Witness()))
			if v := e.Votes(); v[0].Vote.Target.Number != v[1].Vote.Target.Number {
				surrounds++
			}
		}
		if !s.conflict() {
			quiet++
			return
		}
		conflicts++
		if 3*lying <= total {
			t.Fatal("conflicting final checkpoints, and only a third lies")
		}
		if 3*named <= total {
			t.Fatalf("conflicting final checkpoints, and evidence against %d of %d", named, total)
		}
	})
	if conflicts == 0 || quiet == 0 {
		t.Errorf("%d conflicts, %d without", conflicts, quiet)
	}
	t.Logf("%d conflicts, %d witnesses named for surrounding, %d without conflict", conflicts, surrounds, quiet)
}

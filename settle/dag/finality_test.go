package dag_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// council is a network with several witnesses and some checkpoints.
type council struct {
	network *proof.Network
	keys    []wallet.PrivateKey
	chain   []proof.Checkpoint
}

func newCouncil(t testing.TB, weights ...uint32) *council {
	t.Helper()
	c := &council{}
	g := settle.Genesis{
		Name: "council", Currency: money.Currency{'E', 'U', 'R'}, Time: startTime, Limits: settle.DefaultLimits(),
		Issuers: []settle.Issuer{{DID: newActor(200).did, Cap: 1}},
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
		t.Fatal(err)
	}
	if c.network, err = proof.NewNetwork(genesis); err != nil {
		t.Fatal(err)
	}
	previous := proof.Hash{}
	for n := range uint64(8) {
		next := proof.Checkpoint{Number: n, Previous: previous, Height: n, Witnesses: c.network.Witnesses.Hash()}
		c.chain = append(c.chain, next)
		previous = next.Hash()
	}
	return c
}

func (c *council) vote(t testing.TB, witness int, source, target proof.Checkpoint, seconds int) proof.SignedVote {
	t.Helper()
	v := proof.Vote{Source: source.Ref(), Target: target.Ref(), Time: settle.LedgerTimeOf(startTime.Add(time.Duration(seconds) * time.Second))}
	signed, err := c.network.Witnesses.SignVote(v, c.network.ID, c.keys[witness])
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (c *council) finality() *dag.Finality {
	f := dag.NewFinality(c.network, proof.Final{Checkpoint: c.chain[0]}, nil)
	for _, checkpoint := range c.chain[1:] {
		f.Mark(checkpoint)
	}
	return f
}

func mustVote(t testing.TB, f *dag.Finality, v proof.SignedVote) *proof.Certificate {
	t.Helper()
	certificate, err := f.Vote(v)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestCheckpointIsFinalOnlyWhenItsDirectChildIsJustified(t *testing.T) {
	c := newCouncil(t, 1, 1, 1, 1)
	f := c.finality()
	step := func(source, target uint64) {
		for w := range 3 {
			certificate := mustVote(t, f, c.vote(t, w, c.chain[source], c.chain[target], w))
			if (certificate != nil) != (w == 2) {
				t.Fatalf("certificate after %d votes of 4: %v", w+1, certificate != nil)
			}
		}
	}
	step(0, 2) // skips one: justified, nothing final beyond the genesis
	if f.Justified().Number != 2 || f.Final().Checkpoint.Number != 0 {
		t.Fatalf("justified %d, final %d", f.Justified().Number, f.Final().Checkpoint.Number)
	}
	step(2, 3)
	if f.Justified().Number != 3 || f.Final().Checkpoint.Number != 2 {
		t.Fatalf("justified %d, final %d", f.Justified().Number, f.Final().Checkpoint.Number)
	}
	if err := f.Final().Verify(c.network); err != nil {
		t.Error(err)
	}
}

func TestTwoThirdsAreNotEnough(t *testing.T) {
	c := newCouncil(t, 1, 1, 1)
	f := c.finality()
	for w := range 2 {
		if mustVote(t, f, c.vote(t, w, c.chain[0], c.chain[1], 0)) != nil {
			t.Fatal("certificate with two of three")
		}
	}
	if mustVote(t, f, c.vote(t, 2, c.chain[0], c.chain[1], 0)) == nil {
		t.Fatal("no certificate with all")
	}
}

func TestVotesBeforeTheCheckpointCount(t *testing.T) {
	c := newCouncil(t, 1)
	f := dag.NewFinality(c.network, proof.Final{Checkpoint: c.chain[0]}, nil)
	if mustVote(t, f, c.vote(t, 0, c.chain[0], c.chain[1], 0)) != nil {
		t.Fatal("certificate for a checkpoint that the log does not have")
	}
	if f.Mark(c.chain[1]) == nil || f.Justified().Number != 1 {
		t.Error("the vote was forgotten")
	}
}

func TestContradictingVotesAreRefused(t *testing.T) {
	c := newCouncil(t, 1, 1, 1, 1)
	other := c.chain[2]
	other.State = proof.Hash{9}
	for name, pair := range map[string][2]proof.SignedVote{
		"double vote":  {c.vote(t, 0, c.chain[0], c.chain[2], 0), c.vote(t, 0, c.chain[0], other, 0)},
		"other source": {c.vote(t, 0, c.chain[0], c.chain[3], 0), c.vote(t, 0, c.chain[1], c.chain[3], 0)},
		"surround":     {c.vote(t, 0, c.chain[1], c.chain[2], 0), c.vote(t, 0, c.chain[0], c.chain[3], 0)},
		"surrounded":   {c.vote(t, 0, c.chain[0], c.chain[3], 0), c.vote(t, 0, c.chain[1], c.chain[2], 0)},
	} {
		f := c.finality()
		mustVote(t, f, pair[0])
		if _, err := f.Vote(pair[1]); !errors.Is(err, proof.ErrVote) {
			t.Errorf("%s: %v", name, err)
		}
		if !pair[0].Vote.Conflicts(pair[1].Vote) || !pair[1].Vote.Conflicts(pair[0].Vote) {
			t.Errorf("%s is no evidence", name)
		}
	}
}

func TestVotesOfStrangersAreRefused(t *testing.T) {
	c := newCouncil(t, 1)
	f := c.finality()
	good := c.vote(t, 0, c.chain[0], c.chain[1], 0)
	for name, test := range map[string]struct {
		change func(*proof.SignedVote)
		want   error
	}{
		"unknown witness": {func(v *proof.SignedVote) { v.Witness = 1 }, proof.ErrUnknownWitness},
		"bad signature":   {func(v *proof.SignedVote) { v.Vote.Time++ }, wallet.ErrSignature},
		"backward":        {func(v *proof.SignedVote) { v.Vote.Source.Number = 1 }, proof.ErrVote},
	} {
		v := good
		test.change(&v)
		if _, err := f.Vote(v); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.network.Witnesses.SignVote(good.Vote, c.network.ID, wallet.NewPrivateKey([32]byte{99})); !errors.Is(err, proof.ErrUnknownWitness) {
		t.Errorf("signing as a stranger: %v", err)
	}
}

func TestWitnessNeverContradictsItself(t *testing.T) {
	c := newCouncil(t, 1, 1, 1, 1)
	rapid.Check(t, func(t *rapid.T) {
		var cast []proof.Vote
		var stored *proof.Vote
		f := dag.NewFinality(c.network, proof.Final{Checkpoint: c.chain[0]}, nil)
		next := 1
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				if next < len(c.chain) {
					f.Mark(c.chain[next])
					next++
				}
			case 1:
				if v, ok := f.NextVote(1); ok {
					cast, stored = append(cast, v), &v
				}
			case 2: // the others justify something
				target := rapid.IntRange(0, next-1).Draw(t, "target")
				if source := f.Justified(); uint64(target) > source.Number {
					for w := 1; w < 4; w++ {
						v := proof.Vote{Source: source.Ref(), Target: c.chain[target].Ref()}
						signed, err := c.network.Witnesses.SignVote(v, c.network.ID, c.keys[w])
						if err != nil {
							t.Fatal(err)
						}
						if _, err := f.Vote(signed); err != nil && !errors.Is(err, proof.ErrVote) {
							t.Fatal(err)
						}
					}
				}
			case 3: // a crash: what was justified since the last final checkpoint is forgotten, the vote is not
				final := f.Final()
				f = dag.NewFinality(c.network, final, stored)
				for n := final.Checkpoint.Number + 1; n < uint64(next); n++ {
					f.Mark(c.chain[n])
				}
			}
		}
		for i, v := range cast {
			for _, w := range cast[:i] {
				if v.Conflicts(w) {
					t.Fatalf("%d→%d and %d→%d", w.Source.Number, w.Target.Number, v.Source.Number, v.Target.Number)
				}
			}
		}
	})
}

func TestLedgerTimeIsTheWeightedMedianOfTheVotes(t *testing.T) {
	c := newCouncil(t, 1, 1, 1, 1, 5)
	var votes []proof.SignedVote
	heavy := 0
	for w := range c.keys {
		seconds := 1000 * w // four liars far apart
		if c.network.Genesis.Witnesses[w].Weight == 5 {
			seconds, heavy = 50, w
		}
		votes = append(votes, c.vote(t, w, c.chain[0], c.chain[1], seconds))
	}
	got := proof.NewCertificate(votes).Time(c.network.Witnesses)
	if want := votes[heavy].Vote.Time; got != want {
		t.Errorf("median %s, want %s", got.Time(), want.Time())
	}
}

func TestTipsStayBoundedWhileManySubmitAtOnce(t *testing.T) {
	const atOnce = 64
	l := newLedger(t)
	a := newActor(1)
	most := 0
	for round := range 60 {
		var vertices []*settle.Vertex
		for i := range atOnce { // all see the same tips
			vertices = append(vertices, l.vertex(a, &settle.Anchor{Hash: [32]byte{1, byte(round), byte(i)}}))
		}
		for _, v := range vertices {
			if _, err := l.state.Apply(entryOf(v)); err != nil {
				t.Fatal(err)
			}
		}
		most = max(most, l.state.TipCount())
	}
	if most > 3*atOnce {
		t.Errorf("%d tips with %d submitters at once", most, atOnce)
	}
	for range 2 * atOnce {
		l.do(a, &settle.Anchor{Hash: [32]byte{2, byte(l.turn), byte(l.turn >> 8)}})
	}
	if got := l.state.TipCount(); got > settle.ParentsMax {
		t.Errorf("%d tips left after a quiet time", got)
	}
}

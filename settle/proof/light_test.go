package proof_test

import (
	"errors"
	"reflect"
	"testing"

	"joulepay/settle"
	"joulepay/settle/proof"
)

// at certifies the state of a slot proof again, under another checkpoint.
func at(t *testing.T, n *proof.Network, p proof.Slot, change func(*proof.Checkpoint)) proof.Slot {
	t.Helper()
	c := p.Final.Checkpoint
	change(&c)
	child := proof.Checkpoint{Number: c.Number + 1, Previous: c.Hash()}
	vote, err := n.Witnesses.SignVote(proof.Vote{Source: c.Ref(), Target: child.Ref(), Time: 12_345}, n.ID, witness)
	if err != nil {
		t.Fatal(err)
	}
	p.Final = proof.Final{Checkpoint: c, Certificate: proof.NewCertificate([]proof.SignedVote{vote})}
	return p
}

func TestLightClientBelievesTheGenesisAndWhatIsCertifiedUnderIt(t *testing.T) {
	n, other := testNetwork(t, "one"), testNetwork(t, "another")
	slot, vertex := proofs(t, n)
	l := proof.NewLight(n)
	if _, known := l.Latest(); known {
		t.Error("knows a checkpoint from nowhere")
	}
	if err := errors.Join(l.Slot(slot), l.Vertex(vertex)); err != nil {
		t.Fatal(err)
	}
	if latest, known := l.Latest(); !known || latest.Checkpoint.Number != 4 {
		t.Errorf("latest is %d, %v", latest.Checkpoint.Number, known)
	}
	if proof.NewLight(other).Slot(slot) == nil {
		t.Error("believes a proof of another network")
	}
	lied := slot
	lied.Content = settle.Account{Balance: 8}.Encode()
	if l.Slot(lied) == nil {
		t.Error("believes another balance")
	}
}

func TestLightClientIsNotShownThePast(t *testing.T) {
	n := testNetwork(t, "one")
	slot, vertex := proofs(t, n)
	l := proof.NewLight(n)
	later := at(t, n, slot, func(c *proof.Checkpoint) { c.Number, c.Height, c.Time = 9, 20, 50 })
	if err := l.Slot(later); err != nil {
		t.Fatal(err)
	}
	if err := l.Slot(slot); !errors.Is(err, proof.ErrOlder) {
		t.Errorf("an older state: %v", err)
	}
	if err := l.Vertex(vertex); err != nil {
		t.Errorf("what was decided earlier: %v", err)
	}
	for name, change := range map[string]func(*proof.Checkpoint){
		"height": func(c *proof.Checkpoint) { c.Number, c.Height, c.Time = 10, 19, 60 },
		"time":   func(c *proof.Checkpoint) { c.Number, c.Height, c.Time = 10, 21, 49 },
	} {
		if err := l.Slot(at(t, n, slot, change)); !errors.Is(err, proof.ErrOlder) {
			t.Errorf("%s that falls: %v", name, err)
		}
	}
}

func TestLightClientNamesWhoCertifiedTwoCheckpointsOfOneNumber(t *testing.T) {
	n := testNetwork(t, "one")
	slot, _ := proofs(t, n)
	l := proof.NewLight(n)
	if err := l.Slot(slot); err != nil {
		t.Fatal(err)
	}
	err := l.Slot(at(t, n, slot, func(c *proof.Checkpoint) { c.Log = proof.Hash{1} }))
	var two *proof.TwoFinals
	if !errors.As(err, &two) || !errors.Is(err, proof.ErrTwoFinals) || len(two.Against) != 1 || two.Against[0].Verify(n) != nil {
		t.Errorf("%v, %+v", err, two)
	}
}

func TestLightClientGoesOnFromWhatItKept(t *testing.T) {
	n := testNetwork(t, "one")
	slot, _ := proofs(t, n)
	l := proof.NewLight(n)
	for range 2 { // before and after it knows something
		again, err := proof.LoadLight(n, l.Encode())
		if err != nil || !reflect.DeepEqual(again, l) {
			t.Fatalf("%+v, %v", again, err)
		}
		if err := l.Slot(slot); err != nil {
			t.Fatal(err)
		}
	}
	kept := l.Encode()
	for i := range kept {
		spoilt := append([]byte(nil), kept...)
		spoilt[i] ^= 1
		if again, err := proof.LoadLight(n, spoilt); err == nil {
			if latest, known := again.Latest(); known && latest.Verify(n) != nil {
				t.Fatalf("byte %d: goes on from what is not certified", i)
			}
		}
	}
	if _, err := proof.LoadLight(testNetwork(t, "another"), kept); !errors.Is(err, settle.ErrEncoding) {
		t.Errorf("another network: %v", err)
	}
}

package proof_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	witness = wallet.NewPrivateKey([32]byte{1})
	account = wallet.DIDOf(wallet.NewPrivateKey([32]byte{2}).Public())
)

func testNetwork(t testing.TB, name string) *proof.Network {
	t.Helper()
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: name, Currency: money.Currency{'E', 'U', 'R'}, Time: time.Unix(1, 0).UTC(), Limits: settle.DefaultLimits(),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(witness.Public()), Cap: 1}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(witness.Public()), Key: witness.Public(), Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := proof.NewNetwork(genesis)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// proofs gives a proof of one slot among three and of one vertex among two, under one final checkpoint.
func proofs(t testing.TB, n *proof.Network) (proof.Slot, proof.Vertex) {
	t.Helper()
	slot := proof.Slot{Key: settle.AccountKey(account), Content: settle.Account{Balance: 7}.Encode()}
	vertex := proof.Vertex{ID: settle.VertexID{9}, Verdict: settle.Applied}
	var state, receipts proof.Tree
	update(t, &state, proof.LeafHash([]byte("a")), proof.SlotLeaf(slot.Key, slot.Content), proof.LeafHash([]byte("b")))
	update(t, &receipts, proof.ReceiptLeaf(vertex.ID, vertex.Verdict), proof.ReceiptLeaf(settle.VertexID{8}, settle.Overspend))
	c := proof.Checkpoint{Number: 4, Height: 9, State: state.Root(), Receipts: receipts.Root(), Witnesses: n.Witnesses.Hash()}
	child := proof.Checkpoint{Number: 5, Previous: c.Hash()}
	vote, err := n.Witnesses.SignVote(proof.Vote{Source: c.Ref(), Target: child.Ref(), Time: 12_345}, n.ID, witness)
	if err != nil {
		t.Fatal(err)
	}
	final := proof.Final{Checkpoint: c, Certificate: proof.NewCertificate([]proof.SignedVote{vote})}
	slot.Final, vertex.Final = final, final
	if slot.Inclusion, err = state.Prove(1); err != nil {
		t.Fatal(err)
	}
	if vertex.Inclusion, err = receipts.Prove(0); err != nil {
		t.Fatal(err)
	}
	return slot, vertex
}

func update(t testing.TB, tree *proof.Tree, leaves ...proof.Hash) {
	t.Helper()
	for i, h := range leaves {
		if _, err := tree.Update([]proof.Leaf{{Index: uint64(i), Hash: h}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestI7_LightClientBelievesOnlyWhatIsFinal(t *testing.T) {
	n := testNetwork(t, "one")
	slot, vertex := proofs(t, n)
	if err := errors.Join(slot.Verify(n), vertex.Verify(n)); err != nil {
		t.Fatal(err)
	}
	if got := slot.Final.CertifiedAt(n); got != time.UnixMilli(12_345).UTC() {
		t.Errorf("certified at %s", got)
	}
	if err := slot.Verify(testNetwork(t, "another")); err == nil {
		t.Error("a proof of one network convinces another")
	}
	for name, test := range map[string]struct {
		change func(*proof.Slot)
		want   error
	}{
		"other content":       {func(p *proof.Slot) { p.Content = settle.Account{Balance: 8}.Encode() }, proof.ErrProof},
		"other key":           {func(p *proof.Slot) { p.Key.ID[0] ^= 1 }, proof.ErrProof},
		"other kind":          {func(p *proof.Slot) { p.Key.Kind = settle.SlotChannel }, proof.ErrProof},
		"other state root":    {func(p *proof.Slot) { p.Final.Checkpoint.State[0] ^= 1 }, proof.ErrNotFinal},
		"other number":        {func(p *proof.Slot) { p.Final.Checkpoint.Number++ }, proof.ErrNotFinal},
		"other witnesses":     {func(p *proof.Slot) { p.Final.Checkpoint.Witnesses[0] ^= 1 }, proof.ErrNotFinal},
		"not the child":       {func(p *proof.Slot) { p.Final.Certificate.Target.Number++ }, proof.ErrNotFinal},
		"no votes":            {func(p *proof.Slot) { p.Final.Certificate.Votes = nil }, proof.ErrWeight},
		"a vote twice":        {func(p *proof.Slot) { v := p.Final.Certificate.Votes; p.Final.Certificate.Votes = append(v, v[0]) }, proof.ErrVote},
		"vote of a stranger":  {func(p *proof.Slot) { p.Final.Certificate.Votes[0].Witness = 1 }, proof.ErrUnknownWitness},
		"vote at other time":  {func(p *proof.Slot) { p.Final.Certificate.Votes[0].Time++ }, wallet.ErrSignature},
		"vote for other hash": {func(p *proof.Slot) { p.Final.Certificate.Target.Hash[0] ^= 1 }, wallet.ErrSignature},
	} {
		changed, _ := proofs(t, n)
		test.change(&changed)
		if err := changed.Verify(n); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// passedOver gives a proof of a vertex whose checkpoint became final by the second one after it.
func passedOver(t testing.TB, n *proof.Network) proof.Vertex {
	t.Helper()
	_, vertex := proofs(t, n)
	first := vertex.Final.Checkpoint
	second := proof.Checkpoint{Number: 5, Previous: first.Hash(), Height: 12}
	third := proof.Checkpoint{Number: 6, Previous: second.Hash(), Height: 15, Witnesses: n.Witnesses.Hash()}
	vote, err := n.Witnesses.SignVote(proof.Vote{Source: third.Ref(), Target: proof.Ref{Number: 7}, Time: 12_346}, n.ID, witness)
	if err != nil {
		t.Fatal(err)
	}
	vertex.Path = []proof.Checkpoint{first, second}
	vertex.Final = proof.Final{Checkpoint: third, Certificate: proof.NewCertificate([]proof.SignedVote{vote})}
	return vertex
}

func TestI7_AVertexIsFinalBelowALaterCheckpointThatLeadsBackToIt(t *testing.T) {
	n := testNetwork(t, "one")
	if err := passedOver(t, n).Verify(n); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*proof.Vertex)
		want   error
	}{
		"a gap":               {func(p *proof.Vertex) { p.Path = p.Path[:1] }, proof.ErrNotFinal},
		"no path":             {func(p *proof.Vertex) { p.Path = nil }, proof.ErrProof},
		"not its beginning":   {func(p *proof.Vertex) { p.Path = p.Path[1:] }, proof.ErrProof},
		"another order":       {func(p *proof.Vertex) { p.Path[0], p.Path[1] = p.Path[1], p.Path[0] }, proof.ErrNotFinal},
		"other receipts":      {func(p *proof.Vertex) { p.Path[0].Receipts[0] ^= 1 }, proof.ErrNotFinal},
		"another verdict":     {func(p *proof.Vertex) { p.Verdict = settle.NoOp }, proof.ErrProof},
		"a later one's votes": {func(p *proof.Vertex) { p.Final.Certificate.Target.Number++ }, proof.ErrNotFinal},
	} {
		changed := passedOver(t, n)
		test.change(&changed)
		if err := changed.Verify(n); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProofsDecodeToThemselves(t *testing.T) {
	n := testNetwork(t, "one")
	slot, vertex := proofs(t, n)
	if again, err := proof.DecodeSlot(slot.Encode()); err != nil || again.Verify(n) != nil || !bytes.Equal(again.Encode(), slot.Encode()) {
		t.Errorf("slot proof: %v", err)
	}
	if again, err := proof.DecodeVertex(vertex.Encode()); err != nil || again.Verify(n) != nil || !bytes.Equal(again.Encode(), vertex.Encode()) {
		t.Errorf("vertex proof: %v", err)
	}
	vertex = passedOver(t, n)
	if again, err := proof.DecodeVertex(vertex.Encode()); err != nil || again.Verify(n) != nil || !bytes.Equal(again.Encode(), vertex.Encode()) {
		t.Errorf("vertex proof with a path: %v", err)
	}
	vertex.Path = make([]proof.Checkpoint, proof.PathMax+1)
	if _, err := proof.DecodeVertex(vertex.Encode()); !errors.Is(err, settle.ErrEncoding) {
		t.Errorf("a path that is too long: %v", err)
	}
	for cut := range len(slot.Encode()) {
		if _, err := proof.DecodeSlot(slot.Encode()[:cut]); !errors.Is(err, settle.ErrEncoding) {
			t.Fatalf("%d bytes: %v", cut, err)
		}
	}
}

func FuzzDecodeProofs(f *testing.F) {
	n := testNetwork(f, "one")
	slot, vertex := proofs(f, n)
	f.Add(slot.Encode())
	f.Add(vertex.Encode())
	f.Add(passedOver(f, n).Encode())
	f.Add(slot.Final.Encode())
	f.Add(slot.Final.Checkpoint.Encode())
	f.Add(slot.Final.Certificate.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		same := func(what string, encoded []byte, err error) {
			if err == nil && !bytes.Equal(encoded, raw) {
				t.Fatalf("%s encodes to other bytes", what)
			}
		}
		s, err := proof.DecodeSlot(raw)
		same("slot proof", s.Encode(), err)
		v, err := proof.DecodeVertex(raw)
		same("vertex proof", v.Encode(), err)
		final, err := proof.DecodeFinal(raw)
		same("final checkpoint", final.Encode(), err)
		c, err := proof.DecodeCheckpoint(raw)
		same("checkpoint", c.Encode(), err)
		certificate, err := proof.DecodeCertificate(raw)
		same("certificate", certificate.Encode(), err)
		vote, err := proof.DecodeSignedVote(raw)
		same("vote", vote.Encode(), err)
		_ = s.Verify(n) // never panics
		_ = v.Verify(n)
	})
}

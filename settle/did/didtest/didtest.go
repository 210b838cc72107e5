// Package didtest owns a small ledger for tests about DIDs: one witness whose clock the test sets, payloads that take effect at
// once, and a node that answers as a test wants. It leaves the rules to settle/dag and proofs to settle/proof: what it proves is
// proven as on a real ledger.
// It keeps tests honest about I9: a proof in a test is one that a witness certified.
package didtest

import (
	"context"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Noon is when the ledger begins.
var Noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Operator pays for what is applied.
var (
	operatorKey = wallet.NewPrivateKey([32]byte{1})
	witnessKey  = wallet.NewPrivateKey([32]byte{2})
	Operator    = wallet.DIDOf(operatorKey.Public())
)

// Ledger is a ledger with one witness. It is used by one goroutine.
type Ledger struct {
	t     testing.TB
	state *dag.State
	votes *dag.Finality
	nonce uint64
}

// NewLedger begins one.
func NewLedger(t testing.TB) *Ledger {
	t.Helper()
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: Noon, Limits: settle.DefaultLimits(),
		Issuers:   []settle.Issuer{{DID: Operator, Cap: 1_000_000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(witnessKey.Public()), Key: witnessKey.Public(), Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	state, err := dag.New(genesis)
	if err != nil {
		t.Fatal(err)
	}
	final := proof.Final{Checkpoint: state.LastCheckpoint()}
	return &Ledger{t: t, state: state, votes: dag.NewFinality(state.Network(), final, nil)}
}

// Network gives what its proofs are verified against.
func (l *Ledger) Network() *proof.Network { return l.state.Network() }

// ID names the network.
func (l *Ledger) ID() wallet.NetworkID { return l.state.Network().ID }

// Apply brings a payload onto the ledger, which must accept it.
func (l *Ledger) Apply(p settle.Payload) {
	l.t.Helper()
	l.nonce++
	v, err := settle.Sign(settle.Draft{Network: l.ID(), Issuer: Operator, Parents: l.state.Tips(0), Nonce: l.nonce, Payload: p}, operatorKey)
	if err != nil {
		l.t.Fatal(err)
	}
	if r, err := l.state.Apply(dag.Entry{Vertex: v}); err != nil || r.Verdict != settle.Applied {
		l.t.Fatalf("%s: %s, %v", p.Kind(), r.Verdict, err)
	}
}

// Register applies a DID's first document.
func (l *Ledger) Register(key wallet.PrivateKey, d settle.Document) {
	l.t.Helper()
	l.Apply(settle.NewPublish(l.ID(), wallet.DIDOf(key.Public()), 1, d, key))
}

// Finalize makes the state of now final, certified at a time by the witness's clock.
func (l *Ledger) Finalize(at time.Time) proof.Final {
	l.t.Helper()
	for range 2 {
		r, err := l.state.Apply(dag.Entry{Mark: l.state.LastCheckpoint().Number + 1})
		if err != nil || r.Checkpoint == nil {
			l.t.Fatal("no checkpoint", err)
		}
		l.votes.Mark(*r.Checkpoint)
		vote, _ := l.votes.NextVote(settle.LedgerTimeOf(at))
		signed, err := l.Network().Witnesses.SignVote(vote, l.ID(), witnessKey)
		if err != nil {
			l.t.Fatal(err)
		}
		certificate, err := l.votes.Vote(signed)
		if err != nil || certificate == nil {
			l.t.Fatal("no certificate", err)
		}
		if _, err := l.state.Apply(dag.Entry{Certificate: certificate}); err != nil {
			l.t.Fatal(err)
		}
	}
	return l.votes.Final()
}

// Prove gives the proof of what a slot held in a final state.
func (l *Ledger) Prove(final proof.Final, key settle.SlotKey) proof.Slot {
	l.t.Helper()
	content, inclusion, err := l.state.ProveSlot(final.Checkpoint.Number, key)
	if err != nil {
		l.t.Fatal(err)
	}
	return proof.Slot{Final: final, Key: key, Content: content, Inclusion: inclusion}
}

// Resolve gives what an honest node answers for a DID that is registered, certified at a time.
func (l *Ledger) Resolve(d wallet.DID, at time.Time) did.Resolution {
	l.t.Helper()
	slot := l.Prove(l.Finalize(at), settle.DIDKey(d))
	identity, err := settle.DecodeIdentity(slot.Content)
	if err != nil {
		l.t.Fatal(err)
	}
	answer := did.Resolve(d, identity)
	answer.Certified = slot.Encode()
	return answer
}

// Node answers as a ledger's node does, or as a test wants. It is registry.Ledger; a test changes it between questions.
type Node struct {
	Answers map[wallet.DID]did.Resolution // who is not here is not registered
	Err     error                         // in place of all answers
	Asked   int
}

// DID answers for a DID.
func (n *Node) DID(_ context.Context, d wallet.DID, _ bool) (did.Resolution, error) {
	n.Asked++
	if answer, ok := n.Answers[d]; ok || n.Err != nil {
		return answer, n.Err
	}
	return did.Inception(d), nil
}

// Says lets the node answer so for a DID.
func (n *Node) Says(d wallet.DID, answer did.Resolution) {
	if n.Answers == nil {
		n.Answers = map[wallet.DID]did.Resolution{}
	}
	n.Answers[d], n.Err = answer, nil
}

// Denies lets the node answer that a DID is not registered.
func (n *Node) Denies(d wallet.DID) {
	delete(n.Answers, d)
	n.Err = nil
}

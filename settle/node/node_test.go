package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const eur = money.Nano

// network is a ledger with one issuer who is also its witness.
type network struct {
	genesis *settle.Vertex
	issuer  wallet.PrivateKey
	witness wallet.PrivateKey
	store   store.Store
	stream  stream.Log
	logger  *slog.Logger
}

func newNetwork(t testing.TB, limits settle.Limits) *network {
	t.Helper()
	n := &network{
		issuer: wallet.NewPrivateKey([32]byte{1}), witness: wallet.NewPrivateKey([32]byte{2}),
		store: store.NewMemory(), stream: stream.NewMemory(),
	}
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(n.issuer.Public()), Cap: 1_000_000_000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(n.issuer.Public()), Key: n.witness.Public(), Weight: 1}},
		Limits:    limits,
	})
	if err != nil {
		t.Fatal(err)
	}
	n.genesis = genesis
	return n
}

func (n *network) start(t testing.TB) *node.Node {
	t.Helper()
	running, err := node.Start(context.Background(), node.Options{
		CoreOptions: node.CoreOptions{Witness: n.witness}, Genesis: n.genesis, Store: n.store, Stream: n.stream, Clock: time.Now, Logger: n.logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	return running
}

func (n *network) issue(reference string, to wallet.PrivateKey, amount money.Amount) *settle.Issue {
	return &settle.Issue{Reference: settle.ReferenceOf(reference), To: wallet.DIDOf(to.Public()), Amount: amount}
}

func (n *network) post(t testing.TB, on *node.Node, key wallet.PrivateKey, nonce uint64, p settle.Payload) node.Result {
	t.Helper()
	r, err := on.Post(t.Context(), wallet.DIDOf(key.Public()), key, nonce, p)
	if err != nil {
		t.Fatalf("%s: %v", p.Kind(), err)
	}
	return r
}

func TestPaymentBecomesFinalAndProvable(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	n := net.start(t)
	alice, bob := wallet.NewPrivateKey([32]byte{10}), wallet.NewPrivateKey([32]byte{11})
	net.post(t, n, net.issuer, 1, net.issue("a", alice, 50*eur))
	paid := net.post(t, n, alice, 1, &settle.Transfer{Sequence: 1, To: wallet.DIDOf(bob.Public()), Amount: 20 * eur})
	if _, err := n.WaitFinal(t.Context(), paid.ID); err != nil {
		t.Fatal(err)
	}

	network, err := proof.NewNetwork(net.genesis) // all that a light client has
	if err != nil {
		t.Fatal(err)
	}
	slot, err := n.ProveSlot(settle.AccountKey(wallet.DIDOf(bob.Public())))
	if err != nil {
		t.Fatal(err)
	}
	slot, err = proof.DecodeSlot(slot.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if err := slot.Verify(network); err != nil {
		t.Error(err)
	}
	if account, err := settle.DecodeAccount(slot.Content); err != nil || account.Balance != 20*eur {
		t.Errorf("proven balance %s, %v", account.Balance, err)
	}
	vertex, err := n.ProveVertex(t.Context(), paid.ID)
	if err != nil {
		t.Fatal(err)
	}
	if vertex, err = proof.DecodeVertex(vertex.Encode()); err != nil {
		t.Fatal(err)
	}
	if err := vertex.Verify(network); err != nil {
		t.Error(err)
	}
	vertex.Verdict = settle.Overspend
	if err := vertex.Verify(network); !errors.Is(err, proof.ErrProof) {
		t.Errorf("changed verdict: %v", err)
	}
}

func TestRefusalsAreTypedAndRetriesGiveTheEarlierVertex(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	n := net.start(t)
	alice, bob := wallet.NewPrivateKey([32]byte{10}), wallet.DID(wallet.NewPrivateKey([32]byte{11}).Public())
	net.post(t, n, net.issuer, 1, net.issue("a", alice, 50*eur))
	pay := &settle.Transfer{Sequence: 1, To: bob, Amount: 20 * eur}
	first := net.post(t, n, alice, 1, pay)
	again := net.post(t, n, alice, 2, pay)
	if again != first {
		t.Errorf("retry gives %+v, want %+v", again, first)
	}
	_, err := n.Post(t.Context(), wallet.DIDOf(alice.Public()), alice, 3, &settle.Transfer{Sequence: 2, To: bob, Amount: 31 * eur})
	if !errors.Is(err, settle.ErrOverspend) {
		t.Errorf("overspend: %v", err)
	}
	if account, _, err := n.Account(t.Context(), bob); err != nil || account.Balance != 20*eur {
		t.Errorf("bob has %s, %v", account.Balance, err)
	}
	forged, err := settle.Sign(settle.Draft{Network: n.Network().ID, Issuer: wallet.DIDOf(alice.Public()), Parents: n.Tips(),
		Payload: &settle.Transfer{Sequence: 2, To: bob, Amount: eur}}, net.issuer)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := n.SubmitVertex(t.Context(), forged); !errors.Is(err, settle.ErrBadSignature) || r.Height != 0 {
		t.Errorf("forged: %+v, %v", r, err)
	}
}

func TestI4_RestartGoesOnFromTheStore(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	alice := wallet.NewPrivateKey([32]byte{10})
	for restart := range 4 {
		n := net.start(t)
		r := net.post(t, n, net.issuer, uint64(100*restart), net.issue(fmt.Sprint(restart), alice, eur))
		if restart != 2 { // one restart interrupts finality
			if _, err := n.WaitFinal(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
		if account, _, err := n.Account(t.Context(), wallet.DIDOf(alice.Public())); err != nil || account.Balance != money.Amount(restart+1)*eur {
			t.Fatalf("restart %d: %s, %v", restart, account.Balance, err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestI7_StreamThatLosesItsTailLosesNothingApplied(t *testing.T) {
	for name, from := range map[string]uint64{"everything": 0, "the tail": 3} {
		t.Run(name, func(t *testing.T) {
			net := newNetwork(t, settle.DefaultLimits())
			n := net.start(t)
			alice := wallet.NewPrivateKey([32]byte{10})
			for i := range 5 {
				r := net.post(t, n, net.issuer, uint64(i*10), net.issue(fmt.Sprint(i), alice, eur))
				if _, err := n.WaitFinal(t.Context(), r.ID); err != nil {
					t.Fatal(err)
				}
			}
			net.stream.(*stream.Memory).Lose(from)
			r := net.post(t, n, net.issuer, 90, net.issue("after", alice, eur))
			if _, err := n.WaitFinal(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
			if account, _, err := n.Account(t.Context(), wallet.DIDOf(alice.Public())); err != nil || account.Balance != 6*eur {
				t.Errorf("alice has %s, %v", account.Balance, err)
			}
		})
	}
}

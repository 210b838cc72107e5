package node

import (
	"reflect"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// someBatches runs a ledger with one witness through issues and checkpoints and gives what each step stores.
func someBatches(t *testing.T) []store.Batch {
	t.Helper()
	key, witness := wallet.NewPrivateKey([32]byte{1}), wallet.NewPrivateKey([32]byte{2})
	now := time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC)
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: now.Add(-time.Second),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(key.Public()), Cap: 1000}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(key.Public()), Key: witness.Public(), Weight: 1}},
		Limits:    settle.DefaultLimits(),
	})
	if err != nil {
		t.Fatal(err)
	}
	core, first, err := NewCore(genesis, now, CoreOptions{Witness: witness})
	if err != nil {
		t.Fatal(err)
	}
	batches := []store.Batch{first}
	at := Begin(t, core, now, func(effect Effect) {
		if p, ok := effect.(Persist); ok {
			batches = append(batches, p.Batch)
		}
	})
	step := func(e Event) {
		for waiting := []Event{e}; len(waiting) > 0; waiting = waiting[1:] {
			now = now.Add(20 * time.Millisecond)
			effects, err := core.Step(now, waiting[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, effect := range effects {
				switch effect := effect.(type) {
				case Persist:
					batches = append(batches, effect.Batch)
				case Publish:
					at.Sequence++
					delivered := Delivered{[]stream.Delivery{{Position: at, Bundle: effect.Bundle}}}
					waiting = append(waiting, Published{at, effect.Bundle}, delivered)
				}
			}
		}
	}
	for n := range uint64(5) {
		v, err := settle.Sign(settle.Draft{
			Network: genesis.NetworkID(), Issuer: wallet.DIDOf(key.Public()), Parents: core.State().Tips(n),
			Payload: &settle.Issue{Reference: settle.Reference{byte(n + 1)}, To: wallet.DIDOf(key.Public()), Amount: 10},
		}, key)
		if err != nil {
			t.Fatal(err)
		}
		step(Submitted{v, key.Public()})
	}
	return batches
}

func TestStepsThatShareACommitLeaveWhatTheyLeaveAlone(t *testing.T) {
	batches := someBatches(t)
	if len(batches) < 10 {
		t.Fatalf("only %d batches", len(batches))
	}
	alone := store.NewMemory()
	for _, b := range batches {
		if err := alone.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	want, err := alone.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for share := 2; share <= len(batches); share++ {
		together := store.NewMemory()
		for i := 0; i < len(batches); i += share {
			var effects []Effect
			for _, b := range batches[i:min(i+share, len(batches))] {
				effects = append(effects, Persist{b}, Tell{})
			}
			n := &Node{options: Options{Store: together}, ctx: t.Context()}
			if err := n.persist(effects); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := together.Load(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%d steps a commit leave something else: %v", share, err)
		}
	}
}

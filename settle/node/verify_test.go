package node_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/node"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// resign gives a vertex with the same id and another signature.
func resign(t *testing.T, v *settle.Vertex, signature wallet.Signature) *settle.Vertex {
	t.Helper()
	raw := append([]byte(nil), v.Encode()...)
	copy(raw[len(raw)-wallet.SignatureSize:], signature[:])
	other, err := settle.DecodeVertex(raw)
	if err != nil {
		t.Fatal(err)
	}
	if other.ID() != v.ID() {
		t.Fatal("the id depends on the signature")
	}
	return other
}

func spoilt(s wallet.Signature) wallet.Signature {
	s[40] ^= 1
	return s
}

func TestI7_VerdictDoesNotDependOnWhatThisNodeWasGiven(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	now := time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC)
	good, err := settle.Sign(settle.Draft{
		Network: net.genesis.NetworkID(), Issuer: wallet.DIDOf(net.issuer.Public()), Parents: []settle.VertexID{net.genesis.ID()},
		Payload: net.issue("a", wallet.NewPrivateKey([32]byte{10}), eur),
	}, net.issuer)
	if err != nil {
		t.Fatal(err)
	}
	var bundle dag.Bundle
	bundle.Add(dag.Entry{Vertex: resign(t, good, spoilt(good.Signature()))}.Encode())
	var heads []dag.Head
	for _, submitted := range []bool{true, false} {
		core, _, err := node.NewCore(net.genesis, now, node.CoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at := node.Begin(t, core, now)
		if submitted {
			if _, err := core.Step(now, node.Submitted{Vertex: good, SignedBy: net.issuer.Public()}); err != nil {
				t.Fatal(err)
			}
		}
		delivery := stream.Delivery{Position: stream.Position{Incarnation: at.Incarnation, Sequence: at.Sequence + 1}, Bundle: bundle.Encode()}
		if _, err := core.Step(now, node.Delivered{Deliveries: []stream.Delivery{delivery}}); err != nil {
			t.Fatal(err)
		}
		heads = append(heads, core.State().Head())
	}
	if heads[0] != heads[1] || heads[0].Height != 2 || heads[0].Accepted != 1 {
		t.Errorf("with the good one submitted %+v, without %+v", heads[0], heads[1])
	}
}

func TestForgedVertexSpoilsNoneThatIsVerifiedWithIt(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	n := net.start(t)
	const count = 200
	var all sync.WaitGroup
	for i := range count {
		v, err := settle.Sign(settle.Draft{
			Network: net.genesis.NetworkID(), Issuer: wallet.DIDOf(net.issuer.Public()), Parents: []settle.VertexID{net.genesis.ID()},
			Nonce: uint64(i), Payload: net.issue("only", wallet.NewPrivateKey([32]byte{10}), eur),
		}, net.issuer)
		if err != nil {
			t.Fatal(err)
		}
		// All have one payload and only the genesis as parent: the first is accepted, the others that verify then give it.
		forged := i%7 == 3
		if forged {
			v = resign(t, v, spoilt(v.Signature()))
		}
		all.Go(func() {
			r, err := n.SubmitVertex(context.Background(), v)
			if forged != errors.Is(err, settle.ErrBadSignature) || forged && r.Height != 0 {
				t.Errorf("vertex %d, forged %t: %+v, %v", i, forged, r, err)
			}
		})
	}
	all.Wait()
}

func TestI9_BundlesThatCannotBeAreNothingAndTheLogGoesOn(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	now := time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC)
	good, err := settle.Sign(settle.Draft{
		Network: net.genesis.NetworkID(), Issuer: wallet.DIDOf(net.issuer.Public()), Parents: []settle.VertexID{net.genesis.ID()},
		Payload: net.issue("a", wallet.NewPrivateKey([32]byte{10}), eur),
	}, net.issuer)
	if err != nil {
		t.Fatal(err)
	}
	var bundle, full dag.Bundle
	bundle.Add(dag.Entry{Vertex: good}.Encode())
	for full.Add(make([]byte, settle.VertexSizeMax)) {
	}
	oversized := append(full.Encode(), make([]byte, dag.BundleSizeMax)...)
	tooMany := append([]byte(nil), bundle.Encode()...)
	tooMany[1], tooMany[2] = 0xff, 0xff
	for name, bad := range map[string][]byte{
		"empty": {}, "larger than a bundle may be": oversized, "more entries than a bundle may have": tooMany,
		"entries that do not decode": full.Encode(), "cut": bundle.Encode()[:40], "another version": {9, 0, 0},
	} {
		core, _, err := node.NewCore(net.genesis, now, node.CoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at := node.Begin(t, core, now)
		deliver := func(raw []byte) {
			t.Helper()
			at.Sequence++
			d := stream.Delivery{Position: at, Bundle: raw}
			if _, err := core.Step(now, node.Delivered{Deliveries: []stream.Delivery{d}}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		before := core.State().Head()
		if deliver(bad); core.State().Head() != before {
			t.Errorf("%s: changed the ledger", name)
		}
		if deliver(bundle.Encode()); core.State().Head().Accepted != before.Accepted+1 {
			t.Errorf("%s: the bundle after it was not applied", name)
		}
	}
}

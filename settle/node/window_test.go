package node_test

import (
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/node"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

func published(t *testing.T, effects []node.Effect) (bundles [][]byte) {
	t.Helper()
	for _, e := range effects {
		if p, ok := e.(node.Publish); ok {
			bundles = append(bundles, p.Bundle)
		}
	}
	return bundles
}

func TestFullBundlesDoNotWaitAndOthersShareTheNext(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	now := time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC)
	core, _, err := node.NewCore(net.genesis, now, node.CoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := node.Begin(t, core, now)
	step := func(e node.Event) [][]byte {
		t.Helper()
		effects, err := core.Step(now, e)
		if err != nil {
			t.Fatal(err)
		}
		return published(t, effects)
	}
	var order []settle.VertexID
	submit := func(count int) node.SubmittedTogether {
		var out node.SubmittedTogether
		for range count {
			v, err := settle.Sign(settle.Draft{
				Network: net.genesis.NetworkID(), Issuer: wallet.DIDOf(net.issuer.Public()), Parents: []settle.VertexID{net.genesis.ID()},
				Nonce: uint64(len(order)), Payload: &settle.Anchor{Hash: [32]byte{1}},
			}, net.issuer)
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, v.ID())
			out.Vertices = append(out.Vertices, node.Submitted{Vertex: v, SignedBy: net.issuer.Public()})
		}
		return out
	}
	bundles := step(submit(1))
	if len(bundles) != 1 {
		t.Fatalf("the first goes as %d bundles", len(bundles))
	}
	if more := step(submit(dag.BundleEntriesMax - 1)); len(more) != 0 {
		t.Errorf("%d bundles that are not full do not wait", len(more))
	}
	bundles = append(bundles, step(submit(10*dag.BundleEntriesMax))...)
	if len(bundles) != stream.AppendMax {
		t.Errorf("%d bundles on their way, want %d", len(bundles), stream.AppendMax)
	}
	for n := 0; n < len(bundles); n++ {
		at.Sequence++
		bundles = append(bundles, step(node.Published{Position: at, Bundle: bundles[n]})...)
		if on := len(bundles) - n - 1; on > stream.AppendMax {
			t.Fatalf("%d bundles on their way", on)
		}
	}
	for _, b := range bundles {
		entries, err := dag.DecodeBundle(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range entries {
			e, err := dag.DecodeEntry(raw)
			if err != nil {
				t.Fatal(err)
			}
			if e.Vertex.ID() != order[0] {
				t.Fatal("the order has changed")
			}
			order = order[1:]
		}
	}
	if len(order) != 0 {
		t.Errorf("%d vertices were not published", len(order))
	}
}

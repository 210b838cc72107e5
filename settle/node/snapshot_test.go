package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/settle/snapshot"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// smallWindow makes a ledger forget soon.
func smallWindow() settle.Limits {
	limits := settle.DefaultLimits()
	limits.ParentWindow = 16
	return limits
}

// pay issues money to a new account so many times, each in a checkpoint of its own, and waits until the last is final.
func (n *network) pay(t *testing.T, on *node.Node, from, count int) {
	t.Helper()
	var last node.Result
	for i := range count {
		to := wallet.NewPrivateKey([32]byte{20, byte(from + i)})
		last = n.post(t, on, n.issuer, uint64(1000+from+i), n.issue(fmt.Sprint("pay", from+i), to, eur))
		if _, err := on.WaitFinal(t.Context(), last.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func snapshotOf(t *testing.T, n *node.Node) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := n.WriteSnapshot(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// begin makes a store that begins from a snapshot.
func begin(t *testing.T, s store.Store, raw []byte, net *network) {
	t.Helper()
	r, err := snapshot.Open(bytes.NewReader(raw), net.genesis.NetworkID())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(t.Context(), r.Base()); err != nil {
		t.Fatal(err)
	}
}

func TestI7_ANodeThatBeginsFromASnapshotFollowsTheOthers(t *testing.T) {
	net := newNetwork(t, smallWindow())
	busyLedger(t, net)
	first := net.start(t)
	net.pay(t, first, 0, 20)
	raw := snapshotOf(t, first)
	net.pay(t, first, 20, 5)

	file := openSQLite(t, filepath.Join(t.TempDir(), "ledger.db"))
	defer file.Close()
	begin(t, file, raw, net)
	second, err := node.Start(context.Background(), node.Options{Genesis: net.genesis, Store: file, Stream: net.stream, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}()
	heard := second.Subscribe()
	defer heard.Close()
	last := net.post(t, first, net.issuer, 5000, net.issue("last", net.issuer, eur))
	for notice := range heard.Notices() {
		if notice.Stage == node.StageFinal && notice.Height >= last.Height {
			break
		}
	}
	if _, err := first.WaitFinal(t.Context(), last.ID); err != nil {
		t.Fatal(err)
	}
	alice := wallet.DIDOf(wallet.NewPrivateKey([32]byte{10}).Public())
	for name, n := range map[string]*node.Node{"first": first, "second": second} {
		if account, _, err := n.Account(t.Context(), alice); err != nil || account.Balance != 189*eur {
			t.Errorf("%s: balance %s, %v", name, account.Balance, err)
		}
	}
	channels, err := second.Channels(t.Context(), store.ChannelQuery{Page: store.Page{Limit: 2}, State: channel.Closed})
	if err != nil || len(channels) != 1 {
		t.Fatal(channels, err)
	}
	slot, err := second.ProveSlot(settle.ChannelKey(channels[0].ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := slot.Verify(first.Network()); err != nil {
		t.Error(err)
	}
	if _, err := second.Vertices(t.Context(), store.VertexQuery{Page: store.Page{Limit: 10}}); err != nil {
		t.Error(err)
	}
	if _, err := second.Claims(t.Context(), channels[0].ID); !errors.Is(err, store.ErrPruned) {
		t.Errorf("claims from before the snapshot: %v", err)
	}
}

func TestNothingFinalGivesNoSnapshot(t *testing.T) {
	net := newNetwork(t, smallWindow())
	n, err := node.Start(context.Background(), node.Options{Genesis: net.genesis, Store: net.store, Stream: net.stream, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := n.WriteSnapshot(t.Context(), &bytes.Buffer{}); !errors.Is(err, snapshot.ErrNotFinal) {
		t.Error(err)
	}
}

func TestPrunedNodeKeepsSlotsAndProofsAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	net := newNetwork(t, smallWindow())
	file := openSQLite(t, filepath.Join(dir, "ledger.db"))
	net.store = file
	busyLedger(t, net)
	n := net.start(t)
	opened, err := n.Vertices(t.Context(), store.VertexQuery{Page: store.Page{Limit: 1}, Kind: settle.KindOpen})
	if err != nil || len(opened) != 1 {
		t.Fatal(opened, err)
	}
	net.pay(t, n, 0, 90)
	path := filepath.Join(dir, "base.snapshot")
	keeper := snapshot.Keeper{Ledger: n, Store: file, Path: path, Keep: 20, Every: 10}
	prune := func() {
		for done := false; !done; {
			if done, err = keeper.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	prune()
	net.pay(t, n, 90, 30)
	prune()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}

	r, opener, err := snapshot.OpenFile(path, net.genesis.NetworkID())
	if err != nil {
		t.Fatal(err)
	}
	defer opener.Close()
	stored, err := file.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stored.Pruned == 0 || r.Final().Checkpoint.Height < stored.Pruned {
		t.Fatalf("pruned to %d, base at %d, height %d", stored.Pruned, r.Final().Checkpoint.Height, stored.Snapshot.Head.Height)
	}
	if err := file.Entries(t.Context(), 0, func(store.Entry) error { return nil }); !errors.Is(err, store.ErrPruned) {
		t.Errorf("all entries: %v", err)
	}

	again := net.start(t) // from what is left
	net.pay(t, again, 120, 3)
	if _, err := again.Vertex(t.Context(), opened[0].ID); !errors.Is(err, store.ErrPruned) || !errors.Is(err, node.ErrNotFound) {
		t.Errorf("a vertex that was pruned: %v", err)
	}
	channels, err := again.Channels(t.Context(), store.ChannelQuery{Page: store.Page{Limit: 2}, State: channel.Closed})
	if err != nil || len(channels) != 1 {
		t.Fatal(channels, err)
	}
	slot, err := again.ProveSlot(settle.ChannelKey(channels[0].ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := slot.Verify(again.Network()); err != nil {
		t.Errorf("the proof of a channel that was closed: %v", err)
	}
	if _, err := snapshot.Verify(bytes.NewReader(snapshotOf(t, again)), net.genesis.NetworkID(), nil); err != nil {
		t.Errorf("a snapshot of a pruned node: %v", err)
	}
}

func TestAWitnessAloneGoesOnFromItsSnapshotWhenEverythingElseIsLost(t *testing.T) {
	net := newNetwork(t, smallWindow())
	first := net.start(t)
	net.pay(t, first, 0, 5)
	raw := snapshotOf(t, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	net.store, net.stream = openSQLite(t, filepath.Join(t.TempDir(), "ledger.db")), stream.NewMemory()
	t.Cleanup(func() { _ = net.store.Close() }) // after the node
	begin(t, net.store, raw, net)
	net.pay(t, net.start(t), 5, 3)
}

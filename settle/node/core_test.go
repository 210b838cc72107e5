package node_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// tester is what testing.T and rapid.T share.
type tester interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// errCrash ends a machine at the place where it was to carry out an effect.
var errCrash = errors.New("crash")

// machine drives a Core over a store and a stream that survive it, on a virtual clock, and crashes when it is told to.
type machine struct {
	tester
	net       *network
	store     *store.Memory
	stream    *stream.Memory
	core      *node.Core
	now       time.Time
	read      stream.Position // of the last bundle given to the core
	inbox     []node.Event    // answers to effects
	crashAt   int             // effects left until the next crash; negative for none
	decided   map[settle.VertexID]settle.Verdict
	final     uint64 // height
	finalRoot map[uint64]proof.Hash
}

func newMachine(t tester, net *network) *machine {
	m := &machine{
		tester: t, net: net, store: store.NewMemory(), stream: stream.NewMemory(), now: time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC), crashAt: -1,
		decided: map[settle.VertexID]settle.Verdict{}, finalRoot: map[uint64]proof.Hash{},
	}
	m.boot()
	return m
}

// boot starts the process: nothing but the store and the stream is left.
func (m *machine) boot() {
	ctx := context.Background()
	options := node.CoreOptions{Witness: m.net.witness}
	stored, err := m.store.Load(ctx)
	if errors.Is(err, store.ErrEmpty) {
		core, first, err := node.NewCore(m.net.genesis, m.now, options)
		if err != nil {
			m.Fatal(err)
		}
		if err := m.store.Commit(ctx, first); err != nil {
			m.Fatal(err)
		}
		m.core = core
	} else if m.core, err = node.LoadCore(stored, m.now, options); err != nil {
		m.Fatal(err)
	}
	m.inbox = nil
	m.check()
	m.attach()
}

// attach finds where to read on, as the runner does.
func (m *machine) attach() {
	head, err := m.stream.Head(context.Background())
	if err != nil {
		m.Fatal(err)
	}
	m.read = m.core.Position()
	if head.Incarnation != m.read.Incarnation || head.Sequence < m.read.Sequence {
		start, err := m.stream.Renew(context.Background(), head.Incarnation)
		if err != nil {
			m.Fatal(err)
		}
		m.read = start
		m.step(node.Renewed{Position: start, Empty: true})
		return
	}
	m.step(node.Tick{})
}

// step gives the core an event and carries out what it wants, or crashes in between and boots again.
func (m *machine) step(e node.Event) {
	m.now = m.now.Add(20 * time.Millisecond)
	effects, err := m.core.Step(m.now, e)
	if errors.Is(err, stream.ErrGap) {
		m.stream.Lose(0)
		m.attach()
		return
	}
	if err != nil {
		m.Fatal(err)
	}
	for _, effect := range effects {
		if err := m.execute(effect); err != nil {
			m.crashAt = -1
			m.boot()
			return
		}
	}
}

func (m *machine) execute(effect node.Effect) error {
	if m.crashAt == 0 {
		return errCrash
	}
	m.crashAt--
	switch e := effect.(type) {
	case node.Persist:
		if err := m.store.Commit(context.Background(), e.Batch); err != nil {
			m.Fatal(err)
		}
	case node.Publish:
		at, err := m.stream.Append(context.Background(), e.Bundle)
		if err != nil {
			m.Fatal(err)
		}
		m.inbox = append(m.inbox, node.Published{Position: at, Bundle: e.Bundle})
	case node.Tell:
		m.hear(e.Notice)
	}
	return nil
}

func (m *machine) hear(n node.Notice) {
	switch n.Stage {
	case node.StageDecided:
		m.decided[n.Vertex] = n.Verdict
	case node.StageFinal:
		if n.Height < m.final {
			m.Fatalf("final height fell from %d to %d", m.final, n.Height)
		}
		m.final = n.Height
		m.finalRoot[n.Checkpoint] = m.core.Finality().Final().Checkpoint.State
	}
}

// check looks at the store: everything that was told is in it.
func (m *machine) check() {
	ctx := context.Background()
	for id, verdict := range m.decided {
		e, err := m.store.Vertex(ctx, id)
		if err != nil || e.Verdict != verdict {
			m.Fatalf("vertex %s was told to be %s: %v", id, verdict, err)
		}
	}
	for number, root := range m.finalRoot {
		row, err := m.store.Checkpoint(ctx, number)
		if err != nil || row.Checkpoint.State != root {
			m.Fatalf("final checkpoint %d has another root: %v", number, err)
		}
	}
	if err := m.core.State().Audit(); err != nil {
		m.Fatal(err)
	}
}

// deliver gives the core the answers to its effects, and what the stream has.
func (m *machine) deliver() bool {
	for len(m.inbox) > 0 {
		e := m.inbox[0]
		m.inbox = m.inbox[1:]
		m.step(e)
	}
	var batch []stream.Delivery
	stop := errors.New("read enough")
	head, err := m.stream.Head(context.Background())
	if err != nil {
		m.Fatal(err)
	}
	if head.Incarnation != m.read.Incarnation || head.Sequence < m.read.Sequence {
		m.attach()
		return true
	}
	if head == m.read {
		return false
	}
	_ = m.stream.Read(context.Background(), m.read, func(d stream.Delivery) error {
		batch = append(batch, d)
		m.read = d.Position
		if d.Position == head || len(batch) == 3 {
			return stop
		}
		return nil
	})
	m.step(node.Delivered{Deliveries: batch})
	return true
}

// settleDown lets everything become final.
func (m *machine) settleDown() {
	for range 50 {
		if !m.deliver() {
			m.now = m.now.Add(time.Second)
			m.step(node.Tick{})
		}
	}
}

func TestI4_CrashAnywhereLosesNothingThatWasTold(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	alice := wallet.NewPrivateKey([32]byte{10})
	crashes := 0
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t, net)
		var submitted []*settle.Vertex
		for i := range rapid.IntRange(5, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1, 2:
				v := m.vertex(net.issuer, uint64(i), net.issue(fmt.Sprint(i), alice, eur))
				submitted = append(submitted, v)
				m.step(node.Submitted{Vertex: v, SignedBy: net.issuer.Public()})
			case 3, 4, 5:
				m.deliver()
			case 6:
				m.step(node.Tick{})
			case 7, 8:
				m.crashAt = rapid.IntRange(0, 6).Draw(t, "effects until the crash")
				crashes++
			case 9:
				head, _ := m.stream.Head(context.Background())
				m.stream.Lose(uint64(rapid.IntRange(0, int(head.Sequence)).Draw(t, "lost from")))
			}
		}
		m.crashAt = -1
		for range 3 { // the submitters try again until they know
			for _, v := range submitted {
				if _, known := m.decided[v.ID()]; !known {
					m.step(node.Submitted{Vertex: v, SignedBy: net.issuer.Public()})
				}
			}
			m.settleDown()
		}
		m.check()
		m.checkBalance(wallet.DIDOf(alice.Public()), money.Amount(len(submitted))*eur)
		if last := m.core.State().LastCheckpoint(); m.core.Finality().Final().Checkpoint.State != last.State {
			t.Fatalf("checkpoint %d did not become final", last.Number)
		}
	})
	if crashes == 0 {
		t.Error("no crash was tried")
	}
}

// vertex signs over the tips; before the second vertex is accepted there is only the genesis.
func (m *machine) vertex(key wallet.PrivateKey, nonce uint64, p settle.Payload) *settle.Vertex {
	v, err := settle.Sign(settle.Draft{
		Network: m.net.genesis.NetworkID(), Issuer: wallet.DIDOf(key.Public()), Parents: m.parents(), Nonce: nonce, Payload: p,
	}, key)
	if err != nil {
		m.Fatal(err)
	}
	return v
}

// parents are stored ones, so that no crash can make them unknown.
func (m *machine) parents() []settle.VertexID {
	all, err := m.store.Vertices(context.Background(), store.VertexQuery{Page: store.Page{Limit: 2}, Only: store.AcceptedOnly})
	if err != nil {
		m.Fatal(err)
	}
	var ids []settle.VertexID
	for _, e := range all {
		ids = append(ids, e.ID)
	}
	return ids
}

func (m *machine) checkBalance(d wallet.DID, want money.Amount) {
	var got money.Amount
	if raw, ok := m.core.State().Slot(settle.AccountKey(d)); ok {
		a, err := settle.DecodeAccount(raw)
		if err != nil {
			m.Fatal(err)
		}
		got = a.Balance
	}
	all, err := m.store.Vertices(context.Background(), store.VertexQuery{Page: store.Page{Limit: store.PageMax}, Only: store.RefusedOnly})
	if err != nil {
		m.Fatal(err)
	}
	refused := len(all)
	if got+money.Amount(refused)*eur != want {
		m.Fatalf("balance %s with %d refused, submitted %s", got, refused, want)
	}
}

func TestI7_TwoNodesOfOneLogAgree(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	n := net.start(t)
	alice := wallet.NewPrivateKey([32]byte{10})
	var last node.Result
	for i := range 20 {
		last = net.post(t, n, net.issuer, uint64(10*i), net.issue(fmt.Sprint(i), alice, eur))
	}
	if _, err := n.WaitFinal(t.Context(), last.ID); err != nil {
		t.Fatal(err)
	}
	follower, _, err := node.NewCore(net.genesis, time.Now(), node.CoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := n.LatestFinal().Checkpoint
	for d := range deliveries(t, net.stream) {
		if follower.Position() == (stream.Position{}) {
			step(t, follower, node.Renewed{Position: stream.Position{Incarnation: d.Position.Incarnation}})
		}
		step(t, follower, node.Delivered{Deliveries: []stream.Delivery{d}})
	}
	if follower.Finality().Final().Checkpoint.Number+1 < want.Number {
		t.Errorf("follower has %d final, the witness %d", follower.Finality().Final().Checkpoint.Number, want.Number)
	}
	row, err := net.store.Checkpoint(t.Context(), follower.State().LastCheckpoint().Number)
	if err != nil || row.Checkpoint != follower.State().LastCheckpoint() {
		t.Errorf("checkpoints differ: %v", err)
	}
}

func step(t *testing.T, c *node.Core, e node.Event) {
	t.Helper()
	if _, err := c.Step(time.Now(), e); err != nil {
		t.Fatal(err)
	}
}

// deliveries gives what a stream has now.
func deliveries(t *testing.T, s stream.Log) func(func(stream.Delivery) bool) {
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("read all")
	return func(yield func(stream.Delivery) bool) {
		_ = s.Read(t.Context(), stream.Position{Incarnation: head.Incarnation}, func(d stream.Delivery) error {
			if !yield(d) || d.Position == head {
				return stop
			}
			return nil
		})
	}
}

// failing is a store that takes no more batches.
type failing struct {
	store.Store
	err error
}

func (f *failing) Commit(ctx context.Context, b store.Batch) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Commit(ctx, b)
}

func TestI4_NodeThatCannotStoreAcknowledgesNothing(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	broken := &failing{Store: net.store}
	net.store = broken
	n, err := node.Start(t.Context(), node.Options{
		CoreOptions: node.CoreOptions{Witness: net.witness}, Genesis: net.genesis, Store: net.store, Stream: net.stream, Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	sub := n.Subscribe()
	full := errors.New("disk full")
	alice := wallet.NewPrivateKey([32]byte{10})
	net.post(t, n, net.issuer, 1, net.issue("a", alice, eur))
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	sub.Close()
	broken.err = full
	n, err = node.Start(t.Context(), node.Options{
		CoreOptions: node.CoreOptions{Witness: net.witness}, Store: net.store, Stream: net.stream, Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	sub = n.Subscribe()
	_, err = n.Post(t.Context(), wallet.DIDOf(net.issuer.Public()), net.issuer, 9, net.issue("b", alice, eur))
	if !errors.Is(err, node.ErrStopped) {
		t.Errorf("submit: %v", err)
	}
	if err := n.Close(); !errors.Is(err, full) {
		t.Errorf("node ended with %v", err)
	}
	sub.Close()
	for notice := range sub.Notices() {
		if notice.Stage != node.StageReceived {
			t.Errorf("told %+v", notice)
		}
	}
}

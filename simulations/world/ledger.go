package world

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/settle/proof"
	settlestore "joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// orderDelay is how long the stream takes to give a bundle its place.
const orderDelay = 3 * time.Millisecond

// ledger is the node that settles: the core that ships, over the in-memory store and stream.
type ledger struct {
	process
	disk     *ledgerDisk
	stream   *stream.Memory
	core     *node.Core
	genesis  *settle.Vertex
	trusted  *proof.Network // what light clients know
	believed proof.Final    // whose certificate was verified last
	issuer   wallet.PrivateKey
	witness  wallet.PrivateKey
	funds    []*settle.Vertex
	issued   money.Amount // by grants that were decided

	forgotten uint64 // bundles of the stream below it are gone

	// What follows is memory of the process: it dies with it.
	wakes    uint64 // only the last wake-up counts
	turn     uint64 // of tips
	deciding map[settle.VertexID][]func(decision)
	waiting  []waiter // for finality
}

// decision is what the ledger says of a vertex.
type decision struct {
	vertex  settle.VertexID // an earlier one when its payload was accepted before
	verdict settle.Verdict
	height  uint64
}

// waiter waits until a height is final.
type waiter struct {
	height uint64
	tell   func()
}

// ledgerDisk is the node's store, which can fail at an instant.
type ledgerDisk struct {
	*settlestore.Memory
	process *process
}

// Commit implements store.Store.
func (d *ledgerDisk) Commit(ctx context.Context, b settlestore.Batch) error {
	stored, heard := d.process.committing()
	if stored {
		if err := d.Memory.Commit(ctx, b); err != nil {
			return err
		}
		d.process.world.oracle.ledgerStored(b)
	}
	if !heard {
		return errDied
	}
	return nil
}

func newLedger(w *World) (*ledger, error) {
	l := &ledger{process: newProcess(w, "ledger"), stream: stream.NewMemory()}
	l.disk = &ledgerDisk{settlestore.NewMemory(), &l.process}
	l.boot, l.halt = l.load, func() {}
	l.issuer, l.witness = keyOf(w, "issuer"), keyOf(w, "witness")
	did := wallet.DIDOf(l.issuer.Public())
	limits := settle.DefaultLimits()
	limits.Heartbeat = w.scenario.Ledger.Heartbeat
	limits.StepMax = max(limits.StepMax, limits.Heartbeat)
	issuable := money.Amount(1<<62 - 1)
	var err error
	l.genesis, err = settle.NewGenesis(settle.Genesis{
		Name: "simulation " + w.scenario.Name, Currency: w.scenario.Ledger.Currency, Time: w.clock.Now(),
		Issuers:   []settle.Issuer{{DID: did, Cap: issuable}},
		Witnesses: []settle.Witness{{DID: did, Key: l.witness.Public(), Weight: 1}},
		Limits:    limits,
	})
	if err != nil {
		return nil, err
	}
	l.trusted, err = proof.NewNetwork(l.genesis)
	return l, err
}

// keyOf derives a key of the world from its seed.
func keyOf(w *World, name string) wallet.PrivateKey {
	return wallet.NewPrivateKey(sha256.Sum256(fmt.Appendf(nil, "joulepay/simulation/%d/%s", w.options.Seed, name)))
}

// load makes the core from what is stored, and takes up the stream where it stands.
func (l *ledger) load() {
	l.deciding, l.waiting = map[settle.VertexID][]func(decision){}, nil
	ctx, now := context.Background(), l.world.clock.Now()
	options := node.CoreOptions{Witness: l.witness}
	stored, err := l.disk.Load(ctx)
	if errors.Is(err, settlestore.ErrEmpty) {
		var first settlestore.Batch
		if l.core, first, err = node.NewCore(l.genesis, now, options); err == nil {
			err = l.disk.Commit(ctx, first)
		}
	} else if err == nil {
		l.core, err = node.LoadCore(stored, now, options)
	}
	if err != nil {
		l.world.fail(fmt.Errorf("ledger: %w", err))
		return
	}
	head, err := l.stream.Head(ctx)
	if err != nil {
		l.world.fail(fmt.Errorf("ledger: %w", err))
		return
	}
	if head.Incarnation != l.core.Position().Incarnation {
		l.step(node.Renewed{Position: stream.Position{Incarnation: head.Incarnation}})
	}
	l.read()
	if l.up {
		l.step(node.Tick{})
	}
}

// read gives the core what the stream has beyond its position.
func (l *ledger) read() {
	ended, end := context.WithCancel(context.Background())
	end() // so that reading ends where the stream does
	var news []stream.Delivery
	err := l.stream.Read(ended, l.core.Position(), func(d stream.Delivery) error {
		news = append(news, d)
		return nil
	})
	switch {
	case !errors.Is(err, context.Canceled):
		l.world.fail(fmt.Errorf("ledger: %w", err))
	case len(news) > 0:
		l.step(node.Delivered{Deliveries: news})
		l.forget()
	}
}

// forget lets the stream lose what the node has taken from it long ago.
func (l *ledger) forget() {
	const kept = 1 << 12 // bundles: far more than one step reads, and so than a crash can make it read again
	if at := l.core.Position().Sequence; at > l.forgotten+2*kept {
		l.forgotten = at - kept
		l.stream.Discard(l.forgotten)
	}
}

// step gives the core an event and carries out what it asks for, in order.
func (l *ledger) step(e node.Event) {
	effects, err := l.core.Step(l.world.clock.Now(), e)
	if err != nil {
		l.world.fail(fmt.Errorf("ledger: %w", err))
		return
	}
	for _, effect := range effects {
		if err := l.execute(effect); err != nil {
			if !l.survived(err) {
				return
			}
			l.world.fail(fmt.Errorf("ledger: %w", err))
			return
		}
	}
	l.world.oracle.ledgerMoved()
	l.survived(nil)
}

func (l *ledger) execute(effect node.Effect) error {
	ctx := context.Background()
	if p, ok := effect.(node.Persist); ok {
		return l.disk.Commit(ctx, p.Batch)
	}
	if !l.mayAct() {
		return nil
	}
	switch e := effect.(type) {
	case node.Publish:
		return l.publish(e)
	case node.Tell:
		l.tell(e.Notice)
	case node.WakeAfter:
		l.wakes++
		wake := l.wakes
		l.after(e.Wait, func() {
			if wake == l.wakes {
				l.step(node.Tick{})
			}
		})
	}
	return nil // votes have nobody else to go to
}

// publish appends a bundle to the stream, which the broker keeps: without it the bundle waits.
func (l *ledger) publish(e node.Publish) error {
	const again = 500 * time.Millisecond
	if !l.world.broker.up {
		l.world.fired["bundle that waited for the broker"]++
		l.after(again, func() { l.world.fail(l.publish(e)) })
		return nil
	}
	at, err := l.stream.Append(context.Background(), e.Bundle)
	if err != nil {
		return err
	}
	l.after(orderDelay, func() {
		l.step(node.Published{Position: at, Bundle: e.Bundle})
		if l.up {
			l.read()
		}
	})
	return nil
}

// tell answers those who wait.
func (l *ledger) tell(n node.Notice) {
	switch n.Stage {
	case node.StageDecided, node.StageRepeated:
		waiting := l.deciding[n.Vertex]
		delete(l.deciding, n.Vertex)
		for _, answer := range waiting {
			answer(l.conclude(decision{n.Vertex, n.Verdict, n.Height}, n.Payload))
		}
	case node.StageFinal:
		l.world.oracle.final(n.Checkpoint, l.core.Finality().Final().Checkpoint)
		l.waiting = slices.DeleteFunc(l.waiting, func(w waiter) bool {
			done := w.height <= n.Height
			if done {
				w.tell()
			}
			return done
		})
	}
}

// conclude looks whether what was refused has been accepted in an earlier vertex.
func (l *ledger) conclude(d decision, payload settle.PayloadID) decision {
	if d.verdict.Accepted() {
		return d
	}
	if earlier, ok := l.find(payload); ok {
		return earlier
	}
	return d
}

// find gives the accepted vertex that carries a payload.
func (l *ledger) find(payload settle.PayloadID) (decision, bool) {
	found, err := l.disk.Vertices(context.Background(), settlestore.VertexQuery{
		Page: settlestore.Page{Limit: 1}, Payload: &payload, Only: settlestore.AcceptedOnly,
	})
	if err != nil || len(found) == 0 {
		l.world.fail(err)
		return decision{}, false
	}
	return decision{found[0].ID, found[0].Verdict, found[0].Height}, true
}

// submit takes a vertex in and answers when it is decided, as node.Node does.
func (l *ledger) submit(v *settle.Vertex, answer func(decision)) {
	if e, err := l.disk.Vertex(context.Background(), v.ID()); err == nil {
		answer(l.conclude(decision{e.ID, e.Verdict, e.Height}, v.PayloadID()))
		return
	}
	state := l.core.State()
	key := state.AccountKey(v.Issuer())
	if state.VerifySignature(v, key) != nil {
		answer(decision{vertex: v.ID(), verdict: settle.BadSignature})
		return
	}
	l.deciding[v.ID()] = append(l.deciding[v.ID()], answer)
	l.step(node.Submitted{Vertex: v, SignedBy: key})
}

// awaitFinal answers when a height is final.
func (l *ledger) awaitFinal(height uint64, answer func()) {
	if height <= l.core.Finality().Final().Checkpoint.Height {
		answer()
		return
	}
	l.waiting = append(l.waiting, waiter{height, answer})
}

// tips gives parents for a new vertex.
func (l *ledger) tips() []settle.VertexID {
	l.turn++
	return l.core.State().Tips(l.turn)
}

// account gives an account as it is now.
func (l *ledger) account(did wallet.DID) settle.Account {
	raw, ok := l.core.State().Slot(settle.AccountKey(did))
	if !ok {
		return settle.NewAccount(did)
	}
	a, err := settle.DecodeAccount(raw)
	l.world.fail(err)
	return a
}

// errNotCertified says that no final checkpoint has what was asked for.
var errNotCertified = errors.New("world: nothing of it is final yet")

// prove gives a channel's slot in the last final state, with its proof.
func (l *ledger) prove(id channel.ID) (proof.Slot, error) {
	final := l.core.Finality().Final()
	if len(final.Certificate.Votes) == 0 {
		return proof.Slot{}, errNotCertified
	}
	content, inclusion, err := l.core.State().ProveSlot(final.Checkpoint.Number, settle.ChannelKey(id))
	if err != nil {
		return proof.Slot{}, fmt.Errorf("%w: %w", errNotCertified, err)
	}
	return proof.Slot{Final: final, Key: settle.ChannelKey(id), Content: content, Inclusion: inclusion}, nil
}

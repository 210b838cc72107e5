package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"joulepay/settle"
	"joulepay/settle/gossip"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
)

// Options say how to run a node.
type Options struct {
	CoreOptions
	Genesis *settle.Vertex   // needed for an empty store; otherwise, when set, it must be the stored one
	Store   store.Store      // which the node does not close
	Stream  stream.Log       // which the node does not close
	Gossip  gossip.Bus       // to the other witnesses; nil when the witness of this node decides alone
	Clock   func() time.Time // the wall clock that the witness certifies
	Logger  *slog.Logger     // of troubles that the node deals with itself; nil for none
}

// Bounds of the runner.
const (
	// deliveriesMax is how many bundles share one commit.
	deliveriesMax = 16
	// stepsMax is how many steps the core may be ahead of what is stored. What it has not stored, nobody hears of.
	stepsMax = 8
	// eventsMax is how many events wait for the core before their senders do.
	eventsMax = 1024
	// retryWait is the pause before a stream that does not answer is asked again.
	retryWait = 200 * time.Millisecond
)

// Node is a running node. It is safe for concurrent use.
type Node struct {
	options Options
	network *proof.Network
	genesis *settle.Vertex
	self    int // place in the witness set; −1 for a node that only follows
	logger  *slog.Logger

	coreMu sync.RWMutex // guards core: Step writes, queries read
	core   *Core

	final  atomic.Pointer[proof.Final] // the last one that is stored
	turn   atomic.Uint64               // of tip selection
	stages *stages

	candidates chan candidate // whose signatures are to be verified
	events     chan Event
	waiting    []Event                            // of the loop: what came while it waited for effects to be carried out
	inbound    chan inbound                       // from the stream, in order
	outbound   chan []byte                        // bundles to publish, in order
	effects    chan []Effect                      // of one step each, to be carried out in order
	reread     chan struct{}                      // asks follow to look at the stream again
	lost       atomic.Bool                        // the stream is known to have forgotten bundles
	renewal    atomic.Pointer[stream.Incarnation] // which the core wants to leave
	reading    atomic.Uint64                      // counts the places from which the stream was read; deliveries from an earlier one are void
	carried    chan struct{}                      // answers an empty set of effects: all before it are carried out

	accusedMu sync.Mutex // guards accused
	accused   map[uint8]proof.Evidence

	ctx    context.Context // ends with the node
	cancel context.CancelCauseFunc
	all    sync.WaitGroup
}

// Start loads what is stored, or begins a network with its genesis, and runs the node until the context ends, Close is
// called, or it cannot go on. Err says why it ended.
func Start(ctx context.Context, o Options) (*Node, error) {
	n := &Node{
		options: o, logger: o.Logger, stages: newStages(o.Clock),
		candidates: make(chan candidate, admitWaitingMax), events: make(chan Event, eventsMax), inbound: make(chan inbound, deliveriesMax),
		outbound: make(chan []byte, stream.AppendMax), effects: make(chan []Effect, stepsMax), reread: make(chan struct{}, 1),
		carried: make(chan struct{}), accused: make(map[uint8]proof.Evidence),
	}
	if n.logger == nil {
		n.logger = slog.New(slog.DiscardHandler)
	}
	if err := n.open(ctx); err != nil {
		return nil, err
	}
	n.self = n.core.self
	n.ctx, n.cancel = context.WithCancelCause(ctx)
	runs := append([]func() error{n.loop, n.follow, n.append, n.carryOut, n.listen, n.serve}, slices.Repeat([]func() error{n.admit}, admitters())...)
	for _, run := range runs {
		n.all.Go(func() { n.cancel(run()) })
	}
	return n, nil
}

// open makes the core.
func (n *Node) open(ctx context.Context) error {
	stored, err := n.options.Store.Load(ctx)
	switch {
	case errors.Is(err, store.ErrEmpty) && n.options.Genesis == nil:
		return fmt.Errorf("%w: the store is empty", ErrGenesis)
	case errors.Is(err, store.ErrEmpty):
		return n.begin(ctx)
	case err != nil:
		return fmt.Errorf("load the ledger: %w", err)
	}
	n.genesis = stored.Snapshot.Genesis
	if g := n.options.Genesis; g != nil && g.ID() != n.genesis.ID() {
		return fmt.Errorf("%w: stored %s, given %s", ErrGenesis, n.genesis.ID(), g.ID())
	}
	if n.core, err = LoadCore(stored, n.options.Clock(), n.options.CoreOptions); err != nil {
		return err
	}
	n.network = n.core.network
	n.final.Store(&stored.Final)
	return nil
}

func (n *Node) begin(ctx context.Context) error {
	core, first, err := NewCore(n.options.Genesis, n.options.Clock(), n.options.CoreOptions)
	if err != nil {
		return err
	}
	if err := n.options.Store.Commit(ctx, first); err != nil {
		return fmt.Errorf("store the genesis: %w", err)
	}
	final := core.finality.Final()
	n.core, n.network, n.genesis = core, core.network, n.options.Genesis
	n.final.Store(&final)
	return nil
}

// Close ends the node and waits for it. What was not answered is not lost: it is in the log or never happened.
func (n *Node) Close() error {
	n.cancel(nil)
	n.all.Wait()
	return n.Err()
}

// Done is closed when the node has ended or is about to.
func (n *Node) Done() <-chan struct{} { return n.ctx.Done() }

// Err says why the node ended; nil while it runs and after Close.
func (n *Node) Err() error {
	if err := context.Cause(n.ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// loop owns the core.
func (n *Node) loop() error {
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		var events []Event
		if n.waiting, events = nil, n.waiting; len(events) > 0 {
			if err := n.steps(events, wake); err != nil {
				return err
			}
			continue
		}
		select {
		case e := <-n.events:
			events = []Event{e}
		case in := <-n.inbound:
			events = n.gather(in)
		case <-wake.C:
			events = []Event{Tick{}}
		case <-n.ctx.Done():
			return nil
		}
		if err := n.steps(events, wake); err != nil {
			return err
		}
	}
}

func (n *Node) steps(events []Event, wake *time.Timer) error {
	for _, e := range events {
		if err := n.step(e, wake); err != nil {
			return err
		}
	}
	return nil
}

// inbound is a bundle, or the position from which another incarnation is read.
type inbound struct {
	delivery stream.Delivery
	renewed  bool
	empty    bool   // the incarnation
	reading  uint64 // to which it belongs
}

// gather takes what has come from the stream already, so that bundles share one commit.
func (n *Node) gather(first inbound) []Event {
	var events []Event
	var bundles []stream.Delivery
	flush := func() {
		if len(bundles) > 0 {
			events = append(events, Delivered{bundles})
			bundles = nil
		}
	}
	for in, more, count := first, true, 1; more; count++ {
		switch {
		case in.reading != n.reading.Load(): // read from where the core no longer is
		case in.renewed:
			flush()
			events = append(events, Renewed{in.delivery.Position, in.empty})
		default:
			bundles = append(bundles, in.delivery)
		}
		more = false
		if count < deliveriesMax {
			select {
			case in = <-n.inbound:
				more = true
			default:
			}
		}
	}
	flush()
	return events
}

func (n *Node) step(e Event, wake *time.Timer) error {
	n.coreMu.Lock()
	effects, err := n.core.Step(n.options.Clock(), e)
	n.coreMu.Unlock()
	if errors.Is(err, stream.ErrGap) {
		n.logger.Warn("the stream lost bundles", "error", err)
		n.lost.Store(true)
		n.restartReader()
		return nil
	}
	if err != nil {
		return err
	}
	effects = setWake(effects, wake)
	if len(effects) == 0 {
		return nil
	}
	move, moving := effects[len(effects)-1].(Rebase)
	if moving {
		effects = effects[:len(effects)-1]
	}
	if len(effects) > 0 {
		select {
		case n.effects <- effects:
		case <-n.ctx.Done():
		}
	}
	if moving {
		return n.rebase(move, wake)
	}
	return nil
}

// rebase brings the core to another checkpoint, and goes on from there.
func (n *Node) rebase(to Rebase, wake *time.Timer) error {
	n.logger.Warn("going to another checkpoint", "number", to.Base.Number, "height", to.Base.Height, "known", to.Known)
	n.drain()
	n.coreMu.Lock()
	n.stages.forgetAccepted()
	err := Rebaser{Core: n.core, Store: n.options.Store, Peers: n.options.Gossip, Carry: n.carry, Now: n.options.Clock}.Do(n.ctx, to)
	n.coreMu.Unlock()
	if n.ctx.Err() != nil {
		return nil
	}
	if err != nil && !errors.Is(err, ErrPeer) {
		return err
	}
	if err == nil && len(to.Again) > 0 {
		return n.step(Delivered{to.Again}, wake)
	}
	if err != nil {
		n.logger.Warn("the ledger goes on elsewhere, and this node cannot follow yet", "error", err)
		n.pause()
	}
	n.reading.Add(1) // the reader is somewhere else
	n.restartReader()
	if err != nil && len(to.Again) > 0 {
		return n.step(Stranded{}, wake)
	}
	return n.step(Tick{}, wake)
}

// drain waits until the effects of all earlier steps are carried out. Those who do so may need the loop to take what
// they have to say, so it does, for later.
func (n *Node) drain() {
	last := n.effects
	for {
		select {
		case last <- nil:
			last = nil
		case e := <-n.events:
			n.waiting = append(n.waiting, e)
		case <-n.carried:
			return
		case <-n.ctx.Done():
			return
		}
	}
}

// carry carries out effects on the loop, while nobody else does.
func (n *Node) carry(ctx context.Context, effects []Effect) error {
	if err := n.persist(effects); err != nil {
		return err
	}
	for _, e := range effects {
		n.execute(e)
	}
	return nil
}

// setWake sets the timer, which belongs to the loop, and gives the other effects.
func setWake(effects []Effect, wake *time.Timer) []Effect {
	return slices.DeleteFunc(effects, func(e Effect) bool {
		w, ok := e.(WakeAfter)
		if ok {
			wake.Reset(w.Wait)
		}
		return ok
	})
}

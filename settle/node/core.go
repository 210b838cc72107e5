package node

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// PendingMax bounds the vertices that wait for their place in the log; they are held in memory.
const PendingMax = 1 << 16

// DefaultCheckpointInterval is the least time between checkpoints: each costs every witness a durable vote.
const DefaultCheckpointInterval = 10 * time.Millisecond

// idleHeartbeat is how old the last checkpoint of a ledger becomes on which nothing happens: what it proves, of a station's
// registration for example, is asked to be younger than an hour.
const idleHeartbeat = 20 * time.Minute

// orderSlack is how many decided vertices the order of pending ones may still name.
const orderSlack = 1024

// silenceMax is how long the stream may deliver nothing while something of this node is on its way: then it is queued
// again. What comes twice is recognised.
const silenceMax = 5 * time.Second

// CoreOptions say how a core behaves.
type CoreOptions struct {
	Witness            wallet.PrivateKey // its vote key; the zero key for a node that only follows
	CheckpointInterval time.Duration     // zero for DefaultCheckpointInterval
}

// Core is a node without I/O. It is not safe for concurrent use.
type Core struct {
	options  CoreOptions
	network  *proof.Network
	state    *dag.State
	finality *dag.Finality
	position stream.Position
	bundles  bundleRing

	pending  map[settle.VertexID]*pendingVertex
	order    []settle.VertexID        // of pending, oldest first; may name some that are decided
	queue    []queued                 // for the next bundle
	inFlight int                      // bundles on their way to the log
	sent     map[[32]byte][]dag.Entry // what is in those that have not come back, by their hashes

	self     int                // place in the witness set; −1 for a node that only follows
	decides  bool               // this witness alone has more than two thirds of the weight
	refused  stream.Incarnation // which begins below what this node knows to be justified
	catching bool               // entries come from a peer
	later    []turn             // certificates that others publish first
	began    settle.LedgerTime  // when the Start of this incarnation was applied: older votes may be for a branch that was left
	doubt    doubt              // whether this log is the others' log
	voted    proof.SignedVote   // the last own vote, sent again while it is open
	voteSent time.Time          // session time
	asked    time.Time          // session time of the last AskPeers
	stray    doubt              // whether anybody leads to the base of the incarnation

	progress  time.Time // session time of the last delivery
	marked    time.Time // session time of the last checkpoint, or of the start
	queuedFor uint64    // number of the newest checkpoint whose mark is queued or in the log
	uncovered bool      // vertices or time since the last checkpoint
	wanted    uint64    // number of the checkpoint that should become final

	toldJustified uint64 // numbers of the checkpoints that were told last
	toldFinal     uint64
}

// pendingVertex waits for its place in the log.
type pendingVertex struct {
	vertex   *settle.Vertex
	signedBy wallet.PublicKey
}

// queued is an encoded entry for the stream.
type queued struct {
	entry  dag.Entry
	raw    []byte
	vertex settle.VertexID // zero for marks and certificates
}

// NewCore makes the core of a network that begins, and the batch that must be stored before the first Step.
func NewCore(genesis *settle.Vertex, now time.Time, o CoreOptions) (*Core, store.Batch, error) {
	state, err := dag.New(genesis)
	if err != nil {
		return nil, store.Batch{}, err
	}
	first := state.LastCheckpoint()
	c := newCore(state, dag.NewFinality(state.Network(), proof.Final{Checkpoint: first}, nil), now, o)
	return c, store.Batch{
		Genesis: genesis, Head: state.Head(), Slots: state.TakeChanges(), Checkpoints: []store.Marked{{Checkpoint: first, Head: state.Head()}},
		Certified: []uint64{0},
		Entries: []store.Entry{{
			Kind: dag.EntryVertex, ID: genesis.ID(), Time: state.Head().Time, Raw: genesis.Encode(),
			Payload: genesis.PayloadID(), PayloadKind: settle.KindGenesis,
		}},
	}, nil
}

// LoadCore makes a core that goes on from what was stored.
func LoadCore(stored store.Stored, now time.Time, o CoreOptions) (*Core, error) {
	state, err := dag.Load(stored.Snapshot)
	if err != nil {
		return nil, err
	}
	var last *proof.Vote
	if stored.Vote != nil {
		last = &stored.Vote.Vote
	}
	finality := dag.NewFinality(state.Network(), stored.Final, last)
	for _, m := range stored.Snapshot.Marks {
		if m.Checkpoint.Number > stored.Final.Checkpoint.Number {
			finality.Mark(m.Checkpoint)
		}
	}
	for _, certificate := range stored.Pending {
		finality.Certified(certificate)
	}
	c := newCore(state, finality, now, o)
	c.remember()
	c.position = stored.Position
	c.position = c.readFrom()
	c.resume(stored)
	return c, nil
}

// remember keeps a witness that has no vote, on a ledger that has gone on, from voting for what it may have voted for in
// a store that it lost.
func (c *Core) remember() {
	if c.self >= 0 && !c.decides && !c.finality.Voted() && c.state.LastCheckpoint().Number > 0 {
		c.finality.Forgot(c.state.MarkMax())
	}
}

func newCore(state *dag.State, finality *dag.Finality, now time.Time, o CoreOptions) *Core {
	if o.CheckpointInterval == 0 {
		o.CheckpointInterval = DefaultCheckpointInterval
	}
	self, ok := state.Network().Witnesses.Index(o.Witness.Public())
	if !ok || o.Witness.IsZero() {
		self = -1
	}
	c := &Core{
		self: self, decides: self >= 0 && state.Network().Witnesses.Decides(o.Witness.Public()),
		options: o, network: state.Network(), state: state, finality: finality,
		pending: make(map[settle.VertexID]*pendingVertex), sent: make(map[[32]byte][]dag.Entry), marked: now.Add(-o.CheckpointInterval), progress: now,
		queuedFor: state.LastCheckpoint().Number,
	}
	if c.decides {
		state.NeverUndoes()
	}
	return c
}

// resume takes up what a crash interrupted: a vote that was stored is counted again, a certificate that is not in the
// log is queued again, and a state that cannot be proven gets a new checkpoint.
func (c *Core) resume(stored store.Stored) {
	if v := stored.Vote; v != nil {
		c.voted = *v
		_, _ = c.finality.Vote(*v) // which may be for a branch that was undone
	}
	for _, certificate := range c.finality.Certificates(c.state.Head().Certified) {
		c.queueCertificate(certificate)
	}
	last := c.state.LastCheckpoint().Number
	c.wanted = last
	c.uncovered = len(stored.Snapshot.Receipts) > 0 || !c.state.Retains(last)
	c.toldJustified, c.toldFinal = c.finality.Justified().Number, c.finality.Final().Checkpoint.Number
}

// State gives the ledger's state, for reading between steps.
func (c *Core) State() *dag.State { return c.state }

// Finality gives what is justified and final, for reading between steps.
func (c *Core) Finality() *dag.Finality { return c.finality }

// Position gives the place of the last bundle that was applied.
func (c *Core) Position() stream.Position { return c.position }

// Pending tells whether a vertex waits for its place in the log.
func (c *Core) Pending(id settle.VertexID) bool {
	_, ok := c.pending[id]
	return ok
}

// Step takes an event at a session time and gives what to do about it, in this order. An error means that the node must
// stop.
func (c *Core) Step(now time.Time, e Event) ([]Effect, error) {
	var out []Effect
	var err error
	switch e := e.(type) {
	case Submitted:
		out = c.submit(e)
	case SubmittedTogether:
		for _, one := range e.Vertices {
			out = append(out, c.submit(one)...)
		}
	case Delivered:
		out, err = c.deliver(now, e.Deliveries)
	case Published:
		err = c.published(e)
	case VoteReceived:
		out = c.receiveVote(now, e.Vote)
	case Renewed:
		out, err = c.renew(now, e)
	case Ahead:
		out = c.ahead(e.Standing)
	case Fetched:
		return c.fetched(now, e.Entries)
	case Stranded:
		out = c.stranded(now)
	case Tick:
		out, err = c.tick(now)
	default:
		err = fmt.Errorf("node: unknown event %T", e)
	}
	if err != nil {
		return nil, err
	}
	if len(out) > 0 {
		if _, moving := out[len(out)-1].(Rebase); moving {
			return out, nil
		}
	}
	return append(out, c.publish(now)...), nil
}

func (c *Core) submit(e Submitted) []Effect {
	id := e.Vertex.ID()
	if c.Pending(id) {
		return nil
	}
	c.pending[id] = &pendingVertex{e.Vertex, e.SignedBy}
	if len(c.order) > 2*len(c.pending)+orderSlack {
		c.compactOrder()
	}
	c.order = append(c.order, id)
	c.queueVertex(id)
	return []Effect{Tell{Notice: noticeOf(StageReceived, e.Vertex)}}
}

// tick votes for a checkpoint that a node without a witness's key left behind, and looks after those that others leave
// open.
func (c *Core) tick(now time.Time) ([]Effect, error) {
	var s step
	if err := c.vote(&s, now); err != nil {
		return nil, err
	}
	if s.batch.Vote == nil {
		return c.lookAfter(now), nil
	}
	c.finish(&s)
	return append(s.effects(), c.lookAfter(now)...), nil
}

func (c *Core) queueVertex(id settle.VertexID) {
	entry := dag.Entry{Vertex: c.pending[id].vertex}
	c.queue = append(c.queue, queued{entry, entry.Encode(), id})
}

func (c *Core) queueCertificate(certificate proof.Certificate) {
	c.queueEntry(dag.Entry{Certificate: &certificate})
}

// queueEntry queues a mark or a certificate.
func (c *Core) queueEntry(e dag.Entry) {
	c.queue = append(c.queue, queued{entry: e, raw: e.Encode()})
}

// published hears of the place of a bundle. A place that another bundle has taken means that the log forgot some.
func (c *Core) published(e Published) error {
	c.inFlight = max(0, c.inFlight-1)
	if e.Position.Incarnation != c.position.Incarnation {
		return nil
	}
	return c.bundles.put(e.Position.Sequence, sha256.Sum256(e.Bundle))
}

// requeue queues again all that has no place in the log yet.
func (c *Core) requeue(now time.Time) {
	c.progress = now
	c.queue = nil
	clear(c.sent)
	c.later = nil
	for _, certificate := range c.finality.Certificates(c.state.Head().Certified) {
		c.queueCertificate(certificate)
	}
	c.compactOrder()
	for _, id := range c.order {
		c.queueVertex(id)
	}
	c.queuedFor = c.state.LastCheckpoint().Number
}

// compactOrder drops what was decided.
func (c *Core) compactOrder() {
	c.order = slices.DeleteFunc(c.order, func(id settle.VertexID) bool { return !c.Pending(id) })
}

// awaits tells whether something of this node is on its way through the stream.
func (c *Core) awaits() bool {
	return len(c.pending) > 0 || c.queuedFor > c.state.LastCheckpoint().Number ||
		c.finality.Justified().Number > c.state.Head().Certified
}

// publish gives the next bundle when none is on its way, or a full one before that; and when to look again. What does
// not fill a bundle waits for the one before it, so that few vertices need few bundles.
func (c *Core) publish(now time.Time) []Effect {
	if c.starting() {
		return c.publishStart(now)
	}
	c.takeTurns(now)
	if c.inFlight > 0 {
		return c.publishFull()
	}
	if c.awaits() && now.Sub(c.progress) >= silenceMax {
		c.requeue(now)
	}
	wake := sooner(c.queueMark(now), c.openWait(now))
	if c.awaits() {
		wake = sooner(wake, c.progress.Add(silenceMax).Sub(now))
	} else {
		c.progress = now
	}
	var out []Effect
	if len(c.queue) > 0 {
		out = append(append(out, c.nextBundle()), c.publishFull()...)
	}
	if wake > 0 {
		out = append(out, WakeAfter{wake})
	}
	return out
}

func (c *Core) publishFull() []Effect {
	var out []Effect
	for c.inFlight < stream.AppendMax && len(c.queue) >= dag.BundleEntriesMax {
		out = append(out, c.nextBundle())
	}
	return out
}

// nextBundle takes as much of the queue as a bundle holds.
func (c *Core) nextBundle() Publish {
	var bundle dag.Bundle
	n := 0
	for n < len(c.queue) && bundle.Add(c.queue[n].raw) {
		n++
	}
	entries := make([]dag.Entry, n)
	for i := range entries {
		entries[i] = c.queue[i].entry
	}
	c.queue = c.queue[n:]
	c.inFlight++
	encoded := bundle.Encode()
	c.sent[sha256.Sum256(encoded)] = entries
	return Publish{encoded}
}

// queueMark queues the mark of the next checkpoint when one is due, or tells how long to wait for that; zero for not
// at all. The one before must be justified, so that this one can make it final; or its votes are split or missing, and
// a later number may do better.
func (c *Core) queueMark(now time.Time) time.Duration {
	last := c.state.LastCheckpoint().Number
	if c.queuedFor > last || c.options.Witness.IsZero() || !c.state.MayMark() {
		return 0
	}
	heartbeat, due := false, c.marked.Add(c.options.CheckpointInterval)
	switch {
	case c.uncovered || c.wanted > c.finality.Final().Checkpoint.Number || c.hasVertices():
	case c.state.LiveChannels() > 0:
		heartbeat = true
		due = c.marked.Add(c.network.Genesis.Limits.Heartbeat)
	default:
		heartbeat = true
		if rest := c.state.Head().Time.Time().Add(idleHeartbeat); rest.After(due) {
			due = rest
		}
	}
	if c.finality.Justified().Number < last {
		if c.decides {
			return 0
		}
		if !c.finality.Silent() { // else no vote is missed
			due = c.marked.Add(openMax)
		}
	}
	if wait := due.Add(c.turnWait(last + 1)).Sub(now); wait > 0 {
		return wait
	}
	c.uncovered = c.uncovered || heartbeat // a heartbeat too must become final; the child that makes it so need not
	c.marked = now
	c.queuedFor = last + 1
	c.queueEntry(dag.Entry{Mark: last + 1})
	return 0
}

func (c *Core) hasVertices() bool {
	for _, q := range c.queue {
		if !q.vertex.IsZero() {
			return true
		}
	}
	return false
}

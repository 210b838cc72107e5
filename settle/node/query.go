package node

import (
	"context"
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// Network gives what a light client knows of the network.
func (n *Node) Network() *proof.Network { return n.network }

// Genesis gives the vertex that made the network.
func (n *Node) Genesis() *settle.Vertex { return n.genesis }

// Tips gives parents for a new vertex. Each call gives others.
func (n *Node) Tips() []settle.VertexID {
	turn := n.turn.Add(1)
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	return n.core.state.Tips(turn)
}

// Status is where a node stands.
type Status struct {
	Network   wallet.NetworkID
	Name      string
	Head      dag.Head // of the state in memory, at most a few steps ahead of the store
	Tips      int
	Pending   int // vertices that wait for their place in the log
	Channels  int // not yet paid out
	Justified uint64
	Final     uint64
	Witness   bool               // this node votes
	Stream    stream.Incarnation // that is read
	Evidence  []proof.Evidence   // against witnesses, since the node started
	Trust     string             // what the network's promises rest on, in words
}

// trustOneWitness is what a network with a single witness promises.
const trustOneWitness = "one witness: time and order are trusted; what is final survives crashes"

// Status gives where the node stands.
func (n *Node) Status() Status {
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	s := Status{
		Network: n.network.ID, Name: n.network.Genesis.Name, Head: n.core.state.Head(), Tips: n.core.state.TipCount(),
		Pending: len(n.core.pending), Channels: n.core.state.LiveChannels(),
		Justified: n.core.finality.Justified().Number, Final: n.final.Load().Checkpoint.Number,
		Witness: n.self >= 0, Stream: n.core.position.Incarnation, Evidence: n.Evidence(),
	}
	if w := n.network.Witnesses.Len(); w == 1 {
		s.Trust = trustOneWitness
	} else {
		s.Trust = fmt.Sprintf("%d witnesses: more than 2/3 of the weight must agree; safe while those that lie have less than 1/3", w)
	}
	return s
}

// Account gives an account and the height of the log that it belongs to. A DID that never had money gives its empty
// account and ErrNotFound.
func (n *Node) Account(ctx context.Context, did wallet.DID) (settle.Account, uint64, error) {
	raw, height, err := n.options.Store.Slot(ctx, settle.AccountKey(did))
	if err != nil {
		return settle.NewAccount(did), height, wrapNotFound(err)
	}
	a, err := settle.DecodeAccount(raw)
	return a, height, err
}

// Channel gives a channel and the height of the log that it belongs to, or ErrNotFound.
func (n *Node) Channel(ctx context.Context, id channel.ID) (settle.Channel, uint64, error) {
	raw, height, err := n.options.Store.Slot(ctx, settle.ChannelKey(id))
	if err != nil {
		return settle.Channel{}, height, wrapNotFound(err)
	}
	c, err := settle.DecodeChannel(raw)
	return c, height, err
}

// ChannelItem is a channel in a list.
type ChannelItem struct {
	ID      channel.ID
	Channel settle.Channel
	Cursor  uint64 // Before of the page that follows this one
}

// Channels lists channels, newest first.
func (n *Node) Channels(ctx context.Context, q store.ChannelQuery) ([]ChannelItem, error) {
	rows, err := n.options.Store.Channels(ctx, q)
	if err != nil {
		return nil, err
	}
	out := make([]ChannelItem, len(rows))
	for i, row := range rows {
		c, err := settle.DecodeChannel(row.Content)
		if err != nil {
			return nil, err
		}
		out[i] = ChannelItem{row.ID, c, uint64(row.Index) + 1}
	}
	return out, nil
}

// Claims gives the best claim of each lane that the ledger knows; nil for a lane without.
func (n *Node) Claims(ctx context.Context, id channel.ID) ([2]*channel.Best, error) {
	var out [2]*channel.Best
	c, _, err := n.Channel(ctx, id)
	if err != nil {
		return out, err
	}
	for lane, l := range c.Lanes {
		if l.Vertex.IsZero() {
			continue
		}
		e, err := n.Vertex(ctx, l.Vertex)
		if err != nil {
			return out, err
		}
		if out[lane], err = claimIn(e, id, channel.Lane(lane)); err != nil {
			return out, err
		}
	}
	return out, nil
}

// claimIn finds the claim of a lane in the vertex that settled it.
func claimIn(e store.Entry, id channel.ID, lane channel.Lane) (*channel.Best, error) {
	v, err := e.Vertex()
	if err != nil {
		return nil, err
	}
	var claims []channel.Best
	switch p := v.Payload().(type) {
	case *settle.Settle:
		claims = p.Claims
	case *settle.CloseRequest:
		claims = p.Claims
	}
	for _, c := range claims {
		if c.Signed.Claim.Channel == id && c.Signed.Claim.Lane == lane {
			return &c, nil
		}
	}
	return nil, fmt.Errorf("%w: vertex %s has no claim of channel %s", dag.ErrCorrupt, v.ID(), id)
}

// Vertex gives a vertex that is in the log, accepted or refused, or ErrNotFound.
func (n *Node) Vertex(ctx context.Context, id settle.VertexID) (store.Entry, error) {
	e, err := n.options.Store.Vertex(ctx, id)
	return e, wrapNotFound(err)
}

// Pending tells whether a vertex that Vertex does not find yet is on its way: ask it after Vertex.
func (n *Node) Pending(id settle.VertexID) bool { return n.coming(id) }

// PendingVertex gives a vertex that waits for its place in the log.
func (n *Node) PendingVertex(id settle.VertexID) (*settle.Vertex, bool) {
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	if p, ok := n.core.pending[id]; ok {
		return p.vertex, true
	}
	return nil, false
}

// PendingVertices gives at most limit of those that wait, the newest first.
func (n *Node) PendingVertices(limit int) []*settle.Vertex {
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	var waiting []*settle.Vertex
	for i := len(n.core.order) - 1; i >= 0 && len(waiting) < limit; i-- {
		if p, ok := n.core.pending[n.core.order[i]]; ok {
			waiting = append(waiting, p.vertex)
		}
	}
	return waiting
}

// Justified gives the highest justified checkpoint.
func (n *Node) Justified() proof.Checkpoint {
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	return n.core.finality.Justified()
}

// Vertices lists vertices, newest first: transfers, issues and settlements are the vertices of their kind.
func (n *Node) Vertices(ctx context.Context, q store.VertexQuery) ([]store.Entry, error) {
	return n.options.Store.Vertices(ctx, q)
}

// IsFinal tells whether what is at a height of the log is final.
func (n *Node) IsFinal(height uint64) bool { return height <= n.finalHeight() }

// Checkpoints lists checkpoints, newest first.
func (n *Node) Checkpoints(ctx context.Context, p store.Page) ([]store.CheckpointRow, error) {
	return n.options.Store.Checkpoints(ctx, p)
}

// ProveSlot proves what a slot holds in the last final state. It gives ErrNotFound when that state has no such slot,
// and ErrNotFinal before there is a provable final state.
func (n *Node) ProveSlot(key settle.SlotKey) (proof.Slot, error) {
	final := n.LatestFinal()
	if len(final.Certificate.Votes) == 0 {
		return proof.Slot{}, ErrNotFinal
	}
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	content, inclusion, err := n.core.state.ProveSlot(final.Checkpoint.Number, key)
	switch {
	case errors.Is(err, dag.ErrNoSlot):
		return proof.Slot{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	case errors.Is(err, dag.ErrNotRetained):
		return proof.Slot{}, fmt.Errorf("%w: %w", ErrNotFinal, err)
	case err != nil:
		return proof.Slot{}, err
	}
	return proof.Slot{Final: final, Key: key, Content: content, Inclusion: inclusion}, nil
}

// ProveVertex proves the verdict on a vertex, or gives ErrNotFinal or ErrNotFound.
func (n *Node) ProveVertex(ctx context.Context, id settle.VertexID) (proof.Vertex, error) {
	e, err := n.Vertex(ctx, id)
	if err != nil {
		return proof.Vertex{}, err
	}
	if !n.IsFinal(e.Height) || e.Height == 0 {
		return proof.Vertex{}, fmt.Errorf("%w: vertex %s", ErrNotFinal, id)
	}
	cover, err := n.options.Store.Covering(ctx, e.Height)
	if err != nil {
		return proof.Vertex{}, err
	}
	p := proof.Vertex{ID: id, Verdict: e.Verdict}
	if p.Final, p.Path, err = n.finalFrom(ctx, cover.Checkpoint); err != nil {
		return proof.Vertex{}, fmt.Errorf("vertex %s: %w", id, err)
	}
	p.Inclusion, err = n.proveReceipt(ctx, cover.Checkpoint, id)
	return p, err
}

// finalFrom gives the first checkpoint at or after another that its direct child made final, with the path to it. A
// checkpoint that was passed over is final by a later one.
func (n *Node) finalFrom(ctx context.Context, c proof.Checkpoint) (final proof.Final, path []proof.Checkpoint, err error) {
	latest := n.LatestFinal()
	for c.Number < latest.Checkpoint.Number && len(path) < proof.PathMax {
		child, err := n.options.Store.Checkpoint(ctx, c.Number+1)
		if err != nil {
			return final, nil, err
		}
		if child.Certificate != nil && store.Finalises(*child.Certificate, c) {
			return proof.Final{Checkpoint: c, Certificate: *child.Certificate}, path, nil
		}
		path, c = append(path, c), child.Checkpoint
	}
	if c != latest.Checkpoint || len(latest.Certificate.Votes) == 0 {
		return final, nil, ErrNotFinal
	}
	return latest, path, nil
}

// proveReceipt builds the tree of the receipts that a checkpoint covers.
func (n *Node) proveReceipt(ctx context.Context, c proof.Checkpoint, id settle.VertexID) (proof.Inclusion, error) {
	before, err := n.options.Store.Checkpoint(ctx, c.Number-1)
	if err != nil {
		return proof.Inclusion{}, err
	}
	receipts, err := n.options.Store.Receipts(ctx, before.Checkpoint.Height, c.Height)
	if err != nil {
		return proof.Inclusion{}, err
	}
	leaves := make([]proof.Leaf, len(receipts))
	index := uint64(len(receipts))
	for i, r := range receipts {
		leaves[i] = proof.Leaf{Index: uint64(i), Hash: proof.ReceiptLeaf(r.ID, r.Verdict)}
		if r.ID == id {
			index = uint64(i)
		}
	}
	var tree proof.Tree
	if _, err := tree.Update(leaves); err != nil {
		return proof.Inclusion{}, err
	}
	return tree.Prove(index)
}

func wrapNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}

package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/gossip"
	"joulepay/settle/proof"
	"joulepay/settle/store"
)

// Reload goes on from a store that was rolled back. What was undone waits for its place again, before what waits anyway.
func (c *Core) Reload(now time.Time, stored store.Stored, undone []*settle.Vertex) ([]Effect, error) {
	fresh, err := LoadCore(stored, now, c.options)
	if err != nil {
		return nil, err
	}
	fresh.refused, fresh.asked, fresh.lost, fresh.began = c.refused, c.asked, c.lost, c.began
	var out []Effect
	for _, v := range undone {
		if len(fresh.pending) < PendingMax {
			fresh.take(Submitted{Vertex: v})
			out = append(out, Tell{Notice: noticeOf(StageUndone, v)})
		}
	}
	for _, id := range c.order {
		if p := c.pending[id]; p != nil {
			fresh.take(Submitted{p.vertex, p.signedBy})
		}
	}
	*c = *fresh
	return out, nil
}

// take puts a vertex among the pending ones.
func (c *Core) take(s Submitted) {
	id := s.Vertex.ID()
	if c.Pending(id) || c.state.Knows(id) {
		return
	}
	c.pending[id] = &pendingVertex{s.Vertex, s.SignedBy}
	c.order = append(c.order, id)
	c.queueVertex(id)
}

// fetched applies entries that a peer gave, as if the stream had brought them. Whether they lead to where they should, the
// end shows.
func (c *Core) fetched(now time.Time, entries [][]byte) ([]Effect, error) {
	c.catching = true
	defer func() { c.catching = false }()
	var s step
	decoded := make([]dag.Entry, 0, len(entries))
	for _, raw := range entries {
		_, e, err := decodeShared(raw)
		if err != nil {
			return nil, err
		}
		decoded = append(decoded, e)
	}
	c.state.VerifyEntries(decoded)
	for _, e := range decoded {
		before := c.state.Head().Height
		apply := c.applyEntry
		if e.Start != nil {
			apply = c.applyStart
		}
		if err := apply(&s, now, e); err != nil {
			return nil, err
		}
		if e.Start == nil && c.state.Head().Height != before+1 {
			return nil, fmt.Errorf("%w: an entry that is no part of any log", ErrPeer)
		}
	}
	c.progress = now
	c.finish(&s)
	return s.effects(), nil
}

// arrived tells whether the state is a checkpoint's, and takes what justifies it.
func (c *Core) arrived(r Rebase) bool {
	if c.state.LastCheckpoint() != r.Base || c.state.Head().Height != r.Base.Height {
		return false
	}
	c.finality.Adopt(r.Certificate)
	return true
}

// Rebaser carries out a Rebase: it rolls the store back, has the core load it, and brings what is missing from peers.
type Rebaser struct {
	Core  *Core
	Store store.Store
	Peers gossip.Bus                            // nil when there are none
	Carry func(context.Context, []Effect) error // carries out effects, and returns when they are stored
	Now   func() time.Time
}

// errCarry means that this node could not store what a peer gave; no other peer can help with that.
var errCarry = errors.New("node: carry out")

// Do brings the core to the base. All effects of earlier steps must have been carried out. Whatever it returns, the core
// is in a state that it can go on from; ErrPeer says that no peer could lead to the base, and then nothing that is
// justified was undone.
func (r Rebaser) Do(ctx context.Context, to Rebase) error {
	if to.Known {
		if err := r.back(ctx, to.Base.Number, to); err != nil {
			return err
		}
		if !r.Core.arrived(to) {
			return fmt.Errorf("%w: checkpoint %d after going back to it", dag.ErrCorrupt, to.Base.Number)
		}
		return nil
	}
	if r.Peers == nil {
		return fmt.Errorf("%w: checkpoint %d is not in this store, and there are no peers", ErrPeer, to.Base.Number)
	}
	failed := []error{ErrPeer}
	for _, lead := range []func(context.Context, uint8, Rebase) error{r.onward, r.across} {
		for peer := range r.Core.network.Witnesses.Len() {
			if peer == r.Core.self {
				continue
			}
			err := lead(ctx, uint8(peer), to)
			if err == nil || ctx.Err() != nil || errors.Is(err, errCarry) {
				return err
			}
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// onward goes from the highest justified checkpoint of this node, in the hope that the base comes after it.
func (r Rebaser) onward(ctx context.Context, peer uint8, to Rebase) error {
	justified := r.Core.finality.Justified()
	if err := r.back(ctx, justified.Number, to); err != nil {
		return err
	}
	err := r.follow(ctx, to, func(after uint64) ([][]byte, error) { return r.Peers.Entries(ctx, peer, after, to.Base.Height) })
	if err != nil && !errors.Is(err, errCarry) {
		return errors.Join(err, r.back(ctx, justified.Number, to)) // what the peer gave may lead nowhere
	}
	return err
}

// branchSizeMax bounds the entries of another branch, in bytes, that are held before the own branch is undone for it.
const branchSizeMax = 256 << 20

// across goes to another branch, from the last final checkpoint, which is on every branch. What is justified here may
// have no other home, so the log hash of the base must vouch for every entry and verdict before anything is undone.
func (r Rebaser) across(ctx context.Context, peer uint8, to Rebase) error {
	final := r.Core.finality.Final().Checkpoint
	var pages [][][]byte
	log, height, size := final.Log, final.Height, 0
	for height < to.Base.Height {
		page, err := r.Peers.Entries(ctx, peer, height, to.Base.Height)
		if err != nil {
			return err
		}
		for _, raw := range page {
			if log, err = nextLog(log, raw); err != nil {
				return err
			}
			size += len(raw)
		}
		height += uint64(len(page))
		pages = append(pages, page)
		if size > branchSizeMax || len(page) == 0 {
			return fmt.Errorf("%w: peer %d gives %d bytes and is not there", ErrPeer, peer, size)
		}
	}
	if log != to.Base.Log {
		return fmt.Errorf("%w: what peer %d gives does not lead to checkpoint %d", ErrPeer, peer, to.Base.Number)
	}
	if err := r.back(ctx, final.Number, to); err != nil {
		return err
	}
	return r.follow(ctx, to, func(uint64) ([][]byte, error) {
		if len(pages) == 0 {
			return nil, fmt.Errorf("%w: entries that the log hash vouches for were applied otherwise", ErrPeer)
		}
		page := pages[0]
		pages = pages[1:]
		return page, nil
	})
}

// nextLog adds an entry, as peers give it, to a log hash.
func nextLog(log proof.Hash, raw []byte) (proof.Hash, error) {
	verdict, e, err := decodeShared(raw)
	if err != nil {
		return proof.Hash{}, err
	}
	return proof.NextLog(log, e.ID(), verdict), nil
}

// back undoes what lies above a checkpoint.
func (r Rebaser) back(ctx context.Context, checkpoint uint64, to Rebase) error {
	undone, err := r.Store.Rollback(ctx, checkpoint, to.Position)
	if err != nil {
		return fmt.Errorf("%w: undo to checkpoint %d: %w", errCarry, checkpoint, err)
	}
	stored, err := r.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("%w: load after undoing to checkpoint %d: %w", errCarry, checkpoint, err)
	}
	effects, err := r.Core.Reload(r.Now(), stored, undone)
	if err != nil {
		return fmt.Errorf("%w: %w", errCarry, err)
	}
	return r.Carry(ctx, effects)
}

// follow applies pages of entries until the base is reached.
func (r Rebaser) follow(ctx context.Context, to Rebase, next func(after uint64) ([][]byte, error)) error {
	for r.Core.state.Head().Height < to.Base.Height {
		before := r.Core.state.Head().Height
		page, err := next(before)
		if err != nil {
			return err
		}
		effects, err := r.Core.Step(r.Now(), Fetched{page})
		if err != nil {
			return err
		}
		if err := r.Carry(ctx, effects); err != nil {
			return fmt.Errorf("%w: %w", errCarry, err)
		}
		if r.Core.state.Head().Height == before {
			return fmt.Errorf("%w: a page that leads nowhere", ErrPeer)
		}
	}
	if !r.Core.arrived(to) {
		return fmt.Errorf("%w: the entries do not lead to checkpoint %d", ErrPeer, to.Base.Number)
	}
	return nil
}

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
	"joulepay/settle/stream"
)

// Reload goes on from a store that was rolled back. What was undone waits for its place again, before what waits anyway.
func (c *Core) Reload(now time.Time, stored store.Stored, undone []*settle.Vertex) ([]Effect, error) {
	fresh, err := LoadCore(stored, now, c.options)
	if err != nil {
		return nil, err
	}
	fresh.position = stored.Position
	fresh.refused, fresh.asked, fresh.doubt, fresh.stray, fresh.began = c.refused, c.asked, c.doubt, c.stray, c.began
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
		if c.state.Head().Height != before+1 {
			return nil, fmt.Errorf("%w: an entry that is no part of any log", ErrPeer)
		}
	}
	for _, e := range decoded {
		if e.Vertex != nil {
			delete(c.pending, e.Vertex.ID())
		}
	}
	c.progress = now
	c.finish(&s)
	return s.effects(), nil
}

// arrived tells whether the state is a checkpoint's, and takes and stores what justifies it.
func (c *Core) arrived(r Rebase) ([]Effect, bool) {
	if c.state.LastCheckpoint() != r.Base || c.state.Head().Height != r.Base.Height {
		return nil, false
	}
	c.remember()
	before := c.finality.Justified().Number
	if c.finality.Certified(r.Certificate); c.finality.Justified().Number == before {
		return nil, true
	}
	s := step{batch: store.Batch{Certificates: []proof.Certificate{r.Certificate}}}
	c.finish(&s)
	return s.effects(), true
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
	err := r.lead(ctx, to)
	if len(to.Again) == 0 && r.Core.starting() { // the Start comes first, wherever a peer says that one reads on
		r.Core.position = home(to)
	}
	return err
}

// home is where the core reads on when it did not arrive.
func home(to Rebase) stream.Position {
	if len(to.Again) > 0 {
		return to.Position
	}
	return stream.Position{Incarnation: to.Position.Incarnation}
}

func (r Rebaser) lead(ctx context.Context, to Rebase) error {
	if to.Known {
		if err := r.back(ctx, to.Base.Number, to); err != nil {
			return err
		}
		if err := r.arrive(ctx, to); errors.Is(err, ErrPeer) {
			return fmt.Errorf("%w: checkpoint %d after going back to it", dag.ErrCorrupt, to.Base.Number)
		} else {
			return err
		}
	}
	if r.Peers == nil {
		return fmt.Errorf("%w: checkpoint %d is not in this store, and there are no peers", ErrPeer, to.Base.Number)
	}
	failed := []error{ErrPeer}
	for _, way := range []func(context.Context, uint8, Rebase) error{r.onward, r.across} {
		for peer := range r.Core.network.Witnesses.Len() {
			if peer == r.Core.self {
				continue
			}
			err := way(ctx, uint8(peer), to)
			if err == nil || ctx.Err() != nil || errors.Is(err, errCarry) {
				return err
			}
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// onward goes from the highest justified checkpoint of this node, in the hope that the base comes after it. A peer that
// has nothing to give costs nothing.
func (r Rebaser) onward(ctx context.Context, peer uint8, to Rebase) error {
	justified := r.Core.finality.Justified()
	if to.Base.Height <= justified.Height {
		return fmt.Errorf("%w: checkpoint %d is on another branch", ErrPeer, to.Base.Number)
	}
	next := func(after uint64) ([][]byte, error) { return r.Peers.Entries(ctx, peer, after, to.Base.Height) }
	first, err := next(justified.Height)
	if err != nil {
		return err
	}
	if err := r.back(ctx, justified.Number, to); err != nil {
		return err
	}
	err = r.follow(ctx, to, func(after uint64) ([][]byte, error) {
		if after == justified.Height {
			return first, nil
		}
		return next(after)
	})
	if err == nil || errors.Is(err, errCarry) {
		return err
	}
	return errors.Join(err, r.retreat(ctx, justified.Number, to)) // what the peer gave may lead nowhere
}

// branchSizeMax bounds the entries of another branch, in bytes, that are held before the own branch is undone for it.
const branchSizeMax = 256 << 20

// across goes to another branch, from the last final checkpoint, which is on every branch. What is justified here may
// have no other home, so the log hash of the base must vouch for every entry and verdict before anything is undone. It does
// not vouch for signatures: a peer that changed one is found out when the entry is applied, and then this node takes its
// own branch again.
func (r Rebaser) across(ctx context.Context, peer uint8, to Rebase) error {
	final := r.Core.finality.Final().Checkpoint
	theirs, err := r.branch(ctx, peer, final, to.Base)
	if err != nil {
		return err
	}
	justified := r.Core.finality.Justified()
	own := Rebase{Base: justified, Position: home(to)}
	own.Certificate, _ = r.Core.finality.JustifiedBy()
	ours, err := pages(final.Height, justified.Height, func(after uint64) ([][]byte, error) {
		return SharedEntries(ctx, r.Store, after, justified.Height)
	})
	if err != nil {
		return fmt.Errorf("%w: read the own branch: %w", errCarry, err)
	}
	err = r.replay(ctx, final, to, theirs)
	if err == nil || errors.Is(err, errCarry) {
		return err
	}
	if back := r.retreat(ctx, final.Number, to); back != nil {
		return back
	}
	if r.Core.finality.Final().Checkpoint != final {
		return err // their branch is good up to here
	}
	if again := r.replay(ctx, final, own, ours); again != nil {
		return fmt.Errorf("%w: take the own branch again: %w", errCarry, again)
	}
	return err
}

// branch takes the entries from a final checkpoint to a base from a peer, and checks that they lead there.
func (r Rebaser) branch(ctx context.Context, peer uint8, final, base proof.Checkpoint) ([][][]byte, error) {
	log := final.Log
	got, err := pages(final.Height, base.Height, func(after uint64) ([][]byte, error) {
		page, err := r.Peers.Entries(ctx, peer, after, base.Height)
		for _, raw := range page {
			if err == nil {
				log, err = nextLog(log, raw)
			}
		}
		return page, err
	})
	if err == nil && log != base.Log {
		return nil, fmt.Errorf("%w: what peer %d gives does not lead to checkpoint %d", ErrPeer, peer, base.Number)
	}
	return got, err
}

// pages collects the entries from one height to another.
func pages(after, upTo uint64, next func(after uint64) ([][]byte, error)) ([][][]byte, error) {
	var out [][][]byte
	size := 0
	for after < upTo {
		page, err := next(after)
		if err != nil {
			return nil, err
		}
		for _, raw := range page {
			size += len(raw)
		}
		if size > branchSizeMax || len(page) == 0 {
			return nil, fmt.Errorf("%w: %d bytes, and not there", ErrPeer, size)
		}
		after += uint64(len(page))
		out = append(out, page)
	}
	return out, nil
}

// replay undoes what lies above the final checkpoint, and applies entries that lead to another one.
func (r Rebaser) replay(ctx context.Context, final proof.Checkpoint, to Rebase, entries [][][]byte) error {
	if err := r.back(ctx, final.Number, to); err != nil {
		return err
	}
	return r.follow(ctx, to, func(uint64) ([][]byte, error) {
		if len(entries) == 0 {
			return nil, fmt.Errorf("%w: entries that the log hash vouches for were applied otherwise", ErrPeer)
		}
		page := entries[0]
		entries = entries[1:]
		return page, nil
	})
}

// retreat goes back to a checkpoint, or to a later one that has become final and is stored.
func (r Rebaser) retreat(ctx context.Context, checkpoint uint64, to Rebase) error {
	stored, err := r.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errCarry, err)
	}
	to.Position = home(to)
	return r.back(ctx, max(checkpoint, stored.Final.Checkpoint.Number), to)
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
	return r.arrive(ctx, to)
}

// arrive ends a way.
func (r Rebaser) arrive(ctx context.Context, to Rebase) error {
	effects, ok := r.Core.arrived(to)
	if !ok {
		return fmt.Errorf("%w: the entries do not lead to checkpoint %d", ErrPeer, to.Base.Number)
	}
	if err := r.Carry(ctx, effects); err != nil {
		return fmt.Errorf("%w: %w", errCarry, err)
	}
	return nil
}

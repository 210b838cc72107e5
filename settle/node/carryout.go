package node

import (
	"fmt"
	"slices"

	"joulepay/settle/store"
)

// carryOut does what the core wants, in order, while the core goes on. Steps that wait for the store meanwhile share
// its next commit, so that the disk sets the pace and not the number of bundles.
func (n *Node) carryOut() error {
	for {
		var effects []Effect
		select {
		case effects = <-n.effects:
		case <-n.ctx.Done():
			return nil
		}
		drained := effects == nil
		for more := true; more && !drained; {
			select {
			case next := <-n.effects:
				drained = next == nil
				effects = append(effects, next...)
			default:
				more = false
			}
		}
		if err := n.persist(effects); err != nil {
			return err
		}
		for _, effect := range effects {
			n.execute(effect)
		}
		if drained {
			select {
			case n.carried <- struct{}{}:
			case <-n.ctx.Done():
			}
		}
	}
}

// persist stores all batches among the effects as one, before anything of these steps is told, voted or published.
// If we crash before it is durable, nothing of them has left this machine: it is applied again from the stream, or
// its submitters try again.
func (n *Node) persist(effects []Effect) error {
	var all *store.Batch
	for _, effect := range effects {
		p, ok := effect.(Persist)
		switch {
		case !ok:
		case all == nil:
			first := p.Batch
			first.Slots = slices.Clone(first.Slots) // which follow changes
			all = &first
		default:
			follow(all, p.Batch)
		}
	}
	if all == nil {
		return nil
	}
	if err := n.options.Store.Commit(n.ctx, *all); err != nil {
		return fmt.Errorf("store a batch: %w", err)
	}
	return nil
}

// follow adds to a batch the one after it. A slot that both change has the content of the later.
func follow(b *store.Batch, next store.Batch) {
	b.Head, b.Position, b.Final = next.Head, next.Position, next.Final
	b.Entries = append(b.Entries, next.Entries...)
	b.Undo = append(b.Undo, next.Undo...)
	b.Checkpoints = append(b.Checkpoints, next.Checkpoints...)
	b.Certificates = append(b.Certificates, next.Certificates...)
	b.Certified = append(b.Certified, next.Certified...)
	if next.Vote != nil {
		b.Vote = next.Vote
	}
	at := make(map[uint32]int, len(b.Slots))
	for i, s := range b.Slots {
		at[s.Index] = i
	}
	for _, s := range next.Slots {
		if i, ok := at[s.Index]; ok {
			b.Slots[i] = s
			continue
		}
		b.Slots = append(b.Slots, s)
	}
}

// execute does what is not stored.
func (n *Node) execute(effect Effect) {
	switch e := effect.(type) {
	case Publish:
		select {
		case n.outbound <- e.Bundle:
		case <-n.ctx.Done():
		}
	case Tell:
		if e.Final != nil {
			n.final.Store(e.Final)
		}
		n.stages.tell(e.Notice)
	case SendVote:
		n.broadcast(e.Vote)
	case Renew:
		n.renewal.Store(&e.Incarnation)
		n.restartReader()
	case AskPeers:
		n.all.Go(n.askPeers)
	case Accuse:
		n.accuse(e.Evidence)
	}
}

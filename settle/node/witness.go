package node

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"joulepay/settle/gossip"
	"joulepay/settle/proof"
)

// peerTimeout bounds one question to a peer.
const peerTimeout = 5 * time.Second

// listen gives the votes of others to the core.
func (n *Node) listen() error {
	return n.whileConnected(func(ctx context.Context) error {
		return n.options.Gossip.Votes(ctx, func(v proof.SignedVote) { _ = n.send(VoteReceived{v}) })
	})
}

// serve answers the questions of others.
func (n *Node) serve() error {
	if n.self < 0 {
		<-n.ctx.Done()
		return nil
	}
	return n.whileConnected(func(ctx context.Context) error {
		return n.options.Gossip.Serve(ctx, uint8(n.self), served{n})
	})
}

// whileConnected does something with the bus again and again, until the node ends.
func (n *Node) whileConnected(do func(context.Context) error) error {
	if n.options.Gossip == nil {
		<-n.ctx.Done()
		return nil
	}
	for n.ctx.Err() == nil {
		if err := do(n.ctx); err != nil && n.ctx.Err() == nil {
			n.logger.Warn("the other witnesses cannot be reached", "error", err)
			n.pause()
		}
	}
	return nil
}

// broadcast sends a vote. One that is lost is sent again while it is open.
func (n *Node) broadcast(v proof.SignedVote) {
	if n.options.Gossip == nil {
		return
	}
	if err := n.options.Gossip.Broadcast(n.ctx, v); err != nil && n.ctx.Err() == nil {
		n.logger.Warn("a vote did not leave", "error", err)
	}
}

// askPeers asks all others how far they are, and tells the core.
func (n *Node) askPeers() {
	for peer := range n.network.Witnesses.Len() {
		if peer == n.self || n.ctx.Err() != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(n.ctx, peerTimeout)
		standing, err := n.options.Gossip.Standing(ctx, uint8(peer))
		cancel()
		if err == nil {
			_ = n.send(Ahead{standing})
		}
	}
}

// accuse keeps evidence against a witness, the first there is.
func (n *Node) accuse(e proof.Evidence) {
	n.accusedMu.Lock()
	defer n.accusedMu.Unlock()
	if _, known := n.accused[e.Witness()]; !known {
		n.accused[e.Witness()] = e
		n.logger.Error("a witness contradicts itself", "witness", n.network.Genesis.Witnesses[e.Witness()].DID)
	}
}

// Evidence gives, for each witness that contradicted itself since this node started, the first two votes that show it.
func (n *Node) Evidence() []proof.Evidence {
	n.accusedMu.Lock()
	defer n.accusedMu.Unlock()
	return slices.SortedFunc(maps.Values(n.accused), func(a, b proof.Evidence) int { return cmp.Compare(a.Witness(), b.Witness()) })
}

// served is what a node gives to others.
type served struct{ node *Node }

// Standing implements gossip.Source.
func (s served) Standing() gossip.Standing {
	s.node.coreMu.RLock()
	justified := s.node.core.finality.Justified()
	by, _ := s.node.core.finality.JustifiedBy()
	s.node.coreMu.RUnlock()
	out := gossip.Standing{Checkpoint: justified, Certificate: by}
	if row, err := s.node.options.Store.Checkpoint(s.node.ctx, justified.Number); err == nil && row.Checkpoint == justified {
		out.Position = row.Position
	}
	return out
}

// Entries implements gossip.Source.
func (s served) Entries(ctx context.Context, after, upTo uint64) ([][]byte, error) {
	return SharedEntries(ctx, s.node.options.Store, after, upTo)
}

package operator

import (
	"context"
	"slices"
	"sync"
	"time"

	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/gossip"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// Peers are asked in turn, so that many witnesses make no more traffic than few.
const (
	peerEvery   = time.Second
	peerTimeout = 2 * time.Second
)

// peers is which other witnesses a node reaches, for its status. It is safe for concurrent use.
type peers struct {
	bus    gossip.Bus
	places []uint8

	mu   sync.Mutex // guards seen
	seen []client.Peer
}

// newPeers knows the other witnesses; a node that needs nobody has none.
func newPeers(network *proof.Network, bus gossip.Bus, own wallet.PrivateKey) *peers {
	p := &peers{bus: bus}
	if bus == nil {
		return p
	}
	for i, w := range network.Genesis.Witnesses {
		if own.IsZero() || w.Key != own.Public() {
			p.places, p.seen = append(p.places, uint8(i)), append(p.seen, client.Peer{DID: w.DID})
		}
	}
	return p
}

// ask asks one peer after another how far it is, until the node ends.
func (p *peers) ask(ended <-chan struct{}) {
	if len(p.places) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	next := time.NewTicker(peerEvery)
	defer next.Stop()
	for i := 0; ; i = (i + 1) % len(p.places) {
		p.askOne(ctx, i)
		select {
		case <-next.C:
		case <-ended:
			return
		}
	}
}

func (p *peers) askOne(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	standing, err := p.bus.Standing(ctx, p.places[i])
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[i].Reachable = err == nil; err == nil {
		p.seen[i].Justified = standing.Checkpoint.Number
	}
}

func (p *peers) list() []client.Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// reachable gives how many of them answered when they were last asked.
func (p *peers) reachable() (count int) {
	for _, peer := range p.list() {
		if peer.Reachable {
			count++
		}
	}
	return count
}

// withPeers adds them to what a node says of its network.
type withPeers struct {
	node  api.Network
	peers *peers
}

// Network implements api.Network.
func (w withPeers) Network(ctx context.Context) (client.Network, error) {
	n, err := w.node.Network(ctx)
	n.Peers = w.peers.list()
	return n, err
}

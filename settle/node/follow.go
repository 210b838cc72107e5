package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"joulepay/settle/stream"
)

// errReread ends a read so that the position is looked at again.
var errReread = errors.New("node: read the stream again")

// restartReader makes follow look at the stream again.
func (n *Node) restartReader() {
	select {
	case n.reread <- struct{}{}:
	default:
	}
}

// follow reads the stream from where the core stands. A stream that is shorter than what was read, or says other bundles,
// has lost something: it is started anew. In one that somebody else started anew, the core looks for the Start.
func (n *Node) follow() error {
	at, reading := n.place()
	for n.ctx.Err() == nil {
		if now, current := n.place(); current != reading {
			at, reading = now, current
		}
		err := n.synchronise(&at, reading)
		if err == nil {
			err = n.readFrom(&at, reading)
		}
		switch {
		case n.ctx.Err() != nil:
			return nil
		case errors.Is(err, errReread):
			continue
		case errors.Is(err, stream.ErrDiscarded) && n.options.Gossip != nil:
			n.askPeers()
		case errors.Is(err, stream.ErrGap), errors.Is(err, stream.ErrDiscarded):
			n.lost.Store(true)
		}
		n.logger.Warn("the stream is interrupted", "error", err)
		n.pause()
	}
	return nil
}

// place gives where the core stands, and how often it was moved.
func (n *Node) place() (stream.Position, uint64) {
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	return n.core.Position(), n.reading.Load()
}

// synchronise moves the position to one that can be read on from.
func (n *Node) synchronise(at *stream.Position, reading uint64) error {
	head, err := n.options.Stream.Head(n.ctx)
	if err != nil {
		return err
	}
	same := head.Incarnation == at.Incarnation
	unwanted := n.renewal.Load()
	switch {
	case unwanted != nil && *unwanted == head.Incarnation,
		same && (head.Sequence < at.Sequence || n.lost.Load()),
		!same && head.Incarnation.Epoch() <= at.Incarnation.Epoch(): // an old one came back, or all was lost
		if n.self < 0 {
			return fmt.Errorf("%w: %s, until a witness starts it anew", stream.ErrGap, head.Incarnation)
		}
		old := head.Incarnation
		if at.Incarnation.Epoch() > old.Epoch() {
			old = at.Incarnation
		}
		if head, err = n.options.Stream.Renew(n.ctx, old); err != nil {
			return err
		}
	case same:
		return nil
	}
	n.lost.Store(false)
	n.renewal.CompareAndSwap(unwanted, nil)
	if *at != (stream.Position{}) {
		n.logger.Warn("another incarnation of the stream; the ledger goes on from what the nodes have",
			"was", at.Incarnation, "read", at.Sequence, "now", head.Incarnation)
	}
	*at = stream.Position{Incarnation: head.Incarnation}
	return n.receive(n.ctx, inbound{delivery: stream.Delivery{Position: *at}, renewed: true, empty: head.Sequence == 0, reading: reading})
}

// readFrom hands bundles to the loop, in order, and moves the position.
func (n *Node) readFrom(at *stream.Position, reading uint64) error {
	ctx, stop := context.WithCancelCause(n.ctx)
	defer stop(nil)
	n.all.Go(func() {
		select {
		case <-n.reread:
			stop(errReread)
		case <-ctx.Done():
		}
	})
	err := n.options.Stream.Read(ctx, *at, func(d stream.Delivery) error {
		if err := n.receive(ctx, inbound{delivery: d, reading: reading}); err != nil {
			return err
		}
		*at = d.Position
		return nil
	})
	if errors.Is(context.Cause(ctx), errReread) {
		return errReread
	}
	return err
}

func (n *Node) receive(ctx context.Context, in inbound) error {
	select {
	case n.inbound <- in:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// append brings bundles to the stream, in order, until each has a place. A bundle that was appended twice, because an
// answer was lost, is recognised by its vertices.
func (n *Node) append() error {
	for {
		select {
		case bundle := <-n.outbound:
			if err := n.appendAll(n.gatherBundles(bundle)); err != nil {
				return err
			}
		case <-n.ctx.Done():
			return nil
		}
	}
}

func (n *Node) gatherBundles(first []byte) [][]byte {
	bundles := [][]byte{first}
	for len(bundles) < stream.AppendMax {
		select {
		case b := <-n.outbound:
			bundles = append(bundles, b)
		default:
			return bundles
		}
	}
	return bundles
}

func (n *Node) appendAll(bundles [][]byte) error {
	for n.ctx.Err() == nil && len(bundles) > 0 {
		placed, err := n.options.Stream.AppendAll(n.ctx, bundles)
		for i, at := range placed {
			if err := n.send(Published{at, bundles[i]}); err != nil {
				return err
			}
		}
		bundles = bundles[len(placed):]
		switch {
		case errors.Is(err, stream.ErrTooLarge):
			return err // a fault of ours: bundles are bounded
		case err != nil && n.ctx.Err() == nil:
			n.logger.Warn("the stream does not take a bundle", "error", err)
			n.restartReader()
			n.pause()
		}
	}
	return nil
}

// send gives an event to the loop, or gives up when the node ends.
func (n *Node) send(e Event) error {
	select {
	case n.events <- e:
		return nil
	case <-n.ctx.Done():
		return ErrStopped
	}
}

func (n *Node) pause() {
	t := time.NewTimer(retryWait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-n.ctx.Done():
	}
}

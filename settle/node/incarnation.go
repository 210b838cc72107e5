package node

import (
	"fmt"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/gossip"
	"joulepay/settle/proof"
	"joulepay/settle/stream"
)

// startWait is how long a node waits for a Start in an incarnation that others have written to, before it publishes one.
const startWait = 2 * time.Second

// starting tells whether the Start of the incarnation that is read has not been applied yet. Until then nothing else in
// it counts.
func (c *Core) starting() bool {
	none := c.position.Incarnation == stream.Incarnation{}
	return none || c.state.Head().Incarnation != c.position.Incarnation
}

// readFrom gives the position to store: in an incarnation without Start, its beginning. If we crash before the Start is
// applied, it is met again.
func (c *Core) readFrom() stream.Position {
	if c.starting() {
		return stream.Position{Incarnation: c.position.Incarnation}
	}
	return c.position
}

// renew goes on in another incarnation. What the old one may have lost is queued again; what it did not lose is
// recognised as repetition. A witness that decides alone first seals what it has applied, so that nothing is undone.
func (c *Core) renew(now time.Time, e Renewed) ([]Effect, error) {
	c.position, c.bundles, c.inFlight = e.Position, bundleRing{}, 0
	c.requeue(now)
	c.progress = now
	if e.Empty {
		c.progress = now.Add(-startWait)
	}
	var s step
	if err := c.seal(&s, now); err != nil {
		return nil, err
	}
	c.finish(&s)
	return s.effects(), nil
}

// seal makes a checkpoint of all that was applied, and certifies it.
func (c *Core) seal(s *step, now time.Time) error {
	head, last := c.state.Head(), c.state.LastCheckpoint()
	if !c.decides || head.Height == last.Height && c.finality.Justified() == last || !c.state.MayMark() {
		return nil
	}
	if head.Height == last.Height {
		return c.vote(s, now)
	}
	return c.applyEntry(s, now, dag.Entry{Mark: last.Number + 1})
}

// publishStart begins the incarnation when it is this node's turn to try, or tells when to look again.
func (c *Core) publishStart(now time.Time) []Effect {
	base := c.finality.Justified()
	by, certified := c.finality.JustifiedBy()
	if c.self < 0 || c.position.Incarnation == (stream.Incarnation{}) || c.refused == c.position.Incarnation || base.Number > 0 && !certified {
		return nil
	}
	if wait := c.progress.Add(startWait).Sub(now); wait > 0 {
		return []Effect{WakeAfter{wait}}
	}
	c.progress = now
	entry := dag.Entry{Start: &dag.Start{Incarnation: c.position.Incarnation, Base: base, Certificate: by}}
	var bundle dag.Bundle
	bundle.Add(entry.Encode())
	c.inFlight++
	return []Effect{Publish{bundle.Encode()}, WakeAfter{startWait}}
}

// meetStart looks for the Start of an incarnation in a bundle. It applies one whose base is where this node stands,
// asks for another incarnation when the base is below what is justified, and otherwise gives the way to the base.
func (c *Core) meetStart(s *step, now time.Time, d stream.Delivery) (*Rebase, error) {
	entries := decodeBundle(d.Bundle)
	if len(entries) != 1 || entries[0].Start == nil || c.refused == d.Position.Incarnation {
		return nil, nil
	}
	start := entries[0].Start
	if start.Incarnation != d.Position.Incarnation || start.Verify(c.network, c.state.First()) != nil {
		return nil, nil
	}
	base, justified := start.Base, c.finality.Justified()
	switch {
	case base.Number < justified.Number:
		if c.refused = d.Position.Incarnation; c.self >= 0 {
			s.asks = append(s.asks, Renew{d.Position.Incarnation})
		}
		return nil, nil
	case base.Number == justified.Number && base != justified:
		return nil, fmt.Errorf("%w: checkpoint %d is both %s and %s", ErrForked, base.Number, base.Hash(), justified.Hash())
	}
	known, _ := c.finality.Marked(base.Number)
	if known == base && c.state.Head().Height == base.Height {
		return nil, c.applyStart(s, now, entries[0])
	}
	before := stream.Position{Incarnation: d.Position.Incarnation, Sequence: d.Position.Sequence - 1}
	return &Rebase{Base: base, Certificate: start.Certificate, Position: before, Known: known == base}, nil
}

// stranded gives up an incarnation whose base nobody leads to, as if it were below what is justified here: its certificate
// is good, and whoever has what it certifies may be a liar who keeps it.
func (c *Core) stranded(now time.Time) []Effect {
	if !c.stray.grown(now, c.finality.Justified().Number) || !c.starting() || c.self < 0 {
		return nil
	}
	c.stray.acted(now)
	c.refused = c.position.Incarnation
	return []Effect{Renew{c.position.Incarnation}}
}

// applyStart applies a Start whose base is the state.
func (c *Core) applyStart(s *step, now time.Time, e dag.Entry) error {
	certified := c.state.Head().Certified
	r, err := c.state.Apply(e)
	if err != nil {
		return err
	}
	if r.Logged {
		s.add(e, r, c.state.Head().Time, e.Encode())
	}
	if number := e.Start.Base.Number; c.state.Head().Certified > certified {
		s.batch.Certified = append(s.batch.Certified, number)
		s.batch.Certificates = append(s.batch.Certificates, e.Start.Certificate)
		c.finality.Certified(e.Start.Certificate)
	}
	c.marked, c.began = now, settle.LedgerTimeOf(now)
	return nil
}

// ahead takes a peer's standing, and gives the way there when it is higher than what is justified here.
func (c *Core) ahead(standing gossip.Standing) []Effect {
	b := standing.Checkpoint
	if b.Number <= c.finality.Justified().Number || dag.VerifyJustified(c.network, b, standing.Certificate) != nil {
		return nil
	}
	if known, ok := c.finality.Marked(b.Number); ok && known == b {
		var s step
		c.finality.Certified(standing.Certificate)
		s.batch.Certificates = []proof.Certificate{standing.Certificate}
		c.queueCertificate(standing.Certificate)
		c.finish(&s)
		return s.effects()
	}
	position := standing.Position
	if position.Incarnation != c.position.Incarnation { // which the stream decides, not a peer
		position = stream.Position{Incarnation: c.position.Incarnation}
	}
	return []Effect{Rebase{Base: b, Certificate: standing.Certificate, Position: position}}
}

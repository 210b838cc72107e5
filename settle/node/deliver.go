package node

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
)

// step collects what one event stores and tells.
type step struct {
	batch  store.Batch
	store  bool // the batch is complete
	votes  []Effect
	notice []Effect
	asks   []Effect // of the stream and of peers
}

func (s *step) tell(n Notice) { s.notice = append(s.notice, Tell{Notice: n}) }

// effects puts what must be durable first.
func (s *step) effects() []Effect {
	var out []Effect
	if s.store {
		out = append(out, Persist{s.batch})
	}
	return append(append(append(out, s.votes...), s.notice...), s.asks...)
}

// deliver applies bundles in order and stores the result as one batch. When they do not follow on what was applied, it
// applies none of them.
func (c *Core) deliver(now time.Time, deliveries []stream.Delivery) ([]Effect, error) {
	at := c.position
	hashes := make([][32]byte, len(deliveries))
	for i, d := range deliveries {
		at.Sequence++
		if d.Position != at {
			return nil, fmt.Errorf("%w: bundle %d of %s where %d of %s should be", stream.ErrGap, d.Position.Sequence,
				d.Position.Incarnation, at.Sequence, at.Incarnation)
		}
		hashes[i] = sha256.Sum256(d.Bundle)
		if err := c.bundles.put(d.Position.Sequence, hashes[i]); err != nil {
			return nil, err
		}
	}
	var s step
	for i, d := range deliveries {
		if c.starting() {
			if moved, err := c.meetStart(&s, now, d); err != nil {
				return nil, err
			} else if moved != nil {
				moved.Again = deliveries[i:]
				return append(s.effects(), *moved), nil
			}
		} else if err := c.applyBundle(&s, now, d.Bundle, hashes[i]); err != nil {
			return nil, err
		}
		c.position = d.Position
		if !c.starting() { // what comes without a Start is no progress
			c.progress = now
		}
	}
	c.finish(&s)
	return s.effects(), nil
}

// applyBundle applies what decodes. The rest is nothing, for every node alike.
func (c *Core) applyBundle(s *step, now time.Time, bundle []byte, hash [32]byte) error {
	entries := c.entriesOf(bundle, hash)
	c.state.VerifyEntries(entries)
	for _, e := range entries {
		if err := c.applyEntry(s, now, e); err != nil {
			return err
		}
	}
	return nil
}

// entriesOf decodes a bundle, unless it is one of this node's own, and marks the vertices whose signatures this node
// verified when they were submitted. The id leaves the signature out, so the same vertex may come with another one.
func (c *Core) entriesOf(bundle []byte, hash [32]byte) []dag.Entry {
	entries, own := c.sent[hash]
	if delete(c.sent, hash); !own {
		entries = decodeBundle(bundle)
	}
	for i := range entries {
		v := entries[i].Vertex
		if v == nil {
			continue
		}
		if p := c.pending[v.ID()]; p != nil && p.vertex.Signature() == v.Signature() {
			entries[i].SignedBy = p.signedBy
		}
	}
	return entries
}

func decodeBundle(bundle []byte) []dag.Entry {
	raws, err := dag.DecodeBundle(bundle)
	if err != nil {
		return nil
	}
	entries := make([]dag.Entry, 0, len(raws))
	for _, raw := range raws {
		if e, err := dag.DecodeEntry(raw); err == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

// applyEntry applies what stands in the log after the Start of its incarnation: another Start is nothing there.
func (c *Core) applyEntry(s *step, now time.Time, e dag.Entry) error {
	if e.Kind() == dag.EntryStart {
		return nil
	}
	r, err := c.state.Apply(e)
	if err != nil {
		return err
	}
	switch e.Kind() {
	case dag.EntryVertex:
		c.vertexDecided(s, e, r)
	case dag.EntryMark:
		if r.Logged {
			s.add(e, r, c.state.Head().Time, e.Encode())
			return c.checkpointMade(s, now, *r.Checkpoint)
		}
	case dag.EntryCertificate:
		if r.Logged {
			s.add(e, r, c.state.Head().Time, e.Encode())
			c.certificateOrdered(s, *e.Certificate)
		}
	}
	return nil
}

func (s *step) add(e dag.Entry, r dag.Result, at settle.LedgerTime, raw []byte) *store.Entry {
	s.batch.Entries = append(s.batch.Entries, store.Entry{
		Height: r.Height, Kind: e.Kind(), ID: e.ID(), Verdict: r.Verdict, Time: at, Raw: raw,
	})
	return &s.batch.Entries[len(s.batch.Entries)-1]
}

func noticeOf(stage Stage, v *settle.Vertex) Notice {
	return Notice{Stage: stage, Vertex: v.ID(), Payload: v.PayloadID(), Kind: v.Payload().Kind()}
}

func (c *Core) vertexDecided(s *step, e dag.Entry, r dag.Result) {
	v := e.Vertex
	if !c.catching { // what a peer gives may yet turn out to be no part of the log
		delete(c.pending, v.ID())
	}
	notice := noticeOf(StageRepeated, v)
	if r.Logged {
		entry := s.add(e, r, c.state.Head().Time, v.Encode())
		entry.Payload, entry.PayloadKind, entry.Issuer = v.PayloadID(), v.Payload().Kind(), v.Issuer()
		entry.Parties, entry.Channels = r.Parties, r.Channels
		notice.Stage, notice.Verdict, notice.Height = StageDecided, r.Verdict, r.Height
		c.uncovered = true
	}
	s.tell(notice)
}

// checkpointMade begins the two phases of a new checkpoint.
func (c *Core) checkpointMade(s *step, now time.Time, made proof.Checkpoint) error {
	s.batch.Checkpoints = append(s.batch.Checkpoints, store.Marked{
		Checkpoint: made, Head: c.state.Head(), Position: c.position,
	})
	c.queuedFor = max(c.queuedFor, made.Number)
	c.marked = now
	if c.uncovered {
		c.wanted, c.uncovered = made.Number, false
	}
	if certificate := c.finality.Mark(made); certificate != nil {
		c.certified(s, now, *certificate)
	}
	return c.vote(s, now)
}

// vote votes for the newest checkpoint when this node is a witness and may.
func (c *Core) vote(s *step, now time.Time) error {
	if c.self < 0 || c.catching {
		return nil
	}
	vote, ok := c.finality.NextVote(settle.LedgerTimeOf(now))
	if !ok {
		return nil
	}
	signed, err := c.network.Witnesses.SignVote(vote, c.network.ID, c.options.Witness)
	if err != nil {
		return err
	}
	s.batch.Vote = &signed
	s.votes = append(s.votes, SendVote{signed})
	c.voted, c.voteSent = signed, now
	certificate, err := c.finality.Vote(signed)
	if err != nil {
		return err // our own vote: a fault of ours
	}
	if certificate != nil {
		c.certified(s, now, *certificate)
	}
	return nil
}

// receiveVote counts another witness's vote. One that does not verify is dropped; one that contradicts an earlier one is
// evidence against its witness.
func (c *Core) receiveVote(now time.Time, v proof.SignedVote) []Effect {
	if int(v.Witness) == c.self {
		return nil // an echo, or a lie about us
	}
	certificate, err := c.finality.Vote(v)
	var contradiction *dag.Contradiction
	if errors.As(err, &contradiction) {
		return []Effect{Accuse{contradiction.Evidence}}
	}
	if err != nil || certificate == nil {
		return nil
	}
	var s step
	c.certified(&s, now, *certificate)
	c.finish(&s)
	return s.effects()
}

// certified stores a certificate that the votes have just made, and queues it: in the log it moves ledger time.
func (c *Core) certified(s *step, now time.Time, certificate proof.Certificate) {
	s.batch.Certificates = append(s.batch.Certificates, certificate)
	if wait := c.turnWait(certificate.Target.Number); wait > 0 {
		c.later = append(c.later, turn{now.Add(wait), certificate})
		return
	}
	c.queueCertificate(certificate)
}

// certificateOrdered takes a certificate from the log, whose votes may not have reached this node.
func (c *Core) certificateOrdered(s *step, certificate proof.Certificate) {
	s.batch.Certified = append(s.batch.Certified, certificate.Target.Number)
	before := c.finality.Justified().Number
	c.finality.Certified(certificate)
	if c.finality.Justified().Number > before {
		s.batch.Certificates = append(s.batch.Certificates, certificate)
	}
}

// finish completes the batch, and tells what has become justified or final by it.
func (c *Core) finish(s *step) {
	final, justified := c.finality.Final().Checkpoint, c.finality.Justified()
	s.store = true
	s.batch.Head, s.batch.Position, s.batch.Final = c.state.Head(), c.readFrom(), final.Number
	s.batch.Slots, s.batch.Undo = c.state.TakeChanges(), c.state.TakeUndo()
	if justified.Number > c.toldJustified {
		c.toldJustified = justified.Number
		s.tell(Notice{Stage: StageJustified, Checkpoint: justified.Number, Height: justified.Height})
	}
	if final.Number > c.toldFinal {
		// The one told before stays readable until everybody has heard of this one.
		c.state.Release(c.toldFinal)
		c.toldFinal = final.Number
		proven := c.finality.Final()
		s.notice = append(s.notice, Tell{Notice{Stage: StageFinal, Checkpoint: final.Number, Height: final.Height}, &proven})
	}
}

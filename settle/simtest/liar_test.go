package simtest

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/gossip"
	"joulepay/settle/proof"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// liar is a witness without a node: it votes for everything, serves what it likes and publishes what may do harm. It sees what
// honest witnesses send, and all checkpoints that they make.
type liar struct {
	world   *world
	place   int
	network wallet.NetworkID
	heard   map[link][]proof.SignedVote
	order   []link // of heard
	known   []proof.Checkpoint
	seen    map[proof.Hash]bool
	secrets []proof.Certificate // that it could make
	silent  bool
	// colludes is set when enough liars lie together: each side of a fork gets the votes that it needs, and no others.
	colludes bool
}

// link is what a vote says.
type link struct{ source, target proof.Ref }

func newLiar(w *world, place int) *liar {
	l := &liar{world: w, place: place, network: w.network.ID, heard: map[link][]proof.SignedVote{}, seen: map[proof.Hash]bool{}}
	w.every(800*time.Millisecond, l.lie)
	return l
}

// sees remembers the checkpoints of honest nodes.
func (l *liar) sees() {
	for _, m := range l.world.up() {
		c := m.core.State().LastCheckpoint()
		if h := c.Hash(); !l.seen[h] {
			l.seen[h] = true
			l.known = append(l.known, c)
		}
	}
}

// hear takes an honest vote, signs the same whatever it signed before, and keeps the certificate that comes of it.
func (l *liar) hear(v proof.SignedVote) {
	at := link{v.Vote.Source, v.Vote.Target}
	if slices.ContainsFunc(l.heard[at], func(o proof.SignedVote) bool { return o.Witness == v.Witness }) {
		return
	}
	if l.heard[at] == nil {
		l.order = append(l.order, at)
		l.heard[at] = []proof.SignedVote{l.sign(v.Vote)}
	}
	l.heard[at] = append(l.heard[at], v)
	if c := proof.NewCertificate(l.heard[at]); c.Enough(l.world.network.Witnesses) {
		l.secrets = append(l.secrets, c)
	}
	switch {
	case l.colludes:
		l.world.links.send(l.place, int(v.Witness), l.heard[at][0])
	case !l.silent && l.world.chance(70):
		l.spread(l.heard[at][0])
	}
}

func (l *liar) sign(v proof.Vote) proof.SignedVote {
	signed, err := l.world.network.Witnesses.SignVote(v, l.network, l.world.keys[l.place])
	if err != nil {
		panic(err)
	}
	return signed
}

// spread sends a vote to some.
func (l *liar) spread(v proof.SignedVote) {
	l.world.fire("liar votes")
	for to, m := range l.world.machines {
		if m != nil && l.world.chance(60) {
			l.world.links.send(l.place, to, v)
		}
	}
}

// lie does some harm.
func (l *liar) lie() {
	w := l.world
	l.sees()
	if l.silent || l.colludes || len(l.known) < 2 {
		return
	}
	switch what := pick(w, liarsLies); what {
	case "liar votes at random":
		a, b := pick(w, l.known), pick(w, l.known)
		if a.Number < b.Number {
			w.fire(what)
			l.spread(l.sign(proof.Vote{Source: a.Ref(), Target: b.Ref(), Time: settle.LedgerTimeOf(w.now.Add(time.Hour))}))
		}
	case "liar forges a vote":
		if len(l.order) > 0 {
			w.fire(what)
			forged := l.heard[pick(w, l.order)][0]
			forged.Witness = uint8(w.rng.IntN(len(w.keys) + 1))
			l.spread(forged)
		}
	case "liar publishes garbage":
		l.publish(what, l.garbage())
	case "liar publishes marks":
		if !w.faulty {
			return
		}
		var bundle dag.Bundle
		next := pick(w, l.known).Number
		if up := w.up(); len(up) > 0 && w.chance(70) {
			next = pick(w, up).core.State().LastCheckpoint().Number + 1
		}
		count := uint64(10)
		if w.chance(5) {
			count = 80 // beyond most limits
		}
		for n := range count {
			bundle.Add(dag.Entry{Mark: next + n}.Encode())
		}
		l.publish(what, bundle.Encode())
	case "liar publishes a certificate":
		if len(l.secrets) > 0 {
			c := pick(w, l.secrets)
			l.publish(what, bundleOf(dag.Entry{Certificate: &c}))
		}
	case "liar publishes a Start":
		if w.faulty {
			l.publish(what, bundleOf(dag.Entry{Start: l.start()}))
		}
	case "liar renews the stream":
		if w.faulty && w.chance(30) {
			w.fire(what)
			incarnation := w.orderer.renew(l.place, w.orderer.view(l.place).incarnation).Incarnation
			start := l.startOf(incarnation)
			if trap, ok := l.trap(incarnation); ok {
				w.fire("liar sets a trap")
				start = trap
			}
			l.publish("liar publishes a Start", bundleOf(dag.Entry{Start: start}))
		}
	}
}

// trap gives a true Start from a checkpoint that no honest node has any more.
func (l *liar) trap(incarnation stream.Incarnation) (*dag.Start, bool) {
	for _, c := range slices.Backward(l.secrets) {
		held := slices.ContainsFunc(l.world.up(), func(m *machine) bool {
			own, ok := m.checkpoint(c.Target.Number)
			return ok && own.Ref() == c.Target
		})
		at := slices.IndexFunc(l.known, func(k proof.Checkpoint) bool { return k.Ref() == c.Target })
		if !held && at >= 0 {
			return &dag.Start{Incarnation: incarnation, Base: l.known[at], Certificate: c}, true
		}
	}
	return nil, false
}

var liarsLies = []string{
	"liar votes at random", "liar forges a vote", "liar publishes garbage", "liar publishes marks",
	"liar publishes a certificate", "liar publishes a Start", "liar renews the stream",
}

func bundleOf(entries ...dag.Entry) []byte {
	var bundle dag.Bundle
	for _, e := range entries {
		bundle.Add(e.Encode())
	}
	return bundle.Encode()
}

func (l *liar) publish(what string, bundle []byte) {
	if l.world.links.reaches(l.place) {
		l.world.fire(what)
		l.world.orderer.append(l.place, bundle)
	}
}

// garbage gives bytes, entries that say nothing, or a vertex with another's signature.
func (l *liar) garbage() []byte {
	w := l.world
	raw := make([]byte, w.rng.IntN(200))
	for i := range raw {
		raw[i] = byte(w.rng.Uint32())
	}
	var bundle dag.Bundle
	switch w.rng.IntN(3) {
	case 0:
		return raw
	case 1:
		bundle.Add(raw)
		bundle.Add(append([]byte{byte(1 + w.rng.IntN(5))}, raw...))
	default:
		if sent := w.clients.sent; len(sent) > 0 {
			forged := slices.Clone(pick(w, sent).Encode())
			forged[len(forged)-1-w.rng.IntN(64)] ^= 1
			bundle.Add(append([]byte{byte(dag.EntryVertex)}, forged...))
		}
	}
	return bundle.Encode()
}

// start gives a Start of the current incarnation.
func (l *liar) start() *dag.Start { return l.startOf(l.world.orderer.view(l.place).incarnation) }

// startOf gives one that is good or false: with a secret certificate, an old one, none, or one for something else.
func (l *liar) startOf(incarnation stream.Incarnation) *dag.Start {
	w := l.world
	s := &dag.Start{Incarnation: incarnation, Base: pick(w, l.known)}
	switch w.rng.IntN(5) {
	case 0:
		s.Base = l.world.oracle.first
		return s
	case 1: // certified by the liar alone
		source := pick(w, l.known).Ref()
		for _, c := range l.known {
			if c.Hash() == s.Base.Previous {
				source = c.Ref()
			}
		}
		vote := l.sign(proof.Vote{Source: source, Target: s.Base.Ref(), Time: settle.LedgerTimeOf(w.now)})
		s.Certificate = proof.NewCertificate([]proof.SignedVote{vote})
		return s
	}
	if len(l.secrets) == 0 {
		return s
	}
	s.Certificate = pick(w, l.secrets)
	if w.chance(50) { // the newest
		s.Certificate = l.secrets[len(l.secrets)-1]
	}
	for _, c := range l.known {
		if c.Ref() == s.Certificate.Target && w.chance(80) {
			s.Base = c
			w.fire("liar publishes a true Start")
		}
	}
	return s
}

// Standing implements gossip.Source.
func (l *liar) Standing() gossip.Standing {
	w := l.world
	w.fire("liar gives a standing")
	if len(l.known) == 0 {
		return gossip.Standing{}
	}
	s := l.startOf(stream.Incarnation{})
	position := stream.Position{Incarnation: w.orderer.view(l.place).incarnation, Sequence: uint64(w.rng.IntN(20))}
	if w.chance(20) {
		binary.BigEndian.PutUint64(position.Incarnation[:], w.rng.Uint64N(10))
	}
	return gossip.Standing{Checkpoint: s.Base, Certificate: s.Certificate, Position: position}
}

// Entries implements gossip.Source: nothing, those of an honest node, or changed ones.
func (l *liar) Entries(ctx context.Context, after, upTo uint64) ([][]byte, error) {
	w := l.world
	up := w.up()
	if w.chance(30) || len(up) == 0 {
		w.fire("liar serves nothing")
		return nil, gossip.ErrNothing
	}
	page, err := pick(w, up).Entries(ctx, after, upTo)
	if err != nil || w.chance(20) {
		return page, err
	}
	w.fire("liar serves wrong entries")
	page = slices.Clone(page)
	switch i := w.rng.IntN(len(page)); w.rng.IntN(6) {
	case 0:
		page = slices.Delete(page, i, i+1)
	case 1:
		page = slices.Insert(page, i, append([]byte{0}, dag.Entry{Mark: w.rng.Uint64N(20)}.Encode()...))
	case 2:
		page[i] = slices.Clone(page[i])
		page[i][w.rng.IntN(len(page[i]))] ^= 1
	case 3:
		page = append(page, page[i])
	case 4: // the log hash leaves signatures out
		for i := range page {
			if page[i][1] == byte(dag.EntryVertex) {
				page[i] = slices.Clone(page[i])
				page[i][len(page[i])-1-w.rng.IntN(wallet.SignatureSize)] ^= 1
				w.fire("liar changes a signature")
				break
			}
		}
	default:
		page[i] = append([]byte{0}, dag.Entry{Start: l.startOf(stream.Incarnation{7})}.Encode()...)
	}
	return page, nil
}

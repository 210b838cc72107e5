package port

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// ErrNotOver is returned for a receipt of a session that goes on.
var ErrNotOver = errors.New("port: the session is not over")

// Receipt gives the receipt of a session in a store: the stored one when it is final, else one made of what is known now,
// signed by this party. A receipt that has become final is stored.
func (p *Port) Receipt(ctx context.Context, s store.Store, id channel.SessionID) ([]byte, error) {
	stored, err := s.Receipt(ctx, id)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return stored, err
	}
	record, err := s.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if record.Phase < session.PhaseSettling || record.Phase == session.PhaseFailed {
		return nil, fmt.Errorf("%w: %w: session %s is %s", store.ErrNotFound, ErrNotOver, id, record.Phase)
	}
	evidence, err := p.evidence(ctx, s, record)
	if err != nil {
		return nil, err
	}
	r, err := receipt.New(evidence, p.did, p.key)
	if err != nil {
		return nil, err
	}
	raw, err := r.Encode()
	if err != nil {
		return nil, err
	}
	if r.Summary.Final {
		err = s.PutReceipt(ctx, id, raw)
	}
	return raw, err
}

// evidence gathers what both sides and the ledger signed.
func (p *Port) evidence(ctx context.Context, s store.Store, r session.SessionRecord) (receipt.Evidence, error) {
	var e receipt.Evidence
	network, err := p.pinned.Network(ctx)
	if err != nil {
		return e, err
	}
	quotes := r.Quotes()
	signed, err := quote.Parse(quotes[0], quote.AnyKey)
	if err != nil {
		return e, err
	}
	currency, err := money.ParseCurrency(signed.Quote.Currency)
	if err != nil {
		return e, err
	}
	ch, err := s.Channel(ctx, r.Channel)
	if err != nil {
		return e, err
	}
	e = receipt.Evidence{
		Genesis: network.Genesis, Opening: ch.Side.Opening.Encode(), Quote: quotes[0], Requotes: quotes[1:], Count: r.Claims,
		Before: [2]money.Money{money.Of(r.Base[0], currency), money.Of(r.Base[1], currency)},
	}
	readings, err := s.Readings(ctx, r.ID)
	if err != nil {
		return e, err
	}
	for _, reading := range readings {
		e.Readings = append(e.Readings, reading.Signed)
	}
	for _, best := range r.Closing {
		if len(best) > 0 {
			e.Claims = append(e.Claims, best)
		}
	}
	if err := p.ledgerEvidence(ctx, s, r, &e); err != nil {
		return e, err
	}
	return e, p.keyEvidence(ctx, quotes, &e)
}

// signer is a key that signed for a DID, and is not the one that the DID names. The key of a vertex is not stated in it.
type signer struct {
	did    wallet.DID
	signed func(wallet.PublicKey) bool
}

// signers finds what replaced keys signed: of this party, of the station under its quotes, of who brought vertices.
func (p *Port) signers(quotes [][]byte, e *receipt.Evidence) ([]signer, error) {
	is := func(key wallet.PublicKey) func(wallet.PublicKey) bool {
		return func(other wallet.PublicKey) bool { return key == other }
	}
	var replaced []signer
	note := func(s signer) {
		if !s.signed(s.did.InceptionKey()) {
			replaced = append(replaced, s)
		}
	}
	note(signer{p.did, is(p.key.Public())})
	for _, raw := range quotes {
		signed, err := quote.Parse(raw, quote.AnyKey)
		if err != nil {
			return nil, err
		}
		note(signer{signed.Quote.Station, is(signed.Signer())})
	}
	for _, stated := range e.Vertices {
		vertex, err := settle.DecodeVertex(stated.Vertex)
		if err != nil {
			return nil, err
		}
		note(signer{vertex.Issuer(), func(key wallet.PublicKey) bool { return receipt.SignedBy(vertex, key) == nil }})
	}
	return replaced, nil
}

// keyEvidence adds the proofs of keys that replaced those which DIDs name, where a signature is of one: of the DID's slot where
// it is the key of now, else of the rotation that gave it.
func (p *Port) keyEvidence(ctx context.Context, quotes [][]byte, e *receipt.Evidence) error {
	replaced, err := p.signers(quotes, e)
	if err != nil {
		return err
	}
	keys := &keyProofs{pinned: p.pinned, evidence: e, shown: map[wallet.DID][]wallet.PublicKey{}}
	for _, s := range replaced {
		if slices.ContainsFunc(keys.shown[s.did], s.signed) {
			continue
		}
		if err := keys.add(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// keyProofs gathers proofs of keys.
type keyProofs struct {
	pinned   *client.Pinned
	evidence *receipt.Evidence
	shown    map[wallet.DID][]wallet.PublicKey // what the evidence proves
}

func (k *keyProofs) add(ctx context.Context, s signer) error {
	resolved, err := k.pinned.DID(ctx, s.did, true)
	if err != nil {
		return err
	}
	if len(resolved.Certified) > 0 {
		slot, err := proof.DecodeSlot(resolved.Certified)
		if err != nil {
			return err
		}
		now, err := did.Read(k.pinned.Trusted(), s.did, slot)
		if err != nil {
			return err
		}
		if s.signed(now.Identity.Key) {
			k.evidence.Keys = append(k.evidence.Keys, resolved.Certified)
			k.shown[s.did] = append(k.shown[s.did], now.Identity.Key)
			return nil
		}
	}
	return k.addRotation(ctx, s)
}

// addRotation finds the rotation that gave a key which was replaced since. A node that pruned it cannot help.
func (k *keyProofs) addRotation(ctx context.Context, s signer) error {
	rotations := client.All(func(cursor string) (client.Page[client.Vertex], error) {
		return k.pinned.Vertices(ctx, client.VertexQuery{
			Party: s.did, Kind: settle.KindRotate.String(), State: client.VertexAccepted,
			PageQuery: client.PageQuery{Limit: client.PageSizeMax, Cursor: cursor},
		})
	})
	for listed, err := range rotations {
		if err != nil {
			return err
		}
		found, err := k.pinned.Vertex(ctx, listed.ID)
		if err != nil {
			return err
		}
		vertex, err := settle.DecodeVertex(found.Encoded)
		if err != nil {
			return err
		}
		given, ok := vertex.Payload().(*settle.Rotate)
		if !ok || given.DID != s.did || !s.signed(given.Key) || found.Verdict != settle.Applied.String() || len(found.Certified) == 0 {
			continue
		}
		k.evidence.Rotations = append(k.evidence.Rotations, receipt.Vertex{Vertex: found.Encoded, Proof: found.Certified})
		k.shown[s.did] = append(k.shown[s.did], given.Key)
		return nil
	}
	return fmt.Errorf("%w: of a key of %s; a node that keeps the whole log has it", receipt.ErrEvidence, s.did)
}

// ledgerEvidence adds the vertices of the session and the certified state of its channel.
func (p *Port) ledgerEvidence(ctx context.Context, s store.Store, r session.SessionRecord, e *receipt.Evidence) error {
	ids, err := p.vertices(ctx, s, r)
	if err != nil {
		return err
	}
	for _, id := range ids[:min(len(ids), receipt.VerticesMax)] {
		v, err := p.pinned.Vertex(ctx, id)
		if err != nil {
			return err
		}
		e.Vertices = append(e.Vertices, receipt.Vertex{Vertex: v.Encoded, Proof: v.Certified})
	}
	if known, err := p.knows(ctx, r); err != nil || !known {
		return err // settled later: the receipt is not final yet, and says so
	}
	certified, err := p.pinned.Channel(ctx, client.ID(r.Channel))
	if err != nil {
		return err
	}
	e.Channel = certified.Certified
	return nil
}

// knows tells whether the certified state of the channel covers what a session claimed.
func (p *Port) knows(ctx context.Context, r session.SessionRecord) (bool, error) {
	closing, err := closingLanes(r)
	if err != nil {
		return false, err
	}
	view, err := p.View(ctx, r.Channel)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && view.Lanes[0] >= closing[0] && view.Lanes[1] >= closing[1], err
}

// vertices names what this side brought to the ledger for a session, then the settlements of it that the other side brought.
func (p *Port) vertices(ctx context.Context, s store.Store, r session.SessionRecord) ([]client.ID, error) {
	var ids []client.ID
	for _, id := range r.Vertices {
		op, err := s.Op(ctx, id)
		if err != nil {
			return nil, err
		}
		if op.State == session.OpFinal {
			ids = append(ids, client.ID(op.Vertex))
		}
	}
	closing, err := closingLanes(r)
	if err != nil {
		return nil, err
	}
	entries := client.All(func(cursor string) (client.Page[client.Settlement], error) {
		return p.pinned.Settlements(ctx, client.EntryQuery{
			Channel: client.ID(r.Channel), PageQuery: client.PageQuery{Limit: client.PageSizeMax, Cursor: cursor},
		})
	})
	settlements, err := settlementsBetween(entries, r.Base, closing)
	if err != nil {
		return nil, err
	}
	for _, id := range settlements {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// closingLanes gives what each lane came to when the session was paid.
func closingLanes(r session.SessionRecord) (channel.PerLane, error) {
	lanes := r.Base
	for lane, raw := range r.Closing {
		if len(raw) == 0 {
			continue
		}
		best, err := channel.DecodeBest(raw)
		if err != nil {
			return lanes, err
		}
		lanes[lane] = max(lanes[lane], best.Owed())
	}
	return lanes, nil
}

// settlementsBetween picks, of a channel's settlements from the newest, those that know more than the lanes before a
// session, up to the first that knows all of it; in their order. A channel outlives its visits: what comes later belongs
// to others.
func settlementsBetween(newestFirst iter.Seq2[client.Settlement, error], before, closing channel.PerLane) ([]client.ID, error) {
	if closing == before {
		return nil, nil // nothing was claimed
	}
	var ids []client.ID
	for entry, err := range newestFirst {
		if err != nil {
			return nil, err
		}
		known := channel.PerLane{entry.Claimed.Opener.Amount, entry.Claimed.Partner.Amount}
		if known[0] <= before[0] && known[1] <= before[1] {
			break // older than the session: lanes never fall
		}
		if known[0] >= closing[0] && known[1] >= closing[1] {
			ids = ids[:0] // it came before those that are here already
		}
		ids = append(ids, entry.Vertex)
	}
	slices.Reverse(ids)
	return ids, nil
}

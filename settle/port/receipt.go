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

// keyEvidence adds the proofs of keys that replaced those which DIDs name, where a signature is of one: of this party, of the
// station under its quotes, of who brought vertices. They show the keys of now: who rotates again before it has a final
// receipt can prove the key of before no more.
func (p *Port) keyEvidence(ctx context.Context, quotes [][]byte, e *receipt.Evidence) error {
	var replaced []wallet.DID
	note := func(d wallet.DID, first bool) {
		if !first && !slices.Contains(replaced, d) {
			replaced = append(replaced, d)
		}
	}
	note(p.did, p.key.Public() == p.did.InceptionKey())
	for _, raw := range quotes {
		signed, err := quote.Parse(raw, quote.AnyKey)
		if err != nil {
			return err
		}
		note(signed.Quote.Station, len(signed.Quote.Key) == 0)
	}
	for _, stated := range e.Vertices {
		vertex, err := settle.DecodeVertex(stated.Vertex)
		if err != nil {
			return err
		}
		note(vertex.Issuer(), receipt.SignedBy(vertex, vertex.Issuer().InceptionKey()) == nil)
	}
	for _, d := range replaced {
		resolved, err := p.pinned.DID(ctx, d, true)
		if err != nil {
			return err
		}
		if len(resolved.Certified) == 0 {
			return fmt.Errorf("%w: of the key of %s", receipt.ErrEvidence, d)
		}
		e.Keys = append(e.Keys, resolved.Certified)
	}
	return nil
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
	certified, err := p.pinned.Channel(ctx, client.ID(r.Channel))
	if err != nil {
		return err
	}
	e.Channel = certified.Certified
	return nil
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

package station

import (
	"context"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// History answers for the sessions in a station's store, whether the station runs or not.
type History struct {
	store  store.Store
	series *seriesOf
	shown  *settledSessions
}

// HistoryOf reads a station's store.
func HistoryOf(s store.Store) History {
	return History{store: s, series: &seriesOf{}, shown: &settledSessions{}}
}

// Sessions gives a page, newest first. The cursor is the id of the last session of the page before.
func (h History) Sessions(ctx context.Context, q client.SessionQuery) (client.Page[client.Session], error) {
	page := client.Page[client.Session]{Items: []client.Session{}}
	before, err := cursorOf(q.Cursor)
	if err != nil {
		return page, err
	}
	limit := limitOf(q.PageQuery)
	ask := store.SessionQuery{Before: before, Limit: limit + 1, Peer: q.Party, Phases: phasesOf(q.State), SinceMs: millis(q.Since), UntilMs: millis(q.Until)}
	if q.State != "" && len(ask.Phases) == 0 {
		return page, nil // no session of a station is in that state
	}
	if !q.Party.IsZero() {
		if ask.Peer, err = h.peer(ctx, q.Party); err != nil {
			return page, err
		}
	}
	ids, err := h.store.SessionIDs(ctx, ask)
	if err != nil {
		return page, err
	}
	if len(ids) > limit {
		ids = ids[:limit]
		page.Next = ids[limit-1].String()
	}
	for _, id := range ids {
		shown, err := h.Session(ctx, client.SessionID(id))
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, shown)
	}
	return page, nil
}

// peer gives the vehicle that a party is; none when it is the station itself, which every session of its has.
func (h History) peer(ctx context.Context, party wallet.DID) (wallet.DID, error) {
	newest, err := h.store.Sessions(ctx, channel.SessionID{}, 1)
	if err != nil || len(newest) == 0 {
		return party, err
	}
	signed, err := quote.Parse(newest[0].Quote, quote.AnyKey)
	if err == nil && signed.Quote.Station == party {
		return wallet.DID{}, nil
	}
	return party, err
}

// millis gives Unix milliseconds; 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func cursorOf(text string) (channel.SessionID, error) {
	if text == "" {
		return channel.SessionID{}, nil
	}
	id, err := client.ParseSessionID(text)
	if err != nil {
		return channel.SessionID{}, client.NewProblem(client.ErrBadRequest, "the cursor is not one of this list", "leave it out to begin with the newest")
	}
	return channel.SessionID(id), nil
}

// Session gives one, or client.ErrNotFound.
func (h History) Session(ctx context.Context, id client.SessionID) (client.Session, error) {
	if shown, ok := h.shown.get(id); ok {
		return shown, nil
	}
	record, err := h.record(ctx, id)
	if err != nil {
		return client.Session{}, err
	}
	shown, settled, err := h.shape(ctx, record)
	if err == nil && settled {
		h.shown.put(id, shown)
	}
	return shown, err
}

// shape gives a stored session in the words of the API, and whether nothing of it will change any more.
func (h History) shape(ctx context.Context, r session.SessionRecord) (shown client.Session, settled bool, err error) {
	signed, err := quote.Parse(r.Quote, quote.AnyKey)
	if err != nil {
		return client.Session{}, false, fmt.Errorf("session %s: %w", r.ID, err)
	}
	q := signed.Quote
	currency, err := money.ParseCurrency(q.Currency)
	if err != nil {
		return client.Session{}, false, err
	}
	tariff, err := q.ParseTariff()
	if err != nil {
		return client.Session{}, false, err
	}
	out := client.Session{
		ID: client.SessionID(r.ID), State: stateOf(r), Reason: string(r.Reason), Vehicle: r.Peer, Station: q.Station,
		EVSE: q.EVSE, Service: r.Service, Channel: client.ID(r.Channel), Quote: client.ID(signed.Hash()), Tariff: tariff.ID(),
		Start: time.UnixMilli(q.IssuedAtMs).UTC(), Unit: meter.Unit(q.Unit).String(), Quantity: r.Quantity,
		Amount: money.Of(r.Paid, currency), Currency: currency, Claims: r.Claims,
	}
	h.addMetered(&out, r, meter.Unit(q.Unit))
	if err := addPrice(&out, r, q, tariff); err != nil {
		return client.Session{}, false, err
	}
	if r.Phase < session.PhaseSettling && r.Cost > r.Paid {
		risk := money.Of(r.Cost-r.Paid, currency)
		out.AtRisk = &risk
	}
	if settled, err = h.addLedger(ctx, &out, r); err != nil {
		return out, false, err
	}
	if q.Deferred && r.Phase == session.PhaseEnded && !out.Final {
		return out, false, h.addLater(ctx, &out, r)
	}
	return out, settled, nil
}

// addLater tells of a session that left what it came to in the channel whether that was settled since: with a later one.
func (h History) addLater(ctx context.Context, out *client.Session, r session.SessionRecord) error {
	record, err := h.store.Channel(ctx, r.Channel)
	if err != nil {
		return err
	}
	out.Final = true
	for lane, raw := range r.Closing {
		if best, err := channel.DecodeBest(raw); err == nil && best.Owed() > record.Settled[lane] {
			out.State, out.Final = client.SessionStopping, false
		}
	}
	return nil
}

func (h History) addMetered(out *client.Session, r session.SessionRecord, unit meter.Unit) {
	if r.StartedMs == 0 {
		return
	}
	out.Start = time.UnixMilli(r.StartedMs).UTC()
	at := time.UnixMilli(r.EndedMs).UTC()
	out.At = &at
	if r.Phase >= session.PhaseFinal {
		out.End = &at
	}
	if unit == meter.MilliwattHours {
		energy := client.Energy(r.Quantity)
		out.EnergyWh = &energy
		if returned := client.Energy(r.Returned); returned != 0 {
			out.ReturnedWh = &returned
		}
		out.PowerW = watts(r.Power)
	}
	if r.SoCPermille >= 0 {
		out.StateOfCharge = percent(r.SoCPermille)
	}
}

// addPrice tells what a unit costs now, while the session goes on.
func addPrice(out *client.Session, r session.SessionRecord, q quote.Quote, tariff *pricing.Tariff) error {
	if r.Phase >= session.PhaseFinal {
		return nil
	}
	location, err := q.Location()
	if err != nil {
		return err
	}
	at := out.Start
	if out.At != nil {
		at = *out.At
	}
	price, err := unitPriceAt(tariff, meter.Unit(q.Unit), at, location, q.MaxPowerMw)
	if err != nil {
		return err
	}
	each := money.Of(price, tariff.Currency())
	out.UnitPrice = &each
	return nil
}

// addLedger counts the vertices of a session and names the one that settled it. settled says that it is over, and that the
// outcome of all of them is known.
func (h History) addLedger(ctx context.Context, out *client.Session, r session.SessionRecord) (settled bool, err error) {
	settled = r.Phase.Over()
	for _, id := range r.Vertices {
		op, err := h.store.Op(ctx, id)
		if err != nil {
			return false, err
		}
		settled = settled && op.State != session.OpPending
		if op.State != session.OpFinal {
			continue
		}
		out.LedgerVertices++
		if op.Kind != session.OpTopUp && op.Kind != session.OpOpen {
			vertex := client.ID(op.Vertex)
			out.Settlement = &vertex
		}
	}
	out.Final = r.Phase == session.PhaseEnded && out.Settlement != nil
	return settled, nil
}

// phasesOf gives the phases that are shown as a state; none for every state.
func phasesOf(state string) []session.Phase {
	var phases []session.Phase
	for phase := session.PhaseGreeting; state != "" && phase <= session.PhaseFailed; phase++ {
		if stateOf(session.SessionRecord{Phase: phase}) == state {
			phases = append(phases, phase)
		}
	}
	return phases
}

func stateOf(r session.SessionRecord) string {
	switch {
	case r.Phase == session.PhaseFailed:
		return client.SessionFailed
	case r.Phase == session.PhaseEnded:
		return client.SessionFinal
	case r.Phase >= session.PhaseStopping:
		return client.SessionStopping
	case r.Phase == session.PhaseCharging:
		return client.SessionRunning
	}
	return client.SessionPreparing
}

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
	"joulepay/wallet/money"
)

// History answers for the sessions in a station's store, whether the station runs or not.
type History struct {
	store  store.Store
	series *seriesOf
}

// HistoryOf reads a station's store.
func HistoryOf(s store.Store) History { return History{store: s, series: &seriesOf{}} }

// Sessions gives a page, newest first. The cursor is the id of the last session of the page before.
func (h History) Sessions(ctx context.Context, q client.SessionQuery) (client.Page[client.Session], error) {
	page := client.Page[client.Session]{Items: []client.Session{}}
	before, err := cursorOf(q.Cursor)
	if err != nil {
		return page, err
	}
	limit := limitOf(q.PageQuery)
	for len(page.Items) < limit {
		records, err := h.store.Sessions(ctx, before, limit)
		if err != nil {
			return page, err
		}
		for _, r := range records {
			before = r.ID
			shown, err := h.shape(ctx, r)
			if err != nil {
				return page, err
			}
			if matches(shown, q) {
				page.Items = append(page.Items, shown)
			}
			if len(page.Items) == limit {
				page.Next = before.String()
				return page, nil
			}
		}
		if len(records) < limit {
			return page, nil
		}
	}
	return page, nil
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

func matches(s client.Session, q client.SessionQuery) bool {
	if q.State != "" && s.State != q.State || s.Start.Before(q.Since) || !q.Until.IsZero() && !s.Start.Before(q.Until) {
		return false
	}
	return q.Party.IsZero() || q.Party == s.Vehicle || q.Party == s.Station
}

// Session gives one, or client.ErrNotFound.
func (h History) Session(ctx context.Context, id client.SessionID) (client.Session, error) {
	record, err := h.record(ctx, id)
	if err != nil {
		return client.Session{}, err
	}
	return h.shape(ctx, record)
}

// shape gives a stored session in the words of the API.
func (h History) shape(ctx context.Context, r session.SessionRecord) (client.Session, error) {
	signed, err := quote.Parse(r.Quote, quote.AnyKey)
	if err != nil {
		return client.Session{}, fmt.Errorf("session %s: %w", r.ID, err)
	}
	q := signed.Quote
	currency, err := money.ParseCurrency(q.Currency)
	if err != nil {
		return client.Session{}, err
	}
	tariff, err := q.ParseTariff()
	if err != nil {
		return client.Session{}, err
	}
	out := client.Session{
		ID: client.SessionID(r.ID), State: stateOf(r), Reason: string(r.Reason), Vehicle: r.Peer, Station: q.Station,
		EVSE: q.EVSE, Service: r.Service, Channel: client.ID(r.Channel), Quote: client.ID(signed.Hash()), Tariff: tariff.ID(),
		Start: time.UnixMilli(q.IssuedAtMs).UTC(), Unit: meter.Unit(q.Unit).String(), Quantity: r.Quantity,
		Amount: money.Of(r.Paid, currency), Currency: currency, Claims: r.Claims,
	}
	h.addMetered(&out, r, meter.Unit(q.Unit))
	if err := addPrice(&out, r, q, tariff); err != nil {
		return client.Session{}, err
	}
	if r.Phase < session.PhaseSettling && r.Cost > r.Paid {
		risk := money.Of(r.Cost-r.Paid, currency)
		out.AtRisk = &risk
	}
	if err := h.addLedger(ctx, &out, r); err != nil {
		return out, err
	}
	if q.Deferred && r.Phase == session.PhaseEnded && !out.Final {
		return out, h.addLater(ctx, &out, r)
	}
	return out, nil
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

// addLedger counts the vertices of a session and names the one that settled it.
func (h History) addLedger(ctx context.Context, out *client.Session, r session.SessionRecord) error {
	for _, id := range r.Vertices {
		op, err := h.store.Op(ctx, id)
		if err != nil {
			return err
		}
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
	return nil
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

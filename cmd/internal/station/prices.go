package station

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/pricing/market"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Stations implements api.Stations: an entry for each outlet, by EVSE id. The cursor is that of the last one before.
func (s *Station) Stations(_ context.Context, q client.StationQuery) (client.Page[client.Station], error) {
	out := client.Page[client.Station]{Items: []client.Station{}}
	if !s.is(q.Party) {
		return out, nil
	}
	now := s.config.Clock.Now()
	var err error
	wanted := func(at *place) bool { return q.State == "" || (q.State == client.StationFree) == at.free() }
	out.Next, err = s.paged(q.PageQuery, 1, wanted, func(at *place) error {
		shown, err := at.shown(now)
		out.Items = append(out.Items, shown)
		return err
	})
	return out, err
}

// is tells whether a list that is asked for by party has this station in it.
func (s *Station) is(party wallet.DID) bool { return party.IsZero() || party == s.party.Wallet.DID() }

func everyPlace(*place) bool { return true }

// paged calls each with the outlets of a page that are wanted, by EVSE id, and gives the cursor of the next page. Each has so
// many entries.
func (s *Station) paged(page client.PageQuery, entries int, wanted func(*place) bool, each func(*place) error) (next string, err error) {
	limit := page.Limit
	if limit == 0 {
		limit = client.PageSizeDefault
	}
	places := slices.SortedFunc(slices.Values(s.places), func(a, b *place) int { return strings.Compare(a.EVSE, b.EVSE) })
	given := 0
	for _, at := range places {
		switch {
		case at.EVSE <= page.Cursor || !wanted(at):
			continue
		case given > 0 && given+entries > limit:
			return next, nil
		}
		if err := each(at); err != nil {
			return "", err
		}
		given, next = given+entries, at.EVSE
	}
	return "", nil
}

// shown gives an outlet in the words of the API.
func (at *place) shown(now session.Instant) (client.Station, error) {
	q, tariff, err := at.quoteAt(now)
	if err != nil {
		return client.Station{}, err
	}
	price, err := session.UnitPrice(q)
	if err != nil {
		return client.Station{}, err
	}
	return client.Station{
		DID: q.Station, Service: q.Service, EVSE: q.EVSE, MaxPowerW: strconv.FormatInt(q.MaxPowerMw/1000, 10),
		UnitPrice: money.Of(price, tariff.Currency()), Tariff: quote.TariffWords(tariff, meter.Unit(q.Unit).String()), Free: at.free(), Seen: now.Real.UTC(),
		Estimates: party.PricesOf(q.Estimates, meter.Unit(q.Unit), tariff.Currency()),
	}, nil
}

// begins gives the time of the sessions that an offer is asked for.
func (s *Station) begins(q client.OfferQuery) time.Time {
	if q.At.IsZero() {
		return s.config.Clock.Now().Session
	}
	return q.At
}

// Tariffs implements api.Tariffs: the one on offer.
func (s *Station) Tariffs(_ context.Context, q client.OfferQuery) (client.Page[client.Tariff], error) {
	if !s.is(q.Party) {
		return client.Page[client.Tariff]{}, nil
	}
	t, err := s.tariff(s.begins(q))
	if err != nil {
		return client.Page[client.Tariff]{}, noPrice(err)
	}
	return client.Page[client.Tariff]{Items: []client.Tariff{{
		ID: t.ID(), Currency: t.Currency(), TimeZone: s.config.TimeZone, Words: quote.TariffWords(t, s.config.Unit.String()), OCPI: json.RawMessage(t.Bytes()),
	}}}, nil
}

// shownMilliwattHours are the energies for which a price is shown: 10, 20 and 40 kWh.
var shownMilliwattHours = []int64{10_000_000, 20_000_000, 40_000_000}

// Estimates implements api.Tariffs: what these energies cost, at each outlet.
func (s *Station) Estimates(_ context.Context, q client.OfferQuery) (client.Page[client.Estimate], error) {
	out := client.Page[client.Estimate]{Items: []client.Estimate{}}
	if s.config.Unit != meter.MilliwattHours || !s.is(q.Party) {
		return out, nil
	}
	now := s.begins(q)
	tariff, err := s.tariff(now)
	if err != nil {
		return out, noPrice(err)
	}
	location, err := pricing.LoadLocation(s.config.TimeZone)
	if err != nil {
		return out, err
	}
	out.Next, err = s.paged(q.PageQuery, len(shownMilliwattHours), everyPlace, func(at *place) error {
		for _, energy := range shownMilliwattHours {
			e, err := estimateOf(tariff, now, location, energy, at.Connector.MaxPowerMilliwatts())
			if err != nil {
				return noPrice(err)
			}
			e.Station, e.EVSE = s.party.Wallet.DID(), at.EVSE
			out.Items = append(out.Items, e)
		}
		return nil
	})
	return out, err
}

// noPrice tells whoever asks for a time of which no price is known that it is theirs to change.
func noPrice(err error) error {
	if errors.Is(err, market.ErrRange) || errors.Is(err, pricing.ErrNotValid) {
		return client.NewProblem(client.ErrNotFound, "no price is known for that time", "leave it out to ask for now")
	}
	return err
}

func estimateOf(t *pricing.Tariff, at time.Time, location *time.Location, energyMwh, powerMw int64) (client.Estimate, error) {
	cost, err := pricing.Estimate(t, at, location, energyMwh, powerMw)
	if err != nil {
		return client.Estimate{}, err
	}
	shares, err := cost.Shares()
	if err != nil {
		return client.Estimate{}, err
	}
	e := client.Estimate{
		Tariff: t.ID(), At: at.UTC().Truncate(time.Second), PowerW: strconv.FormatInt(powerMw/1000, 10),
		EnergyWh: client.Energy(energyMwh), Currency: t.Currency(), LimitedBy: cost.LimitedBy,
		Total: client.Sums{ExclVAT: cost.ExclVAT.String(), InclVAT: cost.InclVAT.String()}, Components: []client.EstimateOfPart{},
	}
	for _, share := range shares {
		e.Components = append(e.Components, client.EstimateOfPart{
			Type: share.Type.String(), Sums: client.Sums{ExclVAT: share.ExclVAT.String(), InclVAT: share.InclVAT.String()},
		})
	}
	return e, nil
}

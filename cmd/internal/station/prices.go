package station

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"joulepay/channel/session"
	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

// Stations implements api.Stations: an entry for each outlet, by EVSE id. The cursor is that of the last one before.
func (s *Station) Stations(_ context.Context, page client.PageQuery) (client.Page[client.Station], error) {
	out := client.Page[client.Station]{Items: []client.Station{}}
	now := s.config.Clock.Now()
	var err error
	out.Next, err = s.paged(page, 1, func(at *place) error {
		shown, err := at.shown(now)
		out.Items = append(out.Items, shown)
		return err
	})
	return out, err
}

// paged calls each with the outlets of a page, by EVSE id, and gives the cursor of the next page. Each has so many entries.
func (s *Station) paged(page client.PageQuery, entries int, each func(*place) error) (next string, err error) {
	limit := page.Limit
	if limit == 0 {
		limit = client.PageSizeDefault
	}
	places := slices.SortedFunc(slices.Values(s.places), func(a, b *place) int { return strings.Compare(a.EVSE, b.EVSE) })
	given := 0
	for _, at := range places {
		switch {
		case at.EVSE <= page.Cursor:
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
		UnitPrice: money.Of(price, tariff.Currency()), Tariff: tariff.Describe(), Free: at.free(), Seen: now.Real.UTC(),
		Estimates: party.PricesOf(q.Estimates, meter.Unit(q.Unit), tariff.Currency()),
	}, nil
}

// Tariffs implements api.Tariffs: the one on offer now.
func (s *Station) Tariffs(context.Context, client.PageQuery) (client.Page[client.Tariff], error) {
	t, err := s.tariff(s.config.Clock.Now().Session)
	if err != nil {
		return client.Page[client.Tariff]{}, err
	}
	return client.Page[client.Tariff]{Items: []client.Tariff{{
		ID: t.ID(), Currency: t.Currency(), TimeZone: s.config.TimeZone, Words: t.Describe(), OCPI: json.RawMessage(t.Bytes()),
	}}}, nil
}

// shownMilliwattHours are the energies for which a price is shown: 10, 20 and 40 kWh.
var shownMilliwattHours = []int64{10_000_000, 20_000_000, 40_000_000}

// Estimates implements api.Tariffs: what these energies cost now, at each outlet.
func (s *Station) Estimates(_ context.Context, page client.PageQuery) (client.Page[client.Estimate], error) {
	out := client.Page[client.Estimate]{Items: []client.Estimate{}}
	if s.config.Unit != meter.MilliwattHours {
		return out, nil
	}
	now := s.config.Clock.Now().Session
	tariff, err := s.tariff(now)
	if err != nil {
		return out, err
	}
	location, err := pricing.LoadLocation(s.config.TimeZone)
	if err != nil {
		return out, err
	}
	out.Next, err = s.paged(page, len(shownMilliwattHours), func(at *place) error {
		for _, energy := range shownMilliwattHours {
			e, err := estimateOf(tariff, now, location, energy, at.Connector.MaxPowerMilliwatts())
			if err != nil {
				return err
			}
			e.Station, e.EVSE = s.party.Wallet.DID(), at.EVSE
			out.Items = append(out.Items, e)
		}
		return nil
	})
	return out, err
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

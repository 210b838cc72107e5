package station

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"joulepay/channel/session"
	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

// Stations implements api.Stations: this one.
func (s *Station) Stations(context.Context, client.PageQuery) (client.Page[client.Station], error) {
	now := s.config.Clock.Now()
	q, tariff, err := s.quoteAt(now)
	if err != nil {
		return client.Page[client.Station]{}, err
	}
	price, err := session.UnitPrice(q)
	if err != nil {
		return client.Page[client.Station]{}, err
	}
	return client.Page[client.Station]{Items: []client.Station{{
		DID: q.Station, Service: q.Service, EVSE: q.EVSE, MaxPowerW: strconv.FormatInt(q.MaxPowerMw/1000, 10),
		UnitPrice: money.Of(price, tariff.Currency()), Tariff: tariff.Describe(), Free: s.Free(), Seen: now.Real.UTC(),
		Estimates: party.PricesOf(q.Estimates, meter.Unit(q.Unit), tariff.Currency()),
	}}}, nil
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

// Estimates implements api.Tariffs: what these energies cost now.
func (s *Station) Estimates(context.Context, client.PageQuery) (client.Page[client.Estimate], error) {
	page := client.Page[client.Estimate]{Items: []client.Estimate{}}
	if s.config.Unit != meter.MilliwattHours {
		return page, nil
	}
	now, power := s.config.Clock.Now().Session, s.outlet.Connector.MaxPowerMilliwatts()
	tariff, err := s.tariff(now)
	if err != nil {
		return page, err
	}
	location, err := pricing.LoadLocation(s.config.TimeZone)
	if err != nil {
		return page, err
	}
	for _, energy := range shownMilliwattHours {
		e, err := estimateOf(tariff, now, location, energy, power)
		if err != nil {
			return page, err
		}
		e.Station, e.EVSE = s.party.Wallet.DID(), s.config.EVSE
		page.Items = append(page.Items, e)
	}
	return page, nil
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

package station

import (
	"context"
	"fmt"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

// slot is how long a price holds at least: day-ahead markets trade quarters of an hour.
const slot = 15 * time.Minute

// Prices implements api.Tariffs: what a unit costs in each quarter of an hour. The cursor is the start of the next one, and
// the end of all.
func (s *Station) Prices(_ context.Context, q client.PriceQuery) (client.Page[client.PriceSlot], error) {
	page := client.Page[client.PriceSlot]{Items: []client.PriceSlot{}}
	location, err := pricing.LoadLocation(s.config.TimeZone)
	if err != nil {
		return page, err
	}
	from, until, err := s.span(q, location)
	if err != nil {
		return page, err
	}
	offered, err := s.tariff(s.config.Clock.Now().Session)
	if err != nil {
		return page, err
	}
	for at := from; at.Before(until); at = at.Add(slot) {
		if len(page.Items) == limitOf(q.PageQuery) {
			page.Next = fmt.Sprintf("%d-%d", at.Unix(), until.Unix())
			break
		}
		one, err := s.slotAt(at, offered, location)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, one)
	}
	return page, nil
}

// span gives the quarters of an hour that are asked for.
func (s *Station) span(q client.PriceQuery, location *time.Location) (from, until time.Time, err error) {
	from, until = q.Since, q.Until
	if from.IsZero() {
		y, m, d := s.config.Clock.Now().Session.In(location).Date()
		from = time.Date(y, m, d, 0, 0, 0, 0, location)
	}
	if until.IsZero() {
		until = from.In(location).AddDate(0, 0, 1)
	}
	if until.Sub(from) > client.PriceSpanMax {
		return from, until, client.NewProblem(client.ErrBadRequest, "until: more than "+client.PriceSpanMax.String()+" after since", "")
	}
	if q.Cursor != "" {
		var next, end int64
		if _, err := fmt.Sscanf(q.Cursor, "%d-%d", &next, &end); err != nil || end-next > int64(client.PriceSpanMax/time.Second) {
			return from, until, client.NewProblem(client.ErrBadRequest, "the cursor is not one of this list", "leave it out to begin with the first")
		}
		from, until = time.Unix(next, 0), time.Unix(end, 0)
	}
	return from.UTC().Truncate(slot), until.UTC(), nil
}

// slotAt prices one slot by the tariff on offer, or, outside its validity, by the one of that time.
func (s *Station) slotAt(at time.Time, offered *pricing.Tariff, location *time.Location) (client.PriceSlot, error) {
	tariff := offered
	if s.config.TariffAt != nil && tariff.ValidAt(at) != nil {
		if other, err := s.config.TariffAt(at); err == nil {
			tariff = other
		}
	}
	price, err := unitPriceAt(tariff, s.config.Unit, at, location, s.places[0].Connector.MaxPowerMilliwatts())
	if err != nil {
		return client.PriceSlot{}, err
	}
	one := client.PriceSlot{
		Station: s.party.Wallet.DID(), Tariff: tariff.ID(), Start: at, End: at.Add(slot), Per: perOf(s.config.Unit),
		Price: money.Of(price, tariff.Currency()),
	}
	if s.config.MarketAt != nil {
		one.MarketPerMWh, _ = s.config.MarketAt(at)
	}
	return one, nil
}

func perOf(unit meter.Unit) string {
	switch unit {
	case meter.MilliwattHours:
		return client.PerKilowattHour
	case meter.Seconds:
		return client.PerHour
	}
	return client.PerPiece
}

// unitPriceAt gives what one unit costs at a time, fees and limits of the tariff aside, VAT included where it is stated.
func unitPriceAt(t *pricing.Tariff, unit meter.Unit, at time.Time, location *time.Location, powerMw int64) (money.Amount, error) {
	var run *pricing.Run
	var err error
	end := pricing.Sample{Time: at.Add(time.Hour)}
	switch unit {
	case meter.MilliwattHours:
		cost, err := pricing.Estimate(t, at, location, quote.UnitsPerPriced(uint8(unit)), powerMw)
		if err != nil {
			return 0, err
		}
		return shareOf(cost, unit)
	case meter.Seconds:
		run, err = pricing.NewRun(t, at, location)
		end.State = pricing.Idle
	default:
		run, err = pricing.NewCountingRun(t, at, location)
		end.Time, end.Count = at, 1
	}
	if err != nil {
		return 0, err
	}
	if err := run.Add(end); err != nil {
		return 0, err
	}
	cost, err := run.Cost()
	if err != nil {
		return 0, err
	}
	return shareOf(cost, unit)
}

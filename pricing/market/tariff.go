package market

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"joulepay/pricing"
)

// Terms say how a market price becomes a price of energy: market price / 1000 × Factor + Margin, per kWh and before tax.
type Terms struct {
	ID       string // of the tariff; empty: "market". TariffAt adds the span, so that tariffs of a session differ
	Country  string // country_code of the operator; empty: "DE"
	Party    string // party_id of the operator; empty: "JOU"
	Location *time.Location
	Factor   Decimal
	Margin   Decimal  // EUR/kWh
	VAT      *Decimal // per cent; nil: no tax applies
	Cap      *Decimal // EUR/kWh: the price is never above
	Floor    *Decimal // EUR/kWh: the price is never below
	// Fallback is the price, in EUR/kWh, of energy that flows when no price is known any more; nil: the highest of the tariff.
	Fallback *Decimal
	// Hourly prices each hour by the mean of its slots.
	Hourly bool
}

const (
	// pricePlaces is how finely a price is stated: OCPI numbers carry 4 decimals. Prices are rounded half away from zero.
	pricePlaces = 4
	// factorMax, perKWhMax and vatMax bound terms to what is no slip of a decimal point.
	factorMax = 10
	perKWhMax = 100
	vatMax    = 100
	// spanMax bounds the time that one tariff covers, so that its elements stay within what a tariff may have: four days.
	spanMax = 96 * time.Hour
	// dayUntil is how far the tariff of TariffAt reaches: this day and the next, which is what is ever known ahead.
	dayUntil = 2
)

func (t Terms) check() error {
	within := func(d *Decimal, most int64) bool { return d == nil || d.abs().cmp(whole(most)) <= 0 }
	switch {
	case t.Location == nil:
		return fmt.Errorf("%w: no time zone", ErrTerms)
	case t.Factor.value().Sign() < 0 || !within(&t.Factor, factorMax):
		return fmt.Errorf("%w: factor %s, from 0 to %d", ErrTerms, t.Factor, factorMax)
	case !within(&t.Margin, perKWhMax) || !within(t.Cap, perKWhMax) || !within(t.Floor, perKWhMax) || !within(t.Fallback, perKWhMax):
		return fmt.Errorf("%w: a price per kWh beyond %d", ErrTerms, perKWhMax)
	case t.VAT != nil && (t.VAT.value().Sign() < 0 || !within(t.VAT, vatMax)):
		return fmt.Errorf("%w: VAT of %s per cent", ErrTerms, t.VAT)
	case t.Cap != nil && t.Floor != nil && t.Cap.cmp(*t.Floor) < 0:
		return fmt.Errorf("%w: cap %s below floor %s", ErrTerms, t.Cap, t.Floor)
	}
	return nil
}

// bounded keeps a price within floor and cap.
func (t Terms) bounded(price Decimal) Decimal {
	if t.Cap != nil && price.cmp(*t.Cap) > 0 {
		return *t.Cap
	}
	if t.Floor != nil && price.cmp(*t.Floor) < 0 {
		return *t.Floor
	}
	return price
}

// price gives EUR/kWh for a market price in EUR/MWh.
func (t Terms) price(market Decimal) Decimal {
	return t.bounded(market.over(1000).mul(t.Factor).add(t.Margin))
}

// TariffAt gives the tariff for sessions that begin at a time: the local day of that time and the next one, as far as their
// prices are known. It is the same all day, but for the end of summer time: from then on it tells the second of the repeated
// hours, which until then have one price (see Tariff).
func (s Series) TariffAt(terms Terms, at time.Time) (*pricing.Tariff, error) {
	if _, err := s.at(at); err != nil {
		return nil, err
	}
	if err := terms.check(); err != nil {
		return nil, err
	}
	local := at.In(terms.Location)
	midnight := func(days int) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()+days, 0, 0, 0, 0, terms.Location)
	}
	from, until := midnight(0), midnight(dayUntil)
	if changed := setBack(from, at, terms.Location); !changed.IsZero() {
		from = changed
	}
	first, last := s.Span()
	from, until = later(from, first), earlier(until, last)
	const minutes = "0601021504"
	terms.ID = or(terms.ID, "market") + "-" + from.UTC().Format(minutes) + "-" + until.UTC().Format(minutes)
	return s.Tariff(terms, from, until)
}

// setBack gives when the clocks were set back between two times, or zero.
func setBack(from, until time.Time, location *time.Location) time.Time {
	for t := from; !t.Add(quarter).After(until); t = t.Add(quarter) {
		_, before := t.In(location).Zone()
		if _, after := t.Add(quarter).In(location).Zone(); after < before {
			return t.Add(quarter)
		}
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Tariff gives the OCPI tariff of a span of time: one ENERGY element for each run of equal prices within a local day, and
// a last one, without restrictions, for energy after the span. Sessions may begin under it within the span. OCPI knows
// local times only: where the end of summer time repeats an hour inside the span, both get the lower of their prices.
// Errors wrap ErrRange where prices do not cover the span, and ErrTerms.
func (s Series) Tariff(terms Terms, from, until time.Time) (*pricing.Tariff, error) {
	if err := terms.check(); err != nil {
		return nil, err
	}
	from = from.Truncate(quarter)
	if !from.Before(until) || until.Sub(from) > spanMax {
		return nil, fmt.Errorf("%w: a tariff from %s to %s, at most %s", ErrTerms, stamp(from), stamp(until), spanMax)
	}
	quarters, err := s.quarters(terms, from, until)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(terms.document(runs(quarters), from, until))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTerms, err)
	}
	tariff, err := pricing.ParseTariff(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTerms, err)
	}
	return tariff, nil
}

// local is a quarter hour by the station's clock: days since 1970 and minutes of the day.
type local struct{ day, minute int64 }

// priced is a quarter hour, or a run of them, with its price.
type priced struct {
	local
	minutes int64
	price   Decimal
}

// quarters gives each quarter hour of the span by the local clock, in order.
func (s Series) quarters(terms Terms, from, until time.Time) ([]priced, error) {
	byClock := map[local]int{}
	var list []priced
	for t := from; t.Before(until); t = t.Add(quarter) {
		market, err := s.priceAt(t, terms.Hourly)
		if err != nil {
			return nil, err
		}
		p := priced{localAt(t, terms.Location), int64(quarter / time.Minute), terms.price(market)}
		if at, repeated := byClock[p.local]; repeated {
			if p.price.cmp(list[at].price) < 0 {
				list[at].price = p.price
			}
			continue
		}
		byClock[p.local] = len(list)
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b priced) int {
		if a.day != b.day {
			return int(a.day - b.day)
		}
		return int(a.minute - b.minute)
	})
	return list, nil
}

// priceAt gives the market price at a time, or the mean of its hour's slots as far as they are known.
func (s Series) priceAt(t time.Time, hourly bool) (Decimal, error) {
	i, err := s.at(t)
	if err != nil || !hourly {
		if err != nil {
			return Decimal{}, err
		}
		return s.slots[i].Price, nil
	}
	sum, n := Decimal{}, int64(0)
	for at := t.Truncate(time.Hour); at.Before(t.Truncate(time.Hour).Add(time.Hour)); at = at.Add(quarter) {
		if i, err := s.at(at); err == nil {
			sum, n = sum.add(s.slots[i].Price), n+1
		}
	}
	return sum.over(n), nil
}

func localAt(t time.Time, location *time.Location) local {
	at := t.In(location)
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	return local{day.Unix() / 86_400, int64(at.Hour()*60 + at.Minute())}
}

// runs joins neighbours of one day whose prices read the same.
func runs(quarters []priced) []priced {
	var list []priced
	for _, q := range quarters {
		if n := len(list); n > 0 {
			last := &list[n-1]
			if last.day == q.day && last.minute+last.minutes == q.minute && last.price.rounded(pricePlaces) == q.price.rounded(pricePlaces) {
				last.minutes += q.minutes
				continue
			}
		}
		list = append(list, q)
	}
	return list
}

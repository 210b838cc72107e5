package quote_test

import (
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/pricing"
)

const dearer = `{"country_code":"DE","party_id":"JOU","id":"evening","currency":"EUR","elements":[{"price_components":[` +
	`{"type":"ENERGY","price":0.8,"vat":19,"step_size":1}]}],"last_updated":"2026-01-01T00:00:00Z"}`

// evening gives the offer of other prices from a time on.
func evening(t *testing.T, from time.Time) quote.Quote {
	t.Helper()
	in := inputs()
	var err error
	if in.Tariff, err = pricing.ParseTariff([]byte(dearer)); err != nil {
		t.Fatal(err)
	}
	q, err := quote.Build(in, from)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestAQuoteThatFollowsChangesPricesOnly(t *testing.T) {
	first := quote.Sign(offer(t), station)
	from := issued.Add(time.Hour)
	next := first.Next(evening(t, from), from, issued.Add(time.Minute))
	if err := next.CheckPrices(); err != nil {
		t.Error(err)
	}
	second := quote.Sign(next, station)
	parsed, err := quote.Parse(second.Bytes(), nil)
	if err != nil || !parsed.Quote.From().Equal(from) {
		t.Fatalf("from %s, %v", parsed.Quote.From(), err)
	}
	third := second.Next(offer(t), from.Add(time.Hour), from)
	for name, test := range map[string]struct {
		quote  quote.Quote
		before quote.Signed
		change func(*quote.Quote)
		want   error
	}{
		"as it is":                 {next, first, func(*quote.Quote) {}, nil},
		"the third":                {third, second, func(*quote.Quote) {}, nil},
		"the third after first":    {third, first, func(*quote.Quote) {}, quote.ErrQuote},
		"another session":          {next, first, func(q *quote.Quote) { q.Session[0]++ }, quote.ErrQuote},
		"another meter":            {next, first, func(q *quote.Quote) { q.MeterKey = q.StationKey }, quote.ErrQuote},
		"another account":          {next, first, func(q *quote.Quote) { q.Payout[0]++ }, quote.ErrQuote},
		"another claim interval":   {next, first, func(q *quote.Quote) { q.ClaimEveryMs++ }, quote.ErrQuote},
		"another power":            {next, first, func(q *quote.Quote) { q.MaxPowerMw++ }, quote.ErrQuote},
		"another zone":             {next, first, func(q *quote.Quote) { q.TimeZone = "UTC" }, quote.ErrQuote},
		"a credential":             {next, first, func(q *quote.Quote) { q.Credential = []byte{1} }, quote.ErrQuote},
		"from the beginning on":    {next, first, func(q *quote.Quote) { q.FromMs = issued.UnixMilli() }, quote.ErrQuote},
		"a tariff of the same id":  {next, first, func(q *quote.Quote) { q.Tariff = offer(t).Tariff }, quote.ErrQuote},
		"a tariff that is none":    {next, first, func(q *quote.Quote) { q.Tariff = []byte("{}") }, quote.ErrQuote},
		"after no quote":           {next, first, func(q *quote.Quote) { q.Previous = nil }, quote.ErrQuote},
		"after half of a quote":    {next, first, func(q *quote.Quote) { q.Previous = q.Previous[1:] }, quote.ErrQuote},
		"after another quote":      {next, second, func(*quote.Quote) {}, quote.ErrQuote},
		"the first after the next": {offer(t), second, func(*quote.Quote) {}, quote.ErrQuote},
	} {
		q := test.quote
		test.change(&q)
		err := quote.Sign(q, station).Follows(test.before)
		wantErr(t, err, test.want)
		if test.want == nil != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*quote.Quote){
		"a time alone":             func(q *quote.Quote) { q.Previous = nil },
		"a quote alone":            func(q *quote.Quote) { q.FromMs = 0 },
		"half a hash":              func(q *quote.Quote) { q.Previous = q.Previous[:16] },
		"before it was issued":     func(q *quote.Quote) { q.FromMs = q.IssuedAtMs - 1 },
		"prices of another moment": func(q *quote.Quote) { q.ValidUntilMs = q.IssuedAtMs - 1 },
	} {
		q := next
		change(&q)
		if err := q.Check(); err == nil {
			t.Errorf("%s is taken for a quote", name)
		}
	}
}

func TestABillFollowsOnlyWhatItCanPrice(t *testing.T) {
	first := quote.Sign(offer(t), station)
	from := issued.Add(time.Hour)
	next := first.Next(evening(t, from), from, issued)
	for name, change := range map[string]func(*quote.Quote){
		"a tariff that is none": func(q *quote.Quote) { q.Tariff = []byte("{}") },
		"another currency": func(q *quote.Quote) {
			q.Tariff = []byte(`{"id":"x","currency":"CHF","elements":[{"price_components":[{"type":"FLAT","price":1,"step_size":1}]}]}`)
		},
		"a current": func(q *quote.Quote) {
			q.Tariff = []byte(`{"id":"x","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":1,"step_size":1}],"restrictions":{"min_current":10}}]}`)
		},
		"a tariff that has ended by then": func(q *quote.Quote) {
			q.Tariff = []byte(`{"id":"x","currency":"EUR","end_date_time":"2020-01-01T00:00:00Z","elements":[{"price_components":[{"type":"FLAT","price":1,"step_size":1}]}]}`)
		},
	} {
		bill, err := quote.NewBill(first.Quote)
		if err != nil {
			t.Fatal(err)
		}
		q := next
		change(&q)
		if err := bill.Follow(q); err == nil {
			t.Errorf("%s is followed", name)
		}
	}
}

package quote_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

func feedIn(t testing.TB, price string) *pricing.Tariff {
	t.Helper()
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	tariff, err := pricing.FlatGiveBack(price, eur)
	if err != nil {
		t.Fatal(err)
	}
	return tariff
}

// takesBack gives a signed quote of a station that pays for energy.
func takesBack(t testing.TB, price string) quote.Quote {
	t.Helper()
	in := inputs()
	in.GiveBack, in.MaxReturnMw = feedIn(t, price), 20_000_000
	q, err := quote.Build(in, issued)
	if err != nil {
		t.Fatal(err)
	}
	full := offer(t)
	q.Session, q.StationKey, q.IssuedAtMs, q.ValidUntilMs = full.Session, full.StationKey, full.IssuedAtMs, full.ValidUntilMs
	return q
}

func TestI5_AQuoteDeclaresWhatAStationMayComeToOwe(t *testing.T) {
	signed, err := quote.Parse(quote.Sign(takesBack(t, "0.36"), station).Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	q := signed.Quote
	if !q.TakesBack() || q.MaxReturnMw != 20_000_000 || q.ReturnSlice < 20_000_000 || q.ReturnSlice > 20_001_000 { // 20 kW for 10 s at 0.36
		t.Errorf("%d mW, %s a slice", q.MaxReturnMw, q.ReturnSlice)
	}
	if price, err := q.ReturnPrice(issued); err != nil || price != 360_000_000 {
		t.Errorf("%s, %v", price, err)
	}
	if err := q.CheckPrices(); err != nil {
		t.Error(err)
	}
	q.ReturnSlice--
	wantErr(t, q.CheckPrices(), quote.ErrQuote)
	if offer(t).TakesBack() {
		t.Error("a station that pays nothing takes energy back")
	}
}

func TestI9_TermsOfGivingBackThatDoNotFitAreRefused(t *testing.T) {
	for name, change := range map[string]func(*quote.Quote){
		"a power without a price":  func(q *quote.Quote) { q.GiveBack = nil },
		"a price without a power":  func(q *quote.Quote) { q.MaxReturnMw = 0 },
		"a negative power":         func(q *quote.Quote) { q.MaxReturnMw = -1 },
		"a negative slice":         func(q *quote.Quote) { q.ReturnSlice = -1 },
		"a slice of nothing":       func(q *quote.Quote) { q.GiveBack, q.MaxReturnMw = nil, 0 },
		"seconds":                  func(q *quote.Quote) { q.Unit = uint8(meter.Seconds) },
		"too large":                func(q *quote.Quote) { q.GiveBack = make([]byte, 2<<10+1) },
		"too large for a datagram": func(q *quote.Quote) { q.Tariff = make([]byte, 8<<10-len(q.GiveBack)+1) },
		"an unknown form":          func(q *quote.Quote) { q.GiveBackForm = 2 },
	} {
		q := takesBack(t, "0.36")
		change(&q)
		if err := q.Check(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for name, text := range map[string]string{
		"no tariff": "{}", "a step": string(pricing.Default().Bytes()),
		"another currency": `{"id":"x","currency":"USD","elements":[{"price_components":[{"type":"ENERGY","price":0.2,"step_size":0}]}],"last_updated":"2026-01-01T00:00:00Z"}`,
	} {
		q := takesBack(t, "0.36")
		q.GiveBack = []byte(text)
		_, err := quote.NewBill(q)
		wantErr(t, err, quote.ErrQuote)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestI10_ABillCreditsWhatWasGivenBackAndRoundsOnce(t *testing.T) {
	const price, credit = 583_100_000, 360_000_000 // 0.49 plus 19 %; a kWh in 10⁻⁹
	q := takesBack(t, "0.36")
	rapid.Check(t, func(t *rapid.T) {
		bill, err := quote.NewBill(q)
		if err != nil {
			t.Fatal(err)
		}
		chain := meter.NewChain(channel.SessionID{7})
		sample := meter.Sample{Time: issued, Register: 5_000, Exported: 9_000, Unit: meter.MilliwattHours, State: meter.Charging, StateOfChargePermille: -1}
		add := func() (meter.Reading, money.Amount) {
			r, err := chain.Next(sample, meter.AttestedByStation)
			if err == nil {
				err = chain.Accept(r)
			}
			if err != nil {
				t.Fatal(err)
			}
			cost, err := bill.Add(r)
			if err != nil {
				t.Fatal(err)
			}
			return r, cost
		}
		if _, cost := add(); cost != 0 {
			t.Fatalf("the baseline costs %s", cost)
		}
		for range rapid.IntRange(1, 20).Draw(t, "readings") {
			sample.Time = sample.Time.Add(5 * time.Second)
			flow := rapid.Int64Range(0, 100_000).Draw(t, "flow")
			if rapid.Bool().Draw(t, "back") {
				sample.Exported += flow
			} else {
				sample.Register += flow
			}
			r, cost := add()
			in, out := sample.Register-5_000, sample.Exported-9_000
			if bill.Quantity(r) != in || bill.Returned(r) != out {
				t.Fatalf("%d and %d, want %d and %d", bill.Quantity(r), bill.Returned(r), in, out)
			}
			exact := in*price - out*credit // in 10⁻¹⁵
			want := exact / 1_000_000
			if exact%1_000_000 < 0 {
				want--
			}
			if int64(cost) != want {
				t.Fatalf("%s for %d in and %d out, want %d", cost, in, out, want)
			}
			if final, err := bill.Final(); err != nil || final < cost || final > cost+584_000 { // a step of one Wh
				t.Fatalf("%s in the end after %s: %v", final, cost, err)
			}
		}
	})
}

func TestATariffOfWhatIsGivenBackMayChangeDuringASession(t *testing.T) {
	first := quote.Sign(takesBack(t, "0.36"), station)
	in := inputs()
	in.Tariff = twoDays(t)
	from := issued.Add(time.Minute)
	next := func(tariff string) quote.Quote {
		in.GiveBack, in.MaxReturnMw = nil, 0
		if tariff != "" {
			parsed, err := pricing.ParseTariff([]byte(tariff))
			if err != nil {
				t.Fatal(err)
			}
			in.GiveBack, in.MaxReturnMw = parsed, 20_000_000
		}
		offer, err := quote.Build(in, from)
		if err != nil {
			t.Fatal(err)
		}
		return first.Next(offer, from, issued)
	}
	const text = `{"id":%q,"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":1,"step_size":0}]}],"last_updated":"2026-01-01T00:00:00Z"}`
	good := next(fmt.Sprintf(text, "later"))
	if err := quote.Sign(good, station).Follows(first); err != nil {
		t.Fatal(err)
	}
	wantErr(t, quote.Sign(next(fmt.Sprintf(text, "give-back")), station).Follows(first), quote.ErrQuote)
	wantErr(t, next("").Check(), quote.ErrQuote)

	bill, err := quote.NewBill(first.Quote)
	if err != nil {
		t.Fatal(err)
	}
	if err := bill.Follow(good); err != nil {
		t.Fatal(err)
	}
	back := func(seconds int, exported int64) money.Amount {
		cost, err := bill.Add(meter.Reading{Time: issued.Add(time.Duration(seconds) * time.Second), Unit: meter.MilliwattHours, State: meter.Charging, Exported: exported})
		if err != nil {
			t.Fatal(err)
		}
		return cost
	}
	back(0, 0)
	if cost := back(60, 1_000_000); cost != -360_000_000 {
		t.Errorf("a kWh under the first tariff is worth %s", cost)
	}
	if cost := back(120, 2_000_000); cost != -1_360_000_000 || bill.InForce() != 1 {
		t.Errorf("another one under the next makes %s", cost)
	}
}

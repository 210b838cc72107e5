package receipt_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/receipt"
	"joulepay/wallet/money"
)

// evening is twice as dear as the default tariff, by larger steps.
const evening = `{"country_code":"DE","party_id":"JOU","id":"evening","currency":"EUR","elements":[{"price_components":[` +
	`{"type":"ENERGY","price":0.98,"vat":19.0,"step_size":1000}]}],"last_updated":"2026-01-01T00:00:00Z"}`

// changed is a session whose tariff changes at ten minutes: 4 kWh before, 5.3 kWh after it, the last one as a step.
func changed(t testing.TB) (*visit, receipt.Evidence) {
	t.Helper()
	v := newVisit(t, pricing.Default().Bytes())
	first := v.quote
	offer := first.Quote
	offer.Tariff = []byte(evening)
	second := quote.Sign(first.Next(offer, start.Add(9*time.Minute), start.Add(time.Minute)), stationKey)
	bill, err := quote.NewBill(first.Quote)
	v.must(err)
	v.must(bill.Follow(second.Quote))
	step := func(after time.Duration, register int64, state meter.State) {
		v.read(after, register, state)
		cost, err := bill.Add(v.readings[len(v.readings)-1])
		v.must(err)
		if state == meter.Ended {
			cost, err = bill.Final()
			v.must(err)
		}
		v.pay(0, cost)
	}
	step(0, 1_000_000, meter.Charging)
	v.quote = second // agreed to
	step(10*time.Minute, 5_000_000, meter.Charging)
	step(30*time.Minute, 10_300_000, meter.SuspendedVehicle)
	step(40*time.Minute, 10_300_000, meter.Ended)
	v.settle()
	e := v.evidence()
	e.Quote, e.Requotes = first.Bytes(), [][]byte{second.Bytes()}
	return v, e
}

func TestAReceiptPricesEachPartUnderItsQuote(t *testing.T) {
	_, e := changed(t)
	r := signed(t, e)
	// 4 kWh at 0.49 and 6 kWh at 0.98, and 19 %: the parking time of the first tariff never began.
	if want := money.Of((4*49+6*98)*money.Nano/100*119/100, eur); r.Summary.Payable != want || r.Summary.Paid != want || r.Summary.Tariff != "default, evening" {
		t.Errorf("payable %s, paid %s under %q, want %s", r.Summary.Payable, r.Summary.Paid, r.Summary.Tariff, want)
	}
	report, err := receipt.Verify(r, receipt.Options{})
	if err != nil || !report.Settled || !strings.Contains(strings.Join(report.Checks, "\n"), "changes the tariff from 2026-03-01 12:09:00 on") {
		t.Errorf("%+v, %v", report, err)
	}
	if words := receipt.Words(r); !strings.Contains(words, `Tariff "default"`) || !strings.Contains(words, "Then:\nTariff \"evening\"") {
		t.Error(words)
	}
	v, err := receipt.VisitOf(r)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := v.CDR(receipt.CDROptions{})
	if err != nil {
		t.Fatal(err)
	}
	checkFields(t, raw, receipt.OCPI221)
	session, err := pricing.ParseSession(raw, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := session.Price()
	if err != nil || money.Of(cost.Payable(), eur) != r.Summary.Payable || len(session.Tariffs) != 2 {
		t.Errorf("the CDR with %d tariffs costs %s, %v: %s", len(session.Tariffs), cost.ExclVAT, err, raw)
	}
}

func TestAReceiptWithAChangedQuoteFails(t *testing.T) {
	v, good := changed(t)
	second, err := quote.Parse(good.Requotes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*quote.Quote)) receipt.Evidence {
		e, q := good, second.Quote
		change(&q)
		e.Requotes = [][]byte{quote.Sign(q, stationKey).Bytes()}
		return e
	}
	left := good
	left.Requotes = nil
	twice := good
	twice.Requotes = [][]byte{good.Requotes[0], good.Requotes[0]}
	third := second.Next(pricedAs(v.quote.Quote, "night"), start.Add(20*time.Minute), start.Add(time.Minute))
	added := good
	added.Requotes = [][]byte{good.Requotes[0], quote.Sign(third, stationKey).Bytes()}
	many := good
	many.Requotes = make([][]byte, receipt.RequotesMax+1)
	for name, test := range map[string]struct {
		evidence receipt.Evidence
		want     receipt.Part
	}{
		"left out":                        {left, receipt.PartClaims},
		"from another time on":            {with(func(q *quote.Quote) { q.FromMs += 60_000 }), receipt.PartClaims},
		"cheaper":                         {with(func(q *quote.Quote) { q.Tariff = []byte(strings.Replace(evening, "0.98", "0.97", 1)) }), receipt.PartClaims},
		"with another meter":              {with(func(q *quote.Quote) { q.MeterKey = q.StationKey }), receipt.PartQuote},
		"twice":                           {twice, receipt.PartQuote},
		"one that nobody agreed to":       {added, receipt.PartClaims},
		"more than a session has of them": {many, receipt.PartQuote},
	} {
		t.Run(name, func(t *testing.T) { refusedFor(t, test.evidence, test.want) })
	}
}

// pricedAs gives an offer with another tariff.
func pricedAs(q quote.Quote, id string) quote.Quote {
	q.Tariff = []byte(strings.Replace(evening, "evening", id, 1))
	return q
}

func TestAReceiptOfOneQuoteSaysNothingOfOthers(t *testing.T) {
	raw, err := json.Marshal(signed(t, charged(t).evidence()))
	if err != nil || strings.Contains(string(raw), "requotes") {
		t.Errorf("%v: %s", err, raw)
	}
}

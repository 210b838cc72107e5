package quote_test

import (
	"strings"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// sells gives the inputs of a station that sells in a unit by a tariff of one component.
func sells(t *testing.T, unit meter.Unit, component string, price string) quote.Inputs {
	t.Helper()
	tariff, err := pricing.ParseTariff([]byte(`{"id":"t","currency":"EUR","elements":[{"price_components":[{"type":"` + component +
		`","price":` + price + `,"step_size":1}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return quote.Inputs{
		Network: network, Station: wallet.DIDOf(station.Public()), MeterKey: station.Public(), Attestation: meter.AttestedByStation,
		Unit: unit, Tariff: tariff, TimeZone: "Europe/Berlin", ClaimEvery: 10 * time.Second, Window: time.Hour,
	}
}

func built(t *testing.T, in quote.Inputs) quote.Quote {
	t.Helper()
	q, err := quote.Build(in, issued)
	if err != nil {
		t.Fatal(err)
	}
	q.StationKey = q.MeterKey
	if err := q.Check(); err != nil {
		t.Fatal(err)
	}
	return q
}

func TestI5_AQuoteDeclaresThePiecesThatMayBeUnpaid(t *testing.T) {
	in := sells(t, meter.Count, "FLAT", "0.35")
	one := built(t, in)
	in.UnpaidMax, in.Deferred = 50, true
	fifty := built(t, in)
	if one.Unpaid() != 1 || one.Slice != 35*money.Nano/100 || one.Prepaid != 0 {
		t.Errorf("one piece: %d unpaid, slice %s, start fee %s", one.Unpaid(), one.Slice, one.Prepaid)
	}
	if fifty.Unpaid() != 50 || fifty.Slice != 1750*money.Nano/100 || !fifty.Deferred || fifty.DepositMin < 2*fifty.Slice {
		t.Errorf("fifty: %d unpaid, slice %s, deposit %s", fifty.Unpaid(), fifty.Slice, fifty.DepositMin)
	}
	if err := fifty.CheckPrices(); err != nil {
		t.Error(err)
	}
	fifty.Slice--
	wantErr(t, fifty.CheckPrices(), quote.ErrQuote)
	one.UnpaidMax = 2
	wantErr(t, one.CheckPrices(), quote.ErrQuote)
	for _, unpaid := range []int64{-1, quote.UnpaidMaxMost + 1} {
		one.UnpaidMax = unpaid
		wantErr(t, one.Check(), quote.ErrQuote)
	}
	energy := offer(t)
	energy.UnpaidMax = 1
	wantErr(t, energy.Check(), quote.ErrQuote)
}

func TestI5_AQuoteDeclaresTheTimeThatCannotBeTakenBack(t *testing.T) {
	in := sells(t, meter.Seconds, "PARKING_TIME", "3.60")
	impatient := built(t, in)
	in.Patience = time.Minute
	patient := built(t, in)
	if more := patient.Slice - impatient.Slice; more != 6*money.Nano/100 {
		t.Errorf("a minute more declares %s more", more)
	}
	if err := patient.CheckPrices(); err != nil {
		t.Error(err)
	}
}

func TestSecondsArePricedByTheirRegister(t *testing.T) {
	bill, err := quote.NewBill(built(t, sells(t, meter.Seconds, "PARKING_TIME", "36")))
	if err != nil {
		t.Fatal(err)
	}
	add := func(sequence uint64, register int64, at time.Duration) (money.Amount, error) {
		r := meter.Reading{
			Sequence: sequence, Register: register, Unit: meter.Seconds, Time: issued.Add(at), State: meter.Charging,
			StateOfChargePermille: meter.StateOfChargeUnknown, Attestation: meter.AttestedByStation,
		}
		return bill.Add(r)
	}
	if _, err := add(0, 500, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	cost, err := add(1, 530, time.Minute)
	if err != nil || cost != 30*money.Nano/100 {
		t.Errorf("thirty seconds cost %s, %v", cost, err)
	}
	_, err = add(2, 1<<40, 2*time.Minute)
	wantErr(t, err, quote.ErrQuote)
}

func TestATariffOfPiecesIsToldByThePiece(t *testing.T) {
	tariff := sells(t, meter.Count, "FLAT", "0.35").Tariff
	if words := quote.TariffWords(tariff, "count"); !strings.Contains(words, "0.35 EUR a piece") {
		t.Error(words)
	}
	if words := quote.TariffWords(tariff, "mWh"); !strings.Contains(words, "0.35 EUR once a session") {
		t.Error(words)
	}
}

package receipt_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/receipt"
	"joulepay/wallet/money"
)

// gaveBack is a whole session in which 2 kWh were taken at 0.50 EUR and 5 kWh given back at 0.36: the station pays 0.80 EUR.
func gaveBack(t testing.TB) *visit {
	t.Helper()
	v := newVisit(t, []byte(`{"id":"half","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.50,"step_size":0}]}]}`))
	giveBack, err := pricing.FlatGiveBack("0.36", eur)
	v.must(err)
	q := v.quote.Quote
	q.GiveBack, q.MaxReturnMw, q.ReturnSlice = giveBack.Bytes(), 11_000_000, cents(11)
	v.quote = quote.Sign(q, stationKey)
	v.flow(0, 1_000_000, 700_000, meter.Charging)
	v.pay(0, 0)
	v.flow(10*time.Minute, 3_000_000, 700_000, meter.Charging)
	v.pay(0, cents(100))
	v.flow(40*time.Minute, 3_000_000, 5_700_000, meter.Charging)
	v.pay(1, cents(180))
	v.pay(0, cents(100))
	v.flow(41*time.Minute, 3_000_000, 5_700_000, meter.Ended)
	v.pay(1, cents(180))
	v.pay(0, cents(100))
	v.settle()
	return v
}

func cents(n int64) money.Amount { return money.Amount(n) * money.Nano / 100 }

// flow signs the next reading of both registers.
func (v *visit) flow(after time.Duration, register, exported int64, state meter.State) {
	v.t.Helper()
	reading, err := v.chain.Next(meter.Sample{Time: start.Add(after), Register: register, Exported: exported, Unit: meter.MilliwattHours,
		StateOfChargePermille: meter.StateOfChargeUnknown, State: state}, meter.AttestedByStation)
	v.must(err)
	v.must(v.chain.Accept(reading))
	v.readings = append(v.readings, reading)
	v.encoded = append(v.encoded, meter.Sign(reading, meterKey, v.genesis.NetworkID()).Encode())
}

func TestAReceiptProvesBothDirections(t *testing.T) {
	v := gaveBack(t)
	r := signed(t, v.evidence())
	report, err := receipt.Verify(r, receipt.Options{Network: v.genesis.NetworkID()})
	if err != nil {
		t.Fatal(err)
	}
	s := r.Summary
	if s.Quantity != 2_000_000 || s.Returned != 5_000_000 || s.ReturnedWh != "5000" || s.Paid.Amount != -cents(80) || s.Payable != s.Paid || !report.Settled {
		t.Errorf("%+v", s)
	}
	var credit struct {
		Total struct {
			InclVAT string `json:"incl_vat"`
		} `json:"total_cost"`
	}
	if err := json.Unmarshal(s.Credit, &credit); err != nil || credit.Total.InclVAT != "1.8" {
		t.Errorf("%s, %v", s.Credit, err)
	}
	if want := "priced again, 2000 Wh that were taken cost 1 EUR, and 5000 Wh that were given back are worth 1.8 EUR"; !slices.Contains(report.Checks, want) {
		t.Errorf("%q is not among %q", want, report.Checks)
	}
	words := receipt.Words(r)
	for _, want := range []string{"Station " + station.String() + "\npaid 0.80 EUR to vehicle", "for 2 kWh at DE*ABC*E1, and 5 kWh given back", "0.36 EUR per kWh"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is not in %s", want, words)
		}
	}
	raw, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := receipt.Parse(raw); err != nil || again.Summary.Returned != s.Returned {
		t.Errorf("%+v, %v", again.Summary, err)
	}
}

func TestAReceiptFailsWhereWhatWasGivenBackIsChanged(t *testing.T) {
	good := signed(t, gaveBack(t).evidence())
	for name, v := range map[string]struct {
		change func(*receipt.Receipt)
		part   receipt.Part
	}{
		"the amount": {func(r *receipt.Receipt) { r.Summary.Returned++ }, receipt.PartSummary},
		"its text":   {func(r *receipt.Receipt) { r.Summary.ReturnedWh = "" }, receipt.PartSummary},
		"the credit": {func(r *receipt.Receipt) {
			r.Summary.Credit = bytes.Replace(r.Summary.Credit, []byte("1.8"), []byte("1.7"), 1)
		}, receipt.PartSummary},
		"no credit": {func(r *receipt.Receipt) { r.Summary.Credit = nil }, receipt.PartSummary},
		"the register": {func(r *receipt.Receipt) {
			r.Evidence.Readings = flipped(r.Evidence.Readings, 2, meter.ReadingSizeMax-1)
		}, receipt.PartReadings},
		"the station's claim": {func(r *receipt.Receipt) { r.Evidence.Claims = r.Evidence.Claims[:1] }, receipt.PartCost},
	} {
		r := good
		v.change(&r)
		_, err := receipt.Verify(r, receipt.Options{})
		var failed *receipt.Error
		if !errors.As(err, &failed) || failed.Part != v.part {
			t.Errorf("%s: %v, want %s", name, err, v.part)
		}
	}
}

// flipped gives a copy of a list in which one byte of one entry differs.
func flipped(list [][]byte, entry, at int) [][]byte {
	list = slices.Clone(list)
	list[entry] = bytes.Clone(list[entry])
	list[entry][at]++
	return list
}

func TestExportsTellWhatWasGivenBack(t *testing.T) {
	v, err := receipt.VisitOf(signed(t, gaveBack(t).evidence()))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := receipt.WriteCSV(&b, []receipt.Visit{v}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"energy_kwh": "2", "returned_kwh": "5", "cost_incl_vat": "1", "credit": "1.8", "payable": "-0.8", "paid": "-0.8", "unpaid": "0",
	} {
		if got := rows[1][slices.Index(rows[0], name)]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	cdr, err := v.CDR(receipt.CDROptions{})
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Remark string      `json:"remark"`
		Energy json.Number `json:"total_energy"`
	}
	if err := json.Unmarshal(cdr, &c); err != nil || c.Energy != "2" || !strings.Contains(c.Remark, "paid -0.8 of -0.8 EUR by 6 claims; less 1.8 for 5 kWh back") {
		t.Errorf("%+v, %v", c, err)
	}
	cost, err := pricing.CostOfCDR(v.Tariffs[0], cdr, time.UTC)
	if err != nil || cost.InclVAT.String() != "1" {
		t.Errorf("the CDR prices to %s, %v", cost.InclVAT, err)
	}
}

package quote_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/internal/canon"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	network = wallet.NetworkID{0: 0x4a}
	station = testKey(1)
	issued  = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
)

func testKey(n byte) wallet.PrivateKey { return wallet.NewPrivateKey([wallet.SeedSize]byte{n}) }

func inputs() quote.Inputs {
	return quote.Inputs{
		Network: network, Station: wallet.DIDOf(station.Public()), MeterKey: testKey(2).Public(),
		Attestation: meter.AttestedByStation, Service: "charging", EVSE: "DE*JOU*E1", Unit: meter.MilliwattHours,
		Tariff: pricing.Default(), TimeZone: "Europe/Berlin", MaxPowerMw: 150_000_000, ClaimEvery: 10 * time.Second,
		Window: time.Hour,
	}
}

// offer gives a quote as the station's machine signs it.
func offer(t testing.TB) quote.Quote {
	t.Helper()
	q, err := quote.Build(inputs(), issued)
	if err != nil {
		t.Fatal(err)
	}
	q.Session, q.StationKey = channel.SessionID{7}, testKey(3).Public()
	q.IssuedAtMs, q.ValidUntilMs = issued.UnixMilli(), issued.Add(time.Minute).UnixMilli()
	return q
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A station decides its tariff and terms; what a session can cost beyond what was claimed follows from them.
func ExampleBuild() {
	q, err := quote.Build(quote.Inputs{
		Unit: meter.MilliwattHours, Tariff: pricing.Default(), TimeZone: "Europe/Berlin",
		MaxPowerMw: 150_000_000, ClaimEvery: 10 * time.Second,
	}, issued)
	fmt.Println(q.Prepaid, q.Slice.Cents(), q.DepositMin.Cents(), err)
	for _, e := range q.Estimates {
		fmt.Println(e.Quantity/1_000_000, "kWh:", e.InclVAT.Cents())
	}
	// Output:
	// 0.00 0.26 0.53 <nil>
	// 10 kWh: 5.83
	// 20 kWh: 11.66
	// 40 kWh: 23.32
}

func TestASignedQuoteComesBackAsItWas(t *testing.T) {
	signed := quote.Sign(offer(t), station)
	got, err := quote.Parse(signed.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Quote) != fmt.Sprint(signed.Quote) || got.Hash() != signed.Hash() || !bytes.Equal(got.Bytes(), signed.Bytes()) {
		t.Errorf("came back as %+v", got.Quote)
	}
	other := offer(t)
	other.EVSE = "DE*JOU*E2"
	if quote.Sign(other, station).Hash() == signed.Hash() {
		t.Error("two quotes have one hash")
	}
}

// envelope is what quote.Parse and quote.ParseAnnouncement read, for bodies that no station would sign.
type envelope struct {
	Body      []byte           `cbor:"1,keyasint"`
	Signature wallet.Signature `cbor:"2,keyasint"`
}

func TestI9_AQuoteThatCanNeverBeValidIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*quote.Quote)
	}{
		{"currency", func(q *quote.Quote) { q.Currency = "euro" }},
		{"no station key", func(q *quote.Quote) { q.StationKey = wallet.PublicKey{} }},
		{"a meter key of small order", func(q *quote.Quote) { q.MeterKey = wallet.PublicKey{0: 1} }},
		{"nobody is paid", func(q *quote.Quote) { q.Payout = wallet.DID{} }},
		{"a long service", func(q *quote.Quote) { q.Service = strings.Repeat("x", 65) }},
		{"a long EVSE", func(q *quote.Quote) { q.EVSE = strings.Repeat("x", 65) }},
		{"a long time zone", func(q *quote.Quote) { q.TimeZone = strings.Repeat("x", 65) }},
		{"nine estimates", func(q *quote.Quote) { q.Estimates = make([]quote.Estimate, 9) }},
		{"a tariff too large for a datagram", func(q *quote.Quote) { q.Tariff = make([]byte, 8<<10+1) }},
		{"a credential too large for a datagram", func(q *quote.Quote) { q.Credential = make([]byte, 4<<10+1) }},
		{"no unit", func(q *quote.Quote) { q.Unit = 0 }},
		{"an unknown unit", func(q *quote.Quote) { q.Unit = 9 }},
		{"nobody attests", func(q *quote.Quote) { q.Attestation = 0 }},
		{"no claim interval", func(q *quote.Quote) { q.ClaimEveryMs = 0 }},
		{"a claim a day", func(q *quote.Quote) { q.ClaimEveryMs = 24 * 3_600_000 }},
		{"negative power", func(q *quote.Quote) { q.MaxPowerMw = -1 }},
		{"settled at negative intervals", func(q *quote.Quote) { q.SettleEveryMs = -1 }},
		{"ends before it begins", func(q *quote.Quote) { q.ValidUntilMs = q.IssuedAtMs - 1 }},
		{"a negative slice", func(q *quote.Quote) { q.Slice = -1 }},
		{"a negative start fee", func(q *quote.Quote) { q.Prepaid = -1 }},
		{"a negative surcharge", func(q *quote.Quote) { q.EndSurcharge = -1 }},
		{"a negative deposit", func(q *quote.Quote) { q.DepositMin = -1 }},
		{"a negative amount to settle at", func(q *quote.Quote) { q.SettleAmount = -1 }},
	}
	wantErr(t, offer(t).Check(), nil)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := offer(t)
			test.change(&q)
			wantErr(t, q.Check(), quote.ErrQuote)
			_, err := quote.Parse(quote.Sign(q, station).Bytes(), nil)
			wantErr(t, err, quote.ErrQuote)
		})
	}
}

func TestTheLargestQuoteFitsOneDatagram(t *testing.T) {
	q := offer(t)
	q.Tariff, q.Credential = make([]byte, 8<<10), make([]byte, 4<<10)
	q.Service, q.EVSE, q.TimeZone = strings.Repeat("s", 64), strings.Repeat("e", 64), strings.Repeat("t", 64)
	q.Estimates = make([]quote.Estimate, 8)
	for i := range q.Estimates {
		q.Estimates[i] = quote.Estimate{Quantity: 1 << 62, InclVAT: 1 << 62}
	}
	if err := q.Check(); err != nil {
		t.Fatal(err)
	}
	if raw := quote.Sign(q, station).Bytes(); len(raw) > quote.SizeMax {
		t.Errorf("%d bytes, at most %d", len(raw), quote.SizeMax)
	} else if _, err := quote.Parse(raw, nil); err != nil {
		t.Error(err)
	}
}

func TestI8_AQuoteIsGoodUnderItsStationsKeyOnItsNetworkOnly(t *testing.T) {
	q := offer(t)
	body := canon.Marshal(q)
	sealed := func(by func(*envelope)) []byte {
		e := envelope{Body: body, Signature: station.Sign(wallet.DomainQuote, network, body)}
		by(&e)
		return canon.Marshal(e)
	}
	elsewhere := q
	elsewhere.Network[0]++
	tests := []struct {
		name string
		raw  []byte
		want error
	}{
		{"as signed", sealed(func(*envelope) {}), nil},
		{"by another key", sealed(func(e *envelope) { e.Signature = testKey(9).Sign(wallet.DomainQuote, network, body) }), wallet.ErrSignature},
		{"as another kind of message", sealed(func(e *envelope) { e.Signature = station.Sign(wallet.DomainAnnouncement, network, body) }), wallet.ErrSignature},
		{"for another network", sealed(func(e *envelope) { e.Signature = station.Sign(wallet.DomainQuote, elsewhere.Network, body) }), wallet.ErrSignature},
		{"moved to another network", sealed(func(e *envelope) { e.Body = canon.Marshal(elsewhere) }), wallet.ErrSignature},
		{"moved to another session", sealed(func(e *envelope) { o := q; o.Session[0]++; e.Body = canon.Marshal(o) }), wallet.ErrSignature},
		{"a body that is no quote", sealed(func(e *envelope) { e.Body = []byte{0xa0} }), quote.ErrQuote},
		{"a byte more", append(sealed(func(*envelope) {}), 0), quote.ErrQuote},
		{"nothing", nil, quote.ErrQuote},
		{"larger than a datagram", canon.Marshal(envelope{Body: make([]byte, quote.SizeMax)}), quote.ErrQuote},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := quote.Parse(test.raw, nil)
			wantErr(t, err, test.want)
		})
	}
}

func TestI5_AQuoteDeclaresWhatItsTariffCanCost(t *testing.T) {
	tests := []struct {
		name   string
		change func(*quote.Quote)
		want   error
	}{
		{"as built", func(*quote.Quote) {}, nil},
		{"more than need be", func(q *quote.Quote) { q.Slice, q.Prepaid, q.EndSurcharge = 2*q.Slice, 5, 2*q.EndSurcharge }, nil},
		{"a smaller slice", func(q *quote.Quote) { q.Slice-- }, quote.ErrQuote},
		{"a smaller surcharge", func(q *quote.Quote) { q.EndSurcharge-- }, quote.ErrQuote},
		{"a lower price", func(q *quote.Quote) { q.Estimates[1].InclVAT-- }, quote.ErrQuote},
		{"no components", func(q *quote.Quote) { q.Estimates[1].Parts = nil }, nil},
		{"a component that costs less", func(q *quote.Quote) { q.Estimates[1].Parts[0].InclVAT-- }, quote.ErrQuote},
		{"a component twice", func(q *quote.Quote) { q.Estimates[1].Parts = append(q.Estimates[1].Parts, q.Estimates[1].Parts[0]) }, quote.ErrQuote},
		{"a start fee that it keeps to itself", func(q *quote.Quote) {
			q.Tariff = []byte(`{"country_code":"DE","party_id":"JOU","id":"x","currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":1,"step_size":1}]}],"last_updated":"2026-01-01T00:00:00Z"}`)
		}, quote.ErrQuote},
		{"a tariff that nobody can read", func(q *quote.Quote) { q.Tariff = []byte("{}") }, quote.ErrQuote},
		{"the time zone of whoever reads it", func(q *quote.Quote) { q.TimeZone = "Local" }, quote.ErrQuote},
		{"no time zone", func(q *quote.Quote) { q.TimeZone = "" }, quote.ErrQuote},
		{"a price of nothing at all", func(q *quote.Quote) { q.Estimates[0].Quantity = 0 }, quote.ErrQuote},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := offer(t)
			test.change(&q)
			wantErr(t, q.CheckPrices(), test.want)
		})
	}
}

func TestBuildRefusesWhatCannotBeQuoted(t *testing.T) {
	large, err := pricing.ParseTariff([]byte(`{"country_code":"DE","party_id":"JOU","id":"x","currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":1,"step_size":1}]}],"last_updated":"2026-01-01T00:00:00Z","energy_mix":{"is_green_energy":true,"supplier_name":"` + strings.Repeat("x", 60) + `"}}` + strings.Repeat(" ", 64<<10)))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*quote.Inputs)
		want   error
	}{
		{"time zone", func(in *quote.Inputs) { in.TimeZone = "Europe/Atlantis" }, quote.ErrQuote},
		{"the machine's own time zone", func(in *quote.Inputs) { in.TimeZone = "Local" }, quote.ErrQuote},
		{"a tariff that fits no quote", func(in *quote.Inputs) { in.Tariff = large }, quote.ErrQuote},
		{"no claim interval", func(in *quote.Inputs) { in.ClaimEvery = 0 }, pricing.ErrLimit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := inputs()
			test.change(&in)
			_, err := quote.Build(in, issued)
			wantErr(t, err, test.want)
		})
	}
}

func TestEveryServiceIsEstimatedInItsOwnUnit(t *testing.T) {
	for unit, first := range map[meter.Unit]int64{meter.MilliwattHours: 10_000_000, meter.Seconds: 3600, meter.Count: 1} {
		in := inputs()
		in.Unit = unit
		q, err := quote.Build(in, issued)
		if err != nil {
			t.Fatalf("%v: %v", unit, err)
		}
		if q.Estimates[0].Quantity != first {
			t.Errorf("%v: first estimate of %d", unit, q.Estimates[0].Quantity)
		}
		q.IssuedAtMs = issued.UnixMilli()
		if err := q.CheckPrices(); err != nil {
			t.Errorf("%v: %v", unit, err)
		}
	}
	if quote.UnitsPerPriced(uint8(meter.MilliwattHours)) != 1_000_000 || quote.UnitsPerPriced(uint8(meter.Seconds)) != 3600 || quote.UnitsPerPriced(uint8(meter.Count)) != 1 {
		t.Error("a kWh has 10⁶ mWh, an hour 3,600 s, and a piece is one")
	}
}

func announcement() quote.Announcement {
	return quote.Announcement{
		Network: network, Station: wallet.DIDOf(station.Public()), Service: "charging", EVSE: "DE*JOU*E1", Currency: "EUR",
		MaxPowerMw: 150_000_000, UnitPrice: 583 * money.Nano / 1000, Tariff: "0.49 EUR/kWh", Free: true, AtMs: issued.UnixMilli(),
		Unit: uint8(meter.MilliwattHours), Estimates: []quote.Estimate{{Quantity: 10_000_000, InclVAT: 5 * money.Nano, Parts: []quote.Part{{Component: 0, InclVAT: 5 * money.Nano}}}},
	}
}

func TestAnAnnouncementComesBackAsItWasOrNotAtAll(t *testing.T) {
	raw := quote.SignAnnouncement(announcement(), station)
	got, err := quote.ParseAnnouncement(raw, nil)
	if err != nil || !reflect.DeepEqual(got, announcement()) || !got.At().Equal(issued) {
		t.Errorf("came back as %+v, %v", got, err)
	}
	tests := []struct {
		name string
		raw  []byte
		want error
	}{
		{"another station's key", quote.SignAnnouncement(announcement(), testKey(9)), wallet.ErrSignature},
		{"no station", quote.SignAnnouncement(func() quote.Announcement { a := announcement(); a.Station = wallet.DID{}; return a }(), station), quote.ErrAnnouncement},
		{"no currency", quote.SignAnnouncement(func() quote.Announcement { a := announcement(); a.Currency = ""; return a }(), station), quote.ErrAnnouncement},
		{"a long service", quote.SignAnnouncement(func() quote.Announcement { a := announcement(); a.Service = strings.Repeat("x", 65); return a }(), station), quote.ErrAnnouncement},
		{"a long tariff", quote.SignAnnouncement(func() quote.Announcement { a := announcement(); a.Tariff = strings.Repeat("x", 513); return a }(), station), quote.ErrAnnouncement},
		{"longer than allowed", quote.SignAnnouncement(func() quote.Announcement { a := announcement(); a.Tariff = strings.Repeat("x", 4096); return a }(), station), quote.ErrAnnouncement},
		{"a quote", quote.Sign(offer(t), station).Bytes(), quote.ErrAnnouncement},
		{"a byte more", append(bytes.Clone(raw), 0), quote.ErrAnnouncement},
		{"nothing", nil, quote.ErrAnnouncement},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := quote.ParseAnnouncement(test.raw, nil)
			wantErr(t, err, test.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(quote.Sign(offer(f), station).Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if s, err := quote.Parse(raw, nil); err == nil && !bytes.Equal(s.Bytes(), raw) {
			t.Errorf("read %x, wrote %x", raw, s.Bytes())
		}
	})
}

// FuzzQuoteBody signs whatever decodes, so that what a lying station may sign is looked at, too.
func FuzzQuoteBody(f *testing.F) {
	f.Add(canon.Marshal(offer(f)))
	f.Fuzz(func(t *testing.T, body []byte) {
		var q quote.Quote
		if canon.Unmarshal(body, quote.SizeMax, &q) != nil {
			return
		}
		q.Station, q.Network = wallet.DIDOf(station.Public()), network
		s, err := quote.Parse(quote.Sign(q, station).Bytes(), nil)
		if err != nil {
			return
		}
		_ = s.Quote.CheckPrices()
		_ = s.Quote.ClaimEvery()
	})
}

func FuzzParseAnnouncement(f *testing.F) {
	f.Add(quote.SignAnnouncement(announcement(), station))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if a, err := quote.ParseAnnouncement(raw, nil); err == nil && !bytes.Equal(quote.SignAnnouncement(a, station), raw) && a.Station == wallet.DIDOf(station.Public()) {
			t.Errorf("read %x as %+v", raw, a)
		}
	})
}

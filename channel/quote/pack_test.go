package quote_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"joulepay/channel/quote"
	"joulepay/pricing"
)

// twoDays gives a tariff with a price for each quarter hour of two days, which must fit a quote.
func twoDays(t testing.TB) *pricing.Tariff {
	t.Helper()
	var elements []string
	for i := range 2 * 96 {
		day, minute := 2+i/96, i%96*15
		elements = append(elements, fmt.Sprintf(`{"price_components":[{"type":"ENERGY","price":0.%04d,"vat":19,"step_size":1}],"restrictions":`+
			`{"start_time":"%02d:%02d","end_time":"%02d:%02d","start_date":"2026-01-%02d","end_date":"2026-01-%02d"}}`,
			1000+i*37, minute/60, minute%60, (minute+15)/60%24, (minute+15)%60, day, day+1))
	}
	elements = append(elements, `{"price_components":[{"type":"ENERGY","price":0.9,"vat":19,"step_size":1}]}`)
	tariff, err := pricing.ParseTariff([]byte(`{"id":"market","currency":"EUR","elements":[` + strings.Join(elements, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return tariff
}

func TestTwoDaysOfQuarterHoursFitAQuote(t *testing.T) {
	in := inputs()
	in.Tariff = twoDays(t)
	q, err := quote.Build(in, issued)
	if err != nil {
		t.Fatal(err)
	}
	if q.TariffForm != quote.FormDeflated || len(q.Tariff) > 4<<10 || len(in.Tariff.Bytes()) < 32<<10 {
		t.Errorf("form %d, %d bytes of %d", q.TariffForm, len(q.Tariff), len(in.Tariff.Bytes()))
	}
	full := offer(t)
	q.Session, q.StationKey, q.IssuedAtMs, q.ValidUntilMs = full.Session, full.StationKey, full.IssuedAtMs, full.ValidUntilMs
	signed, err := quote.Parse(quote.Sign(q, station).Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := signed.Quote.TariffJSON()
	if err != nil || !bytes.Equal(plain, in.Tariff.Bytes()) {
		t.Errorf("%d bytes came back, %v", len(plain), err)
	}
	if err := signed.Quote.CheckPrices(); err != nil {
		t.Error(err)
	}
}

func TestI9_ATariffThatIsPackedBadlyIsRefused(t *testing.T) {
	deflated := func(plain []byte) []byte {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(plain) // a buffer takes everything
		_ = w.Close()
		return b.Bytes()
	}
	good := deflated(twoDays(t).Bytes())
	for name, packed := range map[string][]byte{
		"nothing":         nil,
		"plain":           []byte("{}"),
		"cut short":       good[:len(good)-1],
		"a byte more":     append(bytes.Clone(good), 0),
		"a bomb":          deflated(make([]byte, 8<<20)),
		"no tariff in it": deflated([]byte("{}")),
	} {
		q := offer(t)
		q.Tariff, q.TariffForm = packed, quote.FormDeflated
		_, err := q.ParseTariff()
		wantErr(t, err, quote.ErrQuote)
		if _, err := quote.NewBill(q); err == nil {
			t.Errorf("%s: it is billed", name)
		}
	}
	q := offer(t)
	q.TariffForm = 2
	_, err := quote.Parse(quote.Sign(q, station).Bytes(), nil)
	wantErr(t, err, quote.ErrQuote)
	in := inputs()
	noise := make([]string, 400)
	for i := range noise {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		noise[i] = `{"language":"en","text":"` + hex.EncodeToString(sum[:]) + `"}`
	}
	var failed error
	texts := `[` + strings.Join(noise[:64], ",") + `]`
	in.Tariff, failed = pricing.ParseTariff([]byte(`{"id":"x","currency":"EUR","tariff_alt_text":` + texts + `,"note":[` + strings.Join(noise, ",") +
		`],"elements":[{"price_components":[{"type":"FLAT","price":1,"step_size":1}]}]}`))
	if failed != nil {
		t.Fatal(failed)
	}
	_, err = quote.Build(in, issued)
	wantErr(t, err, quote.ErrQuote)
}

package quote_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
)

func TestATariffByCurrentIsRefusedBeforeItIsOffered(t *testing.T) {
	const byCurrent = `{"country_code":"DE","party_id":"JOU","id":"t","currency":"EUR","elements":[{"price_components":
		[{"type":"ENERGY","price":0.3,"step_size":1}],"restrictions":{"min_current":16}}],"last_updated":"2026-01-01T00:00:00Z"}`
	tariff, err := pricing.ParseTariff([]byte(byCurrent))
	if err != nil {
		t.Fatal(err)
	}
	w := wallet.Generate()
	_, err = quote.Build(quote.Inputs{
		Station: w.DID(), MeterKey: w.Meter().Public(), Attestation: meter.AttestedByStation, Service: "charging",
		Unit: meter.MilliwattHours, Tariff: tariff, TimeZone: "Europe/Berlin", MaxPowerMw: 22_000_000,
		ClaimEvery: 10 * time.Second, Window: time.Hour,
	}, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	if !errors.Is(err, quote.ErrQuote) || !strings.Contains(err.Error(), "current") {
		t.Fatalf("got %v, want ErrQuote that names the current", err)
	}
}

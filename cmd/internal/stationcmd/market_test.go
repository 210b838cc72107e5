package stationcmd

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/pricing/market"
)

func TestAMarketFileIsReadAgainWhenItChanges(t *testing.T) {
	noon := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "prices.csv")
	write := func(content string, modified time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	const head = "start_utc,start_local,eur_per_mwh\n"
	const first, second = "2025-11-03T12:00:00Z,2025-11-03T12:00:00Z,100\n", "2025-11-03T13:00:00Z,2025-11-03T13:00:00Z,200\n"
	flags := marketFlags{factor: "1", margin: "0.01"}
	terms, err := flags.terms(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	write(head+first, noon)
	m, err := openMarket(path, terms, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	price := func(at time.Time) (string, error) {
		tariff, err := m.At(at)
		if err != nil {
			return "", err
		}
		cost, err := pricing.Estimate(tariff, at, time.UTC, 1_000_000, 11_000_000)
		return cost.ExclVAT.String(), err
	}
	for _, step := range []struct {
		name    string
		change  func()
		at      time.Time
		want    string
		wantErr error
	}{
		{"as it is", func() {}, noon, "0.11", nil},
		{"tomorrow is not known", func() {}, noon.Add(time.Hour), "", market.ErrRange},
		{"tomorrow comes", func() { write(head+first+second, noon.Add(time.Hour)) }, noon.Add(time.Hour), "0.21", nil},
		{"a broken file", func() { write(head, noon.Add(2*time.Hour)) }, noon.Add(time.Hour), "0.21", nil},
		{"no file", func() { _ = os.Remove(path) }, noon.Add(20 * time.Minute), "0.11", nil},
	} {
		step.change()
		if got, err := price(step.at); got != step.want || !errors.Is(err, step.wantErr) {
			t.Errorf("%s: %s, %v", step.name, got, err)
		}
	}
}

// A real day and the next one, by quarter hours, each with its own price.
func TestTwoDaysOfMarketPricesFitAQuote(t *testing.T) {
	path := filepath.Join("..", "..", "..", "..", "shared", "data", "prices", "prices_de_lu_day_ahead_2025.csv")
	if _, err := os.Stat(path); err != nil {
		t.Skip("shared/data/prices is missing")
	}
	flags := marketFlags{factor: "1.1", margin: "0.05", vat: "19"}
	zone, err := pricing.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	terms, err := flags.terms(zone)
	if err != nil {
		t.Fatal(err)
	}
	m, err := openMarket(path, terms, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 11, 3, 18, 0, 0, 0, zone)
	tariff, err := m.At(at)
	if err != nil {
		t.Fatal(err)
	}
	q, err := quote.Build(quote.Inputs{
		Attestation: meter.AttestedByStation, Service: "charging", Unit: meter.MilliwattHours, Tariff: tariff, TimeZone: "Europe/Berlin",
		MaxPowerMw: 350_000_000, ClaimEvery: 10 * time.Second, Window: time.Hour,
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := q.TariffJSON(); err != nil || len(plain) < 30_000 || len(q.Tariff) > 3_000 {
		t.Errorf("%d bytes of %d, %v", len(q.Tariff), len(plain), err)
	}
	q.IssuedAtMs = at.UnixMilli()
	if err := q.CheckPrices(); err != nil {
		t.Error(err)
	}
}

package market_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/pricing"
	"joulepay/pricing/market"
)

// expected computes the price of a kWh apart from the package, in fractions.
func expected(price, factor, margin string) string {
	rat := func(text string) *big.Rat { r, _ := new(big.Rat).SetString(text); return r }
	r := new(big.Rat).Mul(rat(price), rat(factor))
	r.Quo(r, big.NewRat(1000, 1)).Add(r, rat(margin))
	text := r.FloatString(4)
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	if text == "-0" {
		return "0"
	}
	return text
}

// Quarter by quarter over days of both changes of the clocks, of negative prices, and of the change of resolution.
func TestEveryQuarterHourIsPricedAtTheMarketPrice(t *testing.T) {
	s, zone := mustParse(t, shared.Read(t, "data/prices/prices_de_lu_day_ahead_2025.csv")), berlin(t)
	terms := market.Terms{Location: zone, Factor: decimal(t, "1.1"), Margin: decimal(t, "0.05")}
	for _, day := range []string{"2025-03-30", "2025-05-11", "2025-09-30", "2025-10-01", "2025-10-26", "2025-12-31"} {
		midnight, err := time.ParseInLocation(time.DateOnly, day, zone)
		if err != nil {
			t.Fatal(err)
		}
		tariff, err := s.TariffAt(terms, midnight)
		if err != nil {
			t.Fatalf("%s: %v", day, err)
		}
		_, until := s.Span()
		for at := midnight; at.Before(midnight.AddDate(0, 0, 2)) && at.Before(until); at = at.Add(15 * time.Minute) {
			slot, err := s.At(at)
			if err != nil {
				t.Fatal(err)
			}
			want := expected(slot.Price.String(), "1.1", "0.05")
			if again, err := s.At(at.Add(time.Hour)); err == nil && at.In(zone).Hour() == at.Add(time.Hour).In(zone).Hour() {
				want = lower(want, expected(again.Price.String(), "1.1", "0.05"))
			} else if before, err := s.At(at.Add(-time.Hour)); err == nil && at.In(zone).Hour() == at.Add(-time.Hour).In(zone).Hour() {
				want = lower(want, expected(before.Price.String(), "1.1", "0.05"))
			}
			if got := priceAt(t, tariff, zone, midnight, at); got != want {
				t.Errorf("%s: %s, want %s", at, got, want)
			}
		}
	}
}

func lower(a, b string) string {
	x, _ := new(big.Rat).SetString(a)
	if y, _ := new(big.Rat).SetString(b); y.Cmp(x) < 0 {
		return b
	}
	return a
}

// After the clocks are set back, a session begins in the second of the repeated hours: its price is known.
func TestTheSecondOfTheRepeatedHoursHasItsOwnPrice(t *testing.T) {
	s, zone := mustParse(t, shared.Read(t, "data/prices/prices_de_lu_day_ahead_2025.csv")), berlin(t)
	terms := market.Terms{Location: zone, Factor: decimal(t, "1"), Margin: decimal(t, "0.1")}
	for _, test := range []struct{ at, want string }{
		{"2025-10-26T00:00:00Z", "0.1029"}, // 3.99 and 2.89: the lower one
		{"2025-10-26T01:00:00Z", "0.1029"}, // 2.89
		{"2025-10-26T01:45:00Z", "0.1006"}, // 0.55
		{"2025-10-26T02:00:00Z", "0.1012"}, // 1.23
	} {
		at, _ := time.Parse(time.RFC3339, test.at)
		tariff, err := s.TariffAt(terms, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := priceAt(t, tariff, zone, at, at); got != test.want {
			t.Errorf("%s: %s, want %s", test.at, got, test.want)
		}
	}
}

func TestNegativePricesCapFloorTaxAndFallback(t *testing.T) {
	noon := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	s := mustParse(t, csv(noon, time.Hour, "-100", "0", "200", "2000"))
	ptr := func(text string) *market.Decimal { d := decimal(t, text); return &d }
	tests := []struct {
		name  string
		terms market.Terms
		want  [5]string // of the four hours, and after them
	}{
		{"as it is", market.Terms{Factor: decimal(t, "1")}, [5]string{"-0.1", "0", "0.2", "2", "2"}},
		{"factor and margin", market.Terms{Factor: decimal(t, "1.5"), Margin: decimal(t, "0.05")}, [5]string{"-0.1", "0.05", "0.35", "3.05", "3.05"}},
		{"floor and cap", market.Terms{Factor: decimal(t, "1"), Floor: ptr("0"), Cap: ptr("0.5")}, [5]string{"0", "0", "0.2", "0.5", "0.5"}},
		{"fallback", market.Terms{Factor: decimal(t, "1"), Fallback: ptr("0.4")}, [5]string{"-0.1", "0", "0.2", "2", "0.4"}},
		{"a flat price", market.Terms{Margin: decimal(t, "0.3")}, [5]string{"0.3", "0.3", "0.3", "0.3", "0.3"}},
		{"with tax", market.Terms{Factor: decimal(t, "1"), VAT: ptr("19")}, [5]string{"-0.1", "0", "0.2", "2", "2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.terms.Location = time.UTC
			tariff, err := s.TariffAt(test.terms, noon)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range test.want {
				if got := priceAt(t, tariff, time.UTC, noon, noon.Add(time.Duration(i)*time.Hour)); got != want {
					t.Errorf("hour %d: %s, want %s", i, got, want)
				}
			}
		})
	}
	taxed, err := s.TariffAt(market.Terms{Location: time.UTC, Factor: decimal(t, "1"), VAT: ptr("19")}, noon)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := pricing.Estimate(taxed, noon.Add(2*time.Hour), time.UTC, 1_000_000, 11_000_000)
	if err != nil || cost.InclVAT.String() != "0.238" {
		t.Errorf("%s, %v", cost.InclVAT, err)
	}
}

func TestHoursAreTheMeanOfTheirQuarters(t *testing.T) {
	noon := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	s := mustParse(t, csv(noon, 15*time.Minute, "10", "20", "30", "41", "7"))
	tariff, err := s.TariffAt(market.Terms{Location: time.UTC, Factor: decimal(t, "1"), Hourly: true}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for minutes, want := range map[int]string{0: "0.0253", 59: "0.0253", 60: "0.007"} {
		if got := priceAt(t, tariff, time.UTC, noon, noon.Add(time.Duration(minutes)*time.Minute)); got != want {
			t.Errorf("minute %d: %s, want %s", minutes, got, want)
		}
	}
}

func TestASessionBeginsWithinTheTariffOnly(t *testing.T) {
	noon := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	s, terms := mustParse(t, csv(noon, time.Hour, "1", "2")), market.Terms{Location: time.UTC, Factor: decimal(t, "1")}
	tariff, err := s.TariffAt(terms, noon)
	if err != nil {
		t.Fatal(err)
	}
	if warnings := pricing.Check(tariff); len(warnings) != 0 {
		t.Errorf("%v", warnings)
	}
	for offset, want := range map[time.Duration]error{-time.Second: pricing.ErrNotValid, 0: nil, 2*time.Hour - time.Second: nil, 2 * time.Hour: pricing.ErrNotValid} {
		if err := tariff.ValidAt(noon.Add(offset)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", offset, err, want)
		}
	}
	for _, at := range []time.Time{noon.Add(-time.Second), noon.Add(2 * time.Hour)} {
		if _, err := s.TariffAt(terms, at); !errors.Is(err, market.ErrRange) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestTermsThatMakeNoTariffAreRefused(t *testing.T) {
	noon := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	s := mustParse(t, csv(noon, time.Hour, "1", "2"))
	ptr := func(text string) *market.Decimal { d := decimal(t, text); return &d }
	one := decimal(t, "1")
	for name, terms := range map[string]market.Terms{
		"no zone":           {Factor: one},
		"negative factor":   {Location: time.UTC, Factor: decimal(t, "-1")},
		"cents":             {Location: time.UTC, Factor: decimal(t, "100")},
		"a margin in cents": {Location: time.UTC, Factor: one, Margin: decimal(t, "500")},
		"negative VAT":      {Location: time.UTC, Factor: one, VAT: ptr("-1")},
		"a lot of VAT":      {Location: time.UTC, Factor: one, VAT: ptr("101")},
		"cap below floor":   {Location: time.UTC, Factor: one, Cap: ptr("0"), Floor: ptr("1")},
		"an id too long":    {Location: time.UTC, Factor: one, ID: strings.Repeat("x", 65)},
	} {
		if _, err := s.TariffAt(terms, noon); !errors.Is(err, market.ErrTerms) {
			t.Errorf("%s: %v", name, err)
		}
	}
	terms := market.Terms{Location: time.UTC, Factor: one}
	if _, err := s.Tariff(terms, noon, noon); !errors.Is(err, market.ErrTerms) {
		t.Errorf("empty span: %v", err)
	}
	if _, err := s.Tariff(terms, noon, noon.Add(3*time.Hour)); !errors.Is(err, market.ErrRange) {
		t.Errorf("beyond the series: %v", err)
	}
}

package draft_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/pricing/market"
	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
	"joulepay/simulations/scenario"
)

// around puts a block into a scenario that starts with it.
func around(t *testing.T, s *draft.Series) *scenario.Scenario {
	t.Helper()
	parsed, err := scenario.Parse("block", []byte("start: "+s.From.Format(time.RFC3339)+"\nengine: control\nstations:\n  north: {}\nvehicles:\n  anna:\n    visits: [{station: north}]\n"+s.Block))
	if err != nil {
		t.Fatalf("%v\n%.400s", err, s.Block)
	}
	return parsed
}

func TestABlockOfPricesHasEachPrice(t *testing.T) {
	prices, err := dataset.Prices(shared.Read(t, "data/prices/prices_de_lu_day_ahead_2025.csv"), "")
	if err != nil {
		t.Fatal(err)
	}
	// the night in which slots become quarters of an hour
	from, to := time.Date(2025, 9, 30, 12, 0, 0, 0, time.UTC), time.Date(2025, 10, 1, 12, 0, 0, 0, time.UTC)
	s, err := draft.Prices(prices, "2025", from, to)
	if err != nil {
		t.Fatal(err)
	}
	got := around(t, s).Prices
	if got.Every != 15*time.Minute || len(got.Values) != 96 || s.Values != 96 {
		t.Fatalf("%d values every %s", len(got.Values), got.Every)
	}
	for i, value := range got.Values {
		slot, err := prices.At(from.Add(time.Duration(i) * got.Every))
		if err != nil {
			t.Fatal(err)
		}
		want, err := market.ParseDecimal(slot.Price.String())
		if err != nil || math.Abs(float64(value)/1e6-number(t, want.String())) > 1e-9 {
			t.Errorf("value %d is %d, want %s EUR/MWh", i, value, slot.Price)
		}
	}
	whole, err := draft.Prices(prices, "2025", time.Time{}, time.Time{})
	if err != nil || whole.Values != 365*96 {
		t.Errorf("a year has %+v, %v", whole, err)
	}
	around(t, whole)
	if _, err := draft.Prices(prices, "2025", to, to.AddDate(1, 0, 0)); !errors.Is(err, market.ErrRange) {
		t.Errorf("prices that nobody knows: %v", err)
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	negative := strings.HasPrefix(text, "-")
	value, places, point := 0.0, 1.0, false
	for _, c := range strings.TrimPrefix(text, "-") {
		if c == '.' {
			point = true
			continue
		}
		value = value*10 + float64(c-'0')
		if point {
			places *= 10
		}
	}
	if negative {
		value = -value
	}
	return value / places
}

func TestBlocksOfPowersAreOfLoadsAndOfTheSun(t *testing.T) {
	profile, err := dataset.ReadProfile(shared.Read(t, "data/profiles/profile_bdew_h25.csv"), true)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	load, err := draft.Load(profile, "H25", from, from.AddDate(0, 0, 7), time.UTC, 3_500_000_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	if base := around(t, load).Site.Base; len(base) != 1 || len(base[0].Values) != 7*96 || base[0].Every != 15*time.Minute {
		t.Errorf("base load %+v", base)
	}
	sun, err := draft.Column([]int64{0, 1, 2_500_000}, true, "sun", from, 30*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if solar := around(t, sun).Site.Solar; len(solar) != 1 || solar[0].Values[1] != 1 || solar[0].Values[2] != 2_500_000 || sun.Highest != "2.5" {
		t.Errorf("sun %+v", solar)
	}
	if _, err := draft.Load(profile, "H25", from, from, time.UTC, 1, nil); !errors.Is(err, draft.ErrOption) {
		t.Errorf("no time: %v", err)
	}
	if _, err := draft.Column(nil, false, "", from, time.Hour); !errors.Is(err, draft.ErrEmpty) {
		t.Errorf("no values: %v", err)
	}
	if _, err := draft.Column(make([]int64, scenario.ValuesMax+1), false, "", from, time.Hour); !errors.Is(err, draft.ErrOption) {
		t.Errorf("too many values: %v", err)
	}
}

package pricing

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/wallet/money"
)

func TestOnlyEnergyIsCredited(t *testing.T) {
	const good = `{"id":"x","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.2,"vat":19,"step_size":0}]}],"last_updated":"2026-01-01T00:00:00Z"}`
	swap := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatal(from)
		}
		return strings.Replace(good, from, to, 1)
	}
	for name, v := range map[string]struct {
		text string
		want error
	}{
		"good":      {good, nil},
		"a window":  {swap(`]}]`, `],"restrictions":{"start_time":"17:00","end_time":"20:00"}}]`), nil},
		"a step":    {swap(`"step_size":0`, `"step_size":1`), ErrTariff},
		"time":      {swap(`"ENERGY"`, `"TIME"`), ErrTariff},
		"a fee":     {swap(`}]}]`, `},{"type":"FLAT","price":0,"step_size":0}]}]`), ErrTariff},
		"below 0":   {swap(`0.2`, `-0.2`), ErrTariff},
		"a minimum": {swap(`"elements"`, `"min_price":{"excl_vat":1},"elements"`), ErrTariff},
		"a maximum": {swap(`"elements"`, `"max_price":{"excl_vat":1},"elements"`), ErrTariff},
		"a current": {swap(`]}]`, `],"restrictions":{"min_current":16}}]`), ErrTariff},
	} {
		tariff, err := ParseTariff([]byte(v.text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := tariff.CheckGiveBack(); !errors.Is(err, v.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPriceByItselfIsATariffForEnergyGivenBack(t *testing.T) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	tariff, err := FlatGiveBack("0.3125", eur)
	if err != nil {
		t.Fatal(err)
	}
	if price, err := EnergyPrice(tariff, noon, time.UTC, 10_000_000); err != nil || price != 312_500_000 {
		t.Errorf("%s, %v", price, err)
	}
	for _, text := range []string{"", "0.3,", `"0.3"`, "-1", "0.3}", "{}", "1e99", "0,3", " "} {
		if _, err := FlatGiveBack(text, eur); !errors.Is(err, ErrTariff) && !errors.Is(err, ErrNumber) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheEnergyPriceIsThatOfTheTime(t *testing.T) {
	tariff, err := ParseTariff([]byte(`{"id":"x","currency":"EUR","elements":[
		{"price_components":[{"type":"ENERGY","price":0.5,"vat":20,"step_size":0}],"restrictions":{"start_time":"17:00","end_time":"20:00"}},
		{"price_components":[{"type":"ENERGY","price":0.1,"vat":20,"step_size":0}]}],"last_updated":"2026-01-01T00:00:00Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	for hour, want := range map[int]money.Amount{12: 120_000_000, 17: 600_000_000, 19: 600_000_000, 20: 120_000_000} {
		at := time.Date(2026, 1, 2, hour, 0, 0, 0, time.UTC)
		if price, err := EnergyPrice(tariff, at, time.UTC, 1); err != nil || price != want {
			t.Errorf("%d h: %s, %v", hour, price, err)
		}
	}
}

func TestI10_ACostLessACreditIsRoundedOnce(t *testing.T) {
	charge, err := ParseTariff([]byte(`{"id":"a","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.333333333333,"vat":19,"step_size":1000}]}],"last_updated":"2026-01-01T00:00:00Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseTariff([]byte(`{"id":"b","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.777777777777,"vat":7,"step_size":0}]}],"last_updated":"2026-01-01T00:00:00Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		in, out := rapid.Int64Range(0, 100_000_000).Draw(t, "in"), rapid.Int64Range(0, 100_000_000).Draw(t, "out")
		final := rapid.Bool().Draw(t, "final")
		cost, credit := priceOf(t, charge, in, final), priceOf(t, back, out, false)
		net, err := cost.Less(credit)
		if err != nil {
			t.Fatal(err)
		}
		billed := big.NewInt(in)
		if final { // to whole kilowatt-hours
			billed.Mul(billed.Div(billed.Add(billed, big.NewInt(999_999)), big.NewInt(1_000_000)), big.NewInt(1_000_000))
		}
		of := func(price int64, volume *big.Int, vat int64) *big.Rat {
			exact := new(big.Rat).Mul(big.NewRat(price, 1_000_000_000_000), new(big.Rat).SetFrac(volume, big.NewInt(1_000_000)))
			return exact.Mul(exact, big.NewRat(100+vat, 100))
		}
		exact := of(333_333_333_333, billed, 19)
		exact.Sub(exact, of(777_777_777_777, big.NewInt(out), 7))
		exact.Mul(exact, big.NewRat(1_000_000_000, 1))
		off := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(int64(net)))
		switch {
		case !final && (off.Sign() < 0 || off.Cmp(big.NewRat(1, 1)) >= 0):
			t.Fatalf("%s for %s: not the floor", net, exact.FloatString(3))
		case final && off.Abs(off).Cmp(big.NewRat(1, 2)) > 0:
			t.Fatalf("%s for %s: not the nearest", net, exact.FloatString(3))
		}
	})
}

func priceOf(t *rapid.T, tariff *Tariff, energy int64, final bool) Cost {
	run, err := NewRun(tariff, noon, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Add(Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: energy}); err != nil {
		t.Fatal(err)
	}
	ask := run.Cost
	if final {
		ask = run.Final
	}
	cost, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	return cost
}

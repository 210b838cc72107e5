package pricing

import (
	"testing"
	"time"
)

func mustTariff(t testing.TB, json string) *Tariff {
	t.Helper()
	tariff, err := ParseTariff([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return tariff
}

func mustRun(t testing.TB, tariff *Tariff, start time.Time, location *time.Location) *Run {
	t.Helper()
	run, err := NewRun(tariff, start, location)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func mustAdd(t testing.TB, run *Run, samples ...Sample) {
	t.Helper()
	for _, s := range samples {
		if err := run.Add(s); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
	}
}

func mustCost(t testing.TB, price func() (Cost, error)) Cost {
	t.Helper()
	cost, err := price()
	if err != nil {
		t.Fatal(err)
	}
	return cost
}

func wantSums(t testing.TB, c Cost, excl, incl string) {
	t.Helper()
	if c.ExclVAT.String() != excl || c.InclVAT.String() != incl {
		t.Errorf("cost %q before tax, %q after, want %q and %q", c.ExclVAT, c.InclVAT, excl, incl)
	}
}

var noon = time.Date(2024, 12, 2, 12, 0, 0, 0, time.UTC) // a Monday

func TestDefaultTariffPricesEnergyAndIdleTime(t *testing.T) {
	run := mustRun(t, Default(), noon, time.UTC)
	mustAdd(t, run,
		Sample{Time: noon},
		Sample{Time: noon.Add(30 * time.Minute), EnergyMilliwattHours: 10_000_000, State: Idle},
		Sample{Time: noon.Add(40*time.Minute + 30*time.Second), EnergyMilliwattHours: 10_000_000, State: Idle},
	)
	running := mustCost(t, run.Cost)
	wantSums(t, running, "5.95", "7.0805") // 10 kWh × 0.49 + 10.5 min × 6/h
	wantSums(t, mustCost(t, run.Final), "5.95", "7.0805")
	if got := running.Payable().String(); got != "7.0805" {
		t.Errorf("payable %s", got)
	}
}

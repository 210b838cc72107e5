package pricing

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestMinimumPriceIsOfTheWholeSessionAcrossTariffs(t *testing.T) {
	tariff := func(id string) *Tariff {
		return mustTariff(t, `{"id":"`+id+`","currency":"EUR","min_price":{"excl_vat":3},"elements":[{"price_components":[{"type":"ENERGY","price":1,"step_size":0}]}]}`)
	}
	run := mustRun(t, tariff("a"), noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Minute), EnergyMilliwattHours: 2_500_000})
	if err := run.Switch(tariff("b"), noon); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, run, Sample{Time: noon.Add(2 * time.Minute), EnergyMilliwattHours: 2_700_000})
	wantSums(t, mustCost(t, run.Final), "3", "3")
	mustAdd(t, run, Sample{Time: noon.Add(3 * time.Minute), EnergyMilliwattHours: 4_000_000})
	wantSums(t, mustCost(t, run.Final), "4", "4")
}

// With tax included at many rates, the sum before tax is a fraction of many primes; it must stay exact.
func TestManyRatesWithTaxIncludedStayExact(t *testing.T) {
	var elements []string
	want := new(big.Rat)
	for i := range ratesMax {
		elements = append(elements, fmt.Sprintf(`{"price_components":[{"type":"ENERGY","price":1,"vat":%d.000%d,"step_size":0}],"restrictions":{"min_kwh":%d,"max_kwh":%d}}`, i, i%10, i, i+1))
		factor := new(big.Rat).SetInt64(int64(1_000_000 + i*10_000 + i%10))
		want.Add(want, factor.Quo(big.NewRat(1_000_000, 1), factor))
	}
	tariff := mustTariff(t, `{"id":"m","currency":"EUR","tax_included":"YES","elements":[`+strings.Join(elements, ",")+`]}`)
	run := mustRun(t, tariff, noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: ratesMax * 1_000_000})
	cost := mustCost(t, run.Final)
	if cost.ExclVAT.Rat().Cmp(want) != 0 || cost.InclVAT.String() != "16" {
		t.Errorf("%s and %s, want %s and 16", cost.ExclVAT, cost.InclVAT, want.FloatString(12))
	}
}

func TestPeriodsOfARunAreBounded(t *testing.T) {
	run := mustRun(t, restricted(t, `"min_power":10`), noon, time.UTC)
	var err error
	samples := int64(0)
	for ; err == nil && samples <= periodsMax; samples++ {
		err = run.Add(Sample{Time: noon.Add(time.Duration(samples+1) * time.Second), PowerMilliwatts: 1 + samples%2*20_000_000})
	}
	if !errors.Is(err, ErrLimit) || samples != periodsMax+1 {
		t.Errorf("after %d samples: %v", samples, err)
	}
	if _, err := run.Final(); err != nil {
		t.Errorf("what came before is lost: %v", err)
	}
}

func TestVolumesOfACDRAreBounded(t *testing.T) {
	for _, dimension := range []string{"ENERGY", "TIME"} {
		period := `{"start_date_time":"2024-12-02T10:00:00Z","dimensions":[{"type":"` + dimension + `","volume":100000}]}`
		_, err := CostOfCDR(restricted(t, ``), []byte(`{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T12:00:00Z","charging_periods":[`+period+`,`+period+`]}`), nil)
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", dimension, err)
		}
	}
}

// A tariff made to be slow: prices change at every minute of the day, in as many elements as there may be.
func TestOneSampleAfterAMonthIsBoundedWork(t *testing.T) {
	var elements []string
	for i := range elementsMax {
		elements = append(elements, fmt.Sprintf(`{"price_components":[{"type":"ENERGY","price":1,"step_size":0}],"restrictions":{"start_time":"%02d:%02d","end_time":"%02d:%02d","max_power":0}}`,
			i/60, i%60, 12+i/60, i%60))
	}
	tariff := mustTariff(t, `{"id":"slow","currency":"EUR","elements":[`+strings.Join(elements, ",")+`]}`)
	run := mustRun(t, tariff, noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(secondsMax * time.Second), EnergyMilliwattHours: energyMilliwattHourMax})
	if n := len(mustCost(t, run.Final).Periods()); n != 31*2*elementsMax {
		t.Errorf("%d periods", n)
	}
	if warnings := Check(tariff); len(warnings) != elementsMax {
		t.Errorf("%d warnings", len(warnings))
	}
}

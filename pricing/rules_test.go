package pricing

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"joulepay/wallet/money"
)

// restricted gives a tariff of 1 EUR an hour under restrictions, before VAT that is not stated, in single seconds.
func restricted(t testing.TB, restrictions string) *Tariff {
	t.Helper()
	return mustTariff(t, `{"id":"r","currency":"EUR","elements":[{"price_components":[
		{"type":"TIME","price":1,"step_size":1}],"restrictions":{`+restrictions+`}}]}`)
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	location, err := LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// billedMinutes runs a session that only lasts, and tells how many minutes of it were priced.
func billedMinutes(t testing.TB, tariff *Tariff, start time.Time, minutes int) string {
	t.Helper()
	run := mustRun(t, tariff, start, start.Location())
	mustAdd(t, run, Sample{Time: start.Add(time.Duration(minutes) * time.Minute), EnergyMilliwattHours: 1})
	volume := quantity(0).exact()
	for _, l := range mustCost(t, run.Cost).Components {
		volume = volume.add(l.Volume.times(60 * quantityOne))
	}
	return volume.String()
}

func TestTimesOfDayAndDatesAreLocalAndHalfOpen(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2025, month, day, hour, minute, 0, 0, berlin)
	}
	for _, c := range []struct {
		name, restrictions string
		start              time.Time
		minutes            int
		want               string
	}{
		{"until is exclusive", `"start_time":"09:00","end_time":"10:00"`, at(6, 2, 8, 50), 90, "60"},
		{"only a start lasts until midnight", `"start_time":"23:00"`, at(6, 2, 22, 30), 120, "60"},
		{"only an end begins at midnight", `"end_time":"01:00"`, at(6, 2, 23, 30), 120, "60"},
		{"end before start wraps", `"start_time":"22:00","end_time":"06:00"`, at(6, 2, 21, 30), 600, "480"},
		{"00:00 ends the day", `"start_time":"22:00","end_time":"00:00"`, at(6, 2, 21, 0), 240, "120"},
		{"00:00 to 00:00 is the day", `"start_time":"00:00","end_time":"00:00"`, at(6, 2, 21, 0), 240, "240"},
		{"00:00 alone is the day", `"end_time":"00:00"`, at(6, 2, 21, 0), 240, "240"},
		{"equal times match never", `"start_time":"08:00","end_time":"08:00"`, at(6, 2, 0, 0), 1440, "0"},
		{"weekday begins at local midnight", `"day_of_week":["TUESDAY"]`, at(6, 2, 23, 0), 120, "60"},
		{"weekday is that of the moment, also after a wrap", `"start_time":"22:00","end_time":"06:00","day_of_week":["MONDAY"]`, at(6, 2, 21, 0), 600, "120"},
		{"end date is exclusive", `"start_date":"2025-06-02","end_date":"2025-06-03"`, at(6, 1, 23, 0), 1560, "1440"},
		{"spring: the hour that is not there has no price", `"start_time":"02:00","end_time":"03:00"`, at(3, 30, 1, 0), 180, "0"},
		{"spring: half past two begins at three", `"start_time":"02:30","end_time":"04:00"`, at(3, 30, 1, 0), 180, "60"},
		{"autumn: the hour comes twice", `"start_time":"02:00","end_time":"03:00"`, at(10, 26, 1, 0), 300, "120"},
		{"autumn: half past two comes twice", `"start_time":"02:30","end_time":"03:00"`, at(10, 26, 1, 0), 300, "60"},
		{"duration counts real time", `"min_duration":3600,"max_duration":7200`, at(3, 30, 1, 30), 240, "60"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := billedMinutes(t, restricted(t, c.restrictions), c.start, c.minutes); got != c.want {
				t.Errorf("%s minutes priced, want %s", got, c.want)
			}
		})
	}
}

func TestMinimumIsInclusiveAndMaximumExclusive(t *testing.T) {
	for _, c := range []struct {
		restrictions string
		sample       Sample
		priced       bool
	}{
		{`"min_power":11`, Sample{PowerMilliwatts: 11_000_000}, true},
		{`"min_power":11`, Sample{PowerMilliwatts: 10_999_999}, false},
		{`"max_power":11`, Sample{PowerMilliwatts: 11_000_000}, false},
		{`"max_power":11`, Sample{PowerMilliwatts: 10_999_999}, true},
		{`"min_current":16`, Sample{CurrentMilliamperes: 16_000}, true},
		{`"min_current":16`, Sample{CurrentMilliamperes: 15_999}, false},
		{`"max_current":16`, Sample{CurrentMilliamperes: 16_000}, false},
		{`"max_power":3.6`, Sample{EnergyMilliwattHours: 1_000_000}, true}, // 1 kWh in 1,001 s
		{`"max_power":3.59`, Sample{EnergyMilliwattHours: 1_000_000}, false},
	} {
		run := mustRun(t, restricted(t, c.restrictions), noon, time.UTC)
		c.sample.Time = noon.Add(1001 * time.Second)
		mustAdd(t, run, c.sample)
		if got := mustCost(t, run.Cost).ExclVAT.Sign() > 0; got != c.priced {
			t.Errorf("%s at %+v: priced %t", c.restrictions, c.sample, got)
		}
	}
}

func TestEnergyIsCutWhereItsPriceChanges(t *testing.T) {
	tariff := mustTariff(t, `{"id":"free-kWh","currency":"EUR","elements":[
		{"price_components":[{"type":"ENERGY","price":0,"step_size":1}],"restrictions":{"max_kwh":1}},
		{"price_components":[{"type":"ENERGY","price":0.3,"vat":20,"step_size":1},{"type":"TIME","price":6,"vat":0,"step_size":1}],"restrictions":{"min_kwh":1}}]}`)
	run := mustRun(t, tariff, noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 4_000_000})
	cost := mustCost(t, run.Final)
	wantSums(t, cost, "5.4", "5.58") // 3 kWh × 0.3 and 45 min × 6/h
	if len(cost.Periods()) != 2 || !cost.Periods()[1].Start.Equal(noon.Add(15*time.Minute)) {
		t.Errorf("periods %+v", cost.Periods())
	}
}

func TestThrottlingIsChargingAndIdleIsParking(t *testing.T) {
	tariff := mustTariff(t, `{"id":"t","currency":"EUR","elements":[{"price_components":[
		{"type":"TIME","price":1,"step_size":1},{"type":"PARKING_TIME","price":10,"step_size":1}]}]}`)
	run := mustRun(t, tariff, noon, time.UTC)
	mustAdd(t, run,
		Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 1000},
		Sample{Time: noon.Add(2 * time.Hour), EnergyMilliwattHours: 1000, State: Idle}, // no energy, but it asked
		Sample{Time: noon.Add(3 * time.Hour), EnergyMilliwattHours: 1000, State: Charging},
		Sample{Time: noon.Add(4 * time.Hour), EnergyMilliwattHours: 2000},
	)
	wantSums(t, mustCost(t, run.Cost), "13", "13")
}

func TestI10_RunningIsRoundedDownAndFinalHalfEven(t *testing.T) {
	price := func(perHour string) *Tariff {
		return mustTariff(t, `{"id":"p","currency":"EUR","elements":[{"price_components":[{"type":"TIME","price":`+perHour+`,"step_size":0}]}]}`)
	}
	for _, c := range []struct {
		perHour        string
		running, final money.Amount
	}{
		{"0.0000072", 2, 2},    // one second: exactly 2
		{"0.0000054", 1, 2},    // 1.5: to the even one
		{"0.000009", 2, 2},     // 2.5: to the even one
		{"0.000012", 3, 3},     // 3.33
		{"0.0000138", 3, 4},    // 3.83
		{"-0.0000054", -2, -2}, // −1.5
		{"-0.000009", -3, -2},  // −2.5
		{"-0.00000001", -1, 0}, // −0.003
		{"0.000000000001", 0, 0},
	} {
		run := mustRun(t, price(c.perHour), noon, time.UTC)
		mustAdd(t, run, Sample{Time: noon.Add(time.Second)})
		running, final := mustCost(t, run.Cost).Payable(), mustCost(t, run.Final).Payable()
		if running != c.running || final != c.final {
			t.Errorf("%s an hour for a second: running %d, final %d", c.perHour, running, final)
		}
	}
}

func TestStepAndMinimumAreDueAtTheEndOnly(t *testing.T) {
	tariff := mustTariff(t, `{"id":"s","currency":"EUR","min_price":{"excl_vat":1,"incl_vat":1.2},"elements":[
		{"price_components":[{"type":"ENERGY","price":0.5,"vat":20,"step_size":5000}]}]}`)
	run := mustRun(t, tariff, noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Minute), EnergyMilliwattHours: 100_000})
	wantSums(t, mustCost(t, run.Cost), "0.05", "0.06")
	final := mustCost(t, run.Final)
	wantSums(t, final, "2.5", "3")
	mustAdd(t, run, Sample{Time: noon.Add(2 * time.Minute), EnergyMilliwattHours: 5_000_000})
	wantSums(t, mustCost(t, run.Final), "2.5", "3")
	if final.LimitedBy != "" || mustCost(t, mustRun(t, tariff, noon, time.UTC).Final).LimitedBy != "min_price" {
		t.Error("the limit is not named")
	}
}

func TestLimitWithoutSumAfterTaxFollowsTheRates(t *testing.T) {
	json := `{"id":"l","currency":"EUR","min_price":{"before_taxes":1},"max_price":{"before_taxes":2},"tax_included":"NO","elements":[
		{"price_components":[{"type":"ENERGY","price":0.5,"vat":20,"step_size":1},{"type":"TIME","price":0,"vat":10,"step_size":1}]}]}`
	for energy, want := range map[int64][2]string{1_000_000: {"1", "1.1"}, 3_000_000: {"1.5", "1.8"}, 9_000_000: {"2", "2.4"}} {
		run := mustRun(t, mustTariff(t, json), noon, time.UTC)
		mustAdd(t, run, Sample{Time: noon.Add(time.Minute), EnergyMilliwattHours: energy})
		wantSums(t, mustCost(t, run.Final), want[0], want[1])
	}
}

func TestNegativePricesPayTheVehicle(t *testing.T) {
	tariff := mustTariff(t, `{"id":"n","currency":"EUR","tax_included":"N/A","elements":[{"price_components":[{"type":"ENERGY","price":-0.1,"step_size":1}]}]}`)
	run := mustRun(t, tariff, noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 10_000_000})
	if got := mustCost(t, run.Cost).Payable(); got != -money.Nano {
		t.Errorf("payable %s", got)
	}
}

func TestSwitchOfTariffTakesNoStepAndNoSecondFee(t *testing.T) {
	tariff := func(id, energy string) *Tariff {
		return mustTariff(t, `{"id":"`+id+`","currency":"EUR","elements":[{"price_components":[
			{"type":"FLAT","price":1,"step_size":1},{"type":"ENERGY","price":`+energy+`,"step_size":10000}]}]}`)
	}
	run := mustRun(t, tariff("a", "0.5"), noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 3_000_000})
	if err := run.Switch(tariff("b", "0.2"), noon); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, run, Sample{Time: noon.Add(2 * time.Hour), EnergyMilliwattHours: 7_000_000})
	wantSums(t, mustCost(t, run.Cost), "3.3", "3.3") // 1 + 3 × 0.5 + 4 × 0.2
	cost := mustCost(t, run.Final)
	wantSums(t, cost, "4.5", "4.5") // the 4 kWh of b become 10
	if len(cost.Periods()) != 2 || cost.Periods()[1].TariffID != "b" {
		t.Errorf("periods %+v", cost.Periods())
	}
	if err := run.Switch(mustTariff(t, strings.Replace(string(Default().Bytes()), "EUR", "CHF", 1)), noon); !errors.Is(err, ErrCurrency) {
		t.Errorf("other currency: %v", err)
	}
}

func TestCDRChangesTariffWhereAPeriodNamesAnother(t *testing.T) {
	session := `{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T12:00:00Z","currency":"EUR","charging_periods":[
		{"start_date_time":"2024-12-02T10:00:00Z","tariff_id":"a","dimensions":[{"type":"ENERGY","volume":3}]},
		{"start_date_time":"2024-12-02T11:00:00Z","tariff_id":"b","dimensions":[{"type":"ENERGY","volume":4}]}]}`
	tariff := func(id, energy string) *Tariff {
		return mustTariff(t, `{"id":"`+id+`","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":`+energy+`,"step_size":10000}]}]}`)
	}
	s, err := ParseSession([]byte(session), nil)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := s.Price(tariff("a", "0.5"), tariff("b", "0.2"))
	if err != nil {
		t.Fatal(err)
	}
	wantSums(t, cost, "3.5", "3.5")
}

func TestDurationOfAChargingSessionBeginsAfterItsReservation(t *testing.T) {
	tariff := mustTariff(t, `{"id":"d","currency":"EUR","elements":[
		{"price_components":[{"type":"TIME","price":1,"step_size":0}],"restrictions":{"reservation":"RESERVATION"}},
		{"price_components":[{"type":"ENERGY","price":0.1,"step_size":0}],"restrictions":{"max_duration":1800}},
		{"price_components":[{"type":"ENERGY","price":9,"step_size":0}]}]}`)
	cost, err := CostOfCDR(tariff, []byte(`{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T12:00:00Z","charging_periods":[
		{"start_date_time":"2024-12-02T10:00:00Z","dimensions":[{"type":"RESERVATION_TIME","volume":1}]},
		{"start_date_time":"2024-12-02T11:00:00Z","dimensions":[{"type":"ENERGY","volume":4}]}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	wantSums(t, cost, "1.4", "1.4")
}

func TestCountedUnitsAreOneFeeEach(t *testing.T) {
	tariff := mustTariff(t, `{"id":"toll","currency":"EUR","elements":[
		{"price_components":[{"type":"FLAT","price":3,"vat":0,"step_size":0}],"restrictions":{"start_time":"07:00","end_time":"09:00"}},
		{"price_components":[{"type":"FLAT","price":2,"vat":0,"step_size":0}]}]}`)
	start := time.Date(2025, 6, 2, 8, 0, 0, 0, time.UTC)
	run, err := NewCountingRun(tariff, start, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, run,
		Sample{Time: start.Add(30 * time.Minute), Count: 2},
		Sample{Time: start.Add(90 * time.Minute), Count: 5},
		Sample{Time: start.Add(99 * time.Minute), Count: 5},
	)
	wantSums(t, mustCost(t, run.Final), "12", "12") // two at 3, three at 2
	e, err := ExposureOfCounted(tariff, 4, start, time.UTC)
	if err != nil || e.Slice != 12*money.Nano || e.Prepaid != 0 || e.EndSurcharge != 1 {
		t.Errorf("exposure of four: %+v, %v", e, err)
	}
}

func TestUnknownCurrentIsAnErrorAndNotAGuess(t *testing.T) {
	tariff := restricted(t, `"max_current":16`)
	if !tariff.NeedsCurrent() || Default().NeedsCurrent() {
		t.Error("NeedsCurrent")
	}
	run := mustRun(t, tariff, noon, time.UTC)
	if err := run.Add(Sample{Time: noon.Add(time.Minute), EnergyMilliwattHours: 1}); !errors.Is(err, ErrNotMeasured) {
		t.Errorf("run: %v", err)
	}
	_, err := CostOfCDR(tariff, []byte(`{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T12:00:00Z","charging_periods":[
		{"start_date_time":"2024-12-02T10:00:00Z","dimensions":[{"type":"TIME","volume":1}]}]}`), nil)
	if !errors.Is(err, ErrNotMeasured) {
		t.Errorf("CDR: %v", err)
	}
}

func TestSamplesThatGoBackAreRefusedAndChangeNothing(t *testing.T) {
	run := mustRun(t, Default(), noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Minute), EnergyMilliwattHours: 500_000})
	before := mustCost(t, run.Cost).Payable()
	for name, c := range map[string]struct {
		sample Sample
		want   error
	}{
		"time back":      {Sample{Time: noon, EnergyMilliwattHours: 600_000}, ErrSample},
		"register back":  {Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 499_999}, ErrSample},
		"negative power": {Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 600_000, PowerMilliwatts: -1}, ErrSample},
		"count":          {Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 600_000, Count: 1}, ErrSample},
		"state":          {Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 600_000, State: 7}, ErrSample},
		"too long":       {Sample{Time: noon.Add(32 * 24 * time.Hour), EnergyMilliwattHours: 600_000}, ErrLimit},
		"too much":       {Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 1 << 62}, ErrLimit},
	} {
		if err := run.Add(c.sample); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if after := mustCost(t, run.Cost).Payable(); after != before {
			t.Errorf("%s: cost changed to %s", name, after)
		}
	}
}

func TestTariffOutsideItsValidityIsRefused(t *testing.T) {
	tariff := mustTariff(t, `{"id":"v","currency":"EUR","start_date_time":"2024-12-02T12:00:00","end_date_time":"2024-12-02T12:00:01Z","elements":[{"price_components":[{"type":"FLAT","price":1,"step_size":1}]}]}`)
	for offset, want := range map[time.Duration]error{-time.Second: ErrNotValid, 0: nil, time.Second: ErrNotValid} {
		if _, err := NewRun(tariff, noon.Add(offset), time.UTC); !errors.Is(err, want) {
			t.Errorf("%s: %v", offset, err)
		}
	}
}

func TestEstimateIsTheFinalCostAtConstantPower(t *testing.T) {
	tariff := mustTariff(t, `{"id":"e","currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":0.5,"vat":20,"step_size":1},
		{"type":"ENERGY","price":0.4,"vat":10,"step_size":1}]},{"price_components":[{"type":"TIME","price":6,"vat":0,"step_size":1}],"restrictions":{"min_duration":1800,"min_current":32}}]}`)
	for energy, want := range map[int64][2]string{10: {"4.5", "5"}, 20: {"11.5", "12.4"}, 40: {"25.5", "27.2"}} {
		cost, err := Estimate(tariff, noon, time.UTC, energy*1_000_000, 20_000_000)
		if err != nil {
			t.Fatal(err)
		}
		wantSums(t, cost, want[0], want[1])
	}
	if _, err := Estimate(tariff, noon, time.UTC, 1_000_000, 0); !errors.Is(err, ErrLimit) {
		t.Errorf("no power: %v", err)
	}
}

func TestExposureOfAStartFeeAStepAndAMinimum(t *testing.T) {
	tariff := mustTariff(t, `{"id":"x","currency":"EUR","min_price":{"excl_vat":2,"incl_vat":2.4},"elements":[
		{"price_components":[{"type":"FLAT","price":9,"step_size":1},{"type":"ENERGY","price":9,"step_size":1}],"restrictions":{"end_date":"2024-12-02"}},
		{"price_components":[{"type":"FLAT","price":1,"vat":20,"step_size":1},{"type":"ENERGY","price":0.5,"vat":20,"step_size":1000},{"type":"TIME","price":6,"vat":20,"step_size":600}]},
		{"price_components":[{"type":"FLAT","price":9,"step_size":1}]}]}`)
	e, err := ExposureOf(tariff, 36_000_000, 100*time.Second, noon, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(e.Prepaid, e.EndSurcharge, e.LargestStep, e.Bound())
	if got != "1.20 2.400000001 1.20 1.20" {
		t.Errorf("prepaid, end, step, bound: %s", got)
	}
	if e.Slice < 800_000_000 || e.Slice > 803_000_000 { // 1 kWh × 0.6 and 100 s × 7.2/h, and a second and 2 mWh more
		t.Errorf("slice %s", e.Slice)
	}
}

func TestExposureHoldsAtTheEdgesOfSecondsAndRegisters(t *testing.T) {
	tariff := mustTariff(t, `{"id":"edge","currency":"EUR","elements":[
		{"price_components":[{"type":"ENERGY","price":0.36,"step_size":1000},{"type":"TIME","price":3.6,"step_size":60}]}]}`)
	const power = 3_600_000 // 1,000 mWh a second
	e, err := ExposureOf(tariff, power, 1100*time.Millisecond, noon, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	// From 0.9 s to 2.0 s: 1,100 mWh and two whole seconds, of 0.001 each.
	run := mustRun(t, tariff, noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(900 * time.Millisecond), EnergyMilliwattHours: 900})
	before := mustCost(t, run.Cost).Payable()
	mustAdd(t, run, Sample{Time: noon.Add(2 * time.Second), EnergyMilliwattHours: 2000})
	grown := mustCost(t, run.Cost).Payable() - before
	if want := money.Amount(396_000 + 2_000_000); grown != want || e.Slice < grown {
		t.Errorf("grown by %d, want %d, within a slice of %d", grown, want, e.Slice)
	}
	// The end adds up to a step of energy, 0.36, and a step of time, 0.06.
	end := mustCost(t, run.Final).Payable() - mustCost(t, run.Cost).Payable()
	if end <= 400_000_000 || e.EndSurcharge != 420_000_001 {
		t.Errorf("the end adds %d, declared %d", end, e.EndSurcharge)
	}
	if e, err = ExposureOf(tariff, 1, time.Second, noon, time.UTC); err != nil || e.Slice < 2_000_000+720 {
		t.Errorf("two seconds and two counts of the register: %d, %v", e.Slice, err)
	}
}

func TestDurationOfAChargingSessionBeginsWithTheSession(t *testing.T) {
	cost, err := CostOfCDR(restricted(t, `"max_duration":1800`), []byte(`{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T12:00:00Z","charging_periods":[
		{"start_date_time":"2024-12-02T10:30:00Z","dimensions":[{"type":"TIME","volume":1}]}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	wantSums(t, cost, "0", "0")
}

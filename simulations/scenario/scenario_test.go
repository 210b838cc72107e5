package scenario_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// least is the smallest scenario that can be run.
const least = `
tariffs:
  day: {elements: [{price_components: [{type: ENERGY, price: 0.123456789, vat: 19.0, step_size: 1}]}]}
stations: {north: {tariff: day}}
vehicles: {anna: {visits: [{station: north}]}}
`

func Example() {
	s, err := scenario.Parse("small", []byte(least+"duration: 90m\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Duration, s.Stations[0].Name, s.Stations[0].Tariff, s.Vehicles[0].Funds)
	_, err = scenario.Parse("small", []byte(strings.Replace(least, "tariffs:", "tarifs:", 1)))
	var problem *scenario.Problem
	if errors.As(err, &problem) {
		fmt.Println(problem)
		fmt.Println(problem.Hint[:24])
	}
	// Output:
	// 1h30m0s north day 100.00
	// small:2: unknown key "tarifs" of the scenario
	// did you mean "tariffs"?
}

func TestValuesAreExact(t *testing.T) {
	s, err := scenario.Parse("exact", []byte(`
start: 2026-03-02T09:00:00+01:00
duration: 2h
ledger: {currency: CHF, window: 90s, heartbeat: 250ms}
tariffs:
  day: {elements: [{price_components: [{type: ENERGY, price: 0.123456789, vat: 7.7, step_size: 1}]}]}
stations:
  north: {power: 7.4kW, tariff: day, time_zone: Europe/Zurich, claim_every: 1m, settle_at: 1.005, inflate: 2.5%}
vehicles:
  anna:
    battery: {capacity: 77.4kWh, power: 125kW, knee: 60.5%, floor: 3kW}
    funds: 12.345678901
    top_up: 0
    meter_error: -1.5%
    visits:
      - {at: 1h30m, station: north, from: 12.5%, to: 80%, energy: 500Wh, stay: 45m, cost_max: 4}
network: {latency: 5ms, jitter: 0s, loss: 0.5%, duplicate: 100%, ledger_loss: 0%}
faults:
  - {at: 10m, crash: ledger, point: while-sending, for: 20s}
  - {at: 20m, cut: anna}
chaos: {crashes: 3, cuts: 2, longest: 5s}
`))
	if err != nil {
		t.Fatal(err)
	}
	st, v := s.Stations[0], s.Vehicles[0]
	visit := v.Visits[0]
	for name, ok := range map[string]bool{
		"start":     s.Start.Equal(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)),
		"ledger":    s.Ledger.Currency.String() == "CHF" && s.Ledger.Window == 90*time.Second && s.Ledger.Heartbeat == 250*time.Millisecond,
		"tariff":    strings.Contains(string(s.Tariffs[0].Tariff.Bytes()), "0.123456789") && s.Tariffs[0].Tariff.Currency().String() == "CHF",
		"power":     st.PowerMilliwatts == 7_400_000 && st.SettleAt == 1_005_000_000 && st.InflatePPM == 25_000,
		"battery":   v.Battery.CapacityMilliwattHours == 77_400_000 && v.Battery.KneePermille == 605 && v.Battery.FloorMilliwatts == 3_000_000,
		"money":     v.Funds == 12_345_678_901 && v.TopUp == 0 && v.Deposit == 20*money.Nano,
		"gain":      v.GainPPM == -15_000,
		"visit":     visit.FromPermille == 125 && visit.EnergyMilliwattHours == 500_000 && visit.Stay == 45*time.Minute && visit.CostMax == 4*money.Nano,
		"network":   s.Network.Faults.Loss == 0.005 && s.Network.Faults.Duplicate == 1 && s.Network.Jitter == 0,
		"faults":    len(s.Faults) == 2 && s.Faults[0].Dies == scenario.PointSending && s.Faults[1].Kind == scenario.FaultCut,
		"chaos":     s.Chaos == scenario.Chaos{Crashes: 3, Cuts: 2, Longest: 5 * time.Second},
		"file name": s.Name == "exact" && s.Seed == 1,
	} {
		if !ok {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestI9_WhatIsWrongIsRefusedWithItsLineAndWhatWasMeant(t *testing.T) {
	tests := map[string]struct {
		file string
		line int
		says string
		hint string
	}{
		"unknown key":        {least + "duraton: 1h\n", 6, `unknown key "duraton"`, `did you mean "duration"?`},
		"unknown inner key":  {least + "network:\n  latnecy: 1ms\n", 7, `unknown key "latnecy" of network`, `did you mean "latency"?`},
		"twice":              {least + "seed: 1\nseed: 2\n", 7, `"seed" is there twice`, ""},
		"duration":           {least + "duration: 1hour\n", 6, `"1hour" is not a duration`, "1h30m"},
		"too long":           {least + "duration: 10000h\n", 6, "10000h", ""},
		"unit":               {"stations: {north: {power: 22}}", 1, `"22" is not a number with its unit`, "22kW"},
		"too fine":           {"stations: {north: {power: 0.0001W}}", 1, "too fine", ""},
		"percent":            {"network: {loss: 101%}", 1, "too large", ""},
		"probability":        {"network: {loss: 0.5}", 1, "not a number with its unit", "12.5%"},
		"money":              {"vehicles: {anna: {funds: 1e3}}", 1, `"1e3"`, "12.50"},
		"negative money":     {"vehicles: {anna: {funds: -1}}", 1, "-1.00", ""},
		"flag":               {"vehicles: {anna: {closes: yes}}", 1, "neither true nor false", ""},
		"time":               {"start: yesterday", 1, "RFC 3339", "2026-03-02"},
		"seed":               {"seed: -1", 1, "not a seed", ""},
		"point":              {"faults: [{crash: anna, point: before}]", 1, `unknown point "before"`, "before-commit"},
		"two faults":         {"faults: [{crash: anna, cut: ben}]", 1, "a fault that is two", ""},
		"no fault":           {"faults: [{at: 1m}]", 1, "a fault of nothing", "crash: NAME"},
		"visits no list":     {"vehicles: {anna: {visits: {at: 1m}}}", 1, "is not a list", ""},
		"tariff":             {"tariffs:\n  day: {elements: []}", 2, `tariff "day"`, "OCPI"},
		"tariff number":      {"tariffs:\n  day: {min_price: {excl_vat: 0x10}}", 2, "not a number as OCPI writes it", ""},
		"alias":              {"a: &x 1\ntariffs:\n  day: {elements: *x}", 1, `unknown key "a"`, ""},
		"alias in a tariff":  {"tariffs:\n  day: {id: &x a, elements: *x}", 2, "alias", ""},
		"not YAML":           {"a: [", 0, "not YAML", ""},
		"empty":              {"", 0, "not YAML", ""},
		"two documents":      {"seed: 1\n---\nseed: 2\n", 1, "more than one YAML document", ""},
		"a list":             {"- seed", 1, "not a mapping", ""},
		"no stations":        {"seed: 1", 0, "0 stations", "stations:"},
		"unknown tariff":     {strings.Replace(least, "{tariff: day}", "{tariff: dai}", 1), 0, `no tariff "dai"`, `did you mean "day"?`},
		"unknown station":    {strings.Replace(least, "{station: north}", "{station: nort}", 1), 0, `unknown station "nort"`, `did you mean "north"?`},
		"unknown victim":     {least + "faults: [{crash: ann}]", 0, `"ann"`, `did you mean "anna"?`},
		"same names":         {strings.Replace(least, "anna", "north", 1), 0, `two parties are named "north"`, ""},
		"a name":             {strings.Replace(least, "anna", "Anna B", 1), 0, `"Anna B" is not a name`, "small letters"},
		"time zone":          {strings.Replace(least, "tariff: day", "tariff: day, time_zone: Mars/Base", 1), 0, "no time zone", "Europe/Berlin"},
		"visits out of time": {strings.Replace(least, "[{station: north}]", "[{at: 9m, station: north}, {at: 1m, station: north}]", 1), 0, "visit 2", ""},
		"falling charge":     {strings.Replace(least, "{station: north}", "{station: north, from: 80%, to: 20%}", 1), 0, "visit 1", ""},
		"claims too often":   {least + "step: 20s\n", 0, "claims every 30s", ""},
		"another currency":   {strings.Replace(least, "day: {elements", "day: {currency: USD, elements", 1), 0, "not in the ledger's currency", "EUR"},
		"short life":         {strings.Replace(least, "anna: {", "anna: {lifetime: 1m, ", 1), 0, "live for 1m", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := scenario.Parse("file", []byte(test.file))
			var problem *scenario.Problem
			if !errors.As(err, &problem) || !errors.Is(err, scenario.ErrScenario) {
				t.Fatalf("got %v", err)
			}
			if problem.Line != test.line || !strings.Contains(problem.Message, test.says) || !strings.Contains(problem.Hint, test.hint) {
				t.Errorf("line %d: %s (%s), want line %d: %s (%s)", problem.Line, problem.Message, problem.Hint, test.line, test.says, test.hint)
			}
		})
	}
}

func TestAFileIsBounded(t *testing.T) {
	if _, err := scenario.Parse("large", make([]byte, scenario.SizeMax+1)); !errors.Is(err, scenario.ErrScenario) {
		t.Error(err)
	}
}

func FuzzI9_NoFilePanicsAndWhatPassesIsWhole(f *testing.F) {
	f.Add(least)
	f.Add(least + "faults: [{at: 1m, crash: ledger, point: idle, for: 1s}]\nchaos: {crashes: 1}\n")
	f.Add("a: &a [*a]")
	f.Add("<<: {seed: 1}\n? [x]\n: y\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scenario.Parse("fuzz", []byte(text))
		if err != nil {
			if !errors.Is(err, scenario.ErrScenario) {
				t.Errorf("an error of its own: %v", err)
			}
			return
		}
		if err := s.Check(); err != nil {
			t.Errorf("passes Parse, not Check: %v", err)
		}
	})
}

package scenario_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"joulepay/simulations/scenario"
)

func TestFaultsAndAttacksAreReadAsTheyAreWritten(t *testing.T) {
	s, err := scenario.Parse("faults", []byte(strings.NewReplacer("{tariff: day}", "{tariff: day, attack: over-ask}", "{station: north}", "{station: north, stay: 5m}").Replace(least)+`
faults:
  - {at: 1m, partition: [anna, ledger], for: 20s}
  - {at: 2m, power: site, for: 21s}
  - {at: 3m, slow: 1500ms, for: 22s}
  - {at: 4m, crash: broker, for: 23s}
chaos: {crashes: 1, cuts: 2, partitions: 3, power_cuts: 4, bursts: 5}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []scenario.Fault{
		{At: time.Minute, For: 20 * time.Second, Kind: scenario.FaultPartition, Part: []string{"anna", "ledger"}, Dies: scenario.PointIdle},
		{At: 2 * time.Minute, For: 21 * time.Second, Kind: scenario.FaultPower, Who: "site", Dies: scenario.PointIdle},
		{At: 3 * time.Minute, For: 22 * time.Second, Kind: scenario.FaultSlow, Slow: 1500 * time.Millisecond, Dies: scenario.PointIdle},
		{At: 4 * time.Minute, For: 23 * time.Second, Kind: scenario.FaultCrash, Who: "broker", Dies: scenario.PointIdle},
	}
	if !reflect.DeepEqual(s.Faults, want) {
		t.Errorf("%+v", s.Faults)
	}
	if s.Chaos.Count() != 15 || s.Stations[0].Attack != scenario.AttackOverAsk {
		t.Errorf("%+v, %q", s.Chaos, s.Stations[0].Attack)
	}
}

func TestI9_FaultsAndAttacksThatCannotBeAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ file, says, hint string }{
		"partition of strangers": {least + "faults: [{partition: [anna, bob]}]", `"bob"`, "known here"},
		"partition of nobody":    {least + "faults: [{partition: []}]", "a partition of nobody", "partition: ["},
		"a broker that is cut":   {least + "faults: [{cut: broker}]", `"broker"`, "known here"},
		"a ledger without power": {least + "faults: [{power: ledger}]", `"ledger"`, "known here"},
		"two in one":             {least + "faults: [{slow: 1s, power: site}]", "a fault that is two", ""},
		"a party named site":     {strings.Replace(least, "anna", "site", 1), `two parties are named "site"`, ""},
		"a party named broker":   {strings.Replace(least, "anna", "broker", 1), `two parties are named "broker"`, ""},
		"unknown attack":         {strings.Replace(least, "anna: {", "anna: {attack: steal, ", 1), `unknown attack of a vehicle "steal"`, "stop-signing"},
		"a cheat that stays":     {strings.Replace(least, "anna: {", "anna: {attack: grief, ", 1), "who cheats, or is cheated", "stay:"},
		"one that is cheated":    {strings.Replace(least, "{tariff: day}", "{tariff: day, attack: over-ask}", 1), "who cheats, or is cheated", "stay:"},
		"parking that cheats":    {strings.NewReplacer("{tariff: day}", "{tariff: day, service: parking, attack: over-ask}", "{station: north}", "{station: north, stay: 5m}").Replace(least), "cannot over-ask", ""},
		"drawn and written":      {least + "random: {}", "has parties of its own", "random:"},
		"drawn from nothing":     {"random: {}", "no tariff to draw", "tariffs:"},
		"drawn too small":        {"random: {stations: 1}", "1 stations", "stations: 4"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := scenario.Parse("file", []byte(test.file))
			var problem *scenario.Problem
			if !errors.As(err, &problem) || !strings.Contains(problem.Message, test.says) || !strings.Contains(problem.Hint, test.hint) {
				t.Errorf("got %v (%+v)", err, problem)
			}
		})
	}
}

// randomWorlds is a scenario whose parties the seed draws.
const randomWorlds = `
ledger: {window: 2m}
tariffs: {day: {elements: [{price_components: [{type: ENERGY, price: 0.50, step_size: 1}]}]}}
random: {stations: 3, vehicles: 4, attackers: 2, faults: 5}
`

func TestAWorldIsDrawnFromItsSeedAlone(t *testing.T) {
	s, err := scenario.Parse("random", []byte(randomWorlds))
	if err != nil {
		t.Fatal(err)
	}
	attacks, kinds := map[string]bool{}, map[int]bool{}
	for seed := range uint64(200) {
		one, err := s.Expand(seed, nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		two, err := s.Expand(seed, nil)
		if err != nil || !reflect.DeepEqual(one, two) {
			t.Fatalf("seed %d draws another world the second time: %v", seed, err)
		}
		if n, m := len(one.Stations), len(one.Vehicles); n < 2 || n > 3 || m < 2 || m > 4 || one.Chaos.Count() > 5 || one.Random != nil {
			t.Errorf("seed %d: %d stations, %d vehicles, %d faults", seed, n, m, one.Chaos.Count())
		}
		if one.Vehicles[0].Attack != "" || one.Stations[0].Attack != "" {
			t.Errorf("seed %d: nobody is honest", seed)
		}
		if longest := time.Duration(one.Chaos.Count()) * (one.Chaos.Longest + time.Second); longest > one.Ledger.Window {
			t.Errorf("seed %d: faults of %s in a row, windows of %s", seed, longest, one.Ledger.Window)
		}
		for _, v := range one.Vehicles {
			attacks[v.Attack] = true
		}
		for _, st := range one.Stations {
			attacks[st.Attack] = true
		}
		kinds[len(one.Stations)*10+len(one.Vehicles)] = true
	}
	for _, attack := range slices.Concat(scenario.VehicleAttacks(), scenario.StationAttacks()) {
		if !attacks[attack] {
			t.Errorf("nobody drew %s", attack)
		}
	}
	if len(kinds) < 6 || len(s.Stations) > 0 {
		t.Errorf("worlds of %d sizes, %d stations in the scenario itself", len(kinds), len(s.Stations))
	}
}

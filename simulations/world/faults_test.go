package world_test

import (
	"slices"
	"strings"
	"testing"

	"joulepay/simulations/report"
)

// struck runs two cars at two stations, and what breaks in the middle of it.
func struck(t *testing.T, faults string) *report.Summary {
	t.Helper()
	return run(t, parse(t, `
stations:
  north: {tariff: flat, power: 50kW, claim_every: 10s, gone_after: 60s}
  south: {tariff: flat, power: 50kW, claim_every: 10s, gone_after: 60s}
vehicles:
  anna: {closes: true, visits: [{station: north, from: 20%, to: 40%, stay: 30m}]}
  ben: {closes: true, visits: [{station: south, from: 20%, to: 40%, stay: 30m}]}
faults: [`+faults+`]
`), 1)
}

func TestEachFaultStrikesAndIsSurvived(t *testing.T) {
	for name, test := range map[string]struct {
		fault string
		fired []string
		who   string
	}{
		"partition of a vehicle and the ledger": {"{at: 3m, partition: [anna, ledger], for: 25s}", []string{"partition", "message across a partition"}, "anna, ledger"},
		"partition of the ledger":               {"{at: 3m, partition: [ledger], for: 25s}", []string{"partition", "message across a partition"}, "ledger"},
		"broker":                                {"{at: 3m, crash: broker, for: 25s}", []string{"crash of the broker", "message without a broker", "bundle that waited for the broker"}, "broker"},
		"power of a station":                    {"{at: 3m, power: north, for: 25s}", []string{"power cut", "process without power"}, "north"},
		"power of a vehicle":                    {"{at: 3m, power: anna, for: 25s}", []string{"power cut", "process without power"}, "anna"},
		"power of all stations":                 {"{at: 3m, power: site, for: 25s}", []string{"power cut", "process without power"}, "site"},
		"delay":                                 {"{at: 3m, slow: 4s, for: 40s}", []string{"delay"}, "network"},
		"cut":                                   {"{at: 3m, cut: anna, for: 25s}", []string{"cut", "message of a cut end"}, "anna"},
		"ledger node":                           {"{at: 3m, crash: ledger, for: 25s, point: after-commit}", []string{"crash after commit"}, "ledger"},
	} {
		t.Run(name, func(t *testing.T) {
			summary := struck(t, test.fault)
			for _, kind := range test.fired {
				if summary.Faults[kind] == 0 {
					t.Errorf("no %q: %v", kind, summary.Faults)
				}
			}
			if !slices.ContainsFunc(summary.Incidents, func(i report.Incident) bool { return i.Who == test.who && i.For > 0 && i.At.After(summary.Start) }) {
				t.Errorf("incidents %+v", summary.Incidents)
			}
			for _, x := range summary.Sessions {
				if x.StationEnd != "ended" && !strings.HasPrefix(x.StationEnd, "unknown") && x.EnergyWh > 0 {
					t.Errorf("%s at %s: %s", x.Vehicle, x.Station, x.StationEnd)
				}
			}
			if summary.Totals.EnergyWh < 20_000_000 {
				t.Errorf("%s Wh were billed, two times 12 kWh were wanted", summary.Totals.EnergyWh)
			}
		})
	}
}

func TestAPowerCutOfTheSiteTakesAllStationsAtOnce(t *testing.T) {
	summary := struck(t, "{at: 3m, power: site, for: 30s}")
	if summary.Faults["process without power"] != 2 {
		t.Errorf("%v", summary.Faults)
	}
}

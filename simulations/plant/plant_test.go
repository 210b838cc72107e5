package plant_test

import (
	"fmt"
	"os"
	"testing"

	"joulepay/internal/shared"
	"joulepay/simulations/plant"
	"joulepay/simulations/scenario"
)

// acn is the month of ACN-Sim's experiment 2.1 as a scenario that imports its data.
const acn = `
engine: %s
start: 2019-03-01T08:00:00Z
duration: 744h
step: 5m
site:
  network: {file: reference/acnsim_caltech_network.json, capacity: 50kW, stations: caltech}
control: {algorithm: edf, every: 5m, halve_to: 0.01A}
ledger: {currency: USD, window: 4h, heartbeat: 20m}
tariffs:
  flat: {elements: [{price_components: [{type: ENERGY, price: 0.30, step_size: 1}]}]}
stations:
  caltech: {tariff: flat, claim_every: 10m, gone_after: 30m}
fleets:
  drivers: {data: sessions/acn_caltech_2019_03.csv, format: acn-sim, undeclared: true, closes: true, lifetime: 2000h}
network: {latency: 0s, jitter: 0s}
`

func TestAScenarioThatImportsACNSimsDataComesToItsFigures(t *testing.T) {
	data := shared.Path(t, "data")
	s, err := scenario.Parse("acn", fmt.Appendf(nil, acn, "control"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := s.Expand(1, os.DirFS(data))
	if err != nil {
		t.Fatal(err)
	}
	summary, err := plant.Run(whole, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(summary.Totals, summary.Figures.Service, summary.Figures.Grid)
}

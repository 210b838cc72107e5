package plant

import (
	"fmt"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/measure"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
)

// Run makes a run of the engine that knows no money: a month of a car park is over before a context would be looked at.
func Run(s *scenario.Scenario, seed uint64) (*report.Summary, error) {
	p, err := New(s)
	if err != nil {
		return nil, err
	}
	p.Config.Sessions = p.Sessions(s)
	p.Config.SatisfiedMillijoules = Satisfied
	r := &recorder{Recorder: measure.New(p.Recorded(s)), end: s.Start}
	totals, err := charging.Run(p.Config, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", scenario.ErrScenario, s.Name, err)
	}
	figures := r.Figures()
	summary := &report.Summary{
		Scenario: s.Name, Engine: scenario.EngineControl, About: s.About, Seed: seed, Start: s.Start, End: r.end, Events: uint64(totals.Steps),
		Invariants: map[string]int64{}, Faults: map[string]int{}, Sessions: report.Sessions(r.Visits(), s.Ledger.Currency),
		Channels: []report.Channel{}, Accounts: []report.Account{}, Figures: &figures, Curves: r.Curves(),
	}
	summary.Totals.Sessions = totals.Sessions
	summary.Totals.Delivered = report.Energy(totals.Delivered / control.MillijoulesPerMilliwattHour)
	summary.Totals.EnergyWh = summary.Totals.Delivered
	return summary, nil
}

// Satisfied is what a vehicle may lack and ask for nothing more, in millijoules: 1 Wh, as in ACN-Sim.
const Satisfied = 1000 * control.MillijoulesPerMilliwattHour

// recorder remembers when the last step ended.
type recorder struct {
	*measure.Recorder
	end time.Time
}

func (r *recorder) Add(s measure.Step) {
	r.end = s.At.Add(s.Length)
	r.Recorder.Add(s)
}

package world

import (
	"time"

	"joulepay/simulations/scenario"
)

// enterFaults puts the faults of the scenario, and those that the seed draws, into the timeline.
func (w *World) enterFaults() {
	for _, f := range append(w.scenario.Faults[:len(w.scenario.Faults):len(w.scenario.Faults)], w.drawFaults()...) {
		victim := w.process(f.Who)
		w.clock.At(w.scenario.Start.Add(f.At), func() { w.strike(victim, f) })
	}
}

func (w *World) strike(p *process, f scenario.Fault) {
	switch {
	case !p.up:
		w.fired["missed: down already"]++
	case f.Kind == scenario.FaultCut:
		w.trace(p.name, "is cut off for %s", f.For)
		w.fired["cut"]++
		p.cuts++
		w.clock.After(f.For, func() { p.cuts-- })
	case f.Dies == scenario.PointIdle:
		p.crash(f)
	default:
		p.armed = &f
	}
}

// drawFaults draws what the chaos of the scenario asks for.
func (w *World) drawFaults() []scenario.Fault {
	c := w.scenario.Chaos
	random := w.random("chaos")
	targets := w.processes()
	var drawn []scenario.Fault
	for i := range c.Crashes + c.Cuts {
		f := scenario.Fault{
			Kind: scenario.FaultCrash, Who: targets[random.IntN(len(targets))].name,
			At:   time.Duration(random.Int64N(int64(w.scenario.Duration))).Truncate(time.Millisecond),
			For:  time.Second + time.Duration(random.Int64N(int64(c.Longest))).Truncate(time.Millisecond),
			Dies: scenario.Point(1 + random.IntN(int(scenario.PointSending))),
		}
		if i >= c.Crashes {
			f.Kind = scenario.FaultCut
		}
		drawn = append(drawn, f)
	}
	return drawn
}

func (w *World) processes() []*process {
	all := []*process{&w.ledger.process}
	for _, p := range w.parties() {
		all = append(all, &p.process)
	}
	return all
}

func (w *World) process(name string) *process {
	for _, p := range w.processes() {
		if p.name == name {
			return p
		}
	}
	return nil // Check has looked every name up
}

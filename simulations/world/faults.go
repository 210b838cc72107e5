package world

import (
	"slices"
	"strings"
	"time"

	"joulepay/simulations/measure"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
)

// enterFaults puts the faults of the scenario, and those that the seed draws, into the timeline.
func (w *World) enterFaults() {
	for _, f := range append(w.scenario.Faults[:len(w.scenario.Faults):len(w.scenario.Faults)], w.drawFaults()...) {
		w.clock.At(w.scenario.Start.Add(f.At), func() { w.strike(f) })
	}
}

func (w *World) strike(f scenario.Fault) {
	switch f.Kind {
	case scenario.FaultCut:
		w.cut(w.process(f.Who), f)
	case scenario.FaultPartition:
		w.part(f)
	case scenario.FaultPower:
		w.cutPower(f)
	case scenario.FaultSlow:
		w.slow(f)
	default:
		w.kill(w.process(f.Who), f)
	}
}

// kill ends a process, at once or at the point of its next step.
func (w *World) kill(victim *process, f scenario.Fault) {
	switch {
	case !victim.up:
		w.fired["missed: down already"]++
	case victim == &w.broker:
		w.fired["crash of the broker"]++
		victim.crash(f)
	case f.Dies == scenario.PointIdle:
		w.fired["crash "+pointNames[f.Dies]]++
		victim.crash(f)
	default:
		victim.armed = &f
	}
}

// cut makes a process unreachable.
func (w *World) cut(victim *process, f scenario.Fault) {
	w.happened(f, "cut", victim.name)
	victim.cuts++
	w.clock.After(f.For, func() { victim.cuts-- })
}

// part lets a group hear nobody else, and nobody else hear it.
func (w *World) part(f scenario.Fault) {
	w.happened(f, "partition", strings.Join(f.Part, ", "))
	p := &partition{members: map[*process]bool{}}
	for _, name := range f.Part {
		p.members[w.process(name)] = true
	}
	w.partitions = append(w.partitions, p)
	w.clock.After(f.For, func() {
		w.partitions = slices.DeleteFunc(w.partitions, func(other *partition) bool { return other == p })
	})
}

// cutPower ends all processes of a place at once, and with them the flow of energy.
func (w *World) cutPower(f scenario.Fault) {
	w.happened(f, "power cut", f.Who)
	f.Dies = scenario.PointIdle
	if f.Who != scenario.SiteName {
		w.darken(w.process(f.Who), f)
		return
	}
	for _, s := range w.stations {
		w.darken(&s.process, f)
	}
}

func (w *World) darken(victim *process, f scenario.Fault) {
	if victim.up {
		w.fired["process without power"]++
		victim.crash(f)
	}
}

// slow makes messages take longer.
func (w *World) slow(f scenario.Fault) {
	w.happened(f, "delay", "network")
	w.network.slow += f.Slow
	w.clock.After(f.For, func() { w.network.slow -= f.Slow })
}

// happened notes what a fault did to whom.
func (w *World) happened(f scenario.Fault, kind, who string) {
	w.trace(who, "%s for %s", kind, f.For)
	w.fired[kind]++
	w.incidents = append(w.incidents, report.Incident{At: w.clock.Now(), For: measure.Seconds(f.For), Kind: kind, Who: who})
}

// partition is a group whose members hear one another, and nobody else.
type partition struct{ members map[*process]bool }

// severed tells whether nothing travels between two processes at the moment, and notes why.
func (w *World) severed(a, b *process) bool {
	switch {
	case !w.broker.up:
		w.fired["message without a broker"]++
		return true
	case a.cuts > 0 || b.cuts > 0:
		w.fired["message of a cut end"]++
		return true
	}
	if !slices.ContainsFunc(w.partitions, func(p *partition) bool { return p.members[a] != p.members[b] }) {
		return false
	}
	w.fired["message across a partition"]++
	return true
}

// drawFaults draws what the chaos of the scenario asks for.
func (w *World) drawFaults() []scenario.Fault {
	c, random := w.scenario.Chaos, w.random("chaos")
	all := w.victims()
	parties := all[2:] // without the ledger and the broker
	var drawn []scenario.Fault
	add := func(kind scenario.FaultKind, count int, more func(f *scenario.Fault)) {
		for range count {
			f := scenario.Fault{
				Kind: kind, At: time.Duration(random.Int64N(int64(w.scenario.Duration))).Truncate(time.Millisecond),
				For: time.Second + time.Duration(random.Int64N(int64(c.Longest))).Truncate(time.Millisecond),
			}
			more(&f)
			drawn = append(drawn, f)
		}
	}
	add(scenario.FaultCrash, c.Crashes, func(f *scenario.Fault) {
		f.Who, f.Dies = all[random.IntN(len(all))], scenario.Point(1+random.IntN(int(scenario.PointSending)))
	})
	add(scenario.FaultCut, c.Cuts, func(f *scenario.Fault) {
		if f.Who = all[random.IntN(len(all))]; f.Who == scenario.BrokerName {
			f.Kind, f.Dies = scenario.FaultCrash, scenario.PointIdle
		}
	})
	add(scenario.FaultPartition, c.Partitions, func(f *scenario.Fault) {
		f.Part = []string{all[random.IntN(len(all))]}
		for _, name := range all {
			if random.IntN(2) == 0 && !slices.Contains(f.Part, name) {
				f.Part = append(f.Part, name)
			}
		}
	})
	add(scenario.FaultPower, c.PowerCuts, func(f *scenario.Fault) {
		if i := random.IntN(len(parties) + 1); i < len(parties) {
			f.Who = parties[i]
		} else {
			f.Who = scenario.SiteName
		}
	})
	add(scenario.FaultSlow, c.Bursts, func(f *scenario.Fault) {
		const slowMax = 5 * time.Second
		f.Slow = time.Duration(random.Int64N(int64(slowMax))).Truncate(time.Millisecond)
	})
	return drawn
}

// victims names the processes that chaos strikes: ledger, broker and all who are honest.
func (w *World) victims() []string {
	names := []string{w.ledger.name, w.broker.name}
	for _, p := range w.parties() {
		if p.cheat == nil {
			names = append(names, p.name)
		}
	}
	return names
}

func (w *World) process(name string) *process {
	for _, p := range []*process{&w.ledger.process, &w.broker} {
		if p.name == name {
			return p
		}
	}
	for _, p := range w.parties() {
		if p.name == name {
			return &p.process
		}
	}
	return nil // Check has looked every name up
}

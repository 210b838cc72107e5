// Package world owns a simulated world: a ledger node, stations and vehicles on one virtual clock, a network that loses
// and a hand that breaks things, all drawn from one seed. It leaves decisions to the machines that ship: the sessions of
// channel/session executed by agent.Execute, the core of settle/node, the in-memory twins of stores, stream and links.
// It keeps watch over invariants I1 to I7 after every event, also where some parties cheat, and repeats itself exactly for a
// seed: there is no goroutine, no clock of the machine and no order of a map in it.
package world

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"joulepay/channel/session"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/timeline"
	"joulepay/wallet"
)

// Errors of a run.
var (
	// ErrInvariant means that an invariant broke: a *Violation says which, when and how.
	ErrInvariant = errors.New("world: an invariant is broken")
	// ErrUndrawn is returned for a scenario that has something left to draw: Scenario.Expand draws it.
	ErrUndrawn = errors.New("world: not everything of the scenario is drawn")
	// ErrUnfinished means that something was never over: a session, or an operation of the ledger.
	ErrUnfinished = errors.New("world: not everything came to an end")
)

// Options say how a world is run.
type Options struct {
	Seed uint64
	// Progress hears from time to time how far the run is; may be nil.
	Progress func(Progress)
	// Trace hears what happens to whom, in words; may be nil.
	Trace func(at time.Time, who, what string)
}

// Progress is how far a run is.
type Progress struct {
	Now      time.Time // virtual
	Elapsed  time.Duration
	Duration time.Duration // of the scenario; the run ends when everything is over, before or after it
	Events   uint64
	Running  int // sessions
	Over     int
}

// World is one run of a scenario.
type World struct {
	scenario *scenario.Scenario
	options  Options
	clock    *timeline.Timeline
	network  *network
	ledger   *ledger
	stations []*station
	vehicles []*vehicle
	all      []*party // who have sessions, stations first
	byDID    map[wallet.DID]*party
	electric *electric
	stops    []*stop // visits that are over
	oracle   *oracle
	fired    map[string]int // faults, by kind
	broker   process

	partitions []*partition // that are in force
	incidents  []report.Incident
	failure    error
	over       bool
}

// New makes the world of a checked scenario at its start.
func New(s *scenario.Scenario, o Options) (*World, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if s.Random != nil || len(s.Fleets) > 0 {
		return nil, ErrUndrawn
	}
	w := &World{scenario: s, options: o, clock: timeline.New(s.Start.Add(-prelude)), fired: map[string]int{}}
	w.oracle = newOracle(w)
	w.network, w.broker = newNetwork(w), newBroker(w)
	var err error
	if w.ledger, err = newLedger(w); err != nil {
		return nil, err
	}
	for _, spec := range s.Stations {
		st, err := newStation(w, spec)
		if err != nil {
			return nil, err
		}
		w.stations = append(w.stations, st)
	}
	if w.electric, err = newElectric(w); err != nil {
		return nil, err
	}
	for _, st := range w.stations {
		w.electric.join(st)
	}
	for i, spec := range s.Vehicles {
		v := newVehicle(w, spec)
		v.watched = i
		w.vehicles = append(w.vehicles, v)
	}
	w.all = w.gather()
	return w, nil
}

// lookEvery is how often the world looks whether everything is over, virtual time: often enough for a bar that moves.
func (w *World) lookEvery() time.Duration {
	const looks = 500
	return min(max(w.scenario.Duration/looks, 10*time.Second), time.Hour)
}

// Run lets everything happen, until nothing is left to do. It stops at the first broken invariant, or when the context
// ends.
func (w *World) Run(ctx context.Context) (*report.Summary, error) {
	w.begin()
	for w.failure == nil && !w.over {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !w.clock.Step() {
			return nil, fmt.Errorf("%w: nothing happens any more", ErrUnfinished)
		}
		w.oracle.check()
	}
	if w.failure == nil {
		w.oracle.atEnd()
	}
	if w.failure != nil {
		return nil, w.failure
	}
	return w.summary()
}

// prelude is the time before the start in which vehicles are funded.
const prelude = time.Hour

// begin turns everything on, funds the vehicles, and enters what is planned.
func (w *World) begin() {
	w.ledger.start()
	var grants []grant
	for _, s := range w.stations {
		if s.spec.Funds > 0 {
			grants = append(grants, grant{s.did, s.spec.Funds})
		}
	}
	for _, v := range w.vehicles {
		if v.spec.Funds > 0 {
			grants = append(grants, grant{v.did, v.spec.Funds})
		}
	}
	w.ledger.fund(grants)
	for w.failure == nil && !w.ledger.funded(len(grants)) && w.clock.Step() {
	}
	started := false
	w.clock.At(w.scenario.Start, func() { started = true })
	for w.failure == nil && !started && w.clock.Step() {
	}
	for _, s := range w.stations {
		s.start()
	}
	for _, v := range w.vehicles {
		v.start()
		v.setOut()
	}
	w.enterFaults()
	w.clock.AtEnd(w.clock.Now(), w.electric.step)
	w.look()
}

// look ends the run when everything is over, or is late beyond hope.
func (w *World) look() {
	running, over := w.oracle.running, w.oracle.over
	reason := "visits"
	if w.allHome() {
		running, over, reason = w.unfinished()
	}
	if w.options.Progress != nil {
		w.options.Progress(Progress{
			Now: w.clock.Now(), Elapsed: w.clock.Now().Sub(w.scenario.Start), Duration: w.scenario.Duration,
			Events: w.clock.Ran(), Running: running, Over: over,
		})
	}
	if reason == "" {
		w.over = true
		return
	}
	if w.clock.Now().After(w.deadline()) {
		w.fail(fmt.Errorf("%w by %s: %s", ErrUnfinished, w.clock.Now().Format(time.RFC3339), reason))
		return
	}
	w.clock.After(w.lookEvery(), w.look)
}

// allHome tells whether no vehicle has anything more to do: until then there is nothing to look for.
func (w *World) allHome() bool {
	return !slices.ContainsFunc(w.vehicles, func(v *vehicle) bool { return !v.home() })
}

// deadline is when even the slowest way to an end must be over: windows of closes alone, one after the other, after the
// last visit and its stay.
func (w *World) deadline() time.Time {
	const windows = 6
	stay := time.Duration(0)
	for _, v := range w.scenario.Vehicles {
		for _, visit := range v.Visits {
			stay = max(stay, visit.Stay)
		}
	}
	const slack = 12 * time.Hour // a full battery at a household socket
	return w.scenario.Start.Add(w.scenario.Duration + stay + windows*w.scenario.Ledger.Window + slack)
}

// unfinished says what is not over, "" when everything is.
func (w *World) unfinished() (running, over int, reason string) {
	note := func(text string) {
		if reason == "" {
			reason = text
		}
	}
	if !w.ledger.up {
		note("the ledger node is down")
	}
	for _, p := range w.parties() {
		if !p.up {
			note(p.name + " is down")
		}
		open, ended, err := p.sessions()
		if err != nil {
			w.fail(err)
		}
		running, over = running+open, over+ended
		if p.cheat != nil {
			if p.closes() {
				note("what " + p.name + " closes")
			}
			continue // for nothing else
		}
		if open > 0 {
			note("a session of " + p.name)
		}
		if what := p.busyWith(); what != "" {
			note(what + " of " + p.name)
		}
	}
	for _, v := range w.vehicles {
		if !v.home() {
			note("the visits of " + v.name)
		}
		if v.spec.Closes && v.cheat == nil && len(v.openChannels()) > 0 {
			note("the channels of " + v.name)
		}
	}
	if w.oracle.closing() {
		note("a channel that closes")
	}
	return running, over, reason
}

// parties gives all who have sessions, stations first.
func (w *World) parties() []*party { return w.all }

func (w *World) gather() []*party {
	var all []*party
	for _, s := range w.stations {
		all = append(all, &s.party)
	}
	for _, v := range w.vehicles {
		all = append(all, &v.party)
	}
	w.byDID = map[wallet.DID]*party{}
	for _, p := range all {
		w.byDID[p.did] = p
	}
	return all
}

// fail ends the run with the first error.
func (w *World) fail(err error) {
	if w.failure == nil && err != nil {
		w.failure = err
	}
}

// now gives the moment for machines: session time and real time are one here.
func (w *World) now() session.Instant {
	return session.Instant{Session: w.clock.Now(), Real: w.clock.Now()}
}

// random gives a source of its own for each purpose, so that one who draws more often changes nobody else's luck.
func (w *World) random(purpose string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(purpose)) // into memory
	return rand.New(rand.NewPCG(w.options.Seed, h.Sum64()))
}

func (w *World) trace(who, format string, args ...any) {
	if w.options.Trace != nil {
		w.options.Trace(w.clock.Now(), who, fmt.Sprintf(format, args...))
	}
}

package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/meter"
)

// moody is a connector that does as it is told when it is in the mood.
type moody struct {
	plugged bool
	started bool
	limit   int64
	errs    []error // of the next calls
	calls   []string
}

func (m *moody) next(call string) error {
	m.calls = append(m.calls, call)
	if len(m.errs) == 0 {
		return nil
	}
	err := m.errs[0]
	m.errs = m.errs[1:]
	return err
}

func (m *moody) Plugged() bool             { return m.plugged }
func (m *moody) MaxPowerMilliwatts() int64 { return testPower }

func (m *moody) Start(_ time.Time, limit int64) error {
	switch err := m.next("start"); {
	case err != nil:
		return err
	case !m.plugged:
		return meter.ErrNotPlugged
	case m.started:
		return meter.ErrStarted
	}
	m.started, m.limit = true, limit
	return nil
}

func (m *moody) SetLimit(_ time.Time, limit int64) error {
	switch err := m.next("limit"); {
	case err != nil:
		return err
	case !m.started:
		return meter.ErrNotStarted
	}
	m.limit = limit
	return nil
}

func (m *moody) Stop(time.Time) error {
	err := m.next("stop")
	if err == nil {
		m.started = false
	}
	return err
}

func (m *moody) Sample(now time.Time) (meter.Sample, error) {
	return meter.Sample{Time: now, Unit: meter.MilliwattHours, State: meter.Charging}, nil
}

// flows gives the limit under which energy flows; 0 when none does.
func (m *moody) flows() int64 {
	if !m.started {
		return 0
	}
	return m.limit
}

func TestADriveBringsTheOutletToWhatWasAsked(t *testing.T) {
	broken := errors.New("no answer")
	start := session.Actuate{Command: session.CommandStart, LimitMilliwatts: 7}
	pause, more := session.Actuate{Command: session.CommandLimit}, session.Actuate{Command: session.CommandLimit, LimitMilliwatts: 9}
	stop := session.Actuate{Command: session.CommandStop}
	for name, test := range map[string]struct {
		outlet   moody
		asked    []session.Actuate
		failures int   // errors that are told
		plugIn   bool  // before the retries
		retries  int   // until the outlet follows
		want     int64 // what flows then
	}{
		"starts":                       {outlet: moody{plugged: true}, asked: []session.Actuate{start}, want: 7},
		"changes the limit":            {outlet: moody{plugged: true}, asked: []session.Actuate{start, more}, want: 9},
		"pauses":                       {outlet: moody{plugged: true}, asked: []session.Actuate{start, pause}},
		"stops":                        {outlet: moody{plugged: true}, asked: []session.Actuate{start, stop}},
		"stops what never started":     {asked: []session.Actuate{stop}},
		"does not start for a pause":   {outlet: moody{plugged: true}, asked: []session.Actuate{pause}},
		"takes over what runs already": {outlet: moody{plugged: true, started: true, limit: 3}, asked: []session.Actuate{start}, want: 7},
		"waits for the cable":          {asked: []session.Actuate{start}, plugIn: true, retries: 1, want: 7},
		"waits for the cable, then for something new": {asked: []session.Actuate{start, more}, plugIn: true, retries: 1, want: 9},
		"does not start once it was stopped":          {asked: []session.Actuate{start, stop}, plugIn: true},
		"starts after errors":                         {outlet: moody{plugged: true, errs: []error{broken, broken}}, asked: []session.Actuate{start}, failures: 2, retries: 2, want: 7},
		"stops after errors": {outlet: moody{plugged: true, started: true, limit: 7, errs: []error{broken, broken, broken}},
			asked: []session.Actuate{stop}, failures: 3, retries: 3},
		"pauses after errors": {outlet: moody{plugged: true, started: true, limit: 7, errs: []error{broken}},
			asked: []session.Actuate{pause}, failures: 1, retries: 1},
	} {
		t.Run(name, func(t *testing.T) {
			outlet, failures := test.outlet, 0
			d := NewDrive(&outlet)
			count := func(err error) {
				if err != nil {
					failures++
				}
			}
			for _, a := range test.asked {
				count(d.Actuate(session.Instant{}, a))
			}
			last := test.asked[len(test.asked)-1]
			if stopping := last == stop && test.retries > 0; d.Stopping() != stopping {
				t.Errorf("stopping %v, want %v", d.Stopping(), stopping)
			}
			outlet.plugged = outlet.plugged || test.plugIn
			for range test.retries {
				count(d.Retry(session.Instant{}))
			}
			if len(test.asked) == 1 && test.asked[0] == pause && slices.Contains(outlet.calls, "start") {
				t.Errorf("told: %v", outlet.calls)
			}
			if d.Stopping() || outlet.flows() != test.want || failures != test.failures {
				t.Errorf("%d mW flow, want %d; %d failures, want %d; stopping %v", outlet.flows(), test.want, failures, test.failures, d.Stopping())
			}
			calls := len(outlet.calls)
			if err := d.Retry(session.Instant{}); err != nil || len(outlet.calls) != calls {
				t.Errorf("an outlet that follows is told again: %v, %v", err, outlet.calls)
			}
		})
	}
}

func TestAnOutletThatKeptRunningIsOffBeforeTheStationServes(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		outlet := &moody{plugged: true, started: true, limit: 7, errs: []error{errors.New("no answer"), errors.New("no answer")}}
		w.outlet = outlet
		l := w.station.live(context.Background())
		s := w.newStation(l)
		c := w.caller("a")
		c.send(id(1), c.hello(id(1), nil))
		ctx, stop := context.WithTimeout(l.ctx, 3*time.Second)
		defer stop()
		var all sync.WaitGroup
		all.Go(func() { _ = s.Run(ctx) })
		if m := c.answer(); m == nil || outlet.flows() != 0 {
			t.Errorf("answered with %T, %d mW flow", m, outlet.flows())
		}
		all.Wait()
		if n := slices.Index(outlet.calls, "stop"); n != 0 {
			t.Errorf("told: %v", outlet.calls)
		}
		l.end()
	})
}

func TestI5_NoEnergyFlowsWithoutTheStationThatMetersIt(t *testing.T) {
	for name, chosen := range map[string]fate{"stopped": passes, "its store failed": failsFor} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, link.Faults{}, func(w *world) {
				w.plugIn(50_000_000)
				ctx, stop := context.WithTimeout(context.Background(), worldEnds)
				defer stop()
				var riding sync.WaitGroup
				riding.Go(func() { w.charge(ctx) })
				l := w.station.live(ctx)
				life, end := context.WithTimeout(l.ctx, 20*time.Second)
				defer end()
				began := time.Now()
				w.station.fault = func(_ int64, what what) fate {
					if what == commits && time.Since(began) > 15*time.Second {
						return chosen
					}
					return passes
				}
				err := w.newStation(l).Run(life)
				if errors.Is(err, ErrStoring) != (chosen == failsFor) {
					t.Errorf("ended with %v", err)
				}
				l.end()
				left := w.delivered()
				wait(ctx, time.Minute)
				if w.delivered() != left || left == 0 {
					t.Errorf("%d mWh flowed, then %d more", left, w.delivered()-left)
				}
				stop()
				riding.Wait()
			})
		})
	}
}

// deaf is a connector that does not return from its calls before it is let go.
type deaf struct {
	steadyMeter
	locked chan struct{}
}

func (d deaf) Sample(now time.Time) (meter.Sample, error) {
	<-d.locked
	return d.steadyMeter.Sample(now)
}

func TestAnOutletThatDoesNotAnswerHoldsUpNoOther(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		w.outlet = steadyMeter{time.Now()}
		ctx, stop := context.WithTimeout(context.Background(), worldEnds)
		defer stop()
		stuck := deaf{steadyMeter: steadyMeter{time.Now()}, locked: make(chan struct{})}
		first, second := w.newOutlet(), w.newOutlet()
		first.Connector, second.EVSE = stuck, "2"
		l := w.station.live(ctx)
		s := NewStation(l.deps(), first, second)
		var all sync.WaitGroup
		serving, end := context.WithCancel(l.ctx)
		all.Go(func() { _ = s.Run(serving) })
		c := w.caller("a")
		c.send(id(1), c.hello(id(1), nil)) // at the first outlet
		c.offered()
		record, err := w.steadyCharge(ctx, w.vehicle)
		if err != nil || record.Phase != session.PhaseEnded {
			t.Errorf("%v: %s, %s", err, record.Phase, record.Failure)
		}
		close(stuck.locked)
		end()
		all.Wait()
		l.end()
	})
}

package counter_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/meter"
	"joulepay/meter/counter"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func connector(t *testing.T, register int64, keep counter.Keep) *counter.Connector {
	t.Helper()
	c, err := counter.New(register, keep)
	noError(t, err)
	return c
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func register(t *testing.T, s meter.Source, now time.Time, state meter.State) int64 {
	t.Helper()
	got, err := s.Sample(now)
	noError(t, err)
	if got.State != state || got.Unit != meter.Count || !got.Time.Equal(now) {
		t.Fatalf("%+v, want the state %v at %v", got, state, now)
	}
	return got.Register
}

func take(t *testing.T, c *counter.Connector, n, want int64) {
	t.Helper()
	got, err := c.Take(at(0), n)
	noError(t, err)
	if got != want {
		t.Fatalf("%d pieces of %d, want %d", got, n, want)
	}
}

func TestI5_AConnectorCountsNoFurtherThanItMay(t *testing.T) {
	c := connector(t, 100, nil)
	take(t, c, 5, 0)
	register(t, c, at(0), meter.SuspendedStation)
	noError(t, c.Start(at(0), 103))
	take(t, c, 2, 2)
	take(t, c, 5, 1)
	take(t, c, 5, 0)
	if got := register(t, c, at(1), meter.Charging); got != 103 {
		t.Fatal(got)
	}
	noError(t, c.SetLimit(at(1), 0))
	register(t, c, at(1), meter.SuspendedStation)
	take(t, c, 1, 0)
	noError(t, c.SetLimit(at(2), 110))
	take(t, c, -1, 0)
	take(t, c, 1, 1)
	noError(t, c.Stop(at(3)))
	take(t, c, 1, 0)
	if got := register(t, c, at(3), meter.Ended); got != 104 {
		t.Fatal(got)
	}
}

func TestI4_APieceIsKeptBeforeItIsGivenOut(t *testing.T) {
	var kept []int64
	full := errors.New("the disk is full")
	c := connector(t, 7, func(register int64) error {
		if register > 8 {
			return full
		}
		kept = append(kept, register)
		return nil
	})
	noError(t, c.Start(at(0), 100))
	take(t, c, 1, 1)
	if n, err := c.Take(at(0), 1); n != 0 || !errors.Is(err, counter.ErrKeep) || !errors.Is(err, full) {
		t.Fatalf("%d pieces, %v", n, err)
	}
	if got := register(t, c, at(0), meter.Charging); got != 8 || !slices.Equal(kept, []int64{8}) {
		t.Fatalf("counted %d, kept %v", got, kept)
	}
	own, err := counter.NewTally(8, func(int64) error { return full })
	noError(t, err)
	if err := own.Add(1); !errors.Is(err, counter.ErrKeep) || own.Count() != 8 {
		t.Fatalf("%d, %v", own.Count(), err)
	}
}

func TestWhatChangedIsTold(t *testing.T) {
	c := connector(t, 0, nil)
	told := func() bool {
		select {
		case <-c.Changed():
			return true
		default:
			return false
		}
	}
	noError(t, c.Start(at(0), 5))
	take(t, c, 1, 1)
	if !told() || told() {
		t.Fatal("told otherwise than once")
	}
	take(t, c, 0, 0)
	if told() {
		t.Fatal("told of nothing")
	}
	noError(t, c.SetLimit(at(1), 9))
	if !told() {
		t.Fatal("more room is not told")
	}
}

func TestI9_WhatACounterCannotDoIsRefused(t *testing.T) {
	for _, register := range []int64{-1, counter.RegisterMax + 1} {
		if _, err := counter.New(register, nil); !errors.Is(err, counter.ErrConfig) {
			t.Errorf("a register of %d: %v", register, err)
		}
		if _, err := counter.NewTally(register, nil); !errors.Is(err, counter.ErrConfig) {
			t.Errorf("a count of %d: %v", register, err)
		}
	}
	c := connector(t, 0, nil)
	if err := c.SetLimit(at(0), 1); !errors.Is(err, meter.ErrNotStarted) {
		t.Error(err)
	}
	if err := c.Start(at(0), -1); !errors.Is(err, meter.ErrLimit) {
		t.Error(err)
	}
	noError(t, c.Start(at(0), 1))
	if err := c.Start(at(0), 1); !errors.Is(err, meter.ErrStarted) {
		t.Error(err)
	}
	if err := c.SetLimit(at(0), -1); !errors.Is(err, meter.ErrLimit) {
		t.Error(err)
	}
	own, err := counter.NewTally(0, nil)
	noError(t, err)
	for _, n := range []int64{-1, counter.RegisterMax + 1} {
		if err := own.Add(n); !errors.Is(err, counter.ErrConfig) {
			t.Errorf("%d more: %v", n, err)
		}
	}
}

// gate gives a gate and the passages for which it opened.
func gate(t *testing.T, trusting bool) (*counter.Gate, *[]int64) {
	t.Helper()
	opened := &[]int64{}
	g, err := counter.NewGate(connector(t, 10, nil), trusting, 10, func(_ time.Time, register int64) { *opened = append(*opened, register) })
	noError(t, err)
	return g, opened
}

func TestI5_ABarrierOpensOncePassageIsPaid(t *testing.T) {
	g, opened := gate(t, false)
	noError(t, g.Arrive(at(0)))
	if got := register(t, g, at(0), meter.SuspendedStation); got != 10 {
		t.Fatalf("counted %d before a session", got)
	}
	noError(t, g.Start(at(1), 11)) // one may be unpaid
	noError(t, g.Arrive(at(1)))
	if got := register(t, g, at(1), meter.Charging); got != 11 || len(*opened) != 0 || g.Opened() != 10 {
		t.Fatalf("counted %d, opened for %v", got, *opened)
	}
	noError(t, g.SetLimit(at(2), 12)) // it is paid
	if !slices.Equal(*opened, []int64{11}) {
		t.Fatalf("opened for %v", *opened)
	}
	noError(t, g.SetLimit(at(3), 12))
	if got := register(t, g, at(3), meter.Charging); got != 11 {
		t.Fatalf("nobody stands there, and %d are counted", got)
	}
	noError(t, g.Arrive(at(4)))
	noError(t, g.Stop(at(5)))
	noError(t, g.Start(at(6), 100))
	if got := register(t, g, at(6), meter.Charging); got != 12 || !slices.Equal(*opened, []int64{11}) {
		t.Fatalf("who left without paying passes later: %d, %v", got, *opened)
	}
}

func TestATrustingGateOpensBeforeItIsPaid(t *testing.T) {
	g, opened := gate(t, true)
	noError(t, g.Arrive(at(0)))
	noError(t, g.Start(at(1), 11))
	noError(t, g.Arrive(at(2))) // a second one, while the first is unpaid
	if got := register(t, g, at(2), meter.Charging); got != 11 || !slices.Equal(*opened, []int64{11}) {
		t.Fatalf("counted %d, opened for %v", got, *opened)
	}
	noError(t, g.SetLimit(at(3), 12))
	if !slices.Equal(*opened, []int64{11, 12}) {
		t.Fatalf("opened for %v", *opened)
	}
}

func TestI4_APassageThatWasCountedIsNotCountedAgain(t *testing.T) {
	opened := 0
	g, err := counter.NewGate(connector(t, 11, nil), false, 10, func(time.Time, int64) { opened++ })
	noError(t, err)
	noError(t, g.Start(at(0), 11))
	noError(t, g.Arrive(at(0)))
	if got := register(t, g, at(0), meter.Charging); got != 11 || opened != 0 {
		t.Fatalf("counted %d, opened %d times", got, opened)
	}
	noError(t, g.SetLimit(at(1), 12))
	if got := register(t, g, at(1), meter.Charging); got != 11 || opened != 1 {
		t.Fatalf("counted %d, opened %d times", got, opened)
	}
	if _, err := counter.NewGate(connector(t, 11, nil), false, 5, nil); !errors.Is(err, counter.ErrConfig) {
		t.Fatal(err)
	}
}

func TestI5_AGateNeverOpensForMoreThanIsPermitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trusting := rapid.Bool().Draw(t, "trusting")
		c, err := counter.New(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		var opened, paid int64
		g, err := counter.NewGate(c, trusting, 0, func(time.Time, int64) { opened++ })
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 50).Draw(t, "events") {
			switch rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				_ = g.Arrive(at(0))
			case 1:
				_ = g.Start(at(0), paid+1)
			case 2:
				if s, _ := g.Sample(at(0)); s.State == meter.Charging {
					paid = s.Register // a claim pays for all that is counted
				}
				_ = g.SetLimit(at(0), paid+1)
			case 3:
				_ = g.SetLimit(at(0), 0)
			case 4:
				_ = g.Stop(at(0))
			}
			s, _ := g.Sample(at(0))
			if unpaid := opened - paid; s.Register > paid+1 || unpaid > 1 || !trusting && unpaid > 0 {
				t.Fatalf("counted %d, opened for %d, paid %d", s.Register, opened, paid)
			}
		}
	})
}

func TestATallyCountsWhatAVehicleReceived(t *testing.T) {
	var kept int64
	own, err := counter.NewTally(40, func(register int64) error { kept = register; return nil })
	noError(t, err)
	noError(t, own.Add(2))
	if got := register(t, own, at(1), meter.Charging); got != 42 || kept != 42 || own.Count() != 42 {
		t.Fatalf("counted %d, kept %d", got, kept)
	}
	select {
	case <-own.Changed():
	default:
		t.Fatal("not told")
	}
}

func ExampleGate() {
	c, _ := counter.New(0, nil)
	g, _ := counter.NewGate(c, false, 0, func(_ time.Time, passage int64) { fmt.Println("open for passage", passage) })
	now := time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)
	_ = g.Start(now, 1)    // the session permits one unpaid passage
	_ = g.Arrive(now)      // which is counted
	_ = g.SetLimit(now, 2) // and paid: the next is permitted
	// Output: open for passage 1
}

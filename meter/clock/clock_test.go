package clock_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/meter"
	"joulepay/meter/clock"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func register(t *testing.T, s meter.Source, now time.Time, state meter.State) int64 {
	t.Helper()
	got, err := s.Sample(now)
	if err != nil {
		t.Fatal(err)
	}
	if got.State != state || got.Unit != meter.Seconds || got.PowerMilliwatts != 0 {
		t.Fatalf("%+v, want the state %v", got, state)
	}
	return got.Register
}

func place(t *testing.T, registerSeconds int64) *clock.Place {
	t.Helper()
	p, err := clock.NewPlace(registerSeconds)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPlaceCountsFromStartToStop(t *testing.T) {
	p := place(t, 100)
	if got := register(t, p, at(0), meter.SuspendedStation); got != 100 {
		t.Fatalf("a free place counted to %d", got)
	}
	noError(t, p.Start(at(10), 1))
	if got := register(t, p, at(12.9), meter.Charging); got != 102 || !p.Occupied() {
		t.Fatalf("%d after 2.9 s", got)
	}
	noError(t, p.Stop(at(20)))
	noError(t, p.Stop(at(30)))
	if got := register(t, p, at(40), meter.Ended); got != 110 || p.Occupied() {
		t.Fatalf("%d after 10 s", got)
	}
	noError(t, p.Start(at(50), 1))
	if got := register(t, p, at(51), meter.Charging); got != 111 {
		t.Fatalf("%d after one more", got)
	}
}

func TestAVehicleThatIsNotPaidForStillStandsThere(t *testing.T) {
	p := place(t, 0)
	noError(t, p.Start(at(0), 1))
	noError(t, p.SetLimit(at(5), 0))
	if got := register(t, p, at(8), meter.SuspendedStation); got != 8 {
		t.Fatalf("%d after 8 s", got)
	}
	noError(t, p.SetLimit(at(9), 1))
	register(t, p, at(10), meter.Charging)
}

func TestATimeWithoutItsMeterCountsToo(t *testing.T) {
	p, err := clock.ResumePlace(60, at(0))
	noError(t, err)
	if got := register(t, p, at(30), meter.SuspendedStation); got != 60 {
		t.Fatalf("%d before it is started", got)
	}
	noError(t, p.Start(at(40), 1))
	if got := register(t, p, at(41), meter.Charging); got != 101 {
		t.Fatalf("%d, want 41 s more than 60", got)
	}
	noError(t, p.Stop(at(50)))
	noError(t, p.Start(at(60), 1))
	if got := register(t, p, at(61), meter.Charging); got != 111 {
		t.Fatalf("%d: the next visit is its own", got)
	}
}

func TestI9_WhatAPlaceCannotDoIsRefused(t *testing.T) {
	for _, seconds := range []int64{-1, clock.RegisterSecondsMax + 1} {
		if _, err := clock.NewPlace(seconds); !errors.Is(err, clock.ErrConfig) {
			t.Errorf("a register of %d: %v", seconds, err)
		}
	}
	p := place(t, 0)
	if err := p.SetLimit(at(0), 1); !errors.Is(err, meter.ErrNotStarted) {
		t.Error(err)
	}
	if err := p.Start(at(0), -1); !errors.Is(err, meter.ErrLimit) {
		t.Error(err)
	}
	noError(t, p.Start(at(0), 1))
	if err := p.Start(at(1), 1); !errors.Is(err, meter.ErrStarted) {
		t.Error(err)
	}
	if err := p.SetLimit(at(1), -1); !errors.Is(err, meter.ErrLimit) {
		t.Error(err)
	}
}

func TestI10_ARegisterDoesNotDependOnHowOftenItIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		read, unread := mustPlace(), mustPlace()
		_, _ = read.Start(at(0), 1), unread.Start(at(0), 1)
		var now float64
		var last int64
		for range rapid.IntRange(1, 30).Draw(t, "samples") {
			now += rapid.Float64Range(-1, 5).Draw(t, "later")
			s, err := read.Sample(at(now))
			if err != nil || s.Register < last {
				t.Fatalf("%d after %d, %v", s.Register, last, err)
			}
			last = s.Register
		}
		a, _ := read.Sample(at(1000))
		b, _ := unread.Sample(at(1000))
		if a != b || a.Register != 1000 {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

func mustPlace() *clock.Place {
	p, err := clock.NewPlace(0)
	if err != nil {
		panic(err)
	}
	return p
}

func TestAWatchCountsFromTheFirstLook(t *testing.T) {
	w := clock.NewWatch()
	if got := register(t, w, at(5), meter.Charging); got != 0 {
		t.Fatal(got)
	}
	if got := register(t, w, at(65.5), meter.Charging); got != 60 {
		t.Fatal(got)
	}
	if got := register(t, w, at(60), meter.Charging); got != 60 {
		t.Fatalf("time fell: %d", got)
	}
}

func ExamplePlace() {
	p, _ := clock.NewPlace(0)
	in := time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)
	_ = p.Start(in, 1)
	s, _ := p.Sample(in.Add(45 * time.Minute))
	fmt.Println(s.Register, s.Unit)
	// Output: 2700 s
}

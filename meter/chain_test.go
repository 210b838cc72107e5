package meter_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/meter"
)

var session = [16]byte{0xaa, 0xbb}

func sample(register int64, second int) meter.Sample {
	return meter.Sample{
		Time:     time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC),
		Register: register, Exported: register / 2,
		Unit:                  meter.MilliwattHours,
		StateOfChargePermille: meter.StateOfChargeUnknown,
		State:                 meter.Charging,
	}
}

// extend makes and accepts the next reading.
func extend(t *testing.T, c *meter.Chain, s meter.Sample) meter.Reading {
	t.Helper()
	r, err := c.Next(s, meter.AttestedByStation)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Accept(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAChainRefusesWhatDoesNotContinueIt(t *testing.T) {
	station := meter.NewChain(session)
	first := extend(t, &station, sample(100, 1))
	second := extend(t, &station, sample(200, 2))
	third, err := station.Next(sample(300, 3), meter.AttestedByStation)
	if err != nil {
		t.Fatal(err)
	}
	change := func(by func(*meter.Reading)) meter.Reading {
		r := third
		by(&r)
		return r
	}
	cases := []struct {
		name    string
		reading meter.Reading
		want    error
	}{
		{"the next", third, nil},
		{"the next, register and time unchanged", change(func(r *meter.Reading) { r.Register, r.Time = second.Register, second.Time }), nil},
		{"the last again", second, meter.ErrRepeated},
		{"one before the last", first, meter.ErrGap},
		{"one too far", change(func(r *meter.Reading) { r.Sequence++ }), meter.ErrGap},
		{"another of the last sequence", change(func(r *meter.Reading) { r.Sequence-- }), meter.ErrGap},
		{"another predecessor", change(func(r *meter.Reading) { r.Previous = first.Hash() }), meter.ErrChain},
		{"register falls", change(func(r *meter.Reading) { r.Register = second.Register - 1 }), meter.ErrRegisterFell},
		{"what flowed back falls", change(func(r *meter.Reading) { r.Exported = second.Exported - 1 }), meter.ErrRegisterFell},
		{"time falls", change(func(r *meter.Reading) { r.Time = second.Time.Add(-time.Millisecond) }), meter.ErrTimeFell},
		{"unit changes", change(func(r *meter.Reading) { r.Unit, r.Exported = meter.Seconds, 0 }), meter.ErrUnitChanged},
		{"attestation changes", change(func(r *meter.Reading) { r.Attestation = meter.AttestedByMeter }), meter.ErrUnitChanged},
		{"session changes", change(func(r *meter.Reading) { r.Session[0]++ }), meter.ErrSession},
		{"invalid", change(func(r *meter.Reading) { r.State = 0 }), meter.ErrReading},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			chain := station
			if err := chain.Accept(c.reading); !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			last, _ := chain.Last()
			if want := map[bool]meter.Reading{true: c.reading, false: second}[c.want == nil]; last != want {
				t.Fatalf("the last reading is %+v, want %+v", last, want)
			}
		})
	}
}

func TestAChainBeginsWithABaseline(t *testing.T) {
	station := meter.NewChain(session)
	extend(t, &station, sample(100, 1))
	second := extend(t, &station, sample(200, 2))
	vehicle := meter.NewChain(session)
	if err := vehicle.Accept(second); !errors.Is(err, meter.ErrGap) {
		t.Fatal(err)
	}
	if _, ok := vehicle.Last(); ok {
		t.Fatal("a refused reading is the last one")
	}
}

func TestNothingFollowsTheEnd(t *testing.T) {
	chain := meter.NewChain(session)
	extend(t, &chain, sample(100, 1))
	end := sample(200, 2)
	end.State = meter.Ended
	extend(t, &chain, end)
	if _, err := chain.Next(sample(300, 3), meter.AttestedByStation); !errors.Is(err, meter.ErrEnded) {
		t.Fatal(err)
	}
}

func TestI9_ASampleThatCannotBeAReadingIsRefused(t *testing.T) {
	chain := meter.NewChain(session)
	for name, change := range map[string]func(*meter.Sample){
		"negative register": func(s *meter.Sample) { s.Register = -1 },
		"no unit":           func(s *meter.Sample) { s.Unit = 0 },
		"no state":          func(s *meter.Sample) { s.State = 0 },
		"overfull":          func(s *meter.Sample) { s.StateOfChargePermille = 1001 },
		"no time":           func(s *meter.Sample) { s.Time = time.Time{} },
	} {
		s := sample(1, 1)
		change(&s)
		if _, err := chain.Next(s, meter.AttestedByStation); !errors.Is(err, meter.ErrReading) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := chain.Next(sample(1, 1), 0); !errors.Is(err, meter.ErrReading) {
		t.Errorf("no attestation: %v", err)
	}
}

func TestAChainResumesFromItsLastReadingAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		station, vehicle := meter.NewChain(session), meter.NewChain(session)
		register, milliseconds := int64(0), int64(0)
		for range rapid.IntRange(1, 20).Draw(t, "readings") {
			register += rapid.Int64Range(0, 1_000_000).Draw(t, "flow")
			milliseconds += rapid.Int64Range(0, 100_000).Draw(t, "wait")
			s := sample(register, 0)
			s.Time = time.UnixMilli(milliseconds)
			reading, err := station.Next(s, meter.AttestedByMeter)
			if err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "station restarts") && reading.Sequence > 0 {
				last, _ := station.Last()
				if station, err = meter.ResumeChain(last); err != nil {
					t.Fatal(err)
				}
				again, err := station.Next(s, meter.AttestedByMeter)
				if err != nil || again != reading {
					t.Fatalf("%v: %+v, want %+v", err, again, reading)
				}
			}
			if err := station.Accept(reading); err != nil {
				t.Fatal(err)
			}
			if err := vehicle.Accept(reading); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "vehicle restarts") {
				if vehicle, err = meter.ResumeChain(reading); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestWhateverAChainAcceptsIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chain := meter.NewChain(session)
		var before meter.Reading
		for range rapid.IntRange(1, 30).Draw(t, "readings") {
			s := sample(rapid.Int64Range(-2, 10).Draw(t, "register"), rapid.IntRange(0, 10).Draw(t, "second"))
			r, err := chain.Next(s, meter.AttestedByStation)
			last, any := chain.Last()
			falls := any && (s.Register < last.Register || s.Time.Before(last.Time))
			if (err != nil) != (falls || s.Register < 0) {
				t.Fatalf("%+v after %+v: %v", s, last, err)
			}
			if err != nil {
				continue
			}
			if err := chain.Accept(r); err != nil {
				t.Fatal(err)
			}
			if any && (r.Sequence != before.Sequence+1 || r.Previous != before.Hash()) {
				t.Fatalf("%+v after %+v", r, before)
			}
			before = r
		}
	})
}

func TestAnInvalidReadingResumesNothing(t *testing.T) {
	if _, err := meter.ResumeChain(meter.Reading{}); !errors.Is(err, meter.ErrReading) {
		t.Fatal(err)
	}
}

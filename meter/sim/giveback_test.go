package sim_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/meter"
	"joulepay/meter/sim"
)

// parked is a mid-size car that gives back down to 40 %, with losses.
func parked() sim.Battery {
	b := sim.DefaultBattery()
	b.StateOfChargePermille, b.MaxReturnMilliwatts, b.ReturnFloorPermille, b.RoundTripPPM = 600, 20_000_000, 400, 900_000
	return b
}

func twoWay(t testing.TB, maxReturn int64, load sim.Load) *sim.Connector {
	t.Helper()
	cable := must[*sim.Cable](t)(sim.NewTwoWayCable(150_000_000, maxReturn, 1000, 500))
	if err := cable.Plug(load); err != nil {
		t.Fatal(err)
	}
	return sim.NewConnector(cable)
}

// battery is the oracle: a staircase of power over what is stored, millisecond by millisecond.
type battery struct {
	steps                                   []sim.Step
	stored, floor, in, drawn, roundTrip     int64
	maxPower, maxReturn, back, permit, most int64
}

func (b *battery) pass(milliseconds, limit int64) {
	for range milliseconds {
		if limit < 0 {
			draw := min(-limit, b.maxReturn, b.back, b.permit) * 1_000_000 / b.roundTrip
			draw = min(draw, max(b.stored-b.floor, 0))
			b.stored, b.drawn = b.stored-draw, b.drawn+draw
			continue
		}
		power, end := int64(0), int64(0)
		for _, s := range b.steps {
			if end += s.EnergyMicrojoules; b.stored < end {
				power = min(s.PowerMilliwatts, limit, b.maxPower)
				break
			}
		}
		power = min(power, b.most-b.stored)
		b.stored, b.in = b.stored+power, b.in+power
	}
}

func TestI10_BothRegistersDependOnTimeAndLimitsNotOnHowOftenTheyAreRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := sim.Battery{
			CapacityMilliwattHours: 10, StateOfChargePermille: int16(rapid.IntRange(0, 900).Draw(rt, "from")), TargetPermille: 900,
			MaxPowerMilliwatts: 200_000, KneePermille: int16(rapid.IntRange(0, 1000).Draw(rt, "knee")), FloorMilliwatts: 20_000,
			MaxReturnMilliwatts: 150_000, ReturnFloorPermille: int16(rapid.IntRange(0, 899).Draw(rt, "floor")),
			RoundTripPPM: rapid.Int64Range(500_000, 1_000_000).Draw(rt, "round trip"),
		}
		const permille = 10 * 3_600
		base := min(b.StateOfChargePermille, b.ReturnFloorPermille)
		oracle := battery{
			stored: permille * int64(b.StateOfChargePermille-base), floor: permille * int64(b.ReturnFloorPermille-base),
			most: permille * int64(b.TargetPermille-base), roundTrip: b.RoundTripPPM,
			maxPower: 150_000, maxReturn: 120_000, back: b.MaxReturnMilliwatts, permit: b.MaxReturnMilliwatts,
		}
		for p := base; p < b.TargetPermille; p++ {
			power := b.MaxPowerMilliwatts
			if p >= b.KneePermille {
				power -= (b.MaxPowerMilliwatts - b.FloorMilliwatts) * int64(p-b.KneePermille) / int64(1000-b.KneePermille)
			}
			oracle.steps = append(oracle.steps, sim.Step{EnergyMicrojoules: permille, PowerMilliwatts: power})
		}
		load := must[sim.Load](t)(b.Load())
		plugIn := func() *sim.Connector {
			cable := must[*sim.Cable](t)(sim.NewTwoWayCable(oracle.maxPower, oracle.maxReturn, 0, 0))
			if err := errors.Join(cable.Plug(load), sim.NewConnector(cable).Start(begin, 0)); err != nil {
				rt.Fatal(err)
			}
			return sim.NewConnector(cable)
		}
		reading, silent := plugIn(), plugIn()
		before, now, limit, arrived := meter.Sample{}, int64(0), int64(0), oracle.stored
		for range rapid.IntRange(1, 12).Draw(rt, "events") {
			wait := rapid.Int64Range(0, 300).Draw(rt, "wait")
			oracle.pass(wait, limit)
			for to := now + wait; now < to; now = min(to, now+rapid.Int64Range(1, 100).Draw(rt, "read after")) {
				s := sample(t, reading, at(now))
				if s.Register < before.Register || s.Exported < before.Exported || s.PowerMilliwatts < -oracle.maxReturn {
					rt.Fatalf("%+v after %+v", s, before)
				}
				before = s
			}
			limit = rapid.OneOf(rapid.Int64Range(-200_000, 200_000), rapid.SampledFrom([]int64{0, math.MinInt64, math.MaxInt64})).Draw(rt, "limit")
			permit := rapid.SampledFrom([]int64{oracle.permit, 0, 90_000, 150_000}).Draw(rt, "permit")
			oracle.permit = permit
			if limit == math.MinInt64 {
				limit++ // the oracle turns the sign
			}
			for _, c := range []*sim.Connector{reading, silent} {
				if err := errors.Join(c.SetLimit(at(now), limit), c.Cable().Permit(at(now), permit)); err != nil {
					rt.Fatal(err)
				}
			}
		}
		a, b2 := sample(t, reading, at(now)), sample(t, silent, at(now))
		wantIn, wantOut := oracle.in/3_600_000, oracle.drawn/1_000_000*oracle.roundTrip+oracle.drawn%1_000_000*oracle.roundTrip/1_000_000
		if a != b2 || a.Register != wantIn || a.Exported != wantOut/3_600_000 {
			rt.Fatalf("read often %+v, read once %+v, want %d and %d mWh", a, b2, wantIn, wantOut/3_600_000)
		}
		if oracle.stored != arrived+oracle.in-oracle.drawn { // what is in the battery is what went in less what was drawn
			rt.Fatalf("the oracle itself loses energy")
		}
		if soc := base + int16(int64(b.TargetPermille-base)*(oracle.stored/1000)/(oracle.most/1000)); a.StateOfChargePermille != soc {
			rt.Fatalf("%d permille, want %d", a.StateOfChargePermille, soc)
		}
	})
}

func TestABatteryGivesBackDownToItsFloorAndIsChargedAgain(t *testing.T) {
	c := twoWay(t, 11_000_000, must[sim.Load](t)(parked().Load()))
	if c.MaxReturnMilliwatts() != 11_000_000 || meter.MaxReturn(c) != 11_000_000 {
		t.Fatal(c.MaxReturnMilliwatts())
	}
	if err := c.Start(begin, -50_000_000); err != nil {
		t.Fatal(err)
	}
	s := sample(t, c, begin.Add(30*time.Minute))
	if s.State != meter.Charging || s.PowerMilliwatts > -10_999_999 || s.PowerMilliwatts < -11_000_000 || s.Register != 1000 {
		t.Fatalf("%+v", s)
	}
	if want := int64(500 + 5_500_000); s.Exported > want || s.Exported < want-1 {
		t.Fatalf("%d mWh given back, want %d", s.Exported, want)
	}
	// 20 % of 60 kWh, of which 90 % reach the plug
	s = sample(t, c, begin.Add(4*time.Hour))
	if s.Exported != 500+10_800_000 || s.StateOfChargePermille != 400 || s.PowerMilliwatts != 0 || s.State != meter.SuspendedStation {
		t.Fatalf("%+v", s)
	}
	if err := c.SetLimit(begin.Add(4*time.Hour), 60_000_000); err != nil {
		t.Fatal(err)
	}
	s = sample(t, c, begin.Add(8*time.Hour))
	if s.Register != 1000+30_000_000 || s.Exported != 500+10_800_000 || s.StateOfChargePermille != 900 || s.State != meter.SuspendedVehicle {
		t.Fatalf("%+v", s)
	}
	if err := c.SetLimit(begin.Add(8*time.Hour), -1_000_000); err != nil {
		t.Fatal(err)
	}
	if s = sample(t, c, begin.Add(9*time.Hour)); s.Exported < 500+11_799_999 || s.State != meter.Charging {
		t.Fatalf("a full battery gives nothing back: %+v", s)
	}
}

func TestNothingFlowsBackUnlessOutletAndVehicleLetIt(t *testing.T) {
	oneWay := started(t, 150_000_000, must[sim.Load](t)(parked().Load()))
	if err := oneWay.SetLimit(begin, -1); !errors.Is(err, meter.ErrLimit) || meter.MaxReturn(oneWay) != 0 {
		t.Errorf("%v", err)
	}
	closed := parked()
	closed.MaxReturnMilliwatts = 0
	for name, b := range map[string]sim.Battery{"one way": sim.DefaultBattery(), "closed": closed} {
		c := twoWay(t, 11_000_000, must[sim.Load](t)(b.Load()))
		if err := c.Start(begin, -11_000_000); err != nil {
			t.Fatal(err)
		}
		if s := sample(t, c, begin.Add(time.Hour)); s.Exported != 500 || s.State != meter.SuspendedStation || s.PowerMilliwatts != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	below := parked()
	below.StateOfChargePermille = 300
	c := twoWay(t, 11_000_000, must[sim.Load](t)(below.Load()))
	if err := errors.Join(c.Start(begin, -11_000_000)); err != nil {
		t.Fatal(err)
	}
	if s := sample(t, c, begin.Add(time.Hour)); s.Exported != 500 || s.StateOfChargePermille != 300 {
		t.Errorf("below its floor: %+v", s)
	}
	if err := c.Cable().Permit(begin, -1); !errors.Is(err, sim.ErrConfig) {
		t.Error(err)
	}
	c.Cable().Unplug(begin.Add(time.Hour))
	empty := must[*sim.Cable](t)(sim.NewTwoWayCable(1, 1, 0, 0))
	if err := empty.Permit(begin, 1); !errors.Is(err, meter.ErrNotPlugged) {
		t.Error(err)
	}
}

func TestBothRegistersCountAllVisits(t *testing.T) {
	c := twoWay(t, 11_000_000, must[sim.Load](t)(parked().Load()))
	now := begin
	for visit := int64(1); visit <= 3; visit++ {
		if visit > 1 {
			if err := c.Cable().Plug(must[sim.Load](t)(parked().Load())); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Start(now, -11_000_000); err != nil {
			t.Fatal(err)
		}
		now = now.Add(4 * time.Hour)
		c.Cable().Unplug(now)
		if s := sample(t, c, now); s.Exported != 500+visit*10_800_000 || s.Register != 1000 {
			t.Fatalf("visit %d: %+v", visit, s)
		}
	}
}

func TestI6_AMeterThatHidesWhatWasGivenBackIsFound(t *testing.T) {
	comparison := must[meter.Comparison](t)(meter.DefaultComparison(meter.SideDC))
	for _, v := range []struct {
		hiddenPPM, gainPPM int64
		found              bool
	}{{0, 0, false}, {0, 20_000, false}, {10_000, 0, false}, {100_000, 0, true}, {1_000_000, -10_000, true}} {
		cable := must[*sim.Cable](t)(sim.NewTwoWayCable(150_000_000, 50_000_000, 0, 0))
		if err := cable.Plug(must[sim.Load](t)(parked().Load())); err != nil {
			t.Fatal(err)
		}
		station := must[*sim.Connector](t)(sim.NewHidingConnector(cable, v.hiddenPPM))
		vehicle := must[*sim.Measurement](t)(sim.NewMeasurement(cable, v.gainPPM))
		if err := station.Start(begin, -50_000_000); err != nil {
			t.Fatal(err)
		}
		now := begin.Add(time.Hour)
		err := comparison.CheckReturned(sample(t, station, now).Exported, sample(t, vehicle, now).Exported)
		if (err != nil) != v.found || sample(t, vehicle, now).PowerMilliwatts > 0 {
			t.Errorf("hidden %d ppm, gain %d ppm: %v", v.hiddenPPM, v.gainPPM, err)
		}
	}
	if _, err := sim.NewHidingConnector(nil, 1_000_001); !errors.Is(err, sim.ErrConfig) {
		t.Error(err)
	}
}

func TestAReturnOutOfBoundsIsRefused(t *testing.T) {
	for name, change := range map[string]func(*sim.Battery){
		"power": func(b *sim.Battery) { b.MaxReturnMilliwatts = sim.PowerMilliwattsMax + 1 }, "negative": func(b *sim.Battery) { b.MaxReturnMilliwatts = -1 },
		"floor": func(b *sim.Battery) { b.ReturnFloorPermille = 1001 }, "round trip": func(b *sim.Battery) { b.RoundTripPPM = 1_000_001 },
	} {
		b := parked()
		change(&b)
		if _, err := b.Load(); !errors.Is(err, sim.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, v := range [][2]int64{{-1, 0}, {sim.PowerMilliwattsMax + 1, 0}, {0, -1}, {0, sim.RegisterMilliwattHoursMax + 1}} {
		if _, err := sim.NewTwoWayCable(1, v[0], 0, v[1]); !errors.Is(err, sim.ErrConfig) {
			t.Errorf("%v: %v", v, err)
		}
	}
}

package sim_test

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/meter"
	"joulepay/meter/sim"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(milliseconds int64) time.Time {
	return begin.Add(time.Duration(milliseconds) * time.Millisecond)
}

// must fails a test on errors that it does not provoke.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func plugged(t testing.TB, maxPower int64, load sim.Load) *sim.Connector {
	t.Helper()
	cable := must[*sim.Cable](t)(sim.NewCable(maxPower, 0))
	if err := cable.Plug(load); err != nil {
		t.Fatal(err)
	}
	return sim.NewConnector(cable)
}

func started(t testing.TB, maxPower int64, load sim.Load) *sim.Connector {
	t.Helper()
	c := plugged(t, maxPower, load)
	if err := c.Start(begin, maxPower); err != nil {
		t.Fatal(err)
	}
	return c
}

func sample(t testing.TB, s meter.Source, now time.Time) meter.Sample {
	t.Helper()
	return must[meter.Sample](t)(s.Sample(now))
}

func constant(t testing.TB, milliwattHours, milliwatts int64) sim.Load {
	t.Helper()
	return must[sim.Load](t)(sim.NewLoad([]sim.Step{{EnergyMicrojoules: milliwattHours * 3_600_000, PowerMilliwatts: milliwatts}}, -1, -1))
}

// event is a change of the limit after some milliseconds.
type event struct{ wait, limit int64 }

// walk is the oracle: the rule of the load, applied millisecond by millisecond.
func walk(steps []sim.Step, maxPower int64, events []event) int64 {
	taken, limit := int64(0), maxPower
	for _, e := range events {
		for range e.wait {
			power, end := int64(0), int64(0)
			for _, s := range steps {
				if end += s.EnergyMicrojoules; taken < end {
					power = min(s.PowerMilliwatts, limit, maxPower)
					break
				}
			}
			taken += power
		}
		limit = e.limit
	}
	total := int64(0)
	for _, s := range steps {
		total += s.EnergyMicrojoules
	}
	return min(taken, total) / 3_600_000
}

func TestI10_TheRegisterDependsOnTimeAndLimitsNotOnHowOftenItIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) sim.Step {
			return sim.Step{
				EnergyMicrojoules: rapid.Int64Range(1, 2_000_000_000).Draw(rt, "energy"),
				PowerMilliwatts:   rapid.Int64Range(1, 20_000_000).Draw(rt, "power"),
			}
		}), 0, 8).Draw(rt, "steps")
		const maxPower = 15_000_000
		load, err := sim.NewLoad(steps, 100, 900)
		if err != nil {
			rt.Fatal(err)
		}
		events := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) event {
			return event{rapid.Int64Range(0, 500).Draw(rt, "wait"), rapid.Int64Range(0, 20_000_000).Draw(rt, "limit")}
		}), 1, 8).Draw(rt, "events")
		reading, silent := started(t, maxPower, load), started(t, maxPower, load)
		now, before := int64(0), meter.Sample{StateOfChargePermille: -1}
		for _, e := range events {
			for to := now + e.wait; now < to; now = min(to, now+rapid.Int64Range(1, 200).Draw(rt, "read after")) {
				s := sample(t, reading, at(now))
				if s.Register < before.Register || s.StateOfChargePermille < before.StateOfChargePermille || s.PowerMilliwatts > maxPower {
					rt.Fatalf("%+v after %+v", s, before)
				}
				before = s
			}
			for _, c := range []*sim.Connector{reading, silent} {
				if err := c.SetLimit(at(now), e.limit); err != nil {
					rt.Fatal(err)
				}
			}
		}
		want := walk(steps, maxPower, events)
		if a, b := sample(t, reading, at(now)), sample(t, silent, at(now)); a != b || a.Register != want {
			rt.Fatalf("read often %+v, read once %+v, want %d mWh", a, b, want)
		}
	})
}

func TestABatteryTapersFromItsKnee(t *testing.T) {
	battery := sim.Battery{
		CapacityMilliwattHours: 60_000_000, StateOfChargePermille: 200, TargetPermille: 1000,
		MaxPowerMilliwatts: 120_000_000, KneePermille: 800, FloorMilliwatts: 12_000_000,
	}
	load := must[sim.Load](t)(battery.Load())
	if load.EnergyMilliwattHours() != 48_000_000 {
		t.Fatalf("%d mWh", load.EnergyMilliwattHours())
	}
	c := started(t, 150_000_000, load)
	// 36 kWh at 120 kW are 18 minutes, in which every second adds two permille of 30 kWh.
	const minute = 60_000
	if s := sample(t, c, at(9*minute)); s.Register != 18_000_000 || s.StateOfChargePermille != 500 || s.PowerMilliwatts != 120_000_000 {
		t.Fatalf("half way to the knee: %+v", s)
	}
	if s := sample(t, c, at(18*minute)); s.Register != 36_000_000 || s.StateOfChargePermille != 800 || s.PowerMilliwatts != 120_000_000 {
		t.Fatalf("at the knee: %+v", s)
	}
	half := false
	before := sample(t, c, at(18*minute))
	for s := before; s.State == meter.Charging; s = sample(t, c, s.Time.Add(time.Second)) {
		if s.PowerMilliwatts > before.PowerMilliwatts || s.PowerMilliwatts < battery.FloorMilliwatts {
			t.Fatalf("%+v after %+v", s, before)
		}
		if s.StateOfChargePermille == 900 {
			half = true
			if s.PowerMilliwatts != 66_000_000 { // half way between 120 and 12 kW
				t.Fatalf("at 90 %%: %+v", s)
			}
		}
		before = s
	}
	if end := sample(t, c, at(60*minute)); !half || end.Register != 48_000_000 || end.StateOfChargePermille != 1000 || end.State != meter.SuspendedVehicle || end.PowerMilliwatts != 0 {
		t.Fatalf("%+v", end)
	}
}

func TestABatteryAsksForNoMoreThanIsWanted(t *testing.T) {
	tests := []struct {
		wanted, energy int64
		target         int16
	}{
		{0, 42_000_000, 900},
		{200_000, 200_000, 203},       // in the first step, to the mWh
		{39_000_001, 39_000_001, 850}, // in the taper
		{50_000_000, 42_000_000, 900}, // more than there is room for
		{9_000_000_000, 42_000_000, 900},
	}
	for _, test := range tests {
		battery := sim.DefaultBattery()
		battery.WantedMilliwattHours = test.wanted
		load := must[sim.Load](t)(battery.Load())
		if got := load.EnergyMilliwattHours(); got != test.energy {
			t.Errorf("wanted %d: asks for %d, want %d", test.wanted, got, test.energy)
		}
		c := started(t, 150_000_000, load)
		end := sample(t, c, begin.Add(24*time.Hour))
		if end.Register != test.energy || end.StateOfChargePermille != test.target || end.State != meter.SuspendedVehicle {
			t.Errorf("wanted %d: ends at %d mWh, %d permille, %s", test.wanted, end.Register, end.StateOfChargePermille, end.State)
		}
	}
}

func TestABatteryStopsAskingAtItsTarget(t *testing.T) {
	for _, target := range []int16{200, 500, 850} {
		battery := sim.DefaultBattery()
		battery.TargetPermille = target
		c := started(t, 150_000_000, must[sim.Load](t)(battery.Load()))
		s := sample(t, c, begin.Add(time.Hour))
		if want := 60_000 * int64(target-200); s.Register != want || s.State != meter.SuspendedVehicle || s.StateOfChargePermille != target {
			t.Errorf("target %d: %+v, want %d mWh", target, s, want)
		}
	}
}

func TestAConnectorObeysItsContract(t *testing.T) {
	cable := must[*sim.Cable](t)(sim.NewCable(22_000_000, 0))
	c := sim.NewConnector(cable)
	state := func(want meter.State, power int64, now int64) {
		t.Helper()
		if s := sample(t, c, at(now)); s.State != want || s.PowerMilliwatts != power {
			t.Fatalf("%+v, want %v with %d mW", s, want, power)
		}
	}
	fails := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
	}
	if c.Plugged() || c.MaxPowerMilliwatts() != 22_000_000 {
		t.Fatal("plugged before anybody came")
	}
	state(meter.SuspendedStation, 0, 0)
	fails(c.Start(at(0), 1), meter.ErrNotPlugged)
	fails(c.SetLimit(at(0), 1), meter.ErrNotStarted)
	fails(c.Stop(at(0)), nil)
	state(meter.SuspendedStation, 0, 0)
	fails(cable.Plug(constant(t, 1_000_000, 11_000_000)), nil)
	fails(cable.Plug(constant(t, 1_000_000, 11_000_000)), sim.ErrPlugged)
	state(meter.SuspendedStation, 0, 1000)
	fails(c.Start(at(1000), -1), meter.ErrLimit)
	fails(c.Start(at(1000), 22_000_000), nil)
	fails(c.Start(at(1000), 22_000_000), meter.ErrStarted)
	state(meter.Charging, 11_000_000, 1000)
	fails(c.SetLimit(at(2000), -1), meter.ErrLimit)
	fails(c.SetLimit(at(2000), 3_600_000), nil)
	state(meter.Charging, 3_600_000, 3000)
	fails(c.SetLimit(at(3000), 0), nil)
	state(meter.SuspendedStation, 0, 4000)
	fails(c.SetLimit(at(4000), math.MaxInt64), nil)
	state(meter.Charging, 11_000_000, 4000)
	fails(c.Stop(at(5000)), nil)
	state(meter.Ended, 0, 5000)
	want := int64((11_000_000 + 3_600_000 + 11_000_000) * 1000 / 3_600_000)
	if s := sample(t, c, at(60_000)); s.Register != want {
		t.Fatalf("%d mWh after the stop, want %d", s.Register, want)
	}
	fails(c.Stop(at(60_000)), nil)
	fails(c.SetLimit(at(60_000), 1), meter.ErrNotStarted)
	fails(c.Start(at(60_000), 22_000_000), nil) // the same vehicle, another session
	state(meter.Charging, 11_000_000, 60_000)
	cable.Unplug(at(61_000))
	state(meter.Ended, 0, 61_000)
	cable.Unplug(at(62_000))
	fails(c.Start(at(62_000), 1), meter.ErrNotPlugged)
}

func TestAnOutletGivesNoMoreThanItsPower(t *testing.T) {
	c := started(t, 7_200_000, constant(t, 10_000_000, 11_000_000))
	if err := c.SetLimit(begin, math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	if s := sample(t, c, at(3_600_000)); s.Register != 7_200_000 || s.PowerMilliwatts != 7_200_000 {
		t.Fatalf("%+v", s)
	}
}

func TestTimeInACableNeverFalls(t *testing.T) {
	c := started(t, 3_600_000, constant(t, 1_000_000, 3_600_000))
	late := sample(t, c, at(10_000))
	if early := sample(t, c, at(5_000)); early != late {
		t.Fatalf("%+v after %+v", early, late)
	}
	if err := c.Stop(at(5_000)); err != nil {
		t.Fatal(err)
	}
	if s := sample(t, c, at(20_000)); s.Register != late.Register {
		t.Fatalf("%+v", s)
	}
}

func TestTheRegisterCountsAllVisits(t *testing.T) {
	cable := must[*sim.Cable](t)(sim.NewCable(1_000_000, 500))
	c := sim.NewConnector(cable)
	now := int64(0)
	for range 6 { // six visits of a sixth of a milliwatt-hour more than a whole one
		if err := cable.Plug(constant(t, 10, 600_000)); err != nil {
			t.Fatal(err)
		}
		if err := c.Start(at(now), 1_000_000); err != nil {
			t.Fatal(err)
		}
		now += 7
		cable.Unplug(at(now))
	}
	if s := sample(t, c, at(now)); s.Register != 507 {
		t.Fatalf("%d mWh, want 507", s.Register)
	}
}

func TestAResumedLoadTakesWhatIsLeft(t *testing.T) {
	load := must[sim.Load](t)(must[sim.Load](t)(sim.DefaultBattery().Load()).After(40_000_000))
	cable := must[*sim.Cable](t)(sim.NewCable(150_000_000, 41_000_000))
	if err := cable.Plug(load); err != nil {
		t.Fatal(err)
	}
	c := sim.NewConnector(cable)
	first := sample(t, c, begin)
	if err := c.Start(begin, 150_000_000); err != nil {
		t.Fatal(err)
	}
	last := sample(t, c, begin.Add(time.Hour))
	if first.Register != 41_000_000 || first.StateOfChargePermille != 866 || last.Register != 43_000_000 || last.StateOfChargePermille != 900 {
		t.Fatalf("from %+v to %+v", first, last)
	}
	done := must[sim.Load](t)(load.After(50_000_000))
	if s := sample(t, started(t, 1, done), at(1000)); s.State != meter.SuspendedVehicle || s.Register != 0 {
		t.Fatalf("a load that was delivered asks for more: %+v", s)
	}
}

func TestI6_ALyingMeterIsFoundAndAnHonestOneIsNot(t *testing.T) {
	comparison, err := meter.DefaultComparison(meter.SideDC)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		inflatePPM, gainPPM int64
		found               bool
	}{{0, 0, false}, {0, -20_000, false}, {0, 20_000, false}, {10_000, -10_000, false}, {100_000, 0, true}, {100_000, -10_000, true}, {60_000, 10_000, true}} {
		cable := must[*sim.Cable](t)(sim.NewCable(150_000_000, 3_000_000))
		if err := cable.Plug(must[sim.Load](t)(sim.DefaultBattery().Load())); err != nil {
			t.Fatal(err)
		}
		station := must[*sim.Connector](t)(sim.NewLyingConnector(cable, v.inflatePPM))
		vehicle := must[*sim.Measurement](t)(sim.NewMeasurement(station.Cable(), v.gainPPM))
		claimed, measured := sample(t, station, begin).Register, sample(t, vehicle, begin).Register
		if err := station.Start(begin, 150_000_000); err != nil {
			t.Fatal(err)
		}
		found := false
		for seconds := int64(1); seconds < 3600; seconds++ {
			s := sample(t, station, at(seconds*1000))
			if comparison.Check(s.Register-claimed, sample(t, vehicle, at(seconds*1000)).Register-measured) != nil {
				found = true
			}
		}
		if found != v.found {
			t.Errorf("inflated by %d ppm, measured with %d ppm: found %v", v.inflatePPM, v.gainPPM, found)
		}
	}
}

func TestStationAndVehicleMayLookAtOnce(t *testing.T) {
	c := started(t, 150_000_000, must[sim.Load](t)(sim.DefaultBattery().Load()))
	vehicle := must[*sim.Measurement](t)(sim.NewMeasurement(c.Cable(), 0))
	var group sync.WaitGroup
	for _, source := range []meter.Source{c, vehicle} {
		group.Go(func() {
			register := int64(0)
			for i := range int64(500) {
				s, err := source.Sample(at(i * 100))
				if err != nil || s.Register < register {
					t.Errorf("%+v after %d: %v", s, register, err)
				}
				register = s.Register
			}
		})
	}
	group.Wait()
}

func TestI9_SettingsOutOfBoundsAreRefused(t *testing.T) {
	battery := func(change func(*sim.Battery)) error {
		b := sim.DefaultBattery()
		change(&b)
		_, err := b.Load()
		return err
	}
	load := func(steps []sim.Step, from, to int16) error {
		_, err := sim.NewLoad(steps, from, to)
		return err
	}
	cable := func(power, register int64) error {
		_, err := sim.NewCable(power, register)
		return err
	}
	good := must[sim.Load](t)(sim.DefaultBattery().Load())
	_, after := good.After(-1)
	_, lying := sim.NewLyingConnector(nil, -1)
	_, doubling := sim.NewLyingConnector(nil, 1_000_001)
	_, measurement := sim.NewMeasurement(nil, 500_001)
	_, negative := sim.NewMeasurement(nil, -500_001)
	for name, err := range map[string]error{
		"no capacity":        battery(func(b *sim.Battery) { b.CapacityMilliwattHours = 0 }),
		"endless capacity":   battery(func(b *sim.Battery) { b.CapacityMilliwattHours = math.MaxInt64 }),
		"no power":           battery(func(b *sim.Battery) { b.MaxPowerMilliwatts = 0 }),
		"endless power":      battery(func(b *sim.Battery) { b.MaxPowerMilliwatts = math.MaxInt64 }),
		"negative want":      battery(func(b *sim.Battery) { b.WantedMilliwattHours = -1 }),
		"endless want":       battery(func(b *sim.Battery) { b.WantedMilliwattHours = math.MaxInt64 }),
		"no floor":           battery(func(b *sim.Battery) { b.FloorMilliwatts = 0 }),
		"floor above all":    battery(func(b *sim.Battery) { b.FloorMilliwatts = b.MaxPowerMilliwatts + 1 }),
		"knee beyond full":   battery(func(b *sim.Battery) { b.KneePermille = 1001 }),
		"target below start": battery(func(b *sim.Battery) { b.TargetPermille = 199 }),
		"target beyond full": battery(func(b *sim.Battery) { b.TargetPermille = 1001 }),
		"step without power": load([]sim.Step{{1, 0}}, 0, 0),
		"step of nothing":    load([]sim.Step{{0, 1}}, 0, 0),
		"overflowing steps":  load([]sim.Step{{1, 1}, {math.MaxInt64, 1}}, 0, 0),
		"too many steps":     load(make([]sim.Step, 5000), 0, 0),
		"falling charge":     load(nil, 2, 1),
		"half unknown":       load(nil, -1, 1),
		"dead cable":         cable(0, 0),
		"negative register":  cable(1, -1),
		"endless register":   cable(1, math.MaxInt64),
		"negative delivery":  after,
		"deflating":          lying,
		"more than doubling": doubling,
		"wild sensor":        measurement,
		"wild sensor below":  negative,
	} {
		if !errors.Is(err, sim.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingOverflowsAtTheBounds(t *testing.T) {
	b := sim.Battery{
		CapacityMilliwattHours: sim.EnergyMilliwattHoursMax, TargetPermille: 1000,
		MaxPowerMilliwatts: sim.PowerMilliwattsMax, KneePermille: 0, FloorMilliwatts: 1,
	}
	cable := must[*sim.Cable](t)(sim.NewCable(sim.PowerMilliwattsMax, sim.RegisterMilliwattHoursMax))
	if err := cable.Plug(must[sim.Load](t)(b.Load())); err != nil {
		t.Fatal(err)
	}
	c := must[*sim.Connector](t)(sim.NewLyingConnector(cable, 1_000_000))
	if err := c.Start(begin, math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	s := sample(t, c, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	if want := int64(2 * (sim.RegisterMilliwattHoursMax + sim.EnergyMilliwattHoursMax)); s.Register != want || s.State != meter.SuspendedVehicle {
		t.Fatalf("%+v, want %d", s, want)
	}
}

func ExampleNewMeasurement() {
	load, err := sim.DefaultBattery().Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	cable, err := sim.NewCable(150_000_000, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := cable.Plug(load); err != nil {
		fmt.Println(err)
		return
	}
	station := sim.NewConnector(cable)
	vehicle, err := sim.NewMeasurement(cable, -10_000) // shows 1 % too little
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	if err := station.Start(now, 60_000_000); err != nil {
		fmt.Println(err)
		return
	}
	now = now.Add(10 * time.Minute)
	claimed, _ := station.Sample(now)
	measured, _ := vehicle.Sample(now)
	fmt.Println(claimed.Register, measured.Register, claimed.State, claimed.StateOfChargePermille)
	// Output: 10000000 9900000 charging 366
}

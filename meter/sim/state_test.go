package sim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/sim"
)

func cableState(register, milliseconds int64) sim.CableState {
	return sim.CableState{
		Register: register, Time: at(milliseconds), PowerMilliwatts: 11_000_000, StateOfChargePermille: 420,
		State: meter.Charging, Plugged: true,
	}
}

func TestTheStateOfACableSurvivesItsJSON(t *testing.T) {
	c := started(t, 150_000_000, must[sim.Load](t)(sim.DefaultBattery().Load()))
	for _, ms := range []int64{0, 1, 123_456, 10_000_000} {
		want := must[sim.CableState](t)(c.Cable().State(at(ms)))
		b := must[[]byte](t)(want.Encode())
		if got := must[sim.CableState](t)(sim.DecodeCableState(b)); got != want || len(b) > sim.CableStateSizeMax {
			t.Errorf("%s is %+v, want %+v", b, got, want)
		}
	}
	const text = `{"register_mwh":5,"time":"2026-01-02T03:04:05.007Z","power_mw":11000000,"soc_permille":420,"state":"charging","plugged":true}`
	if b := must[[]byte](t)(cableState(5, 7).Encode()); string(b) != text {
		t.Errorf("%s, want %s", b, text)
	}
}

func TestI9_JSONThatIsNoStateIsRefused(t *testing.T) {
	good := string(must[[]byte](t)(cableState(5, 7).Encode()))
	swap := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("%q is not in %s", from, good)
		}
		return strings.Replace(good, from, to, 1)
	}
	for _, text := range []string{
		"", "{}", "null", "[]", good[1:], swap(":5,", ":-5,"), swap(":5,", ":9223372036854775807,"), swap(":11000000,", ":-10000000001,"), swap(":11000000,", ":10000000001,"),
		swap(`,"time"`, `,"exported_mwh":-1,"time"`), swap(`,"time"`, `,"exported_mwh":9223372036854775807,"time"`), swap(":420,", ":1001,"),
		swap(":420,", ":-2,"), swap("charging", "flying"), swap("2026", "0001"), swap(`"2026-01-02T03:04:05.007Z"`, "null"),
		good + strings.Repeat(" ", sim.CableStateSizeMax),
	} {
		if s, err := sim.DecodeCableState([]byte(text)); !errors.Is(err, sim.ErrState) {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
	if _, err := (sim.CableState{}).Encode(); !errors.Is(err, sim.ErrState) {
		t.Error(err)
	}
}

func TestARemoteCableKnowsTheNewestAndNeverFalls(t *testing.T) {
	remote := sim.NewRemoteCable()
	vehicle := must[*sim.Measurement](t)(sim.NewMeasurement(remote, 10_000))
	if _, err := vehicle.Sample(begin); !errors.Is(err, meter.ErrNoSample) {
		t.Fatal(err)
	}
	for _, v := range []struct {
		tell         sim.CableState
		register, ms int64
	}{
		{cableState(100_000, 1000), 101_000, 1000},
		{cableState(200_000, 2000), 202_000, 2000},
		{cableState(100_000, 1000), 202_000, 2000}, // overtaken
		{cableState(200_000, 2000), 202_000, 2000}, // repeated
		{cableState(150_000, 3000), 202_000, 3000}, // restarted from its last stored reading
		{cableState(300_000, 4000), 303_000, 4000},
	} {
		if err := remote.Update(v.tell); err != nil {
			t.Fatal(err)
		}
		if s := sample(t, vehicle, begin.Add(time.Hour)); s.Register != v.register || !s.Time.Equal(at(v.ms)) {
			t.Fatalf("after %+v: %+v", v.tell, s)
		}
	}
	if err := remote.Update(cableState(-1, 5000)); !errors.Is(err, sim.ErrState) {
		t.Fatal(err)
	}
}

func FuzzDecodeCableState(f *testing.F) {
	b, err := cableState(5, 7).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := sim.DecodeCableState(b)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatalf("%s is read and cannot be written: %v", b, err)
		}
		if back, err := sim.DecodeCableState(again); err != nil || back != s {
			t.Fatalf("%s: %+v, %v, want %+v", again, back, err, s)
		}
	})
}

package execmeter

import (
	"errors"
	"testing"
	"time"

	"joulepay/meter"
)

func TestALineIsRead(t *testing.T) {
	r, err := parseLine([]byte(`{"register":7,"unit":"s","time":"2026-03-04T05:06:07.8999+01:00","power_mw":-3,"soc_permille":1000,"state":"suspended_ev","plugged":false}`))
	if err != nil {
		t.Fatal(err)
	}
	want := reading{sample: meter.Sample{
		Time: time.Date(2026, 3, 4, 4, 6, 7, 899_000_000, time.UTC), Register: 7, Unit: meter.Seconds,
		PowerMilliwatts: -3, StateOfChargePermille: 1000, State: meter.SuspendedVehicle,
	}}
	if r != want {
		t.Fatalf("%+v", r)
	}
}

func TestI9_LinesThatAreNoReadingAreRefused(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `5`, `{}`, `{"register_mwh":1`, `{"register_mwh":1} {}`, `{"register_mwh":1}x`,
		`{"register_mwh":1.5}`, `{"register_mwh":1e3}`, `{"register_mwh":"1"}`, `{"register_mwh":-1}`,
		`{"register_mwh":9223372036854775808}`, `{"register_mwh":null}`,
		`{"register":1}`, `{"unit":"s"}`, `{"register":1,"unit":"kWh"}`, `{"register":1,"unit":""}`,
		`{"register_mwh":1,"register":1,"unit":"mWh"}`, `{"register_mwh":1,"unit":"mWh"}`,
		`{"register_mwh":1,"soc_permille":1001}`, `{"register_mwh":1,"soc_permille":-2}`,
		`{"register_mwh":1,"state":"idle"}`, `{"register_mwh":1,"state":3}`,
		`{"register_mwh":1,"time":"yesterday"}`, `{"register_mwh":1,"time":"0001-01-01T00:00:00Z"}`,
		`{"register_mwh":1,"exported_mwh":-1}`, `{"register":1,"unit":"s","exported_mwh":1}`, `{"register_mwh":1,"exported_mwh":1.5}`,
		`{"register_mwh":1,"power_mw":99999999999999}`, `{"register_mwh":1,"registr":2}`,
	} {
		if r, err := parseLine([]byte(text)); err == nil {
			t.Errorf("%s was read as %+v", text, r)
		}
	}
}

func TestALineThatContradictsTheOneBeforeIsRefused(t *testing.T) {
	parse := func(text string) reading {
		r, err := parseLine([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	plain, timed := parse(`{"register_mwh":5}`), parse(`{"register_mwh":5,"time":"2026-03-04T05:06:07Z"}`)
	for _, c := range []struct {
		before reading
		after  string
		good   bool
	}{
		{plain, `{"register_mwh":5}`, true},
		{plain, `{"register":6,"unit":"mWh"}`, true},
		{plain, `{"register_mwh":4}`, false},
		{plain, `{"register":6,"unit":"s"}`, false},
		{plain, `{"register_mwh":6,"time":"2026-03-04T05:06:07Z"}`, false},
		{timed, `{"register_mwh":6,"time":"2026-03-04T05:06:07Z"}`, true},
		{timed, `{"register_mwh":6,"time":"2026-03-04T05:06:06Z"}`, false},
		{timed, `{"register_mwh":6}`, false},
		{plain, `{"register_mwh":5,"exported_mwh":1}`, true},
		{parse(`{"register_mwh":5,"exported_mwh":2}`), `{"register_mwh":5,"exported_mwh":1}`, false},
		{parse(`{"register_mwh":5,"exported_mwh":2}`), `{"register_mwh":6}`, false},
	} {
		if err := parse(c.after).follows(c.before); (err == nil) != c.good {
			t.Errorf("%s: %v", c.after, err)
		}
	}
}

func TestAProgramsLastReadingOutlivesIt(t *testing.T) {
	m, err := Open([]string{"echo", `{"register_mwh":2,"state":"ended"}`}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	<-m.ended
	if err := m.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := m.Sample(time.Unix(0, 0)); err != nil || s.Register != 2 || s.State != meter.Ended {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := m.Sample(time.Unix(0, 0)); !errors.Is(err, ErrExited) {
		t.Fatal(err)
	}
	if err := m.Next(t.Context()); !errors.Is(err, ErrExited) {
		t.Fatal(err)
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"register_mwh":1234567,"power_mw":11000000,"soc_permille":420,"state":"charging"}`))
	f.Add([]byte(`{"register":7,"unit":"s","time":"2026-03-04T05:06:07Z","plugged":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseLine(text)
		if err != nil {
			return
		}
		chain := meter.NewChain([16]byte{1})
		if _, err := chain.Next(r.sample, meter.AttestedByStation); err != nil && !r.sample.Time.IsZero() {
			t.Fatalf("a line that was accepted makes no reading: %v", err)
		}
	})
}

package ocpp_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocpp"
	"joulepay/meter/ocpp/ocpptest"
)

// driver is the DID of the vehicle whose contract the recordings name.
const driver = "did:joule:z6MkexampleOfADriver"

func oneStation(connectors ...int) []ocpp.StationConfig {
	c := ocpp.StationConfig{ID: "S001"}
	for _, n := range connectors {
		c.Connectors = append(c.Connectors, ocpp.ConnectorConfig{Number: n, MaxPowerMw: 150_000_000, RegisterMwh: 7_000_000})
	}
	return []ocpp.StationConfig{c}
}

// signing lets a station bill only what its meters signed.
func signing(c []ocpp.StationConfig) []ocpp.StationConfig {
	for i := range c[0].Connectors {
		c[0].Connectors[i].SignedRequired = true
	}
	return c
}

func contracts() map[string]string { return map[string]string{driver: "DID-0001"} }

func start(t *testing.T, w *world, o *ocpp.Outlet) {
	t.Helper()
	o.Hold(driver)
	if err := o.Start(w.clock(), o.MaxPowerMilliwatts()); err != nil {
		t.Fatal(err)
	}
}

func sampled(t *testing.T, w *world, o *ocpp.Outlet) meter.Sample {
	t.Helper()
	s, err := o.Sample(w.clock())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASimulatorThatSignsIsReplayed16(t *testing.T) {
	w := serve(t, ocpp.Config{Stations: signing(oneStation(1)), Contracts: contracts()})
	s := ocpptest.MustDial(t, w.url+"S001", "ocpp1.6", nil)
	o := w.system.Station(0).Outlet(1)
	w.at(8, 2, 17)
	s.Replay(ocpptest.Recording(t, "vcp-ocpp16.jsonl"), func(step ocpptest.Step) {
		w.pass(time.Second)
		switch step.Action {
		case "RemoteStartTransaction":
			start(t, w, o)
		case "SetChargingProfile":
			if err := o.Stop(w.clock()); !errors.Is(err, meter.ErrPending) {
				t.Error(err)
			}
		}
	}, nil)
	got := sampled(t, w, o)
	if got.State != meter.Ended || got.Register != 7_000_000+140_100 || !strings.HasPrefix(got.Evidence, "OCMF|") {
		t.Fatalf("%+v", got)
	}
	quirks := w.quirks()
	for _, want := range []ocpp.Quirk{ocpp.QuirkRegisterText, ocpp.QuirkStopRounded, ocpp.QuirkKeyText} {
		if !quirks[string(want)] {
			t.Errorf("%s is not named: %v", want, quirks)
		}
	}
	if id, booted := w.system.Station(0).Identity(); !booted || id.Vendor != "Solidstudio" || id.Model != "VirtualChargePoint" {
		t.Errorf("%+v", id)
	}
}

func (w *world) of(kind ocpp.EventKind) []ocpp.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []ocpp.Event
	for _, e := range w.events {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

func TestASimulatorThatSignsIsReplayed201(t *testing.T) {
	w := serve(t, ocpp.Config{Stations: signing(oneStation(1)), Contracts: contracts()})
	s := ocpptest.MustDial(t, w.url+"S001", "ocpp2.0.1", nil)
	o := w.system.Station(0).Outlet(1)
	var between meter.Sample
	w.at(8, 2, 57)
	s.Replay(ocpptest.Recording(t, "vcp-ocpp201.jsonl"), func(step ocpptest.Step) {
		w.pass(time.Second)
		switch step.Action {
		case "RequestStartTransaction":
			start(t, w, o)
		case "RequestStopTransaction":
			between = sampled(t, w, o)
			if err := o.Stop(w.clock()); !errors.Is(err, meter.ErrPending) {
				t.Error(err)
			}
		}
	}, nil)
	if between.Register != 7_150_000 || between.State != meter.Charging {
		t.Errorf("150.01 \"kWh\" in 15 s: %+v", between)
	}
	got := sampled(t, w, o)
	if got.State != meter.Ended || got.Register != 7_200_000 || !strings.HasPrefix(got.Evidence, "OCMF|") {
		t.Fatalf("%+v", got)
	}
	quirks := w.quirks()
	for _, want := range []ocpp.Quirk{ocpp.QuirkKWhLabel, ocpp.QuirkRegisterText, ocpp.QuirkStopRounded, ocpp.QuirkKeyText, ocpp.QuirkSequence} {
		if !quirks[string(want)] {
			t.Errorf("%s is not named: %v", want, quirks)
		}
	}
}

// One of the simulators gives every record the page T99: the times alone tell its transactions apart.
func TestAPageThatNeverChangesIsAcceptedForItsTimes(t *testing.T) {
	w := serve(t, ocpp.Config{Stations: signing(oneStation(1)), Contracts: contracts()})
	o := w.system.Station(0).Outlet(1)
	for _, run := range []struct {
		file, version  string
		minute, second int
	}{{"vcp-ocpp16.jsonl", "ocpp1.6", 2, 17}, {"vcp-ocpp201.jsonl", "ocpp2.0.1", 2, 57}} {
		w.at(8, run.minute, run.second)
		s := ocpptest.MustDial(t, w.url+"S001", run.version, nil)
		s.Replay(ocpptest.Recording(t, run.file), func(step ocpptest.Step) {
			w.pass(time.Second)
			switch step.Action {
			case "RemoteStartTransaction", "RequestStartTransaction":
				start(t, w, o)
			case "SetChargingProfile", "RequestStopTransaction":
				if err := o.Stop(w.clock()); err != nil && !errors.Is(err, meter.ErrPending) {
					t.Error(err)
				}
			}
		}, nil)
		s.Leave()
	}
	if got := sampled(t, w, o); got.Register != 7_000_000+140_100+200_000 || got.Evidence == "" {
		t.Fatalf("%+v", got)
	}
	if !w.quirks()[string(ocpp.QuirkPage)] {
		t.Errorf("%v", w.quirks())
	}
}

// holder lets a driver hold the connector at which the recorded station, which begins its transactions itself, begins one.
func holder(t *testing.T, w *world) func(ocpptest.Step) {
	return func(step ocpptest.Step) {
		w.pass(time.Second)
		var m struct {
			Connector int    `json:"connectorId"`
			Event     string `json:"eventType"`
			EVSE      struct {
				ID int `json:"id"`
			} `json:"evse"`
		}
		if err := json.Unmarshal(step.Payload, &m); err != nil {
			t.Fatal(err)
		}
		if step.Action != "StartTransaction" && m.Event != "Started" {
			return
		}
		o := w.system.Station(0).Outlet(max(m.Connector, m.EVSE.ID))
		o.Hold("")
		o.Hold(driver)
		if err := o.Start(w.clock(), o.MaxPowerMilliwatts()); err != nil && !errors.Is(err, ocpp.ErrUnsigned) {
			t.Fatal(err)
		}
	}
}

func TestASimulatorThatStartsByItselfIsReplayed16(t *testing.T) {
	w := serve(t, ocpp.Config{Stations: oneStation(1, 2, 3), Contracts: contracts()})
	s := ocpptest.MustDial(t, w.url+"S001", "ocpp1.6", nil)
	w.at(8, 4, 43)
	s.Replay(ocpptest.Recording(t, "sap-ocpp16.jsonl"), holder(t, w), nil)
	got := map[int][]int64{}
	for _, e := range w.of(ocpp.EventEnded) {
		got[e.Connector] = append(got[e.Connector], e.EnergyMwh/1000)
		if e.Signed {
			t.Errorf("a hash is taken for a signature: %+v", e)
		}
	}
	want := map[int][]int64{1: {28, 21, 19}, 2: {21, 4, 45}, 3: {8, 1, 21}} // meterStop, the last of connector 1 sent twice
	if !reflect.DeepEqual(got, want) {
		t.Errorf("delivered %v Wh, want %v", got, want)
	}
	if n := len(w.of(ocpp.EventUnsigned)); n != 3 {
		t.Errorf("%d records without a signature were told of, want 3", n)
	}
	if faults := w.of(ocpp.EventFault); len(faults) != 0 {
		t.Errorf("%+v", faults)
	}
}

func TestAHashInPlaceOfASignatureIsRefusedWhereSignaturesAreRequired(t *testing.T) {
	t.Run("1.6, at the stop", func(t *testing.T) {
		w := serve(t, ocpp.Config{Stations: signing(oneStation(1, 2, 3)), Contracts: contracts()})
		s := ocpptest.MustDial(t, w.url+"S001", "ocpp1.6", nil)
		w.at(8, 4, 43)
		lines := ocpptest.Recording(t, "sap-ocpp16.jsonl")
		s.Replay(until(t, lines, "StopTransaction", 3), holder(t, w), nil)
		o := w.system.Station(0).Outlet(1)
		got, err := o.Sample(w.clock())
		if !errors.Is(err, ocpp.ErrUnsigned) || got.State != meter.Ended || got.Register != 7_000_000 || got.Evidence != "" {
			t.Fatalf("%+v, %v", got, err)
		}
		if o.Hold(driver); !errors.Is(o.Start(w.clock(), 1), ocpp.ErrUnsigned) || !errors.Is(o.Ready(), ocpp.ErrUnsigned) {
			t.Error("the next is served")
		}
		if _, err := w.system.Station(0).Outlet(2).Sample(w.clock()); !errors.Is(err, ocpp.ErrUnsigned) {
			t.Errorf("no record at all: %v", err)
		}
	})
	t.Run("2.0.1, before energy flows", func(t *testing.T) {
		w := serve(t, ocpp.Config{Stations: signing(oneStation(1)), Contracts: contracts()})
		s := ocpptest.MustDial(t, w.url+"S001", "ocpp2.0.1", nil)
		w.at(8, 16, 41)
		lines := ocpptest.Recording(t, "sap-ocpp201.jsonl")
		s.Replay(until(t, lines, "TransactionEvent", 1), holder(t, w), nil)
		if _, err := w.system.Station(0).Outlet(1).Sample(w.clock()); !errors.Is(err, ocpp.ErrUnsigned) {
			t.Fatal(err)
		}
		s.Expect("RequestStopTransaction")
	})
}

func TestASimulatorThatStartsByItselfIsReplayed201(t *testing.T) {
	w := serve(t, ocpp.Config{Stations: oneStation(1), Contracts: contracts()})
	s := ocpptest.MustDial(t, w.url+"S001", "ocpp2.0.1", nil)
	w.at(8, 16, 41)
	s.Replay(ocpptest.Recording(t, "sap-ocpp201.jsonl"), holder(t, w), nil)
	ended := w.of(ocpp.EventEnded)
	if len(ended) != 3 || len(w.of(ocpp.EventUnsigned)) != 3 || len(w.of(ocpp.EventFault)) != 0 {
		t.Fatalf("%+v", w.of(ocpp.EventFault))
	}
	for _, e := range ended {
		if e.EnergyMwh != 0 || e.Signed {
			t.Errorf("%+v", e)
		}
	}
	if !w.quirks()[string(ocpp.QuirkNoEVSE)] {
		t.Errorf("%v", w.quirks())
	}
}

// until cuts a recording after the n-th call with an action, and its answer.
func until(t *testing.T, lines []ocpptest.Line, action string, n int) []ocpptest.Line {
	t.Helper()
	for i, l := range lines {
		if len(l.Frame) == 4 && string(l.Frame[2]) == `"`+action+`"` {
			if n--; n == 0 {
				return lines[:i+2]
			}
		}
	}
	t.Fatalf("the recording has not so many %s", action)
	return nil
}

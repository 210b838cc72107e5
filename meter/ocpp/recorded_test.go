package ocpp_test

import (
	"errors"
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
	w := serve(t, ocpp.Config{Stations: oneStation(1), Contracts: contracts(), SignedRequired: true})
	s := ocpptest.MustDial(t, w.url+"S001", "ocpp1.6", nil)
	o := w.system.Station(0).Outlet(1)
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

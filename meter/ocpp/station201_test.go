package ocpp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocpp"
	"joulepay/meter/ocpp/ocpptest"
)

// station201 is a station of OCPP 2.0.1 that a test plays by hand.
type station201 struct {
	*ocpptest.Station
	t     *testing.T
	w     *world
	calls int
}

func connect201(t *testing.T, w *world) *station201 {
	t.Helper()
	s := &station201{Station: ocpptest.MustDial(t, w.url+"S001", "ocpp2.0.1", nil), t: t, w: w}
	s.does("BootNotification", `{"reason":"PowerUp","chargingStation":{"vendorName":"Acme","model":"Two"}}`)
	s.Expect("SetVariables")
	for range 2 * w.connectors {
		s.Expect("TriggerMessage")
	}
	return s
}

func (s *station201) does(action, payload string) json.RawMessage {
	s.t.Helper()
	s.calls++
	f := s.Ask(fmt.Sprintf("call-%d", s.calls), action, payload)
	if f.Kind != ocpp.CallResult {
		s.t.Fatalf("%s: %s %s", action, f.Code, f.Detail)
	}
	return f.Payload
}

// event sends a TransactionEvent and tells whether its token may charge, "" where it has none. A register below zero is none.
func (s *station201) event(kind, state, token string, wh int) string {
	s.t.Helper()
	more := ""
	if token != "" {
		more += fmt.Sprintf(`,"idToken":{"idToken":%q,"type":"Central"}`, token)
	}
	if wh >= 0 {
		more += fmt.Sprintf(`,"meterValue":[{"timestamp":%q,"sampledValue":[{"value":%d}]}]`, s.w.clock().Format(time.RFC3339Nano), wh)
	}
	raw := s.does("TransactionEvent", fmt.Sprintf(`{"eventType":%q,"timestamp":%q,"triggerReason":"Trigger","seqNo":%d,"evse":{"id":1},
		"transactionInfo":{"transactionId":"tx-1","chargingState":%q}%s}`, kind, s.w.clock().Format(time.RFC3339Nano), s.calls, state, more))
	var answer struct {
		Info struct{ Status string } `json:"idTokenInfo"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer.Info.Status
}

func world201(t *testing.T) *world {
	return serve(t, ocpp.Config{Stations: oneStation(1), Contracts: contracts()})
}

// Stations with TxStartPoint EVConnected begin a transaction with the cable, long before anybody pays.
func TestATransactionThatBeganWithTheCableDeliversOnceItIsPaid(t *testing.T) {
	w := world201(t)
	s := connect201(t, w)
	o := w.system.Station(0).Outlet(1)
	if err := o.Stop(w.clock()); err != nil { // as a charger does to every outlet when it starts
		t.Fatal(err)
	}
	s.event("Started", "EVConnected", "", 1000)
	if err := o.Stop(w.clock()); err != nil {
		t.Fatal(err)
	}
	w.pass(10 * time.Minute)
	o.Hold(driver)
	if got := sampled(t, w, o); got.State != meter.SuspendedStation || got.Register != 7_000_000 {
		t.Fatalf("%+v", got)
	}
	if err := o.Start(w.clock(), o.MaxPowerMilliwatts()); err != nil {
		t.Fatal(err)
	}
	if f := s.Expect("RequestStartTransaction"); !strings.Contains(string(f.Payload), `"DID-0001"`) {
		t.Fatalf("%s", f.Payload)
	}
	if status := s.event("Updated", "Charging", "DID-0001", 1000); status != "Accepted" {
		t.Fatal(status)
	}
	w.pass(5 * time.Second)
	s.event("Updated", "Charging", "", 1020)
	if got := sampled(t, w, o); got.State != meter.Charging || got.Register != 7_020_000 {
		t.Fatalf("%+v", got)
	}
	s.event("Updated", "SuspendedEV", "", 1021)
	if got := sampled(t, w, o); got.State != meter.SuspendedVehicle {
		t.Fatalf("%+v", got)
	}
	if err := o.Stop(w.clock()); !errors.Is(err, meter.ErrPending) {
		t.Fatal(err)
	}
	s.Expect("SetChargingProfile")
	s.Expect("RequestStopTransaction")
	s.event("Ended", "Idle", "", 1021)
	if n := len(w.of(ocpp.EventStray)) + len(w.of(ocpp.EventFault)); n != 0 {
		t.Fatalf("%+v", w.events)
	}
	if got := sampled(t, w, o); got.State != meter.Ended || got.Register != 7_021_000 {
		t.Fatalf("%+v", got)
	}
}

func TestEnergyThatFlowsBeforeAnybodyPaysIsAFault(t *testing.T) {
	w := world201(t)
	s := connect201(t, w)
	s.event("Started", "EVConnected", "", 1000)
	w.pass(60 * time.Second)
	s.event("Updated", "Charging", "", 2000)
	if fault := w.awaits(ocpp.EventFault); !errors.Is(fault.Err, ocpp.ErrUnpaidEnergy) {
		t.Fatal(fault.Err)
	}
	s.Expect("RequestStopTransaction")
}

func TestACardThatNobodyPaysForIsRefused(t *testing.T) {
	w := world201(t)
	s := connect201(t, w)
	if status := s.event("Started", "EVConnected", "CARD", 1000); status != "Invalid" {
		t.Fatal(status)
	}
	if f := s.Expect("RequestStopTransaction"); !strings.Contains(string(f.Payload), `"tx-1"`) {
		t.Fatalf("%s", f.Payload)
	}
}

func TestATransactionOfAnotherCentralSystemIsStopped(t *testing.T) {
	w := world201(t)
	s := connect201(t, w)
	s.event("Updated", "Charging", "", 5000)
	s.Expect("RequestStopTransaction")
	s.event("Ended", "Idle", "", 5001)
	if got := sampled(t, w, w.system.Station(0).Outlet(1)); got.Register != 7_000_000 {
		t.Fatalf("%+v", got)
	}
}

func TestEventsThatAreRepeatedCountOnce(t *testing.T) {
	w := world201(t)
	s := connect201(t, w)
	o := w.system.Station(0).Outlet(1)
	start(t, w, o)
	s.Expect("RequestStartTransaction")
	for range 2 {
		if status := s.event("Started", "Charging", "DID-0001", 1000); status != "Accepted" {
			t.Fatal(status)
		}
	}
	w.pass(5 * time.Second)
	for range 2 {
		s.event("Updated", "Charging", "", 1100)
	}
	for range 2 {
		s.event("Ended", "Idle", "", 1101)
	}
	if n := len(w.of(ocpp.EventEnded)); n != 1 {
		t.Fatalf("it ended %d times", n)
	}
	if got := sampled(t, w, o); got.Register != 7_101_000 {
		t.Fatalf("%+v", got)
	}
}

func TestALimitOfTheLaterVersionIsTold(t *testing.T) {
	w := world201(t)
	s := connect201(t, w)
	o := w.system.Station(0).Outlet(1)
	start(t, w, o)
	s.Expect("RequestStartTransaction")
	s.event("Started", "Charging", "DID-0001", 1000)
	if err := o.SetLimit(w.clock(), 0); err != nil {
		t.Fatal(err)
	}
	f := s.Expect("SetChargingProfile")
	var m struct {
		EVSE    int `json:"evseId"`
		Profile struct {
			Transaction string `json:"transactionId"`
			Schedule    []struct {
				Unit    string                     `json:"chargingRateUnit"`
				Periods []struct{ Limit *float64 } `json:"chargingSchedulePeriod"`
			} `json:"chargingSchedule"`
		} `json:"chargingProfile"`
	}
	if err := json.Unmarshal(f.Payload, &m); err != nil || m.EVSE != 1 || m.Profile.Transaction != "tx-1" || *m.Profile.Schedule[0].Periods[0].Limit != 0 {
		t.Fatalf("%s: %v", f.Payload, err)
	}
}

package ocpp_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"joulepay/meter/ocpp"
	"joulepay/meter/ocpp/ocpptest"
)

// station16 is a station of OCPP 1.6 that a test plays by hand.
type station16 struct {
	*ocpptest.Station
	t     *testing.T
	w     *world
	calls int
}

// connect16 connects, boots, and is told how to meter.
func connect16(t *testing.T, w *world) *station16 {
	t.Helper()
	s := &station16{Station: ocpptest.MustDial(t, w.url+"S001", "ocpp1.6", nil), t: t, w: w}
	s.does("BootNotification", `{"chargePointVendor":"Acme","chargePointModel":"One"}`)
	s.Expect("ChangeConfiguration")
	for range 2 * w.connectors {
		s.Expect("TriggerMessage")
	}
	return s
}

// does makes a call that must be answered, and gives the answer.
func (s *station16) does(action, payload string) json.RawMessage {
	s.t.Helper()
	s.calls++
	f := s.Ask(fmt.Sprintf("call-%d", s.calls), action, payload)
	if f.Kind != ocpp.CallResult {
		s.t.Fatalf("%s: %s %s", action, f.Code, f.Detail)
	}
	return f.Payload
}

func (s *station16) status(connector int, status string) {
	s.t.Helper()
	s.does("StatusNotification", fmt.Sprintf(`{"connectorId":%d,"errorCode":"NoError","status":%q}`, connector, status))
}

// starts begins a transaction and gives its number, and whether it may go on.
func (s *station16) starts(connector int, tag string, wh int64) (int64, bool) {
	s.t.Helper()
	var answer struct {
		Transaction int64 `json:"transactionId"`
		Info        struct{ Status string }
	}
	raw := s.does("StartTransaction", fmt.Sprintf(`{"connectorId":%d,"idTag":%q,"meterStart":%d,"timestamp":%q}`, connector, tag, wh, s.now()))
	var tagged struct {
		Info struct{ Status string } `json:"idTagInfo"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &tagged); err != nil {
		s.t.Fatal(err)
	}
	return answer.Transaction, tagged.Info.Status == "Accepted"
}

func (s *station16) now() string { return s.w.clock().Format(time.RFC3339Nano) }

func (s *station16) meters(connector int, transaction int64, wh string) {
	s.t.Helper()
	s.metersAt(s.w.clock(), connector, transaction, wh)
}

func (s *station16) metersAt(at time.Time, connector int, transaction int64, wh string) {
	s.t.Helper()
	s.does("MeterValues", fmt.Sprintf(`{"connectorId":%d,"transactionId":%d,"meterValue":[{"timestamp":%q,"sampledValue":[{"value":%q}]}]}`,
		connector, transaction, at.Format(time.RFC3339Nano), wh))
}

func (s *station16) stops(transaction, wh int64) {
	s.t.Helper()
	s.does("StopTransaction", fmt.Sprintf(`{"transactionId":%d,"meterStop":%d,"timestamp":%q}`, transaction, wh, s.now()))
}

// limitOf gives the limit of a SetChargingProfile.
func limitOf(t *testing.T, f ocpp.Frame) float64 {
	t.Helper()
	var m struct {
		Profile struct {
			Schedule struct {
				Periods []struct{ Limit float64 } `json:"chargingSchedulePeriod"`
			} `json:"chargingSchedule"`
		} `json:"csChargingProfiles"`
	}
	if err := json.Unmarshal(f.Payload, &m); err != nil || len(m.Profile.Schedule.Periods) != 1 {
		t.Fatalf("%s: %v", f.Payload, err)
	}
	return m.Profile.Schedule.Periods[0].Limit
}

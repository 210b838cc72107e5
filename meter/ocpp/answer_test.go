package ocpp

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"
)

// actions are what a station may call, in either version, and one that none knows.
var actions = []string{
	"BootNotification", "Heartbeat", "StatusNotification", "Authorize", "StartTransaction", "MeterValues", "StopTransaction",
	"TransactionEvent", "DataTransfer", "SecurityEventNotification", "NotifyEvent", "Unknown",
}

// FuzzAnswer looks for calls that panic, that are not answered, or after which an outlet bills what nobody asked for.
func FuzzAnswer(f *testing.F) {
	for _, payload := range []string{
		`{"connectorId":1,"idTag":"T","meterStart":0,"timestamp":"2026-11-20T08:00:00Z"}`,
		`{"connectorId":1,"transactionId":1,"meterValue":[{"timestamp":"2026-11-20T08:00:00Z","sampledValue":[{"value":"5","unit":"kWh"}]}]}`,
		`{"transactionId":1,"meterStop":5,"timestamp":"2026-11-20T08:00:00Z","transactionData":[{"timestamp":"2026-11-20T08:00:00Z","sampledValue":[{"format":"SignedData","value":"OCMF|{}|{}"}]}]}`,
		`{"eventType":"Started","timestamp":"2026-11-20T08:00:00Z","seqNo":0,"transactionInfo":{"transactionId":"x"},"evse":{"id":1},"meterValue":[{"timestamp":"2026-11-20T08:00:00Z","sampledValue":[{"value":5,"unitOfMeasure":{"unit":"Wh","multiplier":2},"signedMeterValue":{"signedMeterData":"","signingMethod":"","encodingMethod":"","publicKey":""}}]}]}`,
	} {
		for i := range actions {
			f.Add(uint8(i), false, []byte(payload))
			f.Add(uint8(i), true, []byte(payload))
		}
	}
	f.Fuzz(func(t *testing.T, action uint8, later bool, payload []byte) {
		if !json.Valid(payload) || len(payload) > FrameSizeMax {
			return // DecodeFrame lets nothing else through
		}
		system, err := New(Config{Now: func() time.Time { return at(0) },
			Stations: []StationConfig{{ID: "S", Connectors: []ConnectorConfig{{Number: 1, MaxPowerMw: outletMw}}}}})
		if err != nil {
			t.Fatal(err)
		}
		st, d := system.Station(0), dialect(v16{})
		if later {
			d = v201{}
		}
		call := Frame{Kind: Call, ID: "1", Action: actions[int(action)%len(actions)], Payload: payload}
		for range 2 {
			answer := st.answer(d, call)
			if answer.ID != "1" || answer.Kind != CallResult && answer.Kind != CallError {
				t.Fatalf("%+v", answer)
			}
			if _, err := answer.Encode(); err != nil {
				t.Fatal(err)
			}
		}
		st.Outlet(1).Hold("did:joule:somebody")
		if s, err := st.Outlet(1).Sample(at(0)); s.Register != 0 {
			t.Fatalf("%+v, %v", s, err)
		}
	})
}

func TestQuirksAreNamedInOrder(t *testing.T) {
	q := quirks{QuirkStopRounded: true, QuirkPage: true, QuirkKeyText: true}
	if got := q.list(); !slices.IsSorted(got) || len(got) != 3 {
		t.Fatal(got)
	}
}

func TestEveryRefusalHasACodeOfTheStandard(t *testing.T) {
	for err, want := range map[error]string{ErrAction: "NotImplemented", ErrPayload: "TypeConstraintViolation", errors.New("other"): "InternalError"} {
		if got := codeOf(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

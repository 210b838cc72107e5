package ocpp_test

import (
	"errors"
	"strings"
	"testing"

	"joulepay/meter/ocpp"
	"joulepay/meter/ocpp/ocpptest"
)

func TestFramesAreReadAsTheStandardHasThem(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      error
		id        string
	}{
		{"call", `[2,"1","Heartbeat",{}]`, nil, "1"},
		{"result", `[3,"1",{"status":"Accepted"}]`, nil, "1"},
		{"error", `[4,"1","NotSupported","no",{}]`, nil, "1"},
		{"error without details", `[4,"1","NotSupported",""]`, nil, "1"},
		{"white space", " [ 2 , \"1\" , \"Heartbeat\" , { } ] ", nil, "1"},
		{"brackets in a text", `[2,"1","Heartbeat",{"a":"[[[[[[[[[[[[[[[[[[[[[[\"[["}]`, nil, "1"},
		{"nothing", ``, ocpp.ErrFrame, ""},
		{"not JSON", `[2,`, ocpp.ErrFrame, ""},
		{"not an array", `{"a":1}`, ocpp.ErrFrame, ""},
		{"two elements", `[2,"1"]`, ocpp.ErrFrame, ""},
		{"six elements", `[2,"1","a",{},{},{}]`, ocpp.ErrFrame, ""},
		{"another kind", `[5,"1","a",{}]`, ocpp.ErrFrame, "1"},
		{"kind is no number", `["2","1","a",{}]`, ocpp.ErrFrame, ""},
		{"id is no text", `[2,1,"a",{}]`, ocpp.ErrFrame, ""},
		{"id is empty", `[2,"","a",{}]`, ocpp.ErrFrame, ""},
		{"id is long", `[2,"` + strings.Repeat("i", 65) + `","a",{}]`, ocpp.ErrFrame, ""},
		{"action is empty", `[2,"1","",{}]`, ocpp.ErrFrame, "1"},
		{"action is long", `[2,"1","` + strings.Repeat("a", 65) + `",{}]`, ocpp.ErrFrame, "1"},
		{"payload is null", `[2,"1","a",null]`, ocpp.ErrFrame, "1"},
		{"payload is an array", `[3,"1",[]]`, ocpp.ErrFrame, "1"},
		{"result with an action", `[3,"1","a",{}]`, ocpp.ErrFrame, "1"},
		{"deep", `[2,"1","a",` + strings.Repeat(`{"a":`, 20) + `1` + strings.Repeat(`}`, 20) + `]`, ocpp.ErrFrame, ""},
		{"large", `[2,"1","a",{"a":"` + strings.Repeat("x", ocpp.FrameSizeMax) + `"}]`, ocpp.ErrFrame, ""},
		{"not UTF-8", "[2,\"1\",\"a\",{\"a\":\"\xff\"}]", ocpp.ErrFrame, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := ocpp.DecodeFrame([]byte(c.raw))
			if !errors.Is(err, c.want) || f.ID != c.id && c.want == nil {
				t.Fatalf("%+v, %v", f, err)
			}
			if c.want == nil && c.id != f.ID {
				t.Fatalf("%+v", f)
			}
		})
	}
}

// FuzzFrame looks for frames that panic, or that are not read again as they were.
func FuzzFrame(f *testing.F) {
	for _, raw := range []string{`[2,"1","Heartbeat",{}]`, `[3,"1",{"a":[1,2,{"b":"c"}]}]`, `[4,"1","NotSupported","no",{}]`, `[2,"1","a",{"a":"\ud800"}]`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		frame, err := ocpp.DecodeFrame(raw)
		if err != nil {
			if !errors.Is(err, ocpp.ErrFrame) {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		again, err := frame.Encode()
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		got, err := ocpp.DecodeFrame(again)
		if len(again) > ocpp.FrameSizeMax {
			return // what was short may be longer with its texts escaped
		}
		if err != nil || got.Kind != frame.Kind || got.ID != frame.ID || got.Action != frame.Action || got.Code != frame.Code {
			t.Fatalf("%q became %q: %v", raw, again, err)
		}
	})
}

func TestI9_NoMessageEndsTheCentralSystem(t *testing.T) {
	w := world16(t)
	for _, version := range []string{"ocpp1.6", "ocpp2.0.1"} {
		s := ocpptest.MustDial(t, w.url+"S001", version, nil)
		for i, c := range []struct{ raw, code string }{
			{`[2,"x","Reset",{}]`, "NotImplemented"},
			{`[2,"x","BootNotification",{"chargePointVendor":5,"chargingStation":5}]`, "TypeConstraintViolation"},
			{`[2,"x","StatusNotification",{"connectorId":"one","evseId":"one"}]`, "TypeConstraintViolation"},
			{`[2,"x","Authorize",{"idTag":[],"idToken":[]}]`, "TypeConstraintViolation"},
			{`[2,"x","",{}]`, "FormationViolation"},
		} {
			s.WriteRaw([]byte(c.raw))
			if f := s.Answer("x"); f.Kind != ocpp.CallError || f.Code != c.code || strings.Contains(f.Detail, "one") {
				t.Errorf("%s, %d: %+v", version, i, f)
			}
		}
		for _, raw := range []string{`nonsense`, `[3,"nobody",{}]`, `[4,"nobody","x","y",{}]`, `[2]`, `[]`, `{}`, `[9,"1","a",{}]`} {
			s.WriteRaw([]byte(raw)) // nobody can be answered
		}
		if f := s.Ask("h", "Heartbeat", `{}`); f.Kind != ocpp.CallResult {
			t.Errorf("%s: %+v", version, f)
		}
		s.Leave()
	}
}

func TestI9_TransactionsWithImpossibleValuesAreRefused(t *testing.T) {
	w := world16(t)
	s := connect16(t, w)
	o := w.system.Station(0).Outlet(1)
	start(t, w, o)
	s.Expect("RemoteStartTransaction")
	for _, payload := range []string{
		`{"connectorId":1,"idTag":"DID-0001","meterStart":-1,"timestamp":"2026-11-20T08:00:00Z"}`,
		`{"connectorId":1,"idTag":"DID-0001","meterStart":9223372036854775807,"timestamp":"2026-11-20T08:00:00Z"}`,
		`{"connectorId":1,"idTag":"DID-0001","meterStart":1e99,"timestamp":"2026-11-20T08:00:00Z"}`,
		`{"connectorId":1,"idTag":"DID-0001","meterStart":0,"timestamp":"yesterday"}`,
		`{"connectorId":1,"idTag":"DID-0001","meterStart":0}`,
		`{"connectorId":1,"idTag":"","meterStart":0,"timestamp":"2026-11-20T08:00:00Z"}`,
		`{"connectorId":1,"idTag":"` + strings.Repeat("x", 300) + `","meterStart":0,"timestamp":"2026-11-20T08:00:00Z"}`,
	} {
		if f := s.Ask("bad", "StartTransaction", payload); f.Kind != ocpp.CallError {
			t.Errorf("%.100s: %+v", payload, f)
		}
	}
	transaction, _ := s.starts(1, "DID-0001", 0)
	for _, value := range []string{`"-1"`, `"1e300"`, `"NaN"`, `"Infinity"`, `"` + strings.Repeat("9", 60) + `"`, `"0x10"`, `""`, `null`, `true`, `"1e-400"`} {
		f := s.Ask("bad", "MeterValues", `{"connectorId":1,"transactionId":`+jsonInt(transaction)+
			`,"meterValue":[{"timestamp":"2026-11-20T08:00:01Z","sampledValue":[{"value":`+value+`}]}]}`)
		if f.Kind != ocpp.CallError {
			t.Errorf("%s: %+v", value, f)
		}
	}
	many := strings.TrimSuffix(strings.Repeat(`{"value":"1"},`, 1001), ",")
	f := s.Ask("bad", "MeterValues", `{"connectorId":1,"transactionId":`+jsonInt(transaction)+
		`,"meterValue":[{"timestamp":"2026-11-20T08:00:01Z","sampledValue":[`+many+`]}]}`)
	if f.Kind != ocpp.CallError {
		t.Errorf("too many values: %+v", f)
	}
	if got := sampled(t, w, o); got.Register != 7_000_000 {
		t.Errorf("%+v", got)
	}
}

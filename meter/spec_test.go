package meter_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"joulepay/meter"
)

func TestASpecIsParsed(t *testing.T) {
	for text, want := range map[string]meter.Spec{
		"sim":                     {Kind: meter.KindSim},
		"ocpp":                    {Kind: meter.KindOCPP},
		"replay:a/b.csv#12":       {Kind: meter.KindReplay, Path: "a/b.csv", Row: 12},
		"replay:a#1.csv#0":        {Kind: meter.KindReplay, Path: "a#1.csv"},
		"replay:C:/a.csv":         {Kind: meter.KindReplay, Path: "C:/a.csv"},
		"exec:./read --port a":    {Kind: meter.KindExec, Command: []string{"./read", "--port", "a"}},
		"exec: ./read  --port\ta": {Kind: meter.KindExec, Command: []string{"./read", "--port", "a"}},
	} {
		got, err := meter.ParseSpec(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
			continue
		}
		if again, err := meter.ParseSpec(got.String()); err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%q is written %q, which is %+v, %v", text, got, again, err)
		}
	}
}

func TestI9_ASpecThatNamesNoMeterIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "SIM", "sim:", "ocpp:1", "replay", "replay:", "replay:#1", "replay:a#", "replay:a#-1", "replay:a#1x", "replay:a#99999999999",
		"replay:a#20000000", "exec", "exec:", "exec:  ", "modbus:1", "replay:" + strings.Repeat("a", 10_000),
	} {
		if s, err := meter.ParseSpec(text); !errors.Is(err, meter.ErrSpec) {
			t.Errorf("%.40q: %+v, %v", text, s, err)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add("replay:a#1.csv#0")
	f.Add("exec:./read --port a")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := meter.ParseSpec(text)
		if err != nil || len(text) > 1000 {
			return // a row number that is written out may exceed the length
		}
		again, err := meter.ParseSpec(s.String())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%q: %+v is written %q, which is %+v, %v", text, s, s, again, err)
		}
	})
}

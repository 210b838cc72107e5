package ocmf

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const good = `{"PG":"T1","RD":[{"TM":"2026-03-01T12:00:00,000+0100 S","TX":"B","RV":"  010.50","RI":"1-0:1.8.0","RU":"kWh","ST":"G"}]}`

// signed puts a signature section behind a payload; it does not hold, and need not to be parsed.
func signed(payload string) []byte {
	return fmt.Appendf(nil, `OCMF|%s|{"SD":"3006020101020101"}`, payload)
}

func TestParseRefusesWhatIsNoRecord(t *testing.T) {
	reading := func(fields string) string {
		return strings.Replace(good, `"ST":"G"`, `"ST":"G",`+fields, 1)
	}
	with := func(old, replacement string) string { return strings.Replace(good, old, replacement, 1) }
	tests := []struct {
		name string
		raw  []byte
		want error
	}{
		{"empty", nil, ErrFormat},
		{"two sections", []byte("OCMF|" + good), ErrFormat},
		{"four sections", append(signed(good), "|{}"...), ErrFormat},
		{"another header", []byte("OCMX" + string(signed(good))[4:]), ErrFormat},
		{"space before the header", append([]byte(" "), signed(good)...), ErrFormat},
		{"too large", signed(with(`{"PG"`, `{"ZZ":"`+strings.Repeat("z", RecordSizeMax)+`","PG"`)), ErrFormat},
		{"not UTF-8", signed(with("T1", "T1\xff")), ErrFormat},
		{"not JSON", signed(good[:len(good)-1]), ErrFormat},
		{"no object", signed("[]"), ErrFormat},
		{"two objects", signed(good + good), ErrFormat},
		{"deep", signed(with(`{"PG"`, `{"ZZ":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,"PG"`)), ErrFormat},
		{"a name twice", signed(reading(`"RV":11`)), ErrFormat},
		{"a name twice in the vendor's part", signed(with(`{"PG"`, `{"ZZ":{"a":1,"a":2},"PG"`)), ErrFormat},
		{"name in small letters", signed(with(`"PG"`, `"pg"`)), ErrFormat},
		{"no page", signed(with(`"PG":"T1",`, "")), ErrFormat},
		{"page of another context", signed(with("T1", "X1")), ErrFormat},
		{"page with a leading zero", signed(with("T1", "T01")), ErrFormat},
		{"page without a number", signed(with("T1", "T")), ErrFormat},
		{"page too large", signed(with("T1", "T99999999999999999999")), ErrFormat},
		{"no readings", signed(`{"PG":"T1","RD":[]}`), ErrFormat},
		{"too many readings", signed(with("}]}", "}"+strings.Repeat(",{}", ReadingsMax)+"]}")), ErrFormat},
		{"reading is a number", signed(`{"PG":"T1","RD":[1]}`), ErrFormat},
		{"no time", signed(with(`"TM":"2026-03-01T12:00:00,000+0100 S",`, "")), ErrFormat},
		{"time with a point", signed(with("00,000", "00.000")), ErrFormat},
		{"time of no day", signed(with("-03-01", "-02-30")), ErrFormat},
		{"time without a state", signed(with("+0100 S", "+0100")), ErrFormat},
		{"time of an unknown state", signed(with("+0100 S", "+0100 Q")), ErrFormat},
		{"no status", signed(with(`,"ST":"G"`, "")), ErrFormat},
		{"unknown status", signed(with(`"G"`, `"g"`)), ErrFormat},
		{"unknown event", signed(with(`"B"`, `"Q"`)), ErrFormat},
		{"register without a unit", signed(with(`"RU":"kWh",`, "")), ErrFormat},
		{"register of words", signed(with("  010.50", "ten")), ErrFormat},
		{"register too long", signed(with("  010.50", strings.Repeat("1", NumberSizeMax+1))), ErrFormat},
		{"register with a large exponent", signed(with("  010.50", "1e999999")), ErrFormat},
		{"register with an exponent just too large", signed(with("  010.50", "1e21")), ErrFormat},
		{"register is a list", signed(with(`"  010.50"`, "[1]")), ErrFormat},
		{"tariff text too long", signed(with(`"PG"`, `"TT":"`+strings.Repeat("é", 251)+`","PG"`)), ErrFormat},
		{"loss compensation without a resistance", signed(with(`"PG"`, `"LC":{"LU":"mOhm"},"PG"`)), ErrFormat},
		{"loss compensation in ohm", signed(with(`"PG"`, `"LC":{"LR":1,"LU":"Ohm"},"PG"`)), ErrFormat},
		{"version 2", signed(with(`"PG"`, `"FV":"2.0","PG"`)), ErrVersion},
		{"version 0.0", signed(with(`"PG"`, `"FV":"0.0","PG"`)), ErrVersion},
		{"no signature", []byte("OCMF|" + good + "|{}"), ErrFormat},
		{"signature in no hexadecimal", []byte("OCMF|" + good + `|{"SD":"xyz"}`), ErrFormat},
		{"signature in another encoding", []byte("OCMF|" + good + `|{"SD":"00","SE":"base58"}`), ErrFormat},
		{"signature of another kind", []byte("OCMF|" + good + `|{"SD":"00","SM":"text/plain"}`), ErrFormat},
		{"unknown algorithm", []byte("OCMF|" + good + `|{"SD":"00","SA":"ECDSA-secp521r1-SHA256"}`), ErrAlgorithm},
		{"another hash", []byte("OCMF|" + good + `|{"SD":"00","SA":"ECDSA-secp256r1-SHA1"}`), ErrAlgorithm},
	}
	if _, err := Parse(signed(good)); err != nil {
		t.Fatalf("the good record: %v", err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Parse(test.raw); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestReadingsInheritFromTheReadingBeforeInTheSameRecord(t *testing.T) {
	r, err := Parse(signed(`{"PG":"T1","RD":[
		{"TM":"2026-03-01T12:00:00,000+0100 S","TX":"B","RV":1,"RI":"1-0:1.8.0","RU":"kWh","RT":"DC","CL":0,"EF":"t","ST":"G"},
		{"RV":9,"RI":"1-0:2.8.0"},
		{"TM":"2026-03-01T12:01:00,000+0100 S","TX":"C","RI":"1-0:2.8.0","EF":""},
		{"RI":"1-0:1.8.0"},
		{"RV":"2.0","EF":"","TX":"C"},
		{"TM":"2026-03-01T12:02:00,000+0100 S"},
		{"TX":"X","ST":"E"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := r.Payload().Readings
	if second := got[1]; second.Unit != "kWh" || second.Event != Begin || second.ErrorFlags != "t" || second.Current != "DC" || second.Loss.Present() {
		t.Errorf("second reading %+v", second)
	}
	if third := got[2]; third.Value.String() != "9" || third.Event != Charging || third.ErrorFlags != "" {
		t.Errorf("third reading %+v", third)
	}
	if got[3].Value.Present() {
		t.Error("a register inherits the number of another one")
	}
	if got[5].Value.String() != "2.0" {
		t.Errorf("sixth reading %+v", got[5])
	}
	if got[6].Value.Present() || got[6].Status != 'E' {
		t.Errorf("an error event has a number: %+v", got[6])
	}
}

func TestRegisterKeepsItsDecimalText(t *testing.T) {
	for text, value := range map[string]string{"0.00": "0", `"       3.988"`: "3.988", `"00000000.000"`: "0", "1.606848e7": "16068480", "1E+2": "100", "-0.5": "-0.5"} {
		r, err := Parse(signed(strings.Replace(good, `"  010.50"`, text, 1)))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := r.Payload().Readings[0].Value
		if got.String() != strings.Trim(text, `"`) || got.Decimal().String() != value {
			t.Errorf("%s: text %q, value %s", text, got, got.Decimal())
		}
	}
	mWh, err := Reading{Value: mustNumber("0.0000129"), Unit: "kWh"}.EnergyMilliwattHours()
	if err != nil || mWh != 12 {
		t.Errorf("12.9 mWh are %d, %v", mWh, err)
	}
	if _, err := (Reading{Value: mustNumber("1e20"), Unit: "kWh"}).EnergyMilliwattHours(); !errors.Is(err, ErrRegister) {
		t.Errorf("10²⁰ kWh: %v", err)
	}
}

func TestRegisterIsTheSameInEverySpelling(t *testing.T) {
	for _, text := range []string{"1-0:1.8.0", "01-00:01.08.00.FF", "01-00:01.08.00*FF", "0100010800FF", "1-0:1.8.0*255"} {
		if got, ok := parseRegister(text); !ok || got != (register{"1", "0", "1", "8", "0", "0"}) {
			t.Errorf("%s is %v, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "1.8.0", "1-0", "1-0:1.8", "1-0:1.8.0.1.2", "1-0:<.8.0", "energy total"} {
		if got, ok := parseRegister(text); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestUntrustedTextIsNeverShownAsItIs(t *testing.T) {
	evil := "A\x1b[2J\u202e${jndi:ldap://x}\n" + strings.Repeat("B", 200)
	payload := strings.Replace(good, `"PG"`, `"MS":`+fmt.Sprintf("%q", "")+`,"PG"`, 1)
	payload = strings.Replace(payload, `"MS":""`, `"MS":"A\u001b[2J\u202e${jndi:ldap://x}\n`+strings.Repeat("B", 200)+`"`, 1)
	r, err := Parse(signed(payload))
	if err != nil {
		t.Fatal(err)
	}
	if r.Payload().Meter.Serial != evil {
		t.Errorf("serial %q", r.Payload().Meter.Serial)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Warn("record", "record", r, "payload", Printable(r.Payload().Meter.Serial))
	for _, shown := range []string{r.String(), fmt.Sprintf("%v %+v %s", r, r, r), log.String()} {
		for _, bad := range []string{"\x1b", "\u202e", "${", `u001b`, `u202e`, strings.Repeat("B", 100)} {
			if strings.Contains(shown, bad) {
				t.Errorf("%q shows %q", shown, bad)
			}
		}
	}
	_, err = Parse(signed(strings.Replace(good, "T1", `T\u001b${jndi}`, 1)))
	if err == nil || strings.ContainsAny(err.Error(), "\x1b") || strings.Contains(err.Error(), "${") {
		t.Errorf("error %q", err)
	}
}

func TestVerifyTakesNoOtherByteThanTheSigned(t *testing.T) {
	for _, curve := range []Curve{P256, P384, Secp256k1} {
		key := mustKey(curve)
		r, err := Sign(whole()[0], key)
		if err != nil {
			t.Fatal(err)
		}
		raw := r.Raw()
		end := bytes.LastIndexByte(raw, '|')
		for i := len("OCMF|"); i < end; i++ {
			changed := bytes.Clone(raw)
			changed[i] ^= 1
			other, err := Parse(changed)
			if err != nil {
				continue
			}
			if _, err := other.Verify(key.Public(), AllQuirks); !errors.Is(err, ErrSignature) {
				t.Fatalf("%s: byte %d changed: %v", curve, i, err)
			}
		}
		spaced, err := Parse(bytes.Replace(raw, []byte(`,"PG"`), []byte(`, "PG"`), 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := spaced.Verify(key.Public(), AllQuirks); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: a space more: %v", curve, err)
		}
		if _, err := r.Verify(PublicKey{}, AllQuirks); !errors.Is(err, ErrNoKey) {
			t.Errorf("%s: without a key: %v", curve, err)
		}
		if _, err := (Record{}).Verify(key.Public(), AllQuirks); err == nil {
			t.Errorf("%s: the zero record verifies", curve)
		}
	}
}

func TestSpacesAroundThePayloadAreSigned(t *testing.T) {
	payload := " \r\n" + good + "\t "
	der, err := meterKey.sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		payload string
		want    error
	}{{payload, nil}, {strings.TrimSpace(payload), ErrSignature}, {strings.ReplaceAll(payload, "\r", ""), ErrSignature}} {
		r, err := Parse(fmt.Appendf(nil, `OCMF|%s|{"SD":"%x"}`, test.payload, der))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Verify(meterKey.Public(), Quirks{}); !errors.Is(err, test.want) {
			t.Errorf("%q: %v, want %v", test.payload, err, test.want)
		}
	}
}

func TestDERIsStrictUnlessAsked(t *testing.T) {
	key := mustKey(P256)
	r, err := Sign(whole()[0], key)
	if err != nil {
		t.Fatal(err)
	}
	first, second, ok := strictDER(r.signature.data)
	if !ok {
		t.Fatal("own signature is not strict DER")
	}
	fixed := func(n int) []byte {
		return append([]byte{0x30, byte(4 + 2*n), 2, byte(n)}, append(first.FillBytes(make([]byte, n)), append([]byte{2, byte(n)}, second.FillBytes(make([]byte, n))...)...)...)
	}
	tests := []struct {
		name    string
		data    []byte
		quirks  Quirks
		lenient error
	}{
		{"zeros in front", fixed(36), Quirks{LooseDER: true}, nil},
		{"something behind", append(bytes.Clone(r.signature.data), 0), AllQuirks, ErrNotDER},
		{"cut", r.signature.data[:len(r.signature.data)-1], AllQuirks, ErrNotDER},
		{"raw", append(first.FillBytes(make([]byte, 32)), second.FillBytes(make([]byte, 32))...), Quirks{RawSignature: true}, nil},
		{"raw and short", make([]byte, 63), AllQuirks, ErrNotDER},
		{"zero", []byte{0x30, 6, 2, 1, 0, 2, 1, 0}, Quirks{}, ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changed := r
			changed.signature.data = test.data
			if _, err := changed.Verify(key.Public(), Quirks{}); err == nil {
				t.Error("accepted strictly")
			}
			v, err := changed.Verify(key.Public(), test.quirks)
			if !errors.Is(err, test.lenient) {
				t.Errorf("with %+v: %v, want %v", test.quirks, err, test.lenient)
			}
			if err == nil && v.Quirks() != test.quirks {
				t.Errorf("used %+v, want %+v", v.Quirks(), test.quirks)
			}
		})
	}
}

func TestSplitFindsRecordsAndNothingElse(t *testing.T) {
	one := string(signed(good))
	lines := strings.ReplaceAll(one, `,"RD"`, ",\n\t\"RD\"")
	got, err := Split([]byte("\uFEFF\n" + one + "\r\n" + lines + "\n\n" + one))
	if err != nil || len(got) != 3 || string(got[0]) != one || string(got[1]) != lines {
		t.Errorf("%d records, %v", len(got), err)
	}
	for name, text := range map[string]string{
		"empty": "", "no record": "hello", "something in front": "x" + one,
		"too many": strings.Repeat("OCMF|", RecordsMax+1), "too large": strings.Repeat(" ", FileSizeMax+1),
	} {
		if _, err := Split([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTimeIsReadWithItsZone(t *testing.T) {
	got, sync, err := parseTime("2018-07-24T13:22:04,867+0200 R")
	if err != nil || sync != Relative || !got.Equal(time.Date(2018, 7, 24, 11, 22, 4, 867e6, time.UTC)) {
		t.Errorf("%s %c %v", got, sync, err)
	}
}

package ocmf

import (
	"errors"
	"slices"
	"testing"
	"time"
)

var meterKey = mustKey(P256)

func mustKey(curve Curve) PrivateKey {
	key, err := GeneratePrivateKey(curve)
	if err != nil {
		panic(err)
	}
	return key
}

func mustNumber(text string) Number {
	n, err := ParseNumber(text)
	if err != nil {
		panic(err)
	}
	return n
}

// page gives a record of a meter that works, with one reading a minute.
func page(number uint64, readings ...Reading) Payload {
	p := Payload{
		Version: "1.0", Page: Page{Transactional, number}, Gateway: Gateway{Serial: "G1"},
		Meter: Meter{Vendor: "Vendor", Model: "M", Serial: "S1"}, User: User{Assigned: true, Level: "TRUSTED", Type: "EMAID"},
	}
	p.Readings = readings
	return p
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(minute int, event Event, kWh string) Reading {
	return Reading{
		Time: noon.Add(time.Duration(minute) * time.Minute), Sync: Synchronised, Event: event, Value: mustNumber(kWh),
		Register: "1-0:1.8.0", Unit: "kWh", Current: "DC", Status: Good,
	}
}

func check(t testing.TB, key PrivateKey, pages ...Payload) (Transaction, error) {
	t.Helper()
	var verified []Verified
	for _, p := range pages {
		r, err := Sign(p, key)
		if err != nil {
			t.Fatal(err)
		}
		v, err := r.Verify(key.Public(), Quirks{})
		if err != nil {
			t.Fatal(err)
		}
		verified = append(verified, v)
	}
	return CheckTransaction(verified)
}

// whole gives a good transaction of three records.
func whole() []Payload {
	return []Payload{page(7, at(0, Begin, "10.5")), page(8, at(1, Charging, "11")), page(9, at(2, EndRemotely, "12.75"))}
}

func TestTransactionGivesTheDifferenceOfItsRegister(t *testing.T) {
	pages := whole()
	slices.Reverse(pages) // the order of the file does not matter, that of the pages does
	got, err := check(t, meterKey, pages...)
	if err != nil {
		t.Fatal(err)
	}
	mWh, err := got.EnergyMilliwattHours()
	if err != nil || got.Imported.String() != "2250" || mWh != 2_250_000 || got.Duration() != 2*time.Minute || !got.TimeUsable {
		t.Errorf("%s Wh, %d mWh in %s (%v)", got.Imported, mWh, got.Duration(), err)
	}
	if got.First != (Page{Transactional, 7}) || got.Last != (Page{Transactional, 9}) || got.Begin.Value.String() != "10.5" {
		t.Errorf("from %s to %s, begin %s", got.First, got.Last, got.Begin.Value)
	}
}

func TestTransactionIsRefusedForWhatIsWrongInIt(t *testing.T) {
	tests := []struct {
		name   string
		break_ func(p []Payload) []Payload
		want   error
	}{
		{"no begin", func(p []Payload) []Payload { return p[1:] }, ErrBoundary},
		{"no end", func(p []Payload) []Payload { return p[:2] }, ErrBoundary},
		{"only a begin", func(p []Payload) []Payload { return p[:1] }, ErrBoundary},
		{"two begins", func(p []Payload) []Payload { p[1].Readings[0].Event = Begin; return p }, ErrBoundary},
		{"two ends", func(p []Payload) []Payload { p[1].Readings[0].Event = End; return p }, ErrBoundary},
		{"goes on after the end", func(p []Payload) []Payload { return append(p, page(10, at(3, Charging, "13"))) }, ErrBoundary},
		{"a record is missing", func(p []Payload) []Payload { return []Payload{p[0], p[2]} }, ErrPagination},
		{"a record is repeated", func(p []Payload) []Payload { return append(p, p[1]) }, ErrPagination},
		{"fiscal record", func(p []Payload) []Payload { p[1].Page.Context = Fiscal; return p }, ErrPagination},
		{"another meter", func(p []Payload) []Payload { p[1].Meter.Serial = "S2"; return p }, ErrMeter},
		{"another gateway", func(p []Payload) []Payload { p[1].Gateway.Serial = "G2"; return p }, ErrMeter},
		{"no meter", func(p []Payload) []Payload {
			for i := range p {
				p[i].Meter.Serial, p[i].Gateway.Serial = "", ""
			}
			return p
		}, ErrMeter},
		{"register falls", func(p []Payload) []Payload { p[1].Readings[0].Value = mustNumber("12.8"); return p }, ErrRegister},
		{"register was reset", func(p []Payload) []Payload { p[2].Readings[0].Value = mustNumber("0"); return p }, ErrRegister},
		{"negative register", func(p []Payload) []Payload { p[0].Readings[0].Value = mustNumber("-1"); return p }, ErrRegister},
		{"another unit", func(p []Payload) []Payload {
			p[2].Readings[0].Unit = "Wh"
			p[2].Readings[0].Value = mustNumber("12750")
			return p
		}, ErrRegister},
		{"no energy", func(p []Payload) []Payload {
			for i := range p {
				p[i].Readings[0].Register = "1-0:0.8.6"
			}
			return p
		}, ErrRegister},
		{"unit of no energy", func(p []Payload) []Payload { p[2].Readings[0].Unit = "sec"; return p }, ErrRegister},
		{"direct and alternating current", func(p []Payload) []Payload { p[2].Readings[0].Current = "AC"; return p }, ErrRegister},
		{"two registers that count the same", func(p []Payload) []Payload {
			for i := range p {
				r := p[i].Readings[0]
				r.Register = "1-0:1.8.0*198"
				p[i].Readings = append(p[i].Readings, r)
			}
			return p
		}, ErrRegister},
		{"time goes back", func(p []Payload) []Payload { p[1].Readings[0].Time = noon.Add(-time.Second); return p }, ErrTime},
		{"end before begin", func(p []Payload) []Payload { p[2].Readings[0].Time = noon.Add(-time.Second); return p }, ErrTime},
		{"relative only at the begin", func(p []Payload) []Payload { p[0].Readings[0].Sync = Relative; return p }, ErrTime},
		{"meter not good at the begin", func(p []Payload) []Payload { p[0].Readings[0].Status = 'S'; return p }, ErrStatus},
		{"meter manipulated in between", func(p []Payload) []Payload { p[1].Readings[0].Status = 'M'; return p }, ErrStatus},
		{"energy flagged", func(p []Payload) []Payload { p[2].Readings[0].ErrorFlags = "tE"; return p }, ErrErrorFlag},
		{"unknown flag", func(p []Payload) []Payload { p[1].Readings[0].ErrorFlags = "q"; return p }, ErrErrorFlag},
		{"exception", func(p []Payload) []Payload { p[1].Readings[0].Event = Exception; return p }, ErrErrorFlag},
		{"event counter moved", func(p []Payload) []Payload {
			for i := range p {
				p[i].Readings[0].Events = WattHours(int64(i) * 1000)
			}
			return p
		}, ErrEvents},
		{"event counter vanished", func(p []Payload) []Payload { p[0].Readings[0].Events = mustNumber("5"); return p }, ErrEvents},
		{"event counter came at zero", func(p []Payload) []Payload { p[2].Readings[0].Events = mustNumber("0"); return p }, ErrEvents},
		{"user does not match", func(p []Payload) []Payload { p[1].User.Level = "MISMATCH"; return p }, ErrIdentification},
		{"loss at the begin", func(p []Payload) []Payload { p[0].Readings[0].Loss = mustNumber("0.1"); return p }, ErrLoss},
		{"loss falls", func(p []Payload) []Payload {
			p[1].Readings[0].Loss, p[2].Readings[0].Loss = mustNumber("0.2"), mustNumber("0.1")
			return p
		}, ErrLoss},
		{"another cable", func(p []Payload) []Payload {
			p[2].Loss = &LossCompensation{Resistance: mustNumber("2"), Unit: "mOhm"}
			return p
		}, ErrLoss},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := check(t, meterKey, test.break_(whole())...)
			if !errors.Is(err, test.want) {
				t.Errorf("%s Wh, %v, want %v", got.Imported, err, test.want)
			}
		})
	}
}

func TestTransactionUnderTwoKeysIsRefused(t *testing.T) {
	var verified []Verified
	for i, p := range whole() {
		key := meterKey
		if i == 2 {
			key = mustKey(P256)
		}
		r, err := Sign(p, key)
		if err != nil {
			t.Fatal(err)
		}
		v, err := r.Verify(key.Public(), Quirks{})
		if err != nil {
			t.Fatal(err)
		}
		verified = append(verified, v)
	}
	if _, err := CheckTransaction(verified); !errors.Is(err, ErrMeter) {
		t.Errorf("%v, want %v", err, ErrMeter)
	}
	if _, err := CheckTransaction(nil); !errors.Is(err, ErrBoundary) {
		t.Errorf("nothing: %v, want %v", err, ErrBoundary)
	}
}

func TestTransactionBillsTheCompensatedRegisterAndBothDirections(t *testing.T) {
	both := func(minute int, event Event, mains, device, export string) []Reading {
		of := func(register, kWh string) Reading {
			r := at(minute, event, kWh)
			r.Register = register
			return r
		}
		return []Reading{of("1-0:1.8.0", mains), of("01-00:B1.08.00*FF", device), of("1-0:2.8.0", export)}
	}
	begin, end := both(0, Begin, "5", "4", "1"), both(9, End, "6", "4.9", "1.25")
	end[1].Loss = mustNumber("0.1")
	got, err := check(t, meterKey, page(1, begin...), page(2, end...))
	if err != nil {
		t.Fatal(err)
	}
	if got.Imported.String() != "900" || got.Exported.String() != "250" || got.Register != "01-00:B1.08.00*FF" {
		t.Errorf("%s Wh in, %s Wh out of %s", got.Imported, got.Exported, got.Register)
	}
}

func TestTransactionBillsTheTotalAndNotTheRegisterOfATariff(t *testing.T) {
	both := func(minute int, event Event, tariff, total string) []Reading {
		first, second := at(minute, event, tariff), at(minute, event, total)
		first.Register = "1-0:1.8.1"
		return []Reading{first, second}
	}
	got, err := check(t, meterKey, page(1, both(0, Begin, "1", "5")...), page(2, both(9, End, "2", "7")...))
	if err != nil || got.Imported.String() != "2000" {
		t.Errorf("%s Wh, %v", got.Imported, err)
	}
}

func TestTransactionTimeIsUsableOnlyWhereTheMeterVouchesForIt(t *testing.T) {
	for _, test := range []struct {
		begin, end Sync
		flags      string
		want       bool
	}{
		{Synchronised, Synchronised, "", true},
		{Informative, Relative, "", true},
		{Relative, Relative, "", true},
		{Informative, Informative, "", false},
		{Unsynchronised, Synchronised, "", false},
		{Synchronised, Synchronised, "t", false},
	} {
		p := whole()
		p[0].Readings[0].Sync, p[2].Readings[0].Sync, p[1].Readings[0].ErrorFlags = test.begin, test.end, test.flags
		got, err := check(t, meterKey, p...)
		if err != nil || got.TimeUsable != test.want {
			t.Errorf("%c to %c, flags %q: usable %t, %v", test.begin, test.end, test.flags, got.TimeUsable, err)
		}
	}
}

func TestEveryBillableRecordOfTheFieldHasTheEnergyOfItsRegister(t *testing.T) {
	want := map[string]string{ // Wh, or the verdict
		"001-fromweb-xml.ocmf": "0.1", "004-test-xml.ocmf": "266", "005-test-xml.ocmf": "268",
		"010-ocmf-example-obis-98-8-0-2-8-0-xml.ocmf": "1000", "014-chargepoint-3-xml.ocmf": "1304",
		"018-keba-test-xml.ocmf": "0", "124-measurements-xml.ocmf": "2.6", "158-ef-t-test.ocmf": "200",
		"178-working-ocmf-xml.ocmf": "17796", "210-live-vcp-transactionevent.ocmf": "200",
		"007-20211007-device-with-evt-ocmf-sss-ses-xml.ocmf": ErrStatus.Error(), "016-ocmf-receipt-with-publickey-and-data-xml.ocmf": ErrStatus.Error(),
		"008-ocmf-test-data-00-xml.ocmf": ErrBoundary.Error(), "141-ocmf-sec-xml.ocmf": ErrBoundary.Error(),
		"150-test-ocmf-transaction-two-values-xml.ocmf": ErrErrorFlag.Error(),
	}
	for _, v := range vectors(t) {
		name := v.File[len("records/"):]
		expected, listed := want[name]
		if !listed {
			continue
		}
		delete(want, name)
		verified, err := verifyVector(sharedFile(t, v.File), v.PublicKey, AllQuirks)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := CheckTransaction([]Verified{verified})
		switch {
		case err == nil && got.Imported.String() != expected:
			t.Errorf("%s: %s Wh, want %s", name, got.Imported, expected)
		case err != nil && !startsWith(err, expected):
			t.Errorf("%s: %v, want %s", name, err, expected)
		}
	}
	if len(want) > 0 {
		t.Errorf("not in the index: %v", want)
	}
}

func startsWith(err error, text string) bool {
	return len(err.Error()) >= len(text) && err.Error()[:len(text)] == text
}

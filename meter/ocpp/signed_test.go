package ocpp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/meter/ocmf"
)

// signedAt makes a meter's key, and a function that makes its records.
type testMeter struct {
	t   *testing.T
	key ocmf.PrivateKey
}

func newTestMeter(t *testing.T) testMeter {
	t.Helper()
	key, err := ocmf.GeneratePrivateKey(ocmf.P256)
	if err != nil {
		t.Fatal(err)
	}
	return testMeter{t, key}
}

func (m testMeter) reading(event ocmf.Event, seconds int, mwh int64) ocmf.Reading {
	return ocmf.Reading{
		Time: at(seconds), Sync: ocmf.Synchronised, Event: event, Value: ocmf.WattHours(mwh), Register: "01-00:98.08.00.FF", Unit: "Wh",
		Current: "DC", Status: ocmf.Good,
	}
}

// signs makes a record.
func (m testMeter) signs(page uint64, user string, readings ...ocmf.Reading) []byte {
	m.t.Helper()
	record, err := ocmf.Sign(ocmf.Payload{
		Version: "1.0", Page: ocmf.Page{Context: ocmf.Transactional, Number: page}, Meter: ocmf.Meter{Serial: "1234"},
		User: ocmf.User{Assigned: user != "", Type: "CENTRAL", Data: user}, Readings: readings,
	}, m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	return record.Raw()
}

func (m testMeter) value(record []byte) signedValue {
	return signedValue{Data: base64.StdEncoding.EncodeToString(record), Encoding: "OCMF", Key: m.key.Public().String()}
}

// told is a transaction of a minute that delivered 800 Wh.
func told() claimed {
	return claimed{token: "TOKEN", begin: at(0), end: at(60), deltaMwh: 800_000, deltaKnown: true, stepMwh: stepDefaultMwh, pageAfter: lastPage(0)}
}

func TestSignedRecordsProveATransactionOrAreRefused(t *testing.T) {
	m, other := newTestMeter(t), newTestMeter(t)
	begin, end := m.reading(ocmf.Begin, 0, 5_000_000), m.reading(ocmf.End, 60, 5_800_000)
	whole := m.value(m.signs(7, "TOKEN", begin, end))
	change := func(by func(*claimed)) claimed {
		c := told()
		by(&c)
		return c
	}
	tampered := func(old, new string) signedValue {
		raw := m.signs(7, "TOKEN", begin, end)
		changed := strings.Replace(string(raw), old, new, 1)
		if changed == string(raw) {
			t.Fatalf("%s has no %s", raw, old)
		}
		return m.value([]byte(changed))
	}
	hashed := func() signedValue {
		parts := strings.SplitN(string(m.signs(7, "TOKEN", begin, end)), "|", 3)
		return m.value([]byte(parts[0] + "|" + parts[1] + `|{"SA":"ECDSA-secp256r1-SHA256","SD":"` + strings.Repeat("ab", 32) + `"}`))
	}
	unsynchronised := func(r ocmf.Reading) ocmf.Reading { r.Sync = ocmf.Unsynchronised; return r }
	cases := []struct {
		name   string
		values []signedValue
		about  claimed
		want   error
		quirk  Quirk
	}{
		{"begin and end in one record", []signedValue{whole}, told(), nil, ""},
		{"the same twice", []signedValue{whole, whole}, told(), nil, ""},
		{"begin and end in two", []signedValue{m.value(m.signs(7, "TOKEN", begin)), m.value(m.signs(8, "TOKEN", end))}, told(), nil, ""},
		{"a begin of its own and one that has both", []signedValue{m.value(m.signs(7, "TOKEN", begin)), m.value(m.signs(8, "TOKEN", begin, end))}, told(), nil, ""},
		{"no record", nil, told(), ErrUnsigned, ""},
		{"only a begin", []signedValue{m.value(m.signs(7, "TOKEN", begin))}, told(), ErrSigned, ""},
		{"a hash in place of a signature", []signedValue{hashed()}, told(), ErrUnsigned, ""},
		{"a digit changed", []signedValue{tampered("5800", "5900")}, told(), ErrUnsigned, ""},
		{"no key", []signedValue{{Data: whole.Data}}, told(), ErrUnsigned, ""},
		{"not a record", []signedValue{{Data: "hello", Key: whole.Key}}, told(), ErrUnsigned, ""},
		{"another meter than the known one", []signedValue{whole}, change(func(c *claimed) { c.pinned = other.key.Public() }), ErrUnsigned, ""},
		{"the known meter, whatever key travels", []signedValue{{Data: whole.Data, Key: other.key.Public().String()}}, change(func(c *claimed) { c.pinned = m.key.Public() }), nil, ""},
		{"of another user", []signedValue{whole}, change(func(c *claimed) { c.token = "OTHER" }), ErrSigned, ""},
		{"without a user", []signedValue{m.value(m.signs(7, "", begin, end))}, told(), nil, ""},
		{"of an hour ago", []signedValue{whole}, change(func(c *claimed) { c.begin, c.end = at(3600), at(3660) }), ErrSigned, ""},
		{"of an hour ago by our clock", []signedValue{whole}, change(func(c *claimed) { c.heard = at(3660) }), ErrSigned, ""},
		{"heard in time", []signedValue{whole}, change(func(c *claimed) { c.heard = at(100) }), nil, ""},
		{"pages that count", []signedValue{whole}, change(func(c *claimed) { c.pageAfter = lastPage(6) }), nil, ""},
		{"a page again, at its time", []signedValue{whole}, change(func(c *claimed) { c.pageAfter = lastPage(7) }), nil, QuirkPage},
		{"a page again, without a time", []signedValue{m.value(m.signs(7, "TOKEN", unsynchronised(begin), unsynchronised(end)))},
			change(func(c *claimed) { c.pageAfter = lastPage(7) }), ErrSigned, ""},
		{"a new page, without a time", []signedValue{m.value(m.signs(8, "TOKEN", unsynchronised(begin), unsynchronised(end)))},
			change(func(c *claimed) { c.pageAfter = lastPage(7) }), nil, ""},
		{"a watt-hour beside the unsigned register", []signedValue{whole}, change(func(c *claimed) { c.deltaMwh = 799_000 }), nil, QuirkStopRounded},
		{"more than the unsigned register", []signedValue{whole}, change(func(c *claimed) { c.deltaMwh = 798_999 }), ErrSigned, ""},
		{"less than the unsigned register", []signedValue{whole}, change(func(c *claimed) { c.deltaMwh = 801_001 }), ErrSigned, ""},
		{"without an unsigned register", []signedValue{whole}, change(func(c *claimed) { c.deltaKnown = false }), nil, ""},
		{"an end below the begin", []signedValue{m.value(m.signs(7, "TOKEN", end, m.reading(ocmf.End, 60, 0)))}, told(), ErrSigned, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			met := quirks{}
			stop, err := verifySigned(c.values, c.about, met)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err == nil && (stop.energyMwh != 800_000 || !strings.HasPrefix(stop.evidence, "OCMF|")) {
				t.Errorf("%+v", stop)
			}
			if err == nil && met[c.quirk] != (c.quirk != "") {
				t.Errorf("quirks %v, want %q", met, c.quirk)
			}
		})
	}
}

func TestSignedDataIsReadInEverySpelling(t *testing.T) {
	m := newTestMeter(t)
	raw := m.signs(1, "", m.reading(ocmf.Begin, 0, 0), m.reading(ocmf.End, 60, 800_000))
	coded, key := base64.StdEncoding.EncodeToString(raw), m.key.Public().String()
	object := func(fields map[string]string) string {
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	oca := base64.StdEncoding.EncodeToString([]byte("oca:base16:asn1:" + key))
	hexed := base64.StdEncoding.EncodeToString([]byte(key + "\n"))
	plainKey := base64.StdEncoding.EncodeToString(m.key.Public().DER())
	for name, text := range map[string]string{
		"base64":                            object(map[string]string{"signedMeterData": coded, "publicKey": key}),
		"base64, the other spelling":        object(map[string]string{"signedMeterValue": coded, "publicKey": key}),
		"plain":                             object(map[string]string{"signedMeterData": string(raw), "publicKey": key}),
		"plain, the other spelling":         object(map[string]string{"signedMeterValue": string(raw), "publicKey": key}),
		"an empty signing method":           object(map[string]string{"signedMeterData": coded, "publicKey": key, "signingMethod": "", "encodingMethod": "OCMF"}),
		"a key as the Alliance marks it":    object(map[string]string{"signedMeterData": coded, "publicKey": oca}),
		"the same without base64":           object(map[string]string{"signedMeterData": coded, "publicKey": "oca:base16:asn1:" + key}),
		"a key as base64 of its hex":        object(map[string]string{"signedMeterData": coded, "publicKey": hexed}),
		"a key as base64 of its bytes":      object(map[string]string{"signedMeterData": coded, "publicKey": plainKey}),
		"the record by itself":              string(raw),
		"the record by itself, as base64":   coded,
		"white space around a plain record": "\n " + string(raw) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			v, err := readSignedData(text)
			if err != nil {
				t.Fatal(err)
			}
			about := told()
			if v.Key == "" {
				about.pinned = m.key.Public()
			}
			if _, err := verifySigned([]signedValue{v}, about, quirks{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestI9_WhatIsMeantToBeSignedAndCannotBeReadIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":    `{"signedMeterData":`,
		"nested deep": strings.Repeat(`{"a":`, DepthMax+1) + "1" + strings.Repeat("}", DepthMax+1),
		"not text":    `{"signedMeterData":5}`,
	} {
		if _, err := readSignedData(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	long := signedValue{Data: "OCMF|" + strings.Repeat("x", ocmf.RecordSizeMax)}
	if _, err := long.record(); !errors.Is(err, ErrUnsigned) {
		t.Errorf("too long: %v", err)
	}
}

func TestAnOutletEndsOnItsSignedRecordAndNotBelowWhatWasRead(t *testing.T) {
	for _, c := range []struct {
		name        string
		step        int64
		read        int64
		stop, delta int64 // what the signed record says, what the outlet gives
		want        error
	}{
		{"above what was read", 0, 28_000, 28_700, 28_700, nil},
		{"as it was read", 0, 28_000, 28_000, 28_000, nil},
		{"below what was read", 0, 28_000, 27_990, 28_000, ErrSigned},
		{"a record of ten watt-hours", 10_000, 20_000, 20_000, 20_000, nil},
		{"a record of ten watt-hours that says less", 10_000, 20_000, 10_000, 20_000, ErrSigned},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newTestMeter(t)
			system, err := New(Config{Now: func() time.Time { return at(0) },
				Stations: []StationConfig{{ID: "S", Connectors: []ConnectorConfig{{Number: 1, MaxPowerMw: outletMw, StepMwh: c.step, SignedRequired: true}}}}})
			if err != nil {
				t.Fatal(err)
			}
			st := system.Station(0)
			o := st.Outlet(1)
			o.Hold("did:joule:somebody")
			if err := o.Start(at(0), outletMw); err != nil {
				t.Fatal(err)
			}
			token := Token("did:joule:somebody")
			st.mu.Lock()
			id, _ := st.began(start{connector: 1, key: "1", token: token, at: at(0), register: 5_000_000, known: true}, nil)
			st.follow(1, id, []look{register(30, 5_028_900)}, nil)
			st.mu.Unlock()
			if s, err := o.Sample(at(30)); err != nil || s.Register != c.read {
				t.Fatalf("%+v, %v", s, err)
			}
			record := m.value(m.signs(1, token, m.reading(ocmf.Begin, 0, 5_000_000), m.reading(ocmf.End, 60, 5_000_000+c.stop)))
			st.mu.Lock()
			st.ends(id, at(60), 5_028_900, true, []look{{at: at(60), signed: []signedValue{record}}}, nil)
			st.mu.Unlock()
			if s, err := o.Sample(at(61)); !errors.Is(err, c.want) || s.Register != c.delta || (s.Evidence != "") != (c.want == nil) {
				t.Fatalf("%+v, %v", s, err)
			}
		})
	}
}

// lastPage is what is known of the meter "1234"; 0 for nothing.
func lastPage(page uint64) func(string) (uint64, bool) {
	return func(serial string) (uint64, bool) { return page, page > 0 && serial == "1234" }
}

func TestTheFirstKeyOfAMeterIsKept(t *testing.T) {
	m, other := newTestMeter(t), newTestMeter(t)
	system, err := New(Config{Now: func() time.Time { return at(0) },
		Stations: []StationConfig{{ID: "S", Connectors: []ConnectorConfig{{Number: 1, MaxPowerMw: outletMw, SignedRequired: true}}}}})
	if err != nil {
		t.Fatal(err)
	}
	st := system.Station(0)
	o := st.Outlet(1)
	charge := func(by testMeter, page uint64) error {
		o.Hold("did:joule:somebody")
		if err := o.Start(at(0), outletMw); err != nil {
			return err
		}
		token := Token("did:joule:somebody")
		st.mu.Lock()
		id, _ := st.began(start{connector: 1, key: string(rune(page)), token: token, at: at(0), register: 5_000_000, known: true}, nil)
		record := by.value(by.signs(page, token, by.reading(ocmf.Begin, 0, 5_000_000), by.reading(ocmf.End, 60, 5_800_000)))
		st.ends(id, at(60), 5_800_000, true, []look{{at: at(60), signed: []signedValue{record}}}, nil)
		st.mu.Unlock()
		_, err := o.Sample(at(61))
		return err
	}
	if err := charge(m, 1); err != nil {
		t.Fatal(err)
	}
	if err := charge(m, 2); err != nil {
		t.Fatal(err)
	}
	if err := charge(other, 3); !errors.Is(err, ErrUnsigned) || !errors.Is(err, ocmf.ErrSignature) {
		t.Fatalf("another key is believed: %v", err)
	}
}

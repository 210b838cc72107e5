package quote_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/meter/ocmf"
)

// signedMeter makes records of a transaction of a minute.
type signedMeter struct {
	t   *testing.T
	key ocmf.PrivateKey
}

func newSignedMeter(t *testing.T) signedMeter {
	t.Helper()
	key, err := ocmf.GeneratePrivateKey(ocmf.P256)
	if err != nil {
		t.Fatal(err)
	}
	return signedMeter{t, key}
}

var endOfCharge = time.Date(2026, 11, 20, 12, 1, 0, 0, time.UTC)

func (m signedMeter) reading(event ocmf.Event, at time.Time, mwh int64) ocmf.Reading {
	return ocmf.Reading{
		Time: at, Sync: ocmf.Synchronised, Event: event, Value: ocmf.WattHours(mwh), Register: "01-00:98.08.00.FF", Unit: "Wh",
		Current: "DC", Status: ocmf.Good,
	}
}

func (m signedMeter) record(page uint64, readings ...ocmf.Reading) string {
	m.t.Helper()
	r, err := ocmf.Sign(ocmf.Payload{
		Version: "1.0", Page: ocmf.Page{Context: ocmf.Transactional, Number: page}, Meter: ocmf.Meter{Serial: "1"}, Readings: readings,
	}, m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(r.Raw())
}

func TestWhatIsPaidEndsOnTheSignedRecord(t *testing.T) {
	m, other := newSignedMeter(t), newSignedMeter(t)
	begin, end := m.reading(ocmf.Begin, endOfCharge.Add(-time.Minute), 5_000_000), m.reading(ocmf.End, endOfCharge, 5_800_000)
	whole := m.record(1, begin, end)
	promised := quote.Quote{Attestation: uint8(meter.AttestedOCMF), OCMFKey: m.key.Public().DER()}
	reading := func(by meter.Attestation, state meter.State, evidence string) meter.Signed {
		return meter.Signed{Reading: meter.Reading{Attestation: by, State: state, Time: endOfCharge}, Evidence: []byte(evidence)}
	}
	late := reading(meter.AttestedOCMF, meter.Ended, whole)
	late.Reading.Time = endOfCharge.Add(time.Hour)
	for _, c := range []struct {
		name             string
		quote            quote.Quote
		signed           meter.Signed
		quantity, before int64
		want             error
	}{
		{"signed", promised, reading(meter.AttestedOCMF, meter.Ended, whole), 800_000, 0, nil},
		{"signed in two records", promised, reading(meter.AttestedOCMF, meter.Ended, m.record(1, begin)+"\n"+m.record(2, end)), 800_000, 0, nil},
		{"less than signed", promised, reading(meter.AttestedOCMF, meter.Ended, whole), 799_000, 0, nil},
		{"more than signed", promised, reading(meter.AttestedOCMF, meter.Ended, whole), 800_001, 0, quote.ErrProof},
		{"between, by the station's word", promised, reading(meter.AttestedByStation, meter.Charging, ""), 500_000, 400_000, nil},
		{"at the end, by the station's word", promised, reading(meter.AttestedByStation, meter.Ended, ""), 500_001, 500_000, quote.ErrProof},
		{"at the end, nothing more", promised, reading(meter.AttestedByStation, meter.Ended, ""), 500_000, 500_000, nil},
		{"no record", promised, reading(meter.AttestedOCMF, meter.Ended, ""), 500_000, 0, quote.ErrProof},
		{"by another meter", quote.Quote{Attestation: promised.Attestation, OCMFKey: other.key.Public().DER()}, reading(meter.AttestedOCMF, meter.Ended, whole), 800_000, 0, quote.ErrProof},
		{"a digit changed", promised, reading(meter.AttestedOCMF, meter.Ended, strings.Replace(whole, "5800", "5900", 1)), 800_000, 0, quote.ErrProof},
		{"only the begin", promised, reading(meter.AttestedOCMF, meter.Ended, m.record(1, begin)), 0, 0, quote.ErrProof},
		{"of another time", promised, late, 800_000, 0, quote.ErrProof},
		{"nothing promised", quote.Quote{Attestation: uint8(meter.AttestedByStation)}, reading(meter.AttestedByStation, meter.Ended, ""), 800_000, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.quote.CheckProof(c.signed, c.quantity, c.before); !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestAPromiseOfSignedMeteringNamesTheMetersKey(t *testing.T) {
	m := newSignedMeter(t)
	good := offer(t)
	for name, c := range map[string]struct {
		change func(*quote.Quote)
		want   error
	}{
		"with its key": {func(q *quote.Quote) {
			q.Attestation, q.OCMFKey = uint8(meter.AttestedOCMF), m.key.Public().DER()
		}, nil},
		"without a key": {func(q *quote.Quote) { q.Attestation = uint8(meter.AttestedOCMF) }, quote.ErrQuote},
		"not a key": {func(q *quote.Quote) {
			q.Attestation, q.OCMFKey = uint8(meter.AttestedOCMF), []byte("key")
		}, quote.ErrQuote},
		"a key without the promise": {func(q *quote.Quote) { q.OCMFKey = m.key.Public().DER() }, quote.ErrQuote},
		"of time": {func(q *quote.Quote) {
			q.Attestation, q.OCMFKey, q.Unit = uint8(meter.AttestedOCMF), m.key.Public().DER(), uint8(meter.Seconds)
		}, quote.ErrQuote},
	} {
		q := good
		c.change(&q)
		if err := q.Check(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

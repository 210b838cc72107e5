package session_test

import (
	"strings"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/wallet/money"
)

// signing is an outlet whose meter signs the end of a session by OCMF.
type signing struct {
	key ocmf.PrivateKey // of the meter
	own ocmf.PublicKey  // that the quote names
}

func newSigning(t *testing.T) signing {
	t.Helper()
	key, err := ocmf.GeneratePrivateKey(ocmf.P256)
	if err != nil {
		t.Fatal(err)
	}
	return signing{key: key, own: key.Public()}
}

func (s signing) offers(q *quote.Quote) {
	q.Attestation, q.OCMFKey = uint8(meter.AttestedOCMF), s.own.DER()
}

func (s signing) samples(w *world, sampled session.Sampled) session.Sampled {
	const before = 1_000_000 // where the register of every world begins
	if sampled.Err != nil || sampled.Sample.State != meter.Ended {
		return sampled
	}
	reading := func(event ocmf.Event, at time.Time, mwh int64) ocmf.Reading {
		return ocmf.Reading{Time: at, Sync: ocmf.Synchronised, Event: event, Value: ocmf.WattHours(mwh), Register: "01-00:98.08.00.FF",
			Unit: "Wh", Current: "DC", Status: ocmf.Good}
	}
	record, err := ocmf.Sign(ocmf.Payload{
		Version: "1.0", Page: ocmf.Page{Context: ocmf.Transactional, Number: 1}, Meter: ocmf.Meter{Serial: "1"},
		Readings: []ocmf.Reading{reading(ocmf.Begin, began, before), reading(ocmf.End, sampled.Sample.Time, sampled.Sample.Register)},
	}, s.key)
	if err != nil {
		w.t.Fatal(err)
	}
	sampled.Sample.Evidence = string(record.Raw())
	return sampled
}

// lastOf gives the last reading that a node stored.
func lastOf(w *world, n *node) meter.Signed {
	w.t.Helper()
	stored := n.disk.readings[n.id]
	signed, err := meter.DecodeSigned(stored[len(stored)-1].Signed)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

const whole = 108 * money.Nano / 1000 // 300 Wh at 0.36 EUR/kWh

func TestWhatIsPaidEndsOnTheRecordThatTheMeterSigned(t *testing.T) {
	s := newSigning(t)
	w := newWorld(t, setup{offers: s.offers, samples: s.samples})
	w.vehicle.begin()
	w.run(w.bothOver)
	w.paid(whole)
	if last := lastOf(w, w.vehicle); last.Reading.Attestation != meter.AttestedOCMF || len(last.Evidence) == 0 {
		t.Fatalf("%+v", last.Reading)
	}
	for _, r := range w.vehicle.disk.readings[w.vehicle.id] {
		signed, err := meter.DecodeSigned(r.Signed)
		if err != nil || signed.Reading.State != meter.Ended && signed.Reading.Attestation != meter.AttestedByStation {
			t.Fatalf("%+v, %v", signed.Reading, err)
		}
	}
}

func TestAStopThatTheMeterDidNotSignBillsNothingMore(t *testing.T) {
	s := newSigning(t)
	w := newWorld(t, setup{offers: s.offers})
	w.vehicle.begin()
	stopAt(vehicleOf, 18*time.Second, wire.ReasonUser)(w)
	w.run(w.bothOver)
	record, _ := w.vehicle.stored()
	last := lastOf(w, w.vehicle).Reading
	if record.Failure != "" || last.Attestation != meter.AttestedByStation || last.State != meter.Ended {
		t.Fatalf("failure %q, %+v", record.Failure, last)
	}
	delivered, err := w.station.connector.Sample(w.now)
	if err != nil || last.Register >= delivered.Register || record.Quantity != last.Register-1_000_000 || record.Quantity == 0 {
		t.Fatalf("%d mWh paid of %d, %v", record.Quantity, delivered.Register-1_000_000, err)
	}
}

func TestAVehicleDoesNotSignForARecordOfAnotherMeter(t *testing.T) {
	s := newSigning(t)
	s.own = newSigning(t).own
	w := newWorld(t, setup{offers: s.offers, samples: s.samples, payee: func(p *session.PayeePolicy) { p.GoneAfter = 20 * time.Second }})
	w.vehicle.begin()
	stopAt(vehicleOf, 18*time.Second, wire.ReasonUser)(w)
	w.run(w.bothOver)
	record, _ := w.vehicle.stored()
	delivered, err := w.station.connector.Sample(w.now)
	if !strings.Contains(record.Failure, "did not sign") || err != nil || record.Quantity >= delivered.Register-1_000_000 || record.Quantity == 0 {
		t.Fatalf("%d mWh paid of %d, failure %q, %v", record.Quantity, delivered.Register-1_000_000, record.Failure, err)
	}
}

func TestAnOutletThatNeedsAMomentToStopIsWaitedFor(t *testing.T) {
	var first time.Time
	w := newWorld(t, setup{samples: func(w *world, sampled session.Sampled) session.Sampled {
		if sampled.Err == nil && sampled.Sample.State == meter.Ended {
			if first.IsZero() {
				first = w.now
			}
			if w.now.Sub(first) < 7*time.Second {
				return session.Sampled{Sample: sampled.Sample, Err: meter.ErrPending}
			}
		}
		return sampled
	}})
	w.vehicle.begin()
	w.run(w.bothOver)
	w.paid(whole)
	if first.IsZero() {
		t.Fatal("the outlet was never asked to stop")
	}
}

func TestBothSidesKeepTheProofOfABrokenRegister(t *testing.T) {
	var register int64
	w := newWorld(t, setup{samples: func(w *world, sampled session.Sampled) session.Sampled {
		if w.now.Sub(began) < 20*time.Second {
			register = sampled.Sample.Register
			return sampled
		}
		sampled.Sample.Register, sampled.Sample.State, sampled.Sample.Evidence = register, meter.Ended, "OCPP|{}"
		return session.Sampled{Sample: sampled.Sample, Err: meter.ErrRegisterFell}
	}})
	w.vehicle.begin()
	w.run(w.bothOver)
	record, _ := w.station.stored()
	if record.Reason != wire.ReasonMeter {
		t.Errorf("it ended because of %s", record.Reason)
	}
	for _, n := range []*node{w.vehicle, w.station} {
		if last := lastOf(w, n); string(last.Evidence) != "OCPP|{}" || last.Reading.Register != register || last.Reading.State != meter.Ended {
			t.Errorf("%s: %+v, %q", n.name, last.Reading, last.Evidence)
		}
	}
}

func TestASampleFromBeforeTheStopIsNotTheLast(t *testing.T) {
	w := newWorld(t, setup{})
	w.vehicle.begin()
	var before meter.Sample
	w.after(17900*time.Millisecond, func() {
		var err error
		if before, err = w.station.connector.Sample(w.now); err != nil {
			t.Error(err)
		}
	})
	w.after(18300*time.Millisecond, func() {
		w.station.step(session.StopAsked{Reason: wire.ReasonStation})
		w.station.step(session.Sampled{Sample: before}) // it was on its way
	})
	w.run(w.bothOver)
	delivered, err := w.station.connector.Sample(w.now)
	if last := lastOf(w, w.vehicle).Reading; err != nil || before.Register >= delivered.Register || last.Register != delivered.Register {
		t.Fatalf("ended at %d, delivered %d, %d before the stop, %v", last.Register, delivered.Register, before.Register, err)
	}
}

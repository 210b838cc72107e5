package session_test

import (
	"errors"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// charging gives a world in which energy has flowed for a while, and the station has just gone: what it says from here
// on is made up by the test.
func charging(t *testing.T, s setup) (*world, *meter.Chain) {
	t.Helper()
	s.energy = 3_000_000
	w := newWorld(t, s)
	w.vehicle.begin()
	w.run(func() bool { return w.now.Sub(began) > 23*time.Second })
	w.station.gone = true
	w.station.crashNow()
	readings := w.vehicle.disk.readings[firstID]
	signed, err := meter.DecodeSigned(readings[len(readings)-1].Signed)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := meter.ResumeChain(signed.Reading)
	if err != nil {
		t.Fatal(err)
	}
	return w, &chain
}

// signedBy gives the claims among effects.
func signedBy(effects []session.Effect) []channel.SignedClaim {
	var claims []channel.SignedClaim
	for _, e := range effects {
		if s, ok := e.(session.Send); ok {
			if c, ok := s.Message.(wire.Claim); ok {
				best, _ := channel.DecodeBest(c.Best)
				claims = append(claims, best.Signed)
			}
		}
	}
	return claims
}

// said gives the first error that a machine reported.
func said(effects []session.Effect) error {
	for _, e := range effects {
		if r, ok := e.(session.Report); ok && r.Event.Err != nil {
			return r.Event.Err
		}
	}
	return nil
}

func sent[M wire.Message](effects []session.Effect) (M, bool) {
	for _, e := range effects {
		if s, ok := e.(session.Send); ok {
			if m, ok := s.Message.(M); ok {
				return m, true
			}
		}
	}
	var none M
	return none, false
}

func TestI6_AVehicleSignsOnlyForWhatItMeasuredAtTimesThatItsClockConfirms(t *testing.T) {
	stationMeter := testKey(23)
	tests := []struct {
		name   string
		change func(*meter.Reading)
		sign   func(meter.Reading) meter.Signed // nil: as the station does
		claims bool
		want   error
		stops  bool
	}{
		{name: "what it measured", change: func(*meter.Reading) {}, claims: true},
		{name: "less than it measured", change: func(r *meter.Reading) { r.Register -= 20_000 }, claims: true},
		{name: "as much more as two meters may differ", change: func(r *meter.Reading) { r.Register += (r.Register-1_000_000)*3/100 + 4_900 }, claims: true},
		{name: "more than two meters may differ", change: func(r *meter.Reading) { r.Register += (r.Register-1_000_000)*3/100 + 5_100 }, want: meter.ErrDisagrees, stops: true},
		{name: "a moment ahead of its clock", change: func(r *meter.Reading) { r.Time = r.Time.Add(1900 * time.Millisecond) }, claims: true},
		{name: "in its future", change: func(r *meter.Reading) { r.Time = r.Time.Add(2500 * time.Millisecond) }, want: session.ErrClock, stops: true},
		{name: "delayed", change: func(r *meter.Reading) { r.Time = r.Time.Add(-time.Second) }, claims: true},
		{name: "by another meter", change: func(*meter.Reading) {}, sign: func(r meter.Reading) meter.Signed { return meter.Sign(r, testKey(99), network) }, want: wallet.ErrSignature},
		{name: "for another network", change: func(*meter.Reading) {}, sign: func(r meter.Reading) meter.Signed {
			return meter.Sign(r, stationMeter, wallet.NetworkID{9})
		}, want: wallet.ErrSignature},
		{name: "changed after it was signed", change: func(*meter.Reading) {}, sign: func(r meter.Reading) meter.Signed {
			s := meter.Sign(r, stationMeter, network)
			s.Reading.Register++
			return s
		}, want: wallet.ErrSignature},
		{name: "of another session", change: func(r *meter.Reading) { r.Session[5]++ }, want: meter.ErrSession},
		{name: "after one that is not here yet", change: func(r *meter.Reading) { r.Sequence++ }, want: meter.ErrGap},
		{name: "in another chain", change: func(r *meter.Reading) { r.Previous[0]++ }, want: meter.ErrChain, stops: true},
		{name: "of a register that fell", change: func(r *meter.Reading) { r.Register = 1_000_000 }, want: meter.ErrRegisterFell, stops: true},
		{name: "of a clock that fell", change: func(r *meter.Reading) { r.Time = r.Time.Add(-time.Minute) }, want: meter.ErrTimeFell, stops: true},
		{name: "in another unit", change: func(r *meter.Reading) { r.Unit = meter.Seconds }, want: meter.ErrUnitChanged, stops: true},
		{name: "attested by another", change: func(r *meter.Reading) { r.Attestation = meter.AttestedByMeter }, want: meter.ErrUnitChanged, stops: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, chain := charging(t, setup{})
			truth, err := w.cable.State(w.now)
			if err != nil {
				t.Fatal(err)
			}
			reading, err := chain.Next(meter.Sample{
				Time: w.now, Register: truth.Register, Unit: meter.MilliwattHours, State: meter.Charging,
				StateOfChargePermille: meter.StateOfChargeUnknown,
			}, meter.AttestedByStation)
			if err != nil {
				t.Fatal(err)
			}
			test.change(&reading)
			signed := meter.Sign(reading, stationMeter, network)
			if test.sign != nil {
				signed = test.sign(reading)
			}
			w.vehicle.pulse() // its own meter speaks
			_, before := w.vehicle.stored()
			w.vehicle.show(session.Received{Message: wire.Demand{Reading: signed.Encode(), Required: money.Amount(1)}}, func(effects []session.Effect) {
				claims := signedBy(effects)
				if test.claims != (len(claims) == 1) {
					t.Fatalf("signed %d claims: %v", len(claims), said(effects))
				}
				if test.claims {
					if price := w.worth(began, reading.Register-1_000_000); claims[0].Claim.Amount != price || claims[0].Claim.Reading != reading.Hash() {
						t.Errorf("signed for %s, the reading costs %s", claims[0].Claim.Amount, price)
					}
				} else if !errors.Is(said(effects), test.want) {
					t.Errorf("says %v, want %v", said(effects), test.want)
				}
				if _, stops := sent[wire.Stop](effects); stops != test.stops {
					t.Errorf("stops: %t", stops)
				}
			})
			if _, after := w.vehicle.stored(); !test.claims && after.Side.Out != before.Side.Out {
				t.Error("it owes more than before")
			}
		})
	}
}

// show steps a machine and shows its effects before they are executed.
func (n *node) show(event session.Event, look func([]session.Effect)) {
	effects := n.machine.Step(n.now(), event)
	look(effects)
	n.execute(effects)
}

func TestI6_AVehicleWhoseMeterIsSilentOrLateWaits(t *testing.T) {
	w, chain := charging(t, setup{})
	truth, err := w.cable.State(w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.vehicle.crashNow() // what its own meter said before is forgotten
	w.vehicle.rise()
	reading, err := chain.Next(meter.Sample{
		Time: w.now, Register: truth.Register, Unit: meter.MilliwattHours, State: meter.Charging, StateOfChargePermille: meter.StateOfChargeUnknown,
	}, meter.AttestedByStation)
	if err != nil {
		t.Fatal(err)
	}
	demand := session.Received{Message: wire.Demand{Reading: meter.Sign(reading, testKey(23), network).Encode()}}
	sampled := func(register int64, at time.Time) session.Sampled {
		return session.Sampled{Sample: meter.Sample{Time: at, Register: register, Unit: meter.MilliwattHours}}
	}
	steps := []struct {
		name   string
		event  session.Event
		claims int
		stops  bool
	}{
		{"its meter has said nothing", demand, 0, false},
		{"its meter fails", session.Sampled{Err: meter.ErrNoSample}, 0, false},
		{"its meter has not come so far", sampled(1_000_000, w.now.Add(-time.Minute)), 0, false},
		{"its meter confirms", sampled(truth.Register, w.now), 1, false},
		{"the station asks again", demand, 1, false},
	}
	for _, step := range steps {
		w.vehicle.show(step.event, func(effects []session.Effect) {
			claims := signedBy(effects)
			if _, stops := sent[wire.Stop](effects); len(claims) != step.claims || stops != step.stops {
				t.Errorf("%s: %d claims, stops %t: %v", step.name, len(claims), stops, said(effects))
			}
		})
	}
}

// What the vehicle signed it repeats as it is: the same bytes, no new sequence.
func TestI4_ADemandThatComesAgainIsAnsweredWithTheSameClaim(t *testing.T) {
	w, _ := charging(t, setup{})
	readings := w.vehicle.disk.readings[firstID]
	_, ch := w.vehicle.stored()
	w.vehicle.show(session.Received{Message: wire.Demand{Reading: readings[2].Signed}}, func(effects []session.Effect) {
		claims := signedBy(effects)
		if len(claims) != 1 || claims[0] != ch.Side.Out.Signed {
			t.Errorf("answered with %v", claims)
		}
		for _, e := range effects {
			if _, persists := e.(session.Persist); persists {
				t.Error("a repetition changes what is stored")
			}
		}
	})
}

func TestADemandAboveThePriceIsPaidAtThePriceAndEndsTheSession(t *testing.T) {
	w, chain := charging(t, setup{})
	truth, err := w.cable.State(w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.vehicle.pulse()
	reading, err := chain.Next(meter.Sample{
		Time: w.now, Register: truth.Register, Unit: meter.MilliwattHours, State: meter.Charging, StateOfChargePermille: meter.StateOfChargeUnknown,
	}, meter.AttestedByStation)
	if err != nil {
		t.Fatal(err)
	}
	price := w.worth(began, truth.Register-1_000_000)
	message := wire.Demand{Reading: meter.Sign(reading, testKey(23), network).Encode(), Required: price + 1}
	w.vehicle.show(session.Received{Message: message}, func(effects []session.Effect) {
		claims := signedBy(effects)
		if len(claims) != 1 || claims[0].Claim.Amount != price {
			t.Errorf("signed %v, the price is %s", claims, price)
		}
		if stop, stops := sent[wire.Stop](effects); !stops || stop.Reason != wire.ReasonMeter || !errors.Is(said(effects), session.ErrOverDemand) {
			t.Errorf("stops %t, says %v", stops, said(effects))
		}
	})
}

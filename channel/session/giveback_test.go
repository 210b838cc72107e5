package session_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/wallet/money"
)

// parked is a car with a battery of 60 kWh at 60 %, which gives back down to 40 %.
func parked() *sim.Battery {
	b := sim.DefaultBattery()
	b.StateOfChargePermille, b.MaxReturnMilliwatts, b.ReturnFloorPermille, b.RoundTripPPM = 600, 36_000_000, 400, 900_000
	return &b
}

// atParking gives a world in which the station pays 0.72 EUR for a kWh, twice what it asks for one, and wants to take energy.
func atParking(steer func(time.Duration) int64) setup {
	return setup{
		battery: parked(), giveBack: "0.72", returnMw: 36_000_000, steer: steer,
		payer: func(p *session.PayerPolicy) { p.ReturnMw, p.FullIsTarget = 36_000_000, false },
		payee: func(p *session.PayeePolicy) { p.TopUp = 5 * money.Nano },
	}
}

func takeAll(time.Duration) int64 { return -36_000_000 }

func takeBack(change func(*setup)) setup {
	s := atParking(takeAll)
	if change != nil {
		change(&s)
	}
	return s
}

// returnSlice gives what the quote of the present session says that a vehicle may be owed between two payments.
func (w *world) returnSlice() money.Amount {
	w.t.Helper()
	record, _ := w.station.stored()
	q, err := quote.Parse(record.Quote, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return q.Quote.ReturnSlice
}

var giveBackScenarios = []scenario{
	{
		name:   "a vehicle gives energy back",
		setup:  takeBack(nil),
		script: stopAt(vehicleOf, 40*time.Second, wire.ReasonUser),
		check: func(w *world) {
			price := w.settled()
			v, ch := w.vehicle.stored()
			if v.Quantity != 0 || v.Returned < 250_000 || price >= 0 || price != -w.credit(v.Returned) {
				w.t.Errorf("%d mWh taken, %d given back, paid %s", v.Quantity, v.Returned, price)
			}
			if ch.Side.In.Owed() == 0 || w.givenUp > w.returnSlice() {
				w.t.Errorf("the station's lane is at %s, the vehicle was owed %s of %s", ch.Side.In.Owed(), w.givenUp, w.returnSlice())
			}
		},
	},
	{
		name: "charged, discharged and charged again",
		setup: atParking(func(d time.Duration) int64 {
			if d > 20*time.Second && d < 40*time.Second {
				return -18_000_000
			}
			return 36_000_000
		}),
		script: stopAt(vehicleOf, 60*time.Second, wire.ReasonUser),
		check: func(w *world) {
			w.settled()
			w.withinSlice()
			if v, _ := w.vehicle.stored(); v.Quantity == 0 || v.Returned == 0 {
				w.t.Errorf("%d mWh taken, %d given back", v.Quantity, v.Returned)
			}
		},
	},
}

// What is withdrawn during a session leaves what the station may have to pay.
func TestAWithdrawalLeavesWhatIsPaidForEnergyGivenBack(t *testing.T) {
	s := takeBack(func(s *setup) { s.settleEvery = 5 * time.Second })
	s.steer = func(d time.Duration) int64 {
		if d/(10*time.Second)%2 == 0 {
			return 36_000_000
		}
		return -36_000_000
	}
	w := newWorld(t, s)
	w.vehicle.begin()
	stopAt(vehicleOf, 80*time.Second, wire.ReasonUser)(w)
	w.run(w.bothOver)
	w.settled()
	topUps := 0
	for _, op := range w.station.disk.ops {
		if op.Kind == session.OpTopUp {
			topUps++
		}
	}
	if v, _ := w.vehicle.stored(); topUps != 1 || v.Returned < 300_000 {
		t.Errorf("%d top-ups for %d mWh given back", topUps, v.Returned)
	}
}

func TestGiveBackTranscripts(t *testing.T) {
	for _, s := range giveBackScenarios {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, s.setup)
			w.vehicle.begin()
			s.script(w)
			w.run(w.bothOver)
			s.check(w)
			w.golden(s.name)
		})
	}
}

// nothingFlowsBack runs a session and checks that the battery gave nothing.
func nothingFlowsBack(t *testing.T, s setup) *world {
	t.Helper()
	w := newWorld(t, s)
	w.vehicle.begin()
	stopAt(vehicleOf, 40*time.Second, wire.ReasonUser)(w)
	w.run(w.bothOver)
	state, err := w.cable.State(w.now)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := w.vehicle.stored(); state.Exported != 500_000 || v.Returned != 0 || v.Paid != 0 {
		t.Errorf("%d mWh flowed back, %d are in the record, %s was paid", state.Exported-500_000, v.Returned, v.Paid)
	}
	w.conserved()
	return w
}

func TestNothingFlowsBackThatIsNotAgreedOrNotCovered(t *testing.T) {
	for name, change := range map[string]func(*setup){
		"the vehicle did not say so":     func(s *setup) { s.payer = func(p *session.PayerPolicy) { p.FullIsTarget = false } },
		"the station pays nothing":       func(s *setup) { s.giveBack, s.steer = "", func(time.Duration) int64 { return -1 } },
		"the price is too low":           func(s *setup) { s.payer = func(p *session.PayerPolicy) { p.ReturnMw, p.ReturnPriceMin = 1e9, 73*cent } },
		"the station has no deposit":     func(s *setup) { s.payee = nil },
		"the station's account is empty": func(s *setup) { s.payee = func(p *session.PayeePolicy) { p.TopUp = 500 * money.Nano } },
	} {
		t.Run(name, func(t *testing.T) { nothingFlowsBack(t, takeBack(change)) })
	}
}

func TestI5_AStationThatTakesAndDoesNotPayGetsOneSliceAtMost(t *testing.T) {
	const soon = 15 * time.Second
	for name, change := range map[string]func(*setup){
		"it falls silent": func(s *setup) { s.link = loseAfter(soon, wire.KindDemand, wire.KindDone) },
		"it reads and does not pay": func(s *setup) {
			s.link = func(w *world, l *letter) []string {
				if d, ok := l.message.(wire.Demand); ok && w.now.Sub(began) > soon {
					d.Back = nil
					l.message = d
				}
				return nil
			}
		},
		"its connector takes without its process": func(s *setup) {
			s.crash = func(n *node) bool {
				if n == n.w.station && n.w.now.Sub(began) > soon && n.crashes == 0 {
					n.gone = true
					return true
				}
				return false
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := takeBack(change)
			s.payee = func(p *session.PayeePolicy) { p.TopUp, p.GoneAfter = 5*money.Nano, 20*time.Minute }
			payer := s.payer
			s.payer = func(p *session.PayerPolicy) { payer(p); p.GoneAfter = time.Minute }
			w := newWorld(t, s)
			w.vehicle.begin()
			w.run(func() bool { return w.vehicle.over() || w.now.Sub(began) > 3*time.Minute })
			slice := w.returnSlice()
			if w.givenUp > slice || w.givenUp < slice/4 {
				t.Errorf("I5: %s was given back unpaid, declared is a slice of %s", w.givenUp, slice)
			}
		})
	}
}

func TestI6_AVehicleThatIsCreditedLessThanItGaveStops(t *testing.T) {
	s := takeBack(func(s *setup) { s.hidePPM = 200_000 })
	w := newWorld(t, s)
	w.vehicle.begin()
	w.run(w.bothOver)
	v, _ := w.vehicle.stored()
	if v.Reason != wire.ReasonMeter || v.Failure == "" || v.EndedMs-v.StartedMs > 40_000 {
		t.Errorf("ended after %d ms, because of %q: %q", v.EndedMs-v.StartedMs, v.Reason, v.Failure)
	}
	w.conserved()
}

func TestI6_AVehicleWhoseEnergyIsTakenUnderAQuoteThatPaysNothingStops(t *testing.T) {
	s := takeBack(func(s *setup) { s.giveBack, s.ungiving = "", true })
	w := newWorld(t, s)
	w.vehicle.begin()
	w.after(10*time.Second, func() { // the station's hardware does as it likes, and so does the battery
		if err := w.cable.Permit(w.now, 36_000_000); err != nil {
			t.Error(err)
		}
		if err := w.station.connector.SetLimit(w.now, -36_000_000); err != nil {
			t.Error(err)
		}
	})
	w.run(w.bothOver)
	if v, _ := w.vehicle.stored(); v.Reason != wire.ReasonMeter || v.EndedMs-v.StartedMs > 30_000 {
		t.Errorf("ended after %d ms, because of %q: %q", v.EndedMs-v.StartedMs, v.Reason, v.Failure)
	}
}

// A station pays for what its own meter shows: a battery that says it gave more, or a register that fell, brings nothing.
func TestI6_AStationPaysForWhatItsMeterShows(t *testing.T) {
	s := takeBack(nil)
	w := newWorld(t, s)
	w.vehicle.begin()
	stopAt(vehicleOf, 40*time.Second, wire.ReasonUser)(w)
	w.run(w.bothOver)
	price := w.settled()
	readings := w.station.disk.readings[firstID]
	first, err := meter.DecodeSigned(readings[0].Signed)
	if err != nil {
		t.Fatal(err)
	}
	last, err := meter.DecodeSigned(readings[len(readings)-1].Signed)
	if err != nil {
		t.Fatal(err)
	}
	if got := last.Reading.Exported - first.Reading.Exported; price != -w.credit(got) {
		t.Errorf("%d mWh are in the readings, %s was paid", got, price)
	}
}

// Whatever flows in whichever direction, and whatever the network and the processes do: a session ends settled at the net price
// of its readings, no side is owed more than its quote declares, and no money is made or lost.
func TestI3_ChargingAndDischargingAtRandomSettlesAtTheNetPrice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSetup(rt)
		for s.tariff == rates[4] { // which pays for charging: its exposure is the other test's
			s.tariff = rates[rapid.IntRange(0, 3).Draw(rt, "another tariff")]
		}
		b := parked()
		b.StateOfChargePermille = int16(rapid.IntRange(395, 420).Draw(rt, "state of charge"))
		b.CapacityMilliwattHours = rapid.SampledFrom([]int64{1_000_000, 60_000_000}).Draw(rt, "capacity")
		s.battery, s.returnMw = b, rapid.SampledFrom([]int64{3_600_000, 36_000_000}).Draw(rt, "power back")
		s.giveBack = rapid.SampledFrom([]string{"0", "0.123456", "0.72", "2"}).Draw(rt, "feed-in price")
		stretches := rapid.SliceOfN(rapid.Int64Range(-40_000_000, 40_000_000), 1, 6).Draw(rt, "limits")
		s.steer = func(d time.Duration) int64 { return stretches[int(d/(9*time.Second))%len(stretches)] }
		until := began.Add(time.Duration(rapid.IntRange(20, 50).Draw(rt, "seconds")) * time.Second)
		payer, gives := s.payer, rapid.SampledFrom([]int64{1_800_000, 36_000_000}).Draw(rt, "the vehicle gives")
		s.payer = func(p *session.PayerPolicy) {
			payer(p)
			p.ReturnMw, p.FullIsTarget, p.Until = gives, false, until // a stop by hand could meet a process that is down
		}
		s.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed of the network"), 7))
		w := newWorld(t, s)
		w.fatal = func(text string) { rt.Fatal(text) }
		w.vehicle.begin()
		w.run(w.bothOver)
		v, ch := w.vehicle.stored()
		if v.Phase == session.PhaseFailed {
			w.conserved()
			return
		}
		w.settled()
		const rounded = 1 // a credit is rounded down here, and a net cost there
		if slice, prepaid := w.declared(); w.exposed > slice+prepaid+rounded {
			rt.Fatalf("I5: %s was delivered unpaid, declared is a slice of %s and %s at the start\n%s", w.exposed, slice, prepaid, w.tail())
		}
		if timeless := s.tariff == rates[0] || s.tariff == rates[5]; timeless && w.givenUp > w.returnSlice()+rounded {
			rt.Fatalf("I5: %s was given back unpaid, declared is a slice of %s\n%s", w.givenUp, w.returnSlice(), w.tail())
		}
		slot := w.ledger.channels[v.Channel]
		if net := slot.funds.Net(ch.Side.Me.Other()) + ch.Side.Out.Owed() - ch.Side.In.Owed(); net < 0 { // I3: what the station owes is covered
			rt.Fatalf("I3: the station is at %s", net)
		}
	})
}

// What the station pays is stored before the vehicle says that it knows it, also when it comes with a demand that was answered
// before.
func TestI4_WhatIsPaidBackIsStoredBeforeItIsAcknowledged(t *testing.T) {
	const repeats, silent = 15 * time.Second, 25 * time.Second
	var answered []byte
	s := takeBack(func(s *setup) {
		s.link = func(w *world, l *letter) []string {
			d, asks := l.message.(wire.Demand)
			switch since := w.now.Sub(began); {
			case asks && since > silent:
				return []string{"lose"}
			case asks && since > repeats:
				d.Reading = answered
				l.message = d
			case asks:
				answered = d.Reading
			}
			return nil
		}
	})
	w := newWorld(t, s)
	w.vehicle.begin()
	w.run(func() bool { return w.vehicle.over() || w.now.Sub(began) > time.Minute })
	if v, ch := w.vehicle.stored(); v == nil || ch == nil || ch.Side.In.IsZero() {
		t.Error("nothing was paid back")
	}
}

package session_test

import (
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// settled checks how every good session ends: both sides at the price of the readings, and the ledger knowing it.
func (w *world) settled() money.Amount {
	w.t.Helper()
	v, vehicleChannel := w.vehicle.stored()
	s, stationChannel := w.station.stored()
	if v == nil || s == nil || vehicleChannel == nil || stationChannel == nil {
		w.fatalf("no session is stored")
	}
	if v.Phase != session.PhaseEnded || s.Phase != session.PhaseEnded {
		w.fatalf("ended as %s and %s: %s %s", v.Phase, s.Phase, v.Failure, s.Failure)
	}
	price := w.priceOf(w.station.disk.readings[s.ID])
	if v.Paid != price || s.Paid != price || v.Cost != price || s.Cost != price {
		w.fatalf("paid %s and %s, cost %s and %s; the readings cost %s", v.Paid, s.Paid, v.Cost, s.Cost, price)
	}
	out, in := vehicleChannel.Side, stationChannel.Side
	if out.Out.Owed() != in.In.Owed() || out.In.Owed() != in.Out.Owed() {
		w.fatalf("lanes end at %s/%s and %s/%s", out.Out.Owed(), out.In.Owed(), in.In.Owed(), in.Out.Owed())
	}
	slot := w.ledger.channels[v.Channel]
	if slot == nil || slot.lanes != (channel.PerLane{in.In.Owed(), in.Out.Owed()}) {
		w.fatalf("the ledger knows %v of lanes %s/%s", slot, in.In.Owed(), in.Out.Owed())
	}
	w.conserved()
	return price
}

func (w *world) conserved() {
	w.t.Helper()
	if !w.ledger.balanced() {
		w.fatalf("money was made or lost: balances %v", w.ledger.balance)
	}
}

// priceOf prices stored readings apart from the machines: the whole session, at its end.
func (w *world) priceOf(readings []session.ReadingRecord) money.Amount {
	w.t.Helper()
	tariff, err := pricing.ParseTariff([]byte(w.setup.tariff))
	if err != nil {
		w.t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		w.t.Fatal(err)
	}
	var run, back *pricing.Run
	var first meter.Reading
	var last time.Time
	next := w.changedTo()
	for _, stored := range readings {
		signed, err := meter.DecodeSigned(stored.Signed)
		if err != nil {
			w.t.Fatal(err)
		}
		r := signed.Reading
		if run == nil {
			first = r
			if run, err = pricing.NewRun(tariff, r.Time, berlin); err != nil {
				w.t.Fatal(err)
			}
			if feedIn := w.feedIn(); feedIn != nil {
				if back, err = pricing.NewRun(feedIn, r.Time, berlin); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		if back != nil {
			if err := back.Add(pricing.Sample{Time: r.Time, EnergyMilliwattHours: r.Exported - first.Exported}); err != nil {
				w.t.Fatal(err)
			}
		}
		if next != nil && !last.Before(began.Add(w.setup.change.from)) {
			if err := run.Switch(next, began.Add(w.setup.change.from)); err != nil {
				w.t.Fatal(err)
			}
			next = nil
		}
		last = r.Time
		sample := pricing.Sample{Time: r.Time, EnergyMilliwattHours: r.Register - first.Register}
		if r.State == meter.SuspendedVehicle || r.State == meter.Ended {
			sample.State = pricing.Idle
		}
		if err := run.Add(sample); err != nil {
			w.t.Fatal(err)
		}
	}
	if run == nil {
		w.t.Fatal("no readings")
	}
	cost, err := run.Final()
	if err != nil {
		w.t.Fatal(err)
	}
	if back == nil {
		return cost.Payable()
	}
	credit, err := back.Cost()
	if err != nil {
		w.t.Fatal(err)
	}
	net, err := cost.Less(credit)
	if err != nil {
		w.t.Fatal(err)
	}
	return net
}

// changedTo gives the tariff that both sides agreed on in the middle of the session, or nil.
func (w *world) changedTo() *pricing.Tariff {
	w.t.Helper()
	v, _ := w.vehicle.stored()
	s, _ := w.station.stored()
	if len(v.Earlier) != len(s.Earlier) {
		w.fatalf("the vehicle was under %d earlier quotes, the station under %d", len(v.Earlier), len(s.Earlier))
	}
	if len(s.Earlier) == 0 {
		return nil
	}
	tariff, err := pricing.ParseTariff([]byte(w.setup.change.tariff))
	if err != nil {
		w.t.Fatal(err)
	}
	return tariff
}

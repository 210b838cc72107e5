package agent

import (
	"context"
	"fmt"
	"testing"
	"time"

	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// tariffUntil gives a tariff for sessions that begin before a time.
func tariffUntil(t *testing.T, id, price string, until time.Time) *pricing.Tariff {
	t.Helper()
	tariff, err := pricing.ParseTariff(fmt.Appendf(nil, `{"id":%q,"currency":"EUR","end_date_time":%q,"elements":[`+
		`{"price_components":[{"type":"ENERGY","price":%s,"step_size":1}]}]}`, id, until.UTC().Format(time.RFC3339), price))
	if err != nil {
		t.Fatal(err)
	}
	return tariff
}

// changing has a tariff end some time after a session began, and another follow.
func (w *world) changing() {
	ends := time.Now().Add(30 * time.Second).Truncate(time.Second)
	w.offer = func(in *quote.Inputs) { in.Tariff = tariffUntil(w.t, "day", "0.40", ends) }
	w.next = func(in *quote.Inputs, from time.Time) {
		if !from.Equal(ends) {
			w.t.Errorf("asked for prices from %s on, the tariff ends %s", from, ends)
		}
		in.Tariff = tariffUntil(w.t, "evening", "0.80", ends.Add(time.Hour))
	}
	w.plugIn(2 * testEnergy)
}

func TestATariffThatEndsIsFollowedByANewQuote(t *testing.T) {
	for name, faults := range map[string]link.Faults{"a good network": {}, "a bad one": {Loss: 0.2, Duplicate: 0.2, Reorder: 0.2}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, faults, func(w *world) {
				w.changing()
				var record session.SessionRecord
				w.run(func(ctx context.Context) { record = w.charge(ctx) })
				w.checkSettled(record)
				station, err := w.station.disk.Session(context.Background(), record.ID)
				if err != nil || len(record.Earlier) != 1 || len(station.Earlier) != 1 {
					t.Fatalf("%d and %d earlier quotes, %v", len(record.Earlier), len(station.Earlier), err)
				}
				low := money.Amount(record.Quantity) * 400 // nano-EUR a mWh
				if record.Cost <= low || record.Cost >= 2*low {
					t.Errorf("%d mWh cost %s: no part of it was dearer", record.Quantity, record.Cost)
				}
			})
		})
	}
}

func TestAVehicleThatDoesNotAgreeLeavesUnderTheOldTariff(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		w.changing()
		w.payer = func(p *session.PayerPolicy) { p.UnitPriceMax = 500_000_000 }
		var record session.SessionRecord
		w.run(func(ctx context.Context) { record = w.charge(ctx) })
		w.checkSettled(record)
		low := money.Amount(record.Quantity) * 400
		if record.Reason != wire.ReasonTariff || len(record.Earlier) != 0 || record.Cost > low+400_000 {
			t.Errorf("ended because of %q with %s for %d mWh", record.Reason, record.Cost, record.Quantity)
		}
	})
}

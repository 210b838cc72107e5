package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/meter/counter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// numbers is a feed that gives out its own numbers, as many as it may as soon as it may. What it counted outlives its process.
type numbers struct {
	*counter.Connector

	mu     sync.Mutex
	give   func(int64, []byte)
	wanted int64
	given  int64
	again  int
}

func (n *numbers) Serve(wanted int64, give func(int64, []byte)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wanted, n.give = wanted, give
}

func (n *numbers) Again(from int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.again++
	for number := from; number <= n.given && n.give != nil; number++ {
		n.give(number, payloadOf(number))
	}
}

func (n *numbers) Start(now time.Time, limit int64) error {
	defer n.out(now)
	return n.Connector.Start(now, limit)
}

func (n *numbers) SetLimit(now time.Time, limit int64) error {
	defer n.out(now)
	return n.Connector.SetLimit(now, limit)
}

func (n *numbers) out(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	more, _ := n.Take(now, n.wanted-n.given)
	for range more {
		n.given++
		if n.give != nil {
			n.give(n.given, payloadOf(n.given))
		}
	}
}

func payloadOf(number int64) []byte { return fmt.Appendf(nil, "piece %d", number) }

// buy sells numbers to a vehicle, and gives what it received, in order, and the feed.
func buy(w *world, wanted int64) (received func() []string, feed *numbers) {
	c, err := counter.New(0, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	own, err := counter.NewTally(0, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	feed = &numbers{Connector: c}
	w.outlet, w.own = feed, own
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		w.t.Fatal(err)
	}
	tariff, err := pricing.ParseTariff(fmt.Appendf(nil, `{"id":"n","currency":%q,"elements":[{"price_components":[{"type":"FLAT","price":0.01,"step_size":1}]}]}`, eur))
	if err != nil {
		w.t.Fatal(err)
	}
	w.offer = func(in *quote.Inputs) {
		in.Service, in.Unit, in.Tariff, in.MaxPowerMw, in.UnpaidMax = "numbers", meter.Count, tariff, 0, 10
	}
	w.payer = func(p *session.PayerPolicy) { p.Service, p.Quantity, p.FullIsTarget = "numbers", wanted, false }
	var mu sync.Mutex
	var all []string
	w.pieces = func(v *Vehicle) func(wire.Piece) {
		return func(p wire.Piece) {
			mu.Lock()
			defer mu.Unlock()
			switch have := int64(len(all)); {
			case p.Number == have+1:
				all = append(all, string(p.Payload))
				_ = own.Add(1)
			case p.Number > have+1:
				v.Lacks(have + 1)
			}
		}
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}, feed
}

// asks lets a vehicle ask for what it lacks from time to time, as one does that hears nothing.
func asks(ctx context.Context, w *world, received func() []string) {
	for wait(ctx, 500*time.Millisecond) {
		if buyer := w.buyer.Load(); buyer != nil {
			buyer.Lacks(int64(len(received())) + 1)
		}
	}
}

func checkBought(w *world, record session.SessionRecord, got []string, wanted int64) {
	w.t.Helper()
	var want []string
	for number := range wanted {
		want = append(want, string(payloadOf(number+1)))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("received %d pieces of %d, or not in order: %q", len(got), wanted, got)
	}
	if record.Quantity != wanted || record.Paid != money.Amount(wanted)*money.Nano/100 {
		w.t.Errorf("paid %s for %d", record.Paid, record.Quantity)
	}
	w.checkSettled(record)
}

func TestPiecesComeInTheSessionThatPaysForThem(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		w.secret = true
		received, feed := buy(w, 120)
		var record session.SessionRecord
		w.run(func(ctx context.Context) { record = w.charge(ctx) })
		checkBought(w, record, received(), 120)
		if feed.give != nil {
			t.Error("the feed serves on after the session")
		}
	})
}

func TestPiecesThatAreLostComeAgain(t *testing.T) {
	inWorld(t, link.Faults{Loss: 0.2, Duplicate: 0.2, Reorder: 0.2}, func(w *world) {
		received, feed := buy(w, 120)
		var record session.SessionRecord
		w.run(func(ctx context.Context) {
			asking, stop := context.WithCancel(ctx)
			var work sync.WaitGroup
			work.Go(func() { asks(asking, w, received) })
			record = w.charge(ctx)
			stop()
			work.Wait()
		})
		checkBought(w, record, received(), 120)
		if feed.again == 0 || w.network.Counts().Lost == 0 {
			t.Errorf("asked again %d times, the network lost %d", feed.again, w.network.Counts().Lost)
		}
	})
}

func TestWhatChangedIsLookedAtBeforeTheNextPulse(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		received, _ := buy(w, 1000)
		var record session.SessionRecord
		began := time.Now()
		w.run(func(ctx context.Context) { record = w.charge(ctx) })
		checkBought(w, record, received(), 1000)
		took := time.Duration(record.EndedMs-record.StartedMs) * time.Millisecond
		if most := 1000 / 10 * pulse; took >= most { // ten for each pulse
			t.Errorf("a thousand pieces took %s, since the beginning %s: each waited for a pulse", took, time.Since(began))
		}
	})
}

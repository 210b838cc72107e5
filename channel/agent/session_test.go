package agent

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/internal/campaign"
	"joulepay/meter"
	"joulepay/wallet/money"
)

func TestAVehicleChargesPaysAndSettles(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		var record session.SessionRecord
		w.run(func(ctx context.Context) { record = w.charge(ctx) })
		w.checkSettled(record)
		w.checkAllPaid(record)
	})
}

// checkAllPaid sees that what flowed is what was paid for.
func (w *world) checkAllPaid(record session.SessionRecord) {
	w.t.Helper()
	if record.Quantity != w.delivered() || record.Quantity < testEnergy {
		w.t.Errorf("%d mWh paid, %d delivered, %d wanted", record.Quantity, w.delivered(), testEnergy)
	}
}

func TestTheNextVisitBeginsAtOnceInTheSameChannel(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		var first, second session.SessionRecord
		w.run(func(ctx context.Context) {
			first = w.charge(ctx)
			w.plugIn(testEnergy)
			second = w.charge(ctx) // the station may still wait for the ledger's word on the first
		})
		w.checkSettled(second)
		if first.Channel != second.Channel || len(w.ledger.channels) != 1 {
			t.Errorf("channels %s and %s, %d on the ledger", first.Channel, second.Channel, len(w.ledger.channels))
		}
		if paid := first.Paid + second.Paid; w.ledger.at(first.Channel).lanes[0] != paid {
			t.Errorf("paid %s, on the ledger %s", paid, w.ledger.at(first.Channel).lanes[0])
		}
	})
}

func TestALossyNetworkOnlyDelays(t *testing.T) {
	inWorld(t, link.Faults{Loss: 0.2, Duplicate: 0.2, Reorder: 0.2}, func(w *world) {
		var record session.SessionRecord
		w.run(func(ctx context.Context) { record = w.charge(ctx) })
		w.checkSettled(record)
		w.checkAllPaid(record)
		if c := w.network.Counts(); c.Lost == 0 || c.Duplicated == 0 || c.Reordered == 0 {
			t.Errorf("the network did nothing: %+v", c)
		}
	})
}

func TestI5_NothingFlowsWhileTheVehicleIsGone(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		w.plugIn(50_000_000) // more than it gets
		ctx, stop := context.WithTimeout(context.Background(), worldEnds)
		defer stop()
		var all sync.WaitGroup
		defer all.Wait()
		serving, end := context.WithCancel(ctx)
		defer end()
		all.Go(func() { w.runStation(serving, nil) })
		riding, leave := context.WithCancel(ctx)
		all.Go(func() { w.charge(riding) })
		wait(ctx, 30*time.Second)
		leave()
		wait(ctx, testClaims+pulse)
		left := w.delivered()
		w.awaitIdle(ctx, w.station) // it hangs up, and closes the channel alone
		if flowed := w.delivered() - left; flowed != 0 {
			t.Errorf("%d mWh flowed into a vehicle that did not pay", flowed)
		}
		record := w.station.sessions()[0]
		slice := int64(testPower) * testClaims.Milliseconds() / 3_600_000
		if unpaid := w.delivered() - w.claimed(record); unpaid > slice {
			t.Errorf("%d mWh unpaid, a slice has %d", unpaid, slice)
		}
		for w.ledger.at(record.Channel).state != channel.Closed && wait(ctx, time.Second) { // the keeper pays out
		}
		if c := w.ledger.at(record.Channel); c.paidOut[channel.Partner] != record.Paid || record.Paid == 0 {
			t.Errorf("paid %s, paid out %v", record.Paid, c.paidOut)
		}
	})
}

// claimed gives up to which energy the station holds a claim.
func (w *world) claimed(r session.SessionRecord) int64 {
	ch, err := w.station.disk.Channel(context.Background(), r.Channel)
	if err != nil {
		w.t.Fatal(err)
	}
	return ch.Side.In.Signed.Claim.Quantity
}

func TestManyOutletsServeManyVehiclesAtOnce(t *testing.T) {
	const cars = 12
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, network: link.NewImmediateNetwork(3, link.Faults{Loss: 0.02}), ledger: newLedger(400 * time.Millisecond)}
		w.station = newParty(w, "station")
		w.vehicle = w.station // whom checks of bodies blame
		w.outlet = steadyMeter{time.Now()}
		ctx, stop := context.WithTimeout(context.Background(), worldEnds)
		defer stop()
		var all, riding sync.WaitGroup
		serving, end := context.WithCancel(ctx)
		l := w.station.live(ctx)
		var outlets []*Outlet
		for i := range cars {
			o := w.newOutlet()
			o.EVSE = fmt.Sprint(i)
			outlets = append(outlets, o)
		}
		s := NewStation(l.deps(), outlets...)
		all.Go(func() { _ = s.Run(serving) })
		for i := range cars {
			car := newParty(w, fmt.Sprintf("car %d", i))
			w.ledger.issue(car.wallet.DID(), 50*money.Nano)
			riding.Go(func() {
				for range 2 {
					record, err := w.steadyCharge(ctx, car)
					if err != nil || record.Phase != session.PhaseEnded || record.Paid != record.Cost || record.Paid == 0 {
						t.Errorf("%s: %v, %s, paid %s of %s: %s", car.name, err, record.Phase, record.Paid, record.Cost, record.Failure)
					}
				}
				for _, broken := range car.broken {
					t.Error("I4: " + broken)
				}
			})
		}
		riding.Wait()
		w.awaitIdle(ctx, w.station)
		end()
		all.Wait()
		l.end()
		ended := w.station.sessions()
		if len(ended) != 2*cars || len(w.ledger.channels) != cars {
			t.Errorf("%d sessions, %d channels", len(ended), len(w.ledger.channels))
		}
		for _, r := range ended {
			if on, ch := w.ledger.at(r.Channel), r; on.lanes[0] == 0 || ch.Phase != session.PhaseEnded {
				t.Errorf("session %s is %s, the ledger has %s", r.ID, r.Phase, on.lanes[0])
			}
		}
		if len(s.visits)+len(s.using)+len(s.usage.by)+len(s.looks.asked) != 0 {
			t.Errorf("the station still holds %d visits, %d outlets, %d channels", len(s.visits), len(s.using), len(s.usage.by))
		}
		if !w.ledger.balanced() || len(w.station.broken) > 0 {
			t.Errorf("balanced %v, %v", w.ledger.balanced(), w.station.broken)
		}
	})
}

// steadyCharge has a car take 100 Wh of a steady meter.
func (w *world) steadyCharge(ctx context.Context, car *party) (session.SessionRecord, error) {
	l := car.live(ctx)
	defer l.end()
	comparison, err := meter.NewComparison(meter.SideDC, 30_000, 100_000)
	if err != nil {
		return session.SessionRecord{}, err
	}
	v := NewVehicle(l.deps(), w.outlet, comparison)
	var running sync.WaitGroup
	defer running.Wait()
	defer l.kill()
	running.Go(func() { _ = v.Run(l.ctx) })
	visit := w.visit()
	visit.Policy.Quantity, visit.Policy.FullIsTarget = 100_000, false
	return v.Charge(l.ctx, visit)
}

// steadyMeter shows 36 kW from its beginning, whatever it is told; every vehicle sees the same.
type steadyMeter struct{ began time.Time }

func (steadyMeter) Plugged() bool                   { return true }
func (steadyMeter) MaxPowerMilliwatts() int64       { return testPower }
func (steadyMeter) Start(time.Time, int64) error    { return nil }
func (steadyMeter) SetLimit(time.Time, int64) error { return nil }
func (steadyMeter) Stop(time.Time) error            { return nil }
func (m steadyMeter) Sample(now time.Time) (meter.Sample, error) {
	return meter.Sample{
		Time: now, Register: now.Sub(m.began).Milliseconds() * 10, Unit: meter.MilliwattHours,
		PowerMilliwatts: 36_000_000, StateOfChargePermille: meter.StateOfChargeUnknown, State: meter.Charging,
	}, nil
}

// stepsOf counts the steps of a session without faults.
func stepsOf(t *testing.T, who func(*world) *party) int64 {
	var steps int64
	inWorld(t, link.Faults{}, func(w *world) {
		w.run(func(ctx context.Context) { w.charge(ctx) })
		steps = who(w).steps.Load()
	})
	return steps
}

var parties = map[string]func(*world) *party{
	"station": func(w *world) *party { return w.station },
	"vehicle": func(w *world) *party { return w.vehicle },
}

func TestI4_AProcessThatDiesAtAnyStepOnlyDelays(t *testing.T) {
	for name, who := range parties {
		for _, fate := range []fate{diesBefore, diesAfter} {
			for at := range stepsOf(t, who) {
				testFault(t, fmt.Sprintf("%s step %d fate %d", name, at+1, fate), who, at+1, fate)
			}
		}
	}
}

func TestI4_AStoreThatFailsAtAnyCommitLosesNothing(t *testing.T) {
	for name, who := range parties {
		for _, fate := range []fate{fails, failsFor} {
			for at := range stepsOf(t, who) {
				testFault(t, fmt.Sprintf("%s step %d fate %d", name, at+1, fate), who, at+1, fate)
			}
		}
	}
}

// testFault runs a session in which one step of a party has a fate, and one more each so many steps later. Goroutines take
// turns as they like, so a step may be another kind of step than in the run before.
func testFault(t *testing.T, name string, who func(*world) *party, at int64, chosen fate) {
	const again = 40
	t.Run(name, func(t *testing.T) {
		inWorld(t, link.Faults{}, func(w *world) {
			fired := 0
			who(w).fault = func(step int64, what what) fate {
				if step < at || (step-at)%again != 0 || what != commits && (chosen == fails || chosen == failsFor) {
					return passes
				}
				fired++
				return chosen
			}
			var record session.SessionRecord
			w.run(func(ctx context.Context) { record = w.charge(ctx) })
			w.checkFaulted(record)
			if lives := w.station.lives + w.vehicle.lives; lives < 1+fired { // the last may come when all is done
				t.Errorf("%d faults and %d lives", fired, lives)
			}
		})
	})
}

// TestI4_OnABadDayEverythingIsOnlyLater has both processes die and both stores fail at random, on a network that loses, with
// a ledger that comes and goes, in three visits with top-ups and withdrawals.
func TestI4_OnABadDayEverythingIsOnlyLater(t *testing.T) {
	run := campaign.New(t)
	fired := map[fate]int{}
	for seed := range uint64(run.Size("seeds", 40)) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			inWorld(t, link.Faults{Loss: 0.1, Duplicate: 0.1, Reorder: 0.1}, func(w *world) {
				w.badDay(seed, fired)
			})
		})
	}
	for f, name := range map[fate]string{
		diesBefore: "deaths before a step", diesAfter: "deaths after a step", fails: "commits refused", failsFor: "stores that failed for good",
	} {
		run.Count(name, fired[f])
		if fired[f] == 0 {
			t.Errorf("no %s", name)
		}
	}
}

func (w *world) badDay(seed uint64, fired map[fate]int) {
	var mu sync.Mutex // guards dice and fired
	dice := rand.New(rand.NewPCG(seed, 7))
	roll := func(_ int64, what what) fate {
		mu.Lock()
		defer mu.Unlock()
		if dice.IntN(60) > 0 {
			return passes
		}
		f := fate(1 + dice.IntN(4))
		if what == sends && (f == fails || f == failsFor) {
			f = diesBefore
		}
		fired[f]++
		return f
	}
	w.station.fault, w.vehicle.fault = roll, roll
	w.payer = func(p *session.PayerPolicy) {
		p.Deposit, p.TopUp, p.GoneAfter = money.Nano/4, money.Nano/10, 2*time.Minute
	}
	w.offer = func(in *quote.Inputs) { in.SettleAt = money.Nano / 10 }
	var records []session.SessionRecord
	w.run(func(ctx context.Context) {
		weather, clear := context.WithCancel(ctx)
		var all sync.WaitGroup
		all.Go(func() { w.comeAndGo(weather, seed) })
		for range 3 {
			w.plugIn(testEnergy)
			records = append(records, w.charge(ctx))
		}
		clear()
		all.Wait()
	})
	for _, r := range records {
		if r.Phase != session.PhaseFailed {
			w.checkSettled(r)
		}
	}
	var paid int64
	for _, r := range w.station.sessions() {
		if r.Phase == session.PhaseEnded {
			paid += r.Quantity
		}
	}
	if paid != w.delivered() {
		w.t.Errorf("%d mWh paid, %d delivered", paid, w.delivered())
	}
}

// comeAndGo takes the ledger away from time to time.
func (w *world) comeAndGo(ctx context.Context, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 8))
	defer w.ledger.setGone(false)
	for wait(ctx, time.Duration(dice.IntN(20_000))*time.Millisecond) {
		w.ledger.setGone(true)
		wait(ctx, time.Duration(dice.IntN(10_000))*time.Millisecond)
		w.ledger.setGone(false)
	}
}

// checkFaulted allows that a session failed before energy flowed.
func (w *world) checkFaulted(record session.SessionRecord) {
	w.t.Helper()
	if record.Phase == session.PhaseFailed && w.delivered() == 0 {
		return
	}
	w.checkSettled(record)
	if record.Quantity != w.delivered() {
		w.t.Errorf("%d mWh paid, %d delivered", record.Quantity, w.delivered())
	}
}

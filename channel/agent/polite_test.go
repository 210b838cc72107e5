package agent

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet"
)

// whileCharging runs a session of a vehicle that would charge for long, and calls do once energy flows.
func (w *world) whileCharging(do func(ctx context.Context, s *Station, v *Vehicle)) (record session.SessionRecord, err error) {
	w.plugIn(50_000_000)
	ctx, stop := context.WithTimeout(context.Background(), worldEnds)
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	pole, car := w.station.live(ctx), w.vehicle.live(ctx)
	defer pole.end()
	defer car.end()
	s, v := w.newStation(pole), w.newVehicle(car)
	all.Go(func() { _ = s.Run(pole.ctx) })
	all.Go(func() { _ = v.Run(car.ctx) })
	ended := make(chan struct{})
	all.Go(func() {
		defer close(ended)
		record, err = v.Charge(car.ctx, w.visit())
	})
	for w.delivered() == 0 && wait(ctx, time.Second) {
	}
	do(ctx, s, v)
	<-ended
	w.awaitIdle(ctx, w.station)
	return record, err
}

func TestASessionIsStoppedPolitely(t *testing.T) {
	for name, test := range map[string]struct {
		stop   func(context.Context, *world, *Station, *Vehicle) error
		reason wire.Reason
	}{
		"by the vehicle": {func(ctx context.Context, _ *world, _ *Station, v *Vehicle) error { v.Stop(ctx); return nil }, wire.ReasonUser},
		"by the station": {func(ctx context.Context, w *world, s *Station, _ *Vehicle) error {
			return s.StopSession(ctx, w.station.sessions()[0].ID)
		}, wire.ReasonStation},
		"by a station that drains": {func(ctx context.Context, _ *world, s *Station, _ *Vehicle) error { return s.Drain(ctx) }, wire.ReasonStation},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, link.Faults{}, func(w *world) {
				record, err := w.whileCharging(func(ctx context.Context, s *Station, v *Vehicle) {
					if err := test.stop(ctx, w, s, v); err != nil {
						t.Error(err)
					}
				})
				if err != nil || record.Reason != test.reason {
					t.Errorf("%v: ended for %q, want %q", err, record.Reason, test.reason)
				}
				w.checkSettled(record)
				if record.Quantity != w.delivered() {
					t.Errorf("%d mWh paid, %d delivered", record.Quantity, w.delivered())
				}
			})
		})
	}
}

func TestDrainingStopsWaitingWithItsContext(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		_, _ = w.whileCharging(func(ctx context.Context, s *Station, v *Vehicle) {
			w.network.SetFaults(link.Faults{Loss: 1})
			short, stop := context.WithTimeout(ctx, 3*time.Second)
			defer stop()
			if err := s.Drain(short); !errors.Is(err, ErrStopped) {
				t.Errorf("%v, want ErrStopped", err)
			}
			w.network.SetFaults(link.Faults{})
		})
	})
}

func TestASessionThatDoesNotRunCannotBeStopped(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		l := w.station.live(context.Background())
		defer l.end()
		if err := w.newStation(l).StopSession(context.Background(), id(1)); !errors.Is(err, session.ErrUnexpected) {
			t.Error(err)
		}
		v := w.newVehicle(l)
		v.Stop(context.Background()) // of nothing
		v.Pulse(context.Background())
	})
}

func TestAVehicleChargesOnceAtATimeAndNotWithoutItsAgent(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		record, err := w.whileCharging(func(ctx context.Context, _ *Station, v *Vehicle) {
			if _, err := v.Charge(ctx, w.visit()); !errors.Is(err, ErrBusy) {
				t.Errorf("a second session: %v, want ErrBusy", err)
			}
			if _, err := v.Resume(ctx, w.vehicle.sessions()[0].ID, w.visit()); !errors.Is(err, ErrBusy) {
				t.Errorf("the same again: %v, want ErrBusy", err)
			}
			v.unserve() // as if Run had ended
		})
		if !errors.Is(err, ErrStopped) || record.Phase.Over() {
			t.Errorf("%v, %s", err, record.Phase)
		}
	})
}

func TestAVehicleHearsOnlyTheStationThatItStandsAt(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		mallory := w.caller("a")
		var record session.SessionRecord
		w.run(func(ctx context.Context) {
			var shouting sync.WaitGroup
			quiet, hush := context.WithCancel(ctx)
			shouting.Go(func() {
				for wait(quiet, pulse/2) {
					for _, r := range w.vehicle.sessions() {
						for _, m := range []wire.Message{wire.NewRefuse(wire.CodeBusy, ErrBusy), wire.Done{Accepted: 1 << 40}} {
							if err := mallory.link.Send("vehicle", wire.Frame{Session: r.ID, Message: m}.Encode()); err != nil {
								t.Error(err)
							}
						}
					}
				}
			})
			record = w.charge(ctx)
			hush()
			shouting.Wait()
		})
		w.checkSettled(record)
		w.checkAllPaid(record)
	})
}

// TestI4_ALateCounterSignatureWritesOverNoSession sends the counter-signature of a withdrawal that a session which is over
// had asked for.
func TestI4_ALateCounterSignatureWritesOverNoSession(t *testing.T) {
	for name, inUse := range map[string]bool{"of a channel that rests": false, "of a channel in use": true} {
		t.Run(name, func(t *testing.T) {
			atStation(t, nil, func(w *world, s *Station, _ *life) {
				ctx := context.Background()
				c := w.contract(1, 24*time.Hour)
				record, err := w.station.disk.Channel(ctx, c.id)
				if err != nil {
					t.Fatal(err)
				}
				side, err := channel.Restore(record.Side)
				if err != nil {
					t.Fatal(err)
				}
				proposed, err := side.ProposeWithdrawal(owed[len(owed)-1], w.station.wallet.Channel(1))
				if err != nil {
					t.Fatal(err)
				}
				record.Side, record.Proposal = side.Snapshot(), proposed.Encode()
				over := session.SessionRecord{ID: id(1), Role: session.RolePayee, Phase: session.PhaseEnded, Channel: c.id, StartedMs: 1, Peer: w.vehicle.wallet.DID()}
				batch := session.Batch{Channels: []session.ChannelRecord{record}, Sessions: []session.SessionRecord{over}}
				if err := w.station.disk.Commit(ctx, batch); err != nil {
					t.Fatal(err)
				}
				next := newVisit(id(2), s.deps, "a")
				if inUse {
					s.mu.Lock()
					s.visits[next.id] = next
					s.mu.Unlock()
					if err := s.usage.begin(c.id, next.id); err != nil {
						t.Fatal(err)
					}
				}
				signed := proposed
				signed.Signatures[channel.Opener] = c.key.Sign(wallet.DomainWithdrawal, benchNetwork, signed.Withdrawal.Encode())
				caller := w.caller("a")
				caller.send(id(1), wire.Withdraw{Withdrawal: signed.Encode()})
				caller.nothing("a counter-signature")
				after, err := w.station.disk.Channel(ctx, c.id)
				if err != nil {
					t.Fatal(err)
				}
				passedOn := 0
				for len(next.inbox) > 0 {
					if m, ok := (<-next.inbox).event.(session.Received); ok && m.Message.Kind() == wire.KindWithdraw {
						passedOn++
					}
				}
				if stored := len(after.Proposal) == 0; stored == inUse || (passedOn == 1) != inUse {
					t.Errorf("stored %v, passed on %d times to the session that has the channel", stored, passedOn)
				}
				if inUse {
					s.mu.Lock()
					delete(s.visits, next.id)
					s.mu.Unlock()
					return
				}
				for w.ledger.at(c.id).funds.Withdrawn[channel.Partner] == 0 && wait(ctx, time.Second) {
				}
			})
		})
	}
}

func TestAFloodOfMessagesDropsNoEventThatNobodyRepeats(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		v := newVisit(id(1), Deps{Clock: WallClock{}}, "a")
		machine := &counting{}
		v.machine = machine
		for range 10 * messagesMax {
			v.post(wire.Claim{}, "a")
		}
		short, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		for range eventsMax {
			v.deliver(short, session.Concluded{})
		}
		if short.Err() != nil {
			t.Error("an event waited behind messages")
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { v.run(ctx); close(ended) }()
		v.hand(ctx, session.Tick{})()
		cancel()
		<-ended
		if machine.messages != messagesMax || machine.outcomes != eventsMax || machine.ticks != 1 {
			t.Errorf("%d messages, %d outcomes, %d ticks", machine.messages, machine.outcomes, machine.ticks)
		}
		v.hand(context.Background(), session.Tick{})() // a session that is over keeps nobody waiting
		v.deliver(context.Background(), session.Tick{})
	})
}

// counting is a machine that counts what it is given.
type counting struct{ messages, outcomes, ticks int }

func (c *counting) Record() session.SessionRecord { return session.SessionRecord{} }
func (c *counting) Phase() session.Phase          { return session.PhaseCharging }

func (c *counting) Step(_ session.Instant, e session.Event) []session.Effect {
	switch e.(type) {
	case session.Received:
		c.messages++
	case session.Concluded:
		c.outcomes++
	case session.Tick:
		c.ticks++
	}
	return nil
}

package agent

import (
	"context"
	"errors"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet"
)

// expectClosed waits until the ledger has paid out all that was claimed.
func (w *world) expectClosed(ctx context.Context, c contract) {
	w.t.Helper()
	for w.ledger.at(c.id).state != channel.Closed && wait(ctx, time.Second) {
	}
	w.expectPaidOut(c)
}

func TestAChannelIsClosedByBoth(t *testing.T) {
	for name, proposes := range map[string]int{"at once": 1, "asked twice": 2} {
		t.Run(name, func(t *testing.T) {
			atStation(t, nil, func(w *world, _ *Station, _ *life) {
				c := w.contract(1, 24*time.Hour)
				home := w.vehicle.live(context.Background())
				defer home.end()
				ctx, stop := context.WithTimeout(context.Background(), time.Minute)
				defer stop()
				var proposed channel.SignedClose
				for range proposes {
					var err error
					if proposed, err = ProposeClose(ctx, home.deps(), c.id, time.Now()); err != nil {
						t.Fatal(err)
					}
					wait(ctx, time.Second)
				}
				record, err := w.vehicle.disk.Channel(ctx, c.id)
				if err != nil || !record.Side.Frozen {
					t.Errorf("proposed, and not frozen: %v", err)
				}
				signed, err := AgreeClose(ctx, home.link, link.Addr(w.station.name), record.Side.Opening, proposed)
				if err != nil {
					t.Fatal(err)
				}
				op, err := EnterClose(ctx, home.deps(), signed)
				if err != nil {
					t.Fatal(err)
				}
				w.submit(w.vehicle, op)
				w.expectClosed(ctx, c)
				if on := w.ledger.at(c.id); !on.windowEnd.IsZero() {
					t.Error("with a window")
				}
			})
		})
	}
}

func TestI4_AStationThatSignedACloseNeitherForgetsItNorWaitsForTheVehicle(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		c := w.contract(1, 24*time.Hour)
		w.station.fault = func(step int64, what what) fate {
			if step <= 2 { // it dies when it has stored the close, and again when it has sent it
				return diesAfter
			}
			return passes
		}
		home := w.vehicle.live(context.Background())
		defer home.end()
		ctx, stop := context.WithTimeout(context.Background(), worldEnds)
		defer stop()
		serving, end := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { w.runStation(serving, nil); close(ended) }()
		proposed, err := ProposeClose(ctx, home.deps(), c.id, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		record, _ := w.vehicle.disk.Channel(ctx, c.id)
		if _, err := AgreeClose(ctx, home.link, link.Addr(w.station.name), record.Side.Opening, proposed); err != nil {
			t.Fatal(err)
		}
		w.expectClosed(ctx, c) // the vehicle keeps the close to itself
		if station, err := w.station.disk.Channel(ctx, c.id); err != nil || !station.Side.Frozen {
			t.Errorf("not frozen: %v", err)
		}
		end()
		<-ended
		if w.station.lives < 2 {
			t.Errorf("%d lives", w.station.lives)
		}
	})
}

func TestACloseIsNotSignedForLessThanIsOwedNorUnderASession(t *testing.T) {
	atStation(t, nil, func(w *world, s *Station, _ *life) {
		c := w.contract(1, 24*time.Hour)
		peer := w.caller("a")
		ask := func(lanes channel.PerLane) {
			theirs := channel.SignedClose{Close: channel.Close{Channel: c.id, Lanes: lanes, NotAfter: time.Now().Add(time.Hour).Truncate(time.Second).UTC()}}
			theirs.Signatures[channel.Opener] = c.key.Sign(wallet.DomainClose, benchNetwork, theirs.Close.Encode())
			peer.send(id(1), wire.Close{Close: theirs.Encode()})
		}
		best := owed[len(owed)-1]
		ask(channel.PerLane{best - 1, 0})
		peer.refused(wire.CodeChannel)
		ask(channel.PerLane{best, 1})
		peer.refused(wire.CodeChannel)
		peer.send(id(1), wire.Close{Close: []byte("nonsense")})
		peer.refused(wire.CodeChannel)
		if err := s.usage.begin(c.id, id(9)); err != nil {
			t.Fatal(err)
		}
		ask(channel.PerLane{best, 0})
		peer.refused(wire.CodeBusy)
		s.usage.end(id(9))
		steps := w.station.steps.Load()
		for range 5 { // a close that is asked for again is stored once
			ask(channel.PerLane{best, 0})
			if m, ok := peer.answer().(wire.Close); !ok {
				t.Errorf("answered with %T", m)
			}
		}
		stored := 0
		if pending, err := w.station.disk.Channel(context.Background(), c.id); err == nil && pending.Side.Frozen {
			stored++
		}
		if stored != 1 || w.station.steps.Load()-steps > 5+5 {
			t.Errorf("frozen %d, %d steps", stored, w.station.steps.Load()-steps)
		}
	})
}

func TestAChannelIsClosedAlone(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		c := w.contract(1, 24*time.Hour)
		home := w.vehicle.live(context.Background())
		op, err := CloseAlone(context.Background(), home.deps(), c.id)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := CloseAlone(context.Background(), home.deps(), c.id); err != nil || again.ID != op.ID {
			t.Errorf("asked again it is another operation: %v", err)
		}
		v := w.newVehicle(home)
		ctx, stop := context.WithTimeout(home.ctx, 10*time.Minute)
		defer stop()
		if err := v.Run(ctx); err != nil { // its outbox and its keeper end it
			t.Error(err)
		}
		home.end()
		if on := w.ledger.at(c.id); on.state != channel.Closed || on.paidOut[channel.Opener] == 0 {
			t.Errorf("%s, paid out %v", on.state, on.paidOut)
		}
		w.expectPaidOut(c) // the vehicle brought the best claim itself
		if open, err := w.vehicle.disk.Unclosed(context.Background()); err != nil || len(open) != 0 {
			t.Errorf("%v, %d still looked after", err, len(open))
		}
	})
}

func TestAChannelThatIsNotKnownCannotBeClosed(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		home := w.vehicle.live(context.Background())
		defer home.end()
		_, err := ProposeClose(context.Background(), home.deps(), channel.ID{1}, time.Now())
		_, alone := CloseAlone(context.Background(), home.deps(), channel.ID{1})
		if !errors.Is(err, ErrNoChannel) || !errors.Is(alone, ErrNoChannel) {
			t.Errorf("%v, %v", err, alone)
		}
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		c := w.contract(1, time.Hour)
		record, _ := w.vehicle.disk.Channel(ctx, c.id)
		if _, err := AgreeClose(ctx, home.link, "nobody", record.Side.Opening, channel.SignedClose{}); !errors.Is(err, session.ErrNoAnswer) {
			t.Errorf("%v", err)
		}
	})
}

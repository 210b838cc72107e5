package world

import (
	"context"
	"errors"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/simulations/scenario"
	"joulepay/simulations/scenarios"
	"joulepay/wallet/money"
)

// sabotage makes a world in which something goes wrong that the machines never do, a while after the car plugged in.
func sabotage(t *testing.T, do func(w *World, car *vehicle, station *station)) error {
	t.Helper()
	s, err := scenario.Parse("sabotage", []byte(`
ledger: {window: 1m}
tariffs: {flat: {elements: [{price_components: [{type: ENERGY, price: 0.50, step_size: 1}]}]}}
stations: {home: {tariff: flat, power: 50kW, claim_every: 10s, settle_every: 1m}}
vehicles: {car: {visits: [{station: home, from: 20%, to: 30%}]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(s, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.At(s.Start.Add(3*time.Minute), func() { do(w, w.vehicles[0], w.stations[0]) })
	_, err = w.Run(t.Context())
	return err
}

// sideOf gives what a party has stored of its only channel.
func sideOf(p *party) session.ChannelRecord {
	records, err := p.disk.Channels(context.Background())
	if err != nil || len(records) != 1 {
		p.world.fail(errors.New("no channel to sabotage"))
		return session.ChannelRecord{}
	}
	return records[0]
}

// claimOf signs a claim with the car's key, as a car that lost its mind would.
func claimOf(car *vehicle, sequence uint64, amount money.Amount) channel.Best {
	r := sideOf(&car.party)
	c := channel.Claim{Channel: r.ID, Sequence: sequence, Amount: amount}
	return channel.Best{Signed: channel.SignClaim(c, r.Side.Opening.Network, car.wallet.Channel(r.KeyIndex))}
}

func sendClaim(car *vehicle, best channel.Best) {
	car.send(car.session().peer, wire.Frame{Session: car.session().id, Message: wire.Claim{Best: best.Encode()}})
}

func TestTheOracleSeesWhatTheMachinesNeverDo(t *testing.T) {
	tests := map[string]struct {
		invariant string
		do        func(*World, *vehicle, *station)
	}{
		"money appears": {"I1", func(w *World, _ *vehicle, _ *station) { w.ledger.issued-- }},
		"a store forgets what it acknowledged": {"I2", func(w *World, _ *vehicle, s *station) {
			r := sideOf(&s.party)
			r.Side.In = channel.Best{}
			w.fail(s.disk.Commit(t.Context(), session.Batch{Channels: []session.ChannelRecord{r}}))
		}},
		"a store is replaced by an empty one": {"I4", func(_ *World, car *vehicle, _ *station) {
			best := sideOf(&car.party).Side.Out
			car.disk.Memory = store.NewMemory()
			sendClaim(car, best)
		}},
		"the ledger takes more than was signed": {"I2", func(w *World, car *vehicle, _ *station) {
			v, err := settle.Sign(settle.Draft{
				Network: w.ledger.trusted.ID, Issuer: car.did, Parents: w.ledger.tips(),
				Payload: &settle.Settle{Claims: []channel.Best{claimOf(car, 999, 9*money.Nano)}},
			}, car.wallet.Account())
			w.fail(err)
			w.ledger.submit(v, func(decision) {})
		}},
		"a car signs more than it has": {"I3", func(w *World, car *vehicle, _ *station) {
			r := sideOf(&car.party)
			r.Side.Out = claimOf(car, r.Side.Sequence+1, 900*money.Nano)
			r.Side.Sequence++
			w.fail(car.disk.Commit(t.Context(), session.Batch{Channels: []session.ChannelRecord{r}}))
		}},
		"a claim leaves before it is stored": {"I4", func(_ *World, car *vehicle, _ *station) {
			sendClaim(car, claimOf(car, sideOf(&car.party).Side.Sequence+1, 5*money.Nano))
		}},
		"one sequence has two bodies": {"I4", func(_ *World, car *vehicle, _ *station) {
			sendClaim(car, claimOf(car, sideOf(&car.party).Side.Sequence, 1))
		}},
		"a station acknowledges what it has not stored": {"I4", func(_ *World, _ *vehicle, s *station) {
			v := s.visits[0]
			s.send(v.peer, wire.Frame{Session: v.id, Message: wire.Done{Accepted: 19 * money.Nano}})
		}},
		"a station delivers far beyond what is paid": {"I5", func(w *World, _ *vehicle, s *station) {
			r := s.visits[0].machine.Record()
			r.Cost += money.Nano
			w.fail(s.disk.Commit(t.Context(), session.Batch{Sessions: []session.SessionRecord{r}}))
		}},
		"a station bills what did not flow": {"I6", func(w *World, _ *vehicle, s *station) {
			r := s.visits[0].machine.Record()
			r.ID[0]++
			r.Phase, r.Quantity, r.Vertices = session.PhaseEnded, 1_000_000, nil
			w.fail(s.disk.Commit(t.Context(), session.Batch{Sessions: []session.SessionRecord{r}}))
		}},
		"a checkpoint is undone": {"I7", func(w *World, _ *vehicle, _ *station) {
			c := w.ledger.core.Finality().Final().Checkpoint
			c.State = proof.Hash{1}
			w.oracle.final(c.Number, c)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var violation *Violation
			if err := sabotage(t, test.do); !errors.As(err, &violation) || violation.Invariant != test.invariant {
				t.Errorf("got %v, want a broken %s", err, test.invariant)
			}
		})
	}
	if err := sabotage(t, func(*World, *vehicle, *station) {}); err != nil {
		t.Errorf("without sabotage: %v", err)
	}
}

func TestAnOperationThatTakesEffectTwiceIsSeen(t *testing.T) {
	err := sabotage(t, func(w *World, car *vehicle, _ *station) {
		v, err := settle.Sign(settle.Draft{
			Network: w.ledger.trusted.ID, Issuer: car.did, Parents: w.ledger.tips(),
			Payload: &settle.TopUp{Sequence: w.ledger.account(car.did).Sequence + 1, Channel: sideOf(&car.party).ID, Amount: money.Nano},
		}, car.wallet.Account())
		w.fail(err)
		w.ledger.submit(v, func(d decision) { w.fail(d.verdict.Err()) })
	})
	var violation *Violation
	if !errors.As(err, &violation) || violation.Invariant != "I4" {
		t.Error(err)
	}
}

func TestAWorldThatNeverEndsSaysWhatItWaitsFor(t *testing.T) {
	err := sabotage(t, func(w *World, car *vehicle, _ *station) {
		w.scenario.Duration = -1000 * time.Hour // its deadline is past
	})
	if !errors.Is(err, ErrUnfinished) {
		t.Error(err)
	}
}

func TestWhatIsOverIsForgotten(t *testing.T) {
	s, err := scenarios.Open("two-cars")
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(s, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := w.oracle
	if len(o.tickets) > 0 || len(o.readings) > 0 || o.read == 0 || o.risk != 0 || len(o.finals) > finalsKept {
		t.Errorf("%d tickets, readings of %d sessions, at risk %s, %d checkpoints", len(o.tickets), len(o.readings), o.risk, len(o.finals))
	}
	for _, p := range w.parties() {
		if len(p.disk.readings) > 0 || len(p.visits) > 0 {
			t.Errorf("%s keeps readings of %d sessions and %d visits", p.name, len(p.disk.readings), len(p.visits))
		}
	}
	for id := range o.bodies {
		if o.books.channels[id].State == channel.Closed {
			t.Errorf("the claims of closed channel %.8s are kept", id)
		}
	}
}

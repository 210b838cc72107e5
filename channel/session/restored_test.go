package session_test

import (
	"errors"
	"testing"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet"
)

// A wallet that was restored from its words has the keys, and an empty store. Its channels are open on the ledger.

func TestI4_AStationThatWasRestoredContinuesNoChannelThatItForgot(t *testing.T) {
	w := newWorld(t, setup{})
	w.vehicle.begin()
	w.run(w.bothOver)
	w.settled()
	_, owed := w.station.stored()

	id := channel.SessionID{0: 0x66}
	hello := wire.Hello{Vehicle: w.vehicle.did, Station: w.station.did, AtMs: w.now.UnixMilli(), Service: "charging", Channel: owed.ID}
	hello.Signature = w.vehicle.account.Sign(wallet.DomainHello, network, hello.SigningBytes(id))
	config := w.station.payeeConfig(owed.KeyIndex + 500) // a store that begins anew gives none of the keys that were given before
	config.Offer = w.offer()
	payee, effects, err := session.NewPayee(config, w.station.now(), id, hello, nil)
	if err != nil {
		t.Fatal(err)
	}
	offer, _ := sent[wire.Offer](effects)
	q, err := quote.Parse(offer.Quote, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The vehicle says that nothing was claimed yet, and would pay the same money once more.
	effects = payee.Step(w.station.now(), session.Received{Message: wire.Accept{Quote: q.Hash(), Opening: owed.Side.Opening.Encode()}})
	refusal, _ := sent[wire.Refuse](effects)
	if refusal.Code != wire.CodeChannel {
		t.Errorf("refuses with %q", refusal.Code)
	}
	why := error(nil)
	for _, e := range effects {
		switch e := e.(type) {
		case session.Persist:
			t.Errorf("it stores %+v", e.Batch)
		case session.Report:
			why = e.Event.Err
		}
	}
	if !errors.Is(why, session.ErrChannel) {
		t.Errorf("got %v", why)
	}
}

func TestI4_AVehicleThatWasRestoredSignsNothingOnAChannelThatItForgot(t *testing.T) {
	w := newWorld(t, setup{energy: 300_000})
	w.vehicle.begin()
	w.run(w.bothOver)
	price := w.settled()
	_, forgotten := w.vehicle.stored()
	w.vehicle.disk.channels = map[channel.ID]session.ChannelRecord{}
	w.visitAgain(150_000)
	_, used := w.vehicle.stored()
	if used.ID == forgotten.ID {
		t.Fatal("the forgotten channel is used")
	}
	if kept := w.station.disk.channels[forgotten.ID]; kept.Side.In.Owed() != price {
		t.Errorf("the station holds %s of %s on the channel that the vehicle forgot", kept.Side.In.Owed(), price)
	}
}

func TestI4_AnImportedChannelGoesOnOnceTheStationConfirmedIt(t *testing.T) {
	w := newWorld(t, setup{energy: 300_000})
	w.vehicle.begin()
	w.run(w.bothOver)
	price := w.settled()
	_, ch := w.vehicle.stored()
	imported := *ch
	var err error
	if imported.Side, err = ch.Side.Copy(7); err != nil {
		t.Fatal(err)
	}
	w.vehicle.disk.channels[ch.ID] = imported
	w.visitAgain(150_000)
	_, used := w.vehicle.stored()
	if used.ID != ch.ID || used.Side.Unsynced || used.Side.Out.Owed() <= price || used.Side.Sequence>>32 != 7 {
		t.Errorf("channel %s, unsynced %t, %s paid after %s, sequence %d", used.ID, used.Side.Unsynced, used.Side.Out.Owed(), price, used.Side.Sequence)
	}
}

func TestI4_AnOldImportPaysNothingOnItsChannelAndTheNextVisitOpensAnother(t *testing.T) {
	w := newWorld(t, setup{energy: 300_000})
	w.vehicle.begin()
	w.run(w.bothOver)
	w.settled()
	_, ch := w.vehicle.stored()
	old := *ch
	w.visitAgain(150_000)
	_, ch = w.vehicle.stored()
	before := ch.Side.Out
	var err error
	if old.Side, err = old.Side.Copy(7); err != nil {
		t.Fatal(err)
	}
	w.vehicle.disk.channels[ch.ID] = old
	w.plug(100_000)
	w.vehicle.id[1]++
	w.vehicle.begin()
	w.runOn(w.bothOver)
	failed, frozen := w.vehicle.stored()
	if failed.Phase != session.PhaseFailed || frozen.Side.Out != before || !frozen.Side.Frozen {
		t.Fatalf("it ended %s at %s, frozen %t", failed.Phase, frozen.Side.Out.Owed(), frozen.Side.Frozen)
	}
	w.visitAgain(100_000)
	if _, used := w.vehicle.stored(); used.ID == ch.ID {
		t.Error("the old channel is used")
	}
}

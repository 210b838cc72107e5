package port_test

import (
	"errors"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/port"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// rotate gives a wallet's DID its next key; somebody else pays.
func (l *ledger) rotate(version uint64, from, to *wallet.Wallet) {
	l.t.Helper()
	s := client.NewSubmitter(l.pinned.Client, l.genesis.NetworkID(), l.issuer.DID(), l.issuer.Account())
	rotation := settle.NewRotate(l.genesis.NetworkID(), from.DID(), version, from.Account(), to.Account())
	outcome, err := s.Submit(l.t.Context(), rotation)
	if err == nil {
		_, err = s.WaitFinal(l.t.Context(), outcome.Vertex)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// parked is a session that ended before anything was claimed, under a quote of the station's key of then, in some stores.
func (l *ledger) parked(quoting *wallet.Wallet, stores ...store.Store) channel.SessionID {
	l.t.Helper()
	o, network := l.opening(1), l.genesis.NetworkID()
	submitted(l.t, port.New(l.pinned, car), open(o))
	side, err := channel.NewSide(o, channel.Partner)
	if err != nil {
		l.t.Fatal(err)
	}
	id, at := channel.SessionID{7}, time.Now().Truncate(time.Millisecond).UTC()
	signed := quote.Sign(quote.Quote{
		Network: network, Session: id, Station: pole.DID(), StationKey: o.PartnerKey, Payout: pole.DID(), MeterKey: pole.Meter().Public(),
		Attestation: uint8(meter.AttestedByStation), Service: "charging", Unit: uint8(meter.MilliwattHours), Tariff: pricing.Default().Bytes(),
		TimeZone: "Europe/Berlin", Currency: "EUR", IssuedAtMs: at.UnixMilli(), ValidUntilMs: at.Add(time.Minute).UnixMilli(),
		ClaimEveryMs: 10_000, WindowSeconds: 60,
	}, quoting.Account())
	chain := meter.NewChain(id)
	reading, err := chain.Next(meter.Sample{Time: at, Unit: meter.MilliwattHours, StateOfChargePermille: meter.StateOfChargeUnknown, State: meter.Ended},
		meter.AttestedByStation)
	if err != nil {
		l.t.Fatal(err)
	}
	batch := session.Batch{
		Channels: []session.ChannelRecord{{ID: o.ID(), Peer: car.DID(), Side: side.Snapshot(), State: channel.Open, Expiry: o.Terms.Expiry}},
		Sessions: []session.SessionRecord{{ID: id, Role: session.RolePayee, Phase: session.PhaseEnded, Peer: car.DID(), Channel: o.ID(), Quote: signed.Bytes(), SoCPermille: -1}},
		Readings: []session.ReadingRecord{{Session: id, Sequence: reading.Sequence, Signed: meter.Sign(reading, pole.Meter(), network).Encode()}},
	}
	for _, s := range stores {
		if err := s.Commit(l.t.Context(), batch); err != nil {
			l.t.Fatal(err)
		}
	}
	return id
}

// Who rotates twice before its first receipt proves the key of between: the ledger keeps the rotation that gave it.
func TestAReceiptIsMadeAfterTwoRotations(t *testing.T) {
	l := startLedger(t)
	l.fund(car, 100*money.Nano)
	first, second := pole.At(1), pole.At(2)
	l.rotate(1, pole, first)
	stations, vehicles := store.NewMemory(), store.NewMemory()
	id := l.parked(first, stations, vehicles)
	l.rotate(2, first, second)
	for name, side := range map[string]struct {
		wallet *wallet.Wallet
		store  store.Store
	}{"the station's": {second, stations}, "the vehicle's": {car, vehicles}} {
		raw, err := port.New(l.pinned, side.wallet).Receipt(t.Context(), side.store, id)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := receipt.Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := receipt.Verify(r, receipt.Options{Network: l.genesis.NetworkID()}); err != nil || len(r.Evidence.Rotations) != 1 {
			t.Errorf("%s: %d rotations, %v", name, len(r.Evidence.Rotations), err)
		}
	}
}

func TestThereIsNoReceiptUnderAKeyThatTheLedgerNeverGave(t *testing.T) {
	l := startLedger(t)
	l.fund(car, 100*money.Nano)
	s := store.NewMemory()
	id := l.parked(pole.At(1), s)
	if _, err := port.New(l.pinned, car).Receipt(t.Context(), s, id); !errors.Is(err, receipt.ErrEvidence) {
		t.Errorf("nothing was rotated: %v", err)
	}
	l.rotate(1, pole, pole.At(2))
	if _, err := port.New(l.pinned, car).Receipt(t.Context(), s, id); !errors.Is(err, receipt.ErrEvidence) {
		t.Errorf("rotated to another key: %v", err)
	}
}

// A program that runs on while its wallet is rotated signs vertices that the ledger refuses. What it has to bring is not lost by
// that: started again with the new key, it brings the same payload.
func TestI4_WhatARetiredKeyCannotBringTheNextOneDoes(t *testing.T) {
	l := startLedger(t)
	l.fund(car, 100*money.Nano)
	next := car.At(1)
	old, o := port.New(l.pinned, car), l.opening(1)
	submitted(t, old, open(o))
	payload := prepared(t, old, topUp(o, 1))
	l.rotate(1, car, next)
	if _, err := old.Submit(t.Context(), payload); meaning(err) != "passing" || !errors.Is(err, client.ErrBadSignature) {
		t.Errorf("under the old key: %s: %v", meaning(err), err)
	}
	if _, err := port.New(l.pinned, next).Submit(t.Context(), payload); meaning(err) != "final" {
		t.Errorf("under the new one: %v", err)
	}
}

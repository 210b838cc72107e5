package attacks_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/secure"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/did/didtest"
	"joulepay/settle/registry"
	"joulepay/wallet"
)

// witnessed is a ledger, and what machines believe of it.
type witnessed struct {
	*testing.T
	*didtest.Ledger
	mu   sync.Mutex // guards node
	node didtest.Node
}

func newWitnessed(t *testing.T) *witnessed { return &witnessed{T: t, Ledger: didtest.NewLedger(t)} }

// DID implements registry.Ledger: handshakes ask from goroutines of their own.
func (w *witnessed) DID(ctx context.Context, d wallet.DID, proof bool) (did.Resolution, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.node.DID(ctx, d, proof)
}

// know gives the registry of a machine that was started now.
func (w *witnessed) know() *registry.Registry {
	return registry.New(w.Network(), w, registry.Options{Now: func() time.Time { return didtest.Noon }})
}

// happens applies a change of a DID, and lets the node prove it.
func (w *witnessed) happens(d wallet.DID, p settle.Payload) {
	w.Helper()
	w.Apply(p)
	answer := w.Resolve(d, didtest.Noon)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.node.Says(d, answer)
}

// rotates gives a wallet's DID its next key.
func (w *witnessed) rotates(of *wallet.Wallet) *wallet.Wallet {
	w.Helper()
	next := of.At(of.Rotation() + 1)
	w.happens(of.DID(), settle.NewRotate(w.ID(), of.DID(), uint64(next.Rotation()), of.Account(), next.Account()))
	return next
}

// ends is a link's end, and why it dropped what.
type ends struct {
	*secure.Link
	mu      sync.Mutex // guards dropped
	dropped []error
}

func (e *ends) note(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropped = append(e.dropped, err)
}

// why gives what was dropped for a reason.
func (e *ends) why(reason error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, err := range e.dropped {
		if errors.Is(err, reason) {
			return err
		}
	}
	return nil
}

// open opens an end of a carrier, whose peers the registry admits.
func (w *witnessed) open(n *link.Network, of *wallet.Wallet, at link.Addr, open func(link.Link, secure.Identity, secure.Options) *secure.Link) *ends {
	w.Helper()
	carrier, err := n.Join(at)
	must(err)
	e, r := &ends{}, w.know()
	e.Link = open(carrier, secure.NewIdentity(of, w.ID()), secure.Options{OnDrop: e.note, Admit: func(ctx context.Context, p secure.Peer) error {
		return r.Check(ctx, p.DID, p.Account, &p.Static)
	}})
	return e
}

// TestAHandshakeAsksTheRegistry shakes hands for real, on a ledger whose witness certifies the keys.
func TestAHandshakeAsksTheRegistry(t *testing.T) {
	bound := func(w *witnessed, to *wallet.Wallet) *settle.Publish {
		noise := settle.KeyBinding{Purpose: wallet.PurposeNoiseStatic, Hash: settle.BindingHash(w.ID(), station.DID(), wallet.PurposeNoiseStatic, to.NoiseStatic())}
		return settle.NewPublish(w.ID(), station.DID(), 1, settle.Document{Bindings: []settle.KeyBinding{noise}}, station.Account())
	}
	tests := []struct {
		name                      string
		begin                     func(w *witnessed) (vehicle, station *wallet.Wallet)
		atVehicle, cause, refused error // what the vehicle drops the handshake for, and why; what the station does
	}{
		{"nobody is registered", func(*witnessed) (*wallet.Wallet, *wallet.Wallet) { return car, station }, nil, nil, nil},
		{"both under their keys of now", func(w *witnessed) (*wallet.Wallet, *wallet.Wallet) { return w.rotates(car), w.rotates(station) }, nil, nil, nil},
		{"a station under its first key, rotated away", func(w *witnessed) (*wallet.Wallet, *wallet.Wallet) { w.rotates(station); return car, station },
			secure.ErrNotAdmitted, did.ErrKey, nil},
		{"a station under a key of between", func(w *witnessed) (*wallet.Wallet, *wallet.Wallet) {
			second := w.rotates(station)
			w.rotates(second)
			return car, second
		}, secure.ErrNotAdmitted, did.ErrKey, nil},
		{"a station under a key that is not on the ledger yet", func(*witnessed) (*wallet.Wallet, *wallet.Wallet) { return car, station.At(1) },
			secure.ErrNotAdmitted, did.ErrKey, nil},
		{"a station whose DID was ended", func(w *witnessed) (*wallet.Wallet, *wallet.Wallet) {
			w.happens(station.DID(), settle.NewDeactivate(w.ID(), station.DID(), 1, station.Account()))
			return car, station
		}, secure.ErrNotAdmitted, did.ErrDeactivated, nil},
		{"a station whose document names another Noise key", func(w *witnessed) (*wallet.Wallet, *wallet.Wallet) {
			w.happens(station.DID(), bound(w, mallory))
			return car, station
		}, secure.ErrNotAdmitted, registry.ErrBinding, nil},
		{"a vehicle under its first key, rotated away", func(w *witnessed) (*wallet.Wallet, *wallet.Wallet) { w.rotates(car); return car, station },
			secure.ErrRefused, nil, did.ErrKey},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, n := newWitnessed(t), link.NewImmediateNetwork(1, link.Faults{})
				vehicle, pole := test.begin(w)
				at := secure.AddrOf(station.DID())
				s, v := w.open(n, pole, at, secure.Listen), w.open(n, vehicle, "vehicle", secure.Dial)
				defer s.Close()
				defer v.Close()
				must(v.Send(at, []byte("hello")))
				synctest.Wait()
				time.Sleep(time.Minute) // virtual: for an attempt to be given up
				synctest.Wait()
				heard := len(s.Receive()) == 1
				if heard != (test.atVehicle == nil) {
					t.Fatalf("heard: %t; the vehicle dropped %v, the station %v", heard, v.dropped, s.dropped)
				}
				if test.atVehicle != nil && !errors.Is(v.why(test.atVehicle), test.atVehicle) {
					t.Errorf("the vehicle dropped %v", v.dropped)
				}
				if test.cause != nil && !errors.Is(v.why(test.atVehicle), test.cause) {
					t.Errorf("the vehicle dropped it for %v", v.why(test.atVehicle))
				}
				if test.refused != nil && !errors.Is(s.why(secure.ErrNotAdmitted), test.refused) {
					t.Errorf("the station dropped %v", s.dropped)
				}
			})
		})
	}
}

// TestAConnectionShowsWhenItsKeyWasReplaced is what a vehicle looks at again while it charges: the key that the other end
// proved. A station that starts again proves the one of now.
func TestAConnectionShowsWhenItsKeyWasReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n := newWitnessed(t), link.NewImmediateNetwork(1, link.Faults{})
		at := secure.AddrOf(station.DID())
		s, v := w.open(n, station, at, secure.Listen), w.open(n, car, "vehicle", secure.Dial)
		defer v.Close()
		talk := func() {
			for range 20 {
				must(v.Send(at, []byte("hello")))
				synctest.Wait()
				time.Sleep(time.Second)
				select {
				case <-s.Receive():
					return
				default:
				}
			}
			t.Fatal("never heard")
		}
		check := func() error {
			peer, met := v.Peer(at)
			if !met || peer.DID != station.DID() {
				t.Fatalf("met %t: %+v", met, peer)
			}
			return w.know().CheckAnew(t.Context(), peer.DID, peer.Account, &peer.Static)
		}
		if _, met := v.Peer(at); met {
			t.Error("a peer before the handshake")
		}
		talk()
		must(check())
		next := w.rotates(station)
		if err := check(); !errors.Is(err, did.ErrKey) {
			t.Errorf("after the rotation: %v", err)
		}
		must(s.Close())
		s = w.open(n, next, at, secure.Listen)
		defer s.Close()
		talk()
		must(check())
	})
}

// TestAQuoteOfAReplacedKeyIsRefusedByTheRegistry reads quotes as a session does, with keys that witnesses certified.
func TestAQuoteOfAReplacedKeyIsRefusedByTheRegistry(t *testing.T) {
	w := newWitnessed(t)
	signed := func(by *wallet.Wallet) []byte {
		q, err := quote.Build(quote.Inputs{
			Network: w.ID(), Station: station.DID(), MeterKey: station.Meter().Public(), Attestation: meter.AttestedByStation, Service: "charging",
			Unit: meter.MilliwattHours, Tariff: pricing.Default(), TimeZone: "Europe/Berlin", MaxPowerMw: 22_000_000, ClaimEvery: 10 * time.Second,
			Window: time.Minute, ExpiryMin: noon.Add(time.Hour),
		}, noon)
		must(err)
		q.Session, q.StationKey, q.Payout = visit, station.Channel(1).Public(), station.DID()
		return quote.Sign(q, by.Account()).Bytes()
	}
	read := func(raw []byte) error {
		r := w.know()
		_, err := quote.Parse(raw, func(d wallet.DID, key wallet.PublicKey) error { return r.Check(t.Context(), d, key, nil) })
		return err
	}
	first := signed(station)
	must(read(first))
	second := w.rotates(station)
	between := signed(second)
	third := w.rotates(second)
	for name, test := range map[string]struct {
		raw  []byte
		want error
	}{"the first key": {first, did.ErrKey}, "a key of between": {between, did.ErrKey}, "a key of anybody": {signed(mallory), did.ErrKey}, "the key of now": {signed(third), nil}} {
		if err := read(test.raw); !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.happens(station.DID(), settle.NewDeactivate(w.ID(), station.DID(), 3, third.Account()))
	if err := read(signed(third)); !errors.Is(err, did.ErrDeactivated) {
		t.Errorf("ended: %v", err)
	}
}

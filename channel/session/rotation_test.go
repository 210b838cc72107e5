package session_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet"
)

var errRetired = errors.New("the key was replaced")

// registered answers with the keys that a ledger would prove; of the first questions about each DID, some come too early.
type registered struct {
	keys  map[wallet.DID]wallet.PublicKey
	early map[wallet.DID]int
}

func (r *registered) check(d wallet.DID, key wallet.PublicKey) error {
	if r.early[d]--; r.early[d] >= 0 {
		return fmt.Errorf("%w: the key of %s", session.ErrUndecided, d)
	}
	current, known := r.keys[d]
	if !known {
		current = d.InceptionKey()
	}
	if key != current {
		return errRetired
	}
	return nil
}

// rotate gives a node another account key, and tells the ledger.
func (r *registered) rotate(n *node, key wallet.PrivateKey) {
	n.account = key
	r.keys[n.did] = key.Public()
}

func newRegistered() *registered {
	return &registered{keys: map[wallet.DID]wallet.PublicKey{}, early: map[wallet.DID]int{}}
}

func TestAfterARotationBothTradeUnderTheSameDIDsInTheSameChannel(t *testing.T) {
	ledger := newRegistered()
	w := newWorld(t, setup{keys: ledger.check})
	w.vehicle.begin()
	w.run(w.bothOver)
	first, _ := w.vehicle.stored()

	ledger.rotate(w.vehicle, testKey(81))
	ledger.rotate(w.station, testKey(82))
	ledger.early[w.vehicle.did], ledger.early[w.station.did] = 2, 2
	w.visitAgain(150_000)
	second, _ := w.vehicle.stored()
	if second.Phase != session.PhaseEnded || second.Paid == 0 {
		t.Fatalf("%s, paid %s: %s", second.Phase, second.Paid, second.Failure)
	}
	if second.Channel != first.Channel || len(w.ledger.channels) != 1 {
		t.Errorf("%d channels: the first was not used again", len(w.ledger.channels))
	}
	signed, err := quote.Parse(second.Quote, ledger.check)
	if err != nil || signed.Signer() != testKey(82).Public() || signed.Quote.Station != w.station.did {
		t.Errorf("the quote is by %s of %s: %v", signed.Signer(), signed.Quote.Station, err)
	}
}

func TestAClaimOfBeforeARotationStillSettles(t *testing.T) {
	ledger := newRegistered()
	w := newWorld(t, setup{keys: ledger.check})
	w.vehicle.begin()
	w.after(15*time.Second, func() { // in the middle of charging, and both start again with the new keys
		ledger.rotate(w.vehicle, testKey(81))
		ledger.rotate(w.station, testKey(82))
		w.vehicle.crashNow()
		w.station.crashNow()
	})
	w.run(w.bothOver)
	w.settled()
}

func TestAKeyThatWasReplacedGreetsNobody(t *testing.T) {
	ledger := newRegistered()
	w := newWorld(t, setup{keys: ledger.check})
	ledger.keys[w.vehicle.did] = testKey(81).Public()
	hello := func(stated []byte, key wallet.PrivateKey) wire.Hello {
		h := wire.Hello{Vehicle: w.vehicle.did, Station: w.station.did, AtMs: began.UnixMilli(), Service: "charging", Key: stated}
		h.Signature = key.Sign(wallet.DomainHello, network, h.SigningBytes(firstID))
		return h
	}
	next, first, stranger := testKey(81), w.vehicle.account, testKey(66)
	tests := []struct {
		name  string
		hello wire.Hello
		keys  quote.Keys
		want  error
	}{
		{"the present key", hello(wallet.StateKey(w.vehicle.did, next.Public()), next), ledger.check, nil},
		{"the first key", hello(nil, first), ledger.check, errRetired},
		{"the first key, stated", hello(stated(first), first), ledger.check, wallet.ErrStatedKey},
		{"a key of anybody", hello(wallet.StateKey(w.vehicle.did, stranger.Public()), stranger), ledger.check, errRetired},
		{"the present key, signed by another", hello(wallet.StateKey(w.vehicle.did, next.Public()), first), ledger.check, wallet.ErrSignature},
		{"half a key", hello([]byte{1, 2, 3}, next), ledger.check, wallet.ErrStatedKey},
		{"the present key, where nobody asks the ledger", hello(wallet.StateKey(w.vehicle.did, next.Public()), next), nil, wallet.ErrSignature},
		{"the first key, where nobody asks the ledger", hello(nil, first), nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := w.station.payeeConfig(1)
			config.Offer, config.Keys = w.offer(), test.keys
			_, _, err := session.NewPayee(config, w.station.now(), firstID, test.hello, nil)
			if !errors.Is(err, test.want) || test.want != nil && !errors.Is(err, session.ErrIdentity) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	ledger.early[w.vehicle.did] = 1
	config := w.station.payeeConfig(1)
	config.Offer = w.offer()
	if _, _, err := session.NewPayee(config, w.station.now(), firstID, hello(nil, first), nil); !errors.Is(err, session.ErrUndecided) || errors.Is(err, session.ErrIdentity) {
		t.Errorf("not known yet: %v", err)
	}
}

func TestAQuoteUnderAKeyThatWasReplacedIsRefused(t *testing.T) {
	ledger := newRegistered()
	w := newWorld(t, setup{keys: ledger.check})
	ledger.keys[w.station.did] = testKey(82).Public() // the station goes on with the first one
	w.vehicle.begin()
	w.run(func() bool { return w.vehicle.phase() == session.PhaseFailed })
	record, _ := w.vehicle.stored()
	if record.Failure != "quote of "+w.station.did.String()+": "+errRetired.Error() || len(record.Vertices) != 0 {
		t.Errorf("%q, %d operations for the ledger", record.Failure, len(record.Vertices))
	}
}

func stated(key wallet.PrivateKey) []byte {
	public := key.Public()
	return public[:]
}

func TestASessionGoesOnUnderTheKeyThatItWasAgreedWithAndTheStationMayTakeItsNewOne(t *testing.T) {
	for name, takes := range map[string]bool{"the station runs on with the old key": false, "the station starts again with the new one": true} {
		t.Run(name, func(t *testing.T) {
			ledger := newRegistered()
			w := newWorld(t, setup{keys: ledger.check, change: &change{twiceAsDear, 12 * time.Second, 20 * time.Second}})
			w.after(4*time.Second, func() {
				old := w.station.account
				ledger.rotate(w.station, testKey(82))
				if !takes {
					w.station.account = old
					return
				}
				ledger.early[w.station.did] = 2
				w.station.crashNow()
			})
			w.vehicle.begin()
			w.run(w.bothOver)
			w.agreed()
			w.settled()
			record, _ := w.vehicle.stored()
			signed, err := quote.Parse(record.Quote, quote.AnyKey)
			if err != nil || (signed.Signer() == testKey(82).Public()) != takes {
				t.Errorf("the last quote is by %s: %v", signed.Signer(), err)
			}
		})
	}
}

func TestAGreetingWhoseKeyIsLookedUpIsNeitherAnsweredNorRefused(t *testing.T) {
	ledger := newRegistered()
	w, _ := offered(t, setup{keys: ledger.check})
	again := wire.Hello{Vehicle: w.vehicle.did, Station: w.station.did, AtMs: began.UnixMilli(), Service: "charging"}
	again.Signature = w.vehicle.account.Sign(wallet.DomainHello, network, again.SigningBytes(firstID))
	ledger.early[w.vehicle.did] = 1
	w.station.show(session.Received{Message: again}, func(effects []session.Effect) {
		if len(effects) != 0 {
			t.Errorf("while it is looked up: %v", effects)
		}
	})
	w.station.show(session.Received{Message: again}, func(effects []session.Effect) {
		if len(effects) != 1 {
			t.Errorf("then: %v", effects)
		}
	})
}

package party

import (
	"context"
	"errors"
	"testing"

	"joulepay/channel/session"
	"joulepay/settle/did"
	"joulepay/settle/registry"
	"joulepay/wallet"
)

// slow answers when it is let.
type slow struct {
	ledger
	asked, answer chan struct{}
}

func (s slow) DID(ctx context.Context, d wallet.DID, proof bool) (did.Resolution, error) {
	s.asked <- struct{}{}
	select {
	case <-s.answer:
	case <-ctx.Done():
		return did.Resolution{}, ctx.Err()
	}
	return s.ledger.DID(ctx, d, proof)
}

func TestKeysNeverWaitForTheLedger(t *testing.T) {
	own, other := wallet.NewPrivateKey([32]byte{1}).Public(), wallet.NewPrivateKey([32]byte{2}).Public()
	d, down := wallet.DIDOf(own), ledger{err: errors.New("down")}
	tests := []struct {
		name    string
		ledger  ledger
		station bool
		key     wallet.PublicKey
		want    error
	}{
		{"not registered, the key that it names", ledger{}, false, own, nil},
		{"not registered, another key", ledger{}, false, other, did.ErrKey},
		{"a vehicle whom nobody tells", down, false, own, registry.ErrUnknown},
		{"a station whom nobody tells", down, true, own, nil},
		{"a station whom nobody tells, another key", down, true, other, wallet.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := slow{test.ledger, make(chan struct{}, 1), make(chan struct{})}
			k := newKeys(registryOn(t, s, Options{}), test.station)
			defer k.close()
			if err := k.check(d, test.key); !errors.Is(err, session.ErrUndecided) {
				t.Fatalf("at first: %v", err)
			}
			<-s.asked
			if err := k.check(d, test.key); !errors.Is(err, session.ErrUndecided) {
				t.Fatalf("while it is looked up: %v", err)
			}
			k.mu.Lock()
			l := k.lookUps[d]
			k.mu.Unlock()
			close(s.answer)
			<-l.done
			if err := k.check(d, test.key); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestLookUpsAreBoundedAndEndWithTheParty(t *testing.T) {
	s := slow{ledger{}, make(chan struct{}, lookUpsMax+1), make(chan struct{})}
	k := newKeys(registryOn(t, s, Options{}), true)
	for n := range lookUpsMax + 10 {
		key := wallet.NewPrivateKey([32]byte{1, byte(n)}).Public()
		if err := k.check(wallet.DIDOf(key), key); !errors.Is(err, session.ErrUndecided) {
			t.Fatalf("%d: %v", n, err)
		}
	}
	if len(k.lookUps) != lookUpsMax {
		t.Errorf("%d look-ups", len(k.lookUps))
	}
	k.close() // hangs if one goes on
}

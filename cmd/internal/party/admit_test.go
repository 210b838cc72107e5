package party

import (
	"context"
	"errors"
	"testing"
	"time"

	"joulepay/channel/secure"
	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/settle/registry"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// ledger gives one answer to all.
type ledger struct {
	registered bool // says so, without a proof
	err        error
}

func (l ledger) DID(_ context.Context, d wallet.DID, _ bool) (did.Resolution, error) {
	r := did.Inception(d)
	r.Metadata.Registered = l.registered
	return r, l.err
}

func partyOn(t *testing.T, l ledger, o Options) *Party {
	t.Helper()
	return &Party{options: o, Registry: registryOn(t, l, o)}
}

// registryOn asks a ledger of a network of its own.
func registryOn(t *testing.T, l registry.Ledger, o Options) *registry.Registry {
	t.Helper()
	key := wallet.NewPrivateKey([32]byte{9}).Public()
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: time.Now().Truncate(time.Second), Limits: settle.DefaultLimits(),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(key), Cap: money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(key), Key: key, Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	network, err := proof.NewNetwork(genesis)
	if err != nil {
		t.Fatal(err)
	}
	return registry.New(network, l, registry.Options{Required: o.Registered, Now: time.Now})
}

func TestWhoIsAdmittedToAHandshake(t *testing.T) {
	own, other := wallet.NewPrivateKey([32]byte{1}).Public(), wallet.NewPrivateKey([32]byte{2}).Public()
	down := ledger{err: errors.New("down")}
	tests := []struct {
		name    string
		ledger  ledger
		options Options
		account wallet.PublicKey
		want    error
		any     bool // some error
	}{
		{"a vehicle: a station that is not registered", ledger{}, Options{}, own, nil, false},
		{"a vehicle: its key is not the one that it names", ledger{}, Options{}, other, did.ErrKey, false},
		{"a vehicle that wants registered ones", ledger{}, Options{Registered: true}, own, registry.ErrUnregistered, false},
		{"a vehicle: nobody tells", down, Options{}, own, registry.ErrUnknown, false},
		{"a vehicle: nothing proves what is said", ledger{registered: true}, Options{}, own, registry.ErrUnknown, false},
		{"a station: nobody tells", down, Options{Station: true}, own, nil, false},
		{"a station: nobody tells, and another key", down, Options{Station: true}, other, nil, true},
		{"a station: another key", ledger{}, Options{Station: true}, other, did.ErrKey, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := partyOn(t, test.ledger, test.options).admit(context.Background(), secure.Peer{DID: wallet.DIDOf(own), Account: test.account})
			if test.any {
				if err == nil {
					t.Error("admitted")
				}
				return
			}
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

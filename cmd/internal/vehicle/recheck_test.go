package vehicle

import (
	"errors"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/wallet/credential"
)

func quoted(compact string) quote.Quote {
	return quote.Quote{
		Station: charger.DID(), Payout: charger.DID(), MeterKey: charger.Meter().Public(), Credential: credential.JoinBundle(compact),
	}
}

func TestACredentialIsLookedUpAgainOnceItsListIsTooOld(t *testing.T) {
	compact, list, server := calibration(t)
	v, policy := vettingOf(t, Credentials{StatusAge: time.Second}, ledger{})
	if err := decide(t, v, policy, compact); err != nil {
		t.Fatal(err)
	}
	said, err := credential.Parse(compact)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Set(office, said.Status[0], true, now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := v.again(t.Context(), policy, quoted(compact), now.Add(time.Second)); err != nil {
		t.Errorf("while the list is not too old: %v", err)
	}
	if err := v.again(t.Context(), policy, quoted(compact), now.Add(2*time.Second)); !errors.Is(err, credential.ErrRevoked) {
		t.Errorf("then: %v", err)
	}
	server.Close()
	if err := v.again(t.Context(), policy, quoted(compact), now.Add(4*time.Second)); !errors.Is(err, credential.ErrRevoked) {
		t.Errorf("a list grown old, and nobody answers: %v", err)
	}
	if err := v.again(t.Context(), policy, quoted(compact), now.Add(3*time.Hour)); !errors.Is(err, credential.ErrExpired) {
		t.Errorf("after its end: %v", err)
	}
}

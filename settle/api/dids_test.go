package api_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/wallet"
)

func TestADIDResolvesFromItsInceptionToItsEnd(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	network := s.genesis.NetworkID()
	r, err := s.DID(t.Context(), pole, true)
	if err != nil || r.Document.ID != pole.String() || r.Metadata.Registered || r.Certified != nil || len(r.Document.VerificationMethod) != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if _, err := s.CertifiedDID(t.Context(), pole); !errors.Is(err, client.ErrUnproven) {
		t.Fatal(err)
	}
	document := settle.Document{
		Role: settle.RoleStation, Services: []settle.Service{{Name: "broker", Type: "JoulepayNATS", Endpoint: "nats://depot:4222"}},
		Bindings: []settle.KeyBinding{{Purpose: wallet.PurposeNATS, Hash: settle.BindingHash(network, pole, wallet.PurposeNATS, [32]byte{1})}},
	}
	s.must(t, car, carKey, settle.NewPublish(network, pole, 1, document, poleKey)) // the car sponsors the pole
	if r, err = s.DID(t.Context(), pole, false); err != nil || r.Metadata.VersionID != "1" || r.Metadata.Deactivated || r.Certified != nil ||
		len(r.Document.Service) != 1 || r.Document.Role != "station" {
		t.Fatalf("%+v %v", r, err)
	}
	certified, err := s.CertifiedDID(t.Context(), pole)
	if err != nil || certified.CheckKey(poleKey.Public()) != nil || !certified.Binds(network, wallet.PurposeNATS, [32]byte{1}) ||
		certified.Binds(network, wallet.PurposeNATS, [32]byte{2}) {
		t.Fatalf("%+v %v", certified, err)
	}
	if r, err = s.DID(t.Context(), pole, true); err != nil {
		t.Fatal(err)
	}
	raw := r.Certified
	if _, err := did.Verify(s.Trusted(), pole, raw, certified.At, time.Hour); err != nil {
		t.Error(err)
	}

	s.must(t, car, carKey, settle.NewRotate(network, pole, 2, poleKey, poleLane))
	if certified, err = s.CertifiedDID(t.Context(), pole); err != nil || !errors.Is(certified.CheckKey(poleKey.Public()), did.ErrKey) || certified.CheckKey(poleLane.Public()) != nil {
		t.Errorf("%+v %v", certified, err)
	}
	if r, err = s.DID(t.Context(), pole, false); err != nil || r.Metadata.Rotations != 1 || r.Metadata.EquivalentID != nil {
		t.Errorf("%+v %v", r, err)
	}
	s.must(t, car, carKey, settle.NewDeactivate(network, pole, 3, poleLane))
	if r, err = s.DID(t.Context(), pole, true); err != nil || !r.Metadata.Deactivated || r.Document.VerificationMethod != nil {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := did.Verify(s.Trusted(), pole, r.Certified, time.Now(), 1<<62); !errors.Is(err, did.ErrDeactivated) && !errors.Is(err, did.ErrStale) {
		t.Error(err)
	}
	if a, err := s.Account(t.Context(), pole); err != nil || a.Status != client.AccountDeactivated {
		t.Errorf("%+v %v", a, err)
	}
}

func TestTheTwinOfADIDHasOneKeyForGood(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	s.must(t, car, carKey, settle.NewRotate(s.genesis.NetworkID(), pole, 1, poleKey, poleLane))
	answer, err := http.Get(s.address + "/v1/dids/" + pole.DIDKey())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	var r did.Resolution
	if err != nil || json.Unmarshal(body, &r) != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", answer.StatusCode, body, err)
	}
	if want := did.Key(pole); r.Document.ID != want.Document.ID || r.Document.VerificationMethod[0] != want.Document.VerificationMethod[0] {
		t.Errorf("%+v", r)
	}
}

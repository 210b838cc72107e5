package did_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/did/didtest"
	"joulepay/wallet"
)

var (
	stationKey = wallet.NewPrivateKey([32]byte{3})
	nextKey    = wallet.NewPrivateKey([32]byte{4})
	station    = wallet.DIDOf(stationKey.Public())
	noon       = didtest.Noon
)

func document() settle.Document {
	return settle.Document{Role: settle.RoleStation, Services: []settle.Service{{Name: "api", Type: "JoulepayAPI", Endpoint: "https://depot/v1"}}}
}

func TestRegistrationIsVerifiedOfflineAndOnlyWhileItIsFresh(t *testing.T) {
	w := didtest.NewLedger(t)
	w.Register(stationKey, document())
	final := w.Finalize(noon.Add(time.Minute))
	raw := w.Prove(final, settle.DIDKey(station)).Encode()
	verify := func(now time.Time) (did.Registration, error) {
		return did.Verify(w.Network(), station, raw, now, time.Hour)
	}

	r, err := verify(noon.Add(2 * time.Minute))
	if err != nil || r.CheckKey(stationKey.Public()) != nil || !r.At.Equal(noon.Add(time.Minute)) {
		t.Fatalf("%+v %v", r, err)
	}
	if err := r.CheckKey(nextKey.Public()); !errors.Is(err, did.ErrKey) {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		now  time.Time
		want error
	}{
		"an hour":                {noon.Add(61 * time.Minute), nil},
		"more":                   {noon.Add(61*time.Minute + 1), did.ErrStale},
		"a clock a minute ahead": {noon, nil},
		"further ahead":          {noon.Add(-1), did.ErrStale},
	} {
		if _, err := verify(test.now); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProofsOfSomethingElseAreRefused(t *testing.T) {
	w := didtest.NewLedger(t)
	w.Register(stationKey, document())
	final := w.Finalize(noon.Add(time.Minute))
	good := w.Prove(final, settle.DIDKey(station))
	other := didtest.NewLedger(t)
	other.Register(stationKey, settle.Document{})
	forged := other.Prove(other.Finalize(noon.Add(time.Minute)), settle.DIDKey(station))
	forged.Final = good.Final
	content := good
	content.Content = settle.Identity{Key: nextKey.Public(), Status: settle.AccountActive, Version: 1}.Encode()
	unsigned := good
	unsigned.Final.Certificate.Votes = nil
	for name, raw := range map[string][]byte{
		"nothing": nil, "cut": good.Encode()[:40], "the account": w.Prove(final, settle.AccountKey(station)).Encode(),
		"another document": forged.Encode(), "another key": content.Encode(), "without votes": unsigned.Encode(),
	} {
		if _, err := did.Verify(w.Network(), station, raw, noon.Add(time.Minute), time.Hour); !errors.Is(err, did.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := did.Verify(w.Network(), didtest.Operator, good.Encode(), noon.Add(time.Minute), time.Hour); !errors.Is(err, did.ErrProof) {
		t.Error("a proof of another DID", err)
	}
}

func TestRotatedAndDeactivatedShow(t *testing.T) {
	w := didtest.NewLedger(t)
	w.Register(stationKey, document())
	w.Apply(settle.NewRotate(w.ID(), station, 2, stationKey, nextKey))
	at := noon.Add(time.Minute)
	r, err := did.Verify(w.Network(), station, w.Prove(w.Finalize(at), settle.DIDKey(station)).Encode(), at, time.Hour)
	if err != nil || !errors.Is(r.CheckKey(stationKey.Public()), did.ErrKey) || r.CheckKey(nextKey.Public()) != nil {
		t.Fatalf("%+v %v", r, err)
	}
	w.Apply(settle.NewDeactivate(w.ID(), station, 3, nextKey))
	if _, err := did.Verify(w.Network(), station, w.Prove(w.Finalize(at), settle.DIDKey(station)).Encode(), at, time.Hour); !errors.Is(err, did.ErrDeactivated) {
		t.Error(err)
	}
}

func TestResolutionsAreInTheWordsOfTheW3C(t *testing.T) {
	identity := settle.Identity{
		Key: nextKey.Public(), Status: settle.AccountActive, Version: 3, Rotations: 1,
		Created: settle.LedgerTimeOf(noon), Updated: settle.LedgerTimeOf(noon.Add(1500 * time.Millisecond)), Document: document(),
	}
	raw, err := json.Marshal(did.Resolve(station, identity))
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimPrefix(wallet.DIDOf(nextKey.Public()).DIDKey(), "did:key:")
	for _, part := range []string{
		`"@context":"https://w3id.org/did-resolution/v1"`, `"id":"` + station.String() + `"`, `"publicKeyMultibase":"` + key + `"`,
		`"authentication":["` + station.String() + `#` + key + `"]`, `"serviceEndpoint":"https://depot/v1"`,
		`"created":"2026-03-01T12:00:00Z"`, `"updated":"2026-03-01T12:00:01Z"`, `"versionId":"3"`,
	} {
		if !strings.Contains(string(raw), part) {
			t.Errorf("%s is not in %s", part, raw)
		}
	}
	if r := did.Inception(station); r.Metadata.Registered || r.Metadata.Created != nil || r.Metadata.EquivalentID[0] != station.DIDKey() {
		t.Errorf("%+v", r)
	}
	identity.Status = settle.AccountDeactivated
	if r := did.Resolve(station, identity); !r.Metadata.Deactivated || len(r.Document.VerificationMethod)+len(r.Document.Service) != 0 {
		t.Errorf("%+v", r)
	}
	for _, p := range []wallet.Purpose{wallet.PurposeMeter, wallet.PurposeNoiseStatic, wallet.PurposeNATS} {
		if again, err := did.ParsePurpose(did.PurposeName(p)); err != nil || again != p {
			t.Error(p, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	w := didtest.NewLedger(f)
	w.Register(stationKey, document())
	at := noon.Add(time.Minute)
	good := w.Prove(w.Finalize(at), settle.DIDKey(station)).Encode()
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := did.Verify(w.Network(), station, raw, at, time.Hour)
		if err == nil && (r.Identity.Key != stationKey.Public() || !r.Identity.Document.Equal(document())) {
			t.Fatalf("believed %+v", r)
		}
		if err != nil && !errors.Is(err, did.ErrProof) && !errors.Is(err, did.ErrStale) && !errors.Is(err, did.ErrDeactivated) {
			t.Fatal(err)
		}
	})
}

package did_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	operatorKey = wallet.NewPrivateKey([32]byte{1})
	witnessKey  = wallet.NewPrivateKey([32]byte{2})
	stationKey  = wallet.NewPrivateKey([32]byte{3})
	nextKey     = wallet.NewPrivateKey([32]byte{4})
	operator    = wallet.DIDOf(operatorKey.Public())
	station     = wallet.DIDOf(stationKey.Public())
	noon        = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// world is a ledger with one witness, whose clock the test sets.
type world struct {
	testing.TB
	network *proof.Network
	state   *dag.State
	votes   *dag.Finality
	nonce   uint64
}

func newWorld(t testing.TB) *world {
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: noon, Limits: settle.DefaultLimits(),
		Issuers:   []settle.Issuer{{DID: operator, Cap: 1_000_000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(witnessKey.Public()), Key: witnessKey.Public(), Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	state, err := dag.New(genesis)
	if err != nil {
		t.Fatal(err)
	}
	final := proof.Final{Checkpoint: state.LastCheckpoint()}
	return &world{TB: t, network: state.Network(), state: state, votes: dag.NewFinality(state.Network(), final, nil)}
}

func (w *world) apply(p settle.Payload) {
	w.Helper()
	w.nonce++
	v, err := settle.Sign(settle.Draft{Network: w.network.ID, Issuer: operator, Parents: w.state.Tips(0), Nonce: w.nonce, Payload: p}, operatorKey)
	if err != nil {
		w.Fatal(err)
	}
	if r, err := w.state.Apply(dag.Entry{Vertex: v}); err != nil || r.Verdict != settle.Applied {
		w.Fatalf("%s: %s, %v", p.Kind(), r.Verdict, err)
	}
}

// finalize makes the state of now final, certified at a time.
func (w *world) finalize(at time.Time) proof.Final {
	w.Helper()
	for range 2 {
		r, err := w.state.Apply(dag.Entry{Mark: w.state.LastCheckpoint().Number + 1})
		if err != nil || r.Checkpoint == nil {
			w.Fatal("no checkpoint", err)
		}
		w.votes.Mark(*r.Checkpoint)
		vote, _ := w.votes.NextVote(settle.LedgerTimeOf(at))
		signed, err := w.network.Witnesses.SignVote(vote, w.network.ID, witnessKey)
		if err != nil {
			w.Fatal(err)
		}
		certificate, err := w.votes.Vote(signed)
		if err != nil || certificate == nil {
			w.Fatal("no certificate", err)
		}
		if _, err := w.state.Apply(dag.Entry{Certificate: certificate}); err != nil {
			w.Fatal(err)
		}
	}
	return w.votes.Final()
}

func (w *world) prove(final proof.Final, key settle.SlotKey) proof.Slot {
	w.Helper()
	content, inclusion, err := w.state.ProveSlot(final.Checkpoint.Number, key)
	if err != nil {
		w.Fatal(err)
	}
	return proof.Slot{Final: final, Key: key, Content: content, Inclusion: inclusion}
}

func document() settle.Document {
	return settle.Document{Role: settle.RoleStation, Services: []settle.Service{{Name: "api", Type: "JoulepayAPI", Endpoint: "https://depot/v1"}}}
}

func TestRegistrationIsVerifiedOfflineAndOnlyWhileItIsFresh(t *testing.T) {
	w := newWorld(t)
	w.apply(settle.NewPublish(w.network.ID, station, 1, document(), stationKey))
	final := w.finalize(noon.Add(time.Minute))
	raw := w.prove(final, settle.DIDKey(station)).Encode()
	verify := func(now time.Time) (did.Registration, error) {
		return did.Verify(w.network, station, raw, now, time.Hour)
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
	w := newWorld(t)
	w.apply(settle.NewPublish(w.network.ID, station, 1, document(), stationKey))
	final := w.finalize(noon.Add(time.Minute))
	good := w.prove(final, settle.DIDKey(station))
	other := newWorld(t)
	other.apply(settle.NewPublish(other.network.ID, station, 1, settle.Document{}, stationKey))
	forged := other.prove(other.finalize(noon.Add(time.Minute)), settle.DIDKey(station))
	forged.Final = good.Final
	content := good
	content.Content = settle.Identity{Key: nextKey.Public(), Status: settle.AccountActive, Version: 1}.Encode()
	unsigned := good
	unsigned.Final.Certificate.Votes = nil
	for name, raw := range map[string][]byte{
		"nothing": nil, "cut": good.Encode()[:40], "the account": w.prove(final, settle.AccountKey(station)).Encode(),
		"another document": forged.Encode(), "another key": content.Encode(), "without votes": unsigned.Encode(),
	} {
		if _, err := did.Verify(w.network, station, raw, noon.Add(time.Minute), time.Hour); !errors.Is(err, did.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := did.Verify(w.network, operator, good.Encode(), noon.Add(time.Minute), time.Hour); !errors.Is(err, did.ErrProof) {
		t.Error("a proof of another DID", err)
	}
}

func TestRotatedAndDeactivatedShow(t *testing.T) {
	w := newWorld(t)
	w.apply(settle.NewPublish(w.network.ID, station, 1, document(), stationKey))
	w.apply(settle.NewRotate(w.network.ID, station, 2, stationKey, nextKey))
	at := noon.Add(time.Minute)
	r, err := did.Verify(w.network, station, w.prove(w.finalize(at), settle.DIDKey(station)).Encode(), at, time.Hour)
	if err != nil || !errors.Is(r.CheckKey(stationKey.Public()), did.ErrKey) || r.CheckKey(nextKey.Public()) != nil {
		t.Fatalf("%+v %v", r, err)
	}
	w.apply(settle.NewDeactivate(w.network.ID, station, 3, nextKey))
	if _, err := did.Verify(w.network, station, w.prove(w.finalize(at), settle.DIDKey(station)).Encode(), at, time.Hour); !errors.Is(err, did.ErrDeactivated) {
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
	w := newWorld(f)
	w.apply(settle.NewPublish(w.network.ID, station, 1, document(), stationKey))
	at := noon.Add(time.Minute)
	good := w.prove(w.finalize(at), settle.DIDKey(station)).Encode()
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := did.Verify(w.network, station, raw, at, time.Hour)
		if err == nil && (r.Identity.Key != stationKey.Public() || !r.Identity.Document.Equal(document())) {
			t.Fatalf("believed %+v", r)
		}
		if err != nil && !errors.Is(err, did.ErrProof) && !errors.Is(err, did.ErrStale) && !errors.Is(err, did.ErrDeactivated) {
			t.Fatal(err)
		}
	})
}

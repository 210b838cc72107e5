package vehicle

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"joulepay/channel/session"
	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/settle/registry"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
	"joulepay/wallet/money"
)

var (
	office  = credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{1}))
	charger = wallet.FromEntropy([wallet.EntropySize]byte{2})
	now     = time.Now()
)

// ledger knows nobody, or does not answer.
type ledger struct{ err error }

func (l ledger) DID(_ context.Context, d wallet.DID, _ bool) (did.Resolution, error) {
	return did.Inception(d), l.err
}

func registryOn(t *testing.T, l registry.Ledger) *registry.Registry {
	t.Helper()
	witness := wallet.NewPrivateKey([32]byte{9}).Public()
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: now.Truncate(time.Second), Limits: settle.DefaultLimits(),
		Issuers:   []settle.Issuer{{DID: office.DID, Cap: money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(witness), Key: witness, Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	network, err := proof.NewNetwork(genesis)
	if err != nil {
		t.Fatal(err)
	}
	return registry.New(network, l, registry.Options{Now: time.Now})
}

// calibration issues a calibration of the charger's meter, on a list that a server hosts.
func calibration(t *testing.T) (compact string, list *status.File, server *httptest.Server) {
	t.Helper()
	lists := status.Directory(t.TempDir())
	mux := http.NewServeMux()
	mux.Handle("GET /v1/status-lists/{id}", status.Handler(lists))
	server = httptest.NewServer(mux)
	t.Cleanup(server.Close)
	list, err := status.Create(filepath.Join(string(lists), "1.json"), office, status.Settings{
		URL: server.URL + "/v1/status-lists/1", Purpose: credential.PurposeRevocation, ValidFrom: now.Add(-time.Hour), ValidUntil: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	entry, err := list.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	compact, err = credential.Issue(office, credential.Template{
		Subject: charger.DID(), ValidFrom: now.Add(-time.Hour), ValidUntil: now.Add(time.Hour), Status: []credential.StatusEntry{entry},
		Claims: credential.Calibration{MeterKey: charger.Meter().Public(), MeterSerial: "1", TypeExamination: "2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return compact, list, server
}

// decide asks the policy as a session does, until it is decided: each question that is not answered is looked up meanwhile.
func decide(t *testing.T, v *vetting, policy session.CredentialPolicy, compact string) error {
	t.Helper()
	for range 5 {
		_, err := credential.CheckStation(credential.Offered{
			Station: charger.DID(), Payout: charger.DID(), MeterKey: charger.Meter().Public(), Credentials: []byte(compact),
		}, policy.Demands, now, policy.Policy)
		if !errors.Is(err, session.ErrUndecided) {
			return err
		}
		v.work.Wait()
	}
	t.Fatal("never decided")
	return nil
}

func vettingOf(t *testing.T, c Credentials, l registry.Ledger) (*vetting, session.CredentialPolicy) {
	t.Helper()
	c.Demands = credential.Demands{Calibration: true}
	c.Trust = map[credential.Kind][]wallet.DID{credential.KindCalibration: {office.DID}}
	v, policy, err := newVetting(c, registryOn(t, l))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.close)
	return v, policy
}

func TestARevocationIsLookedUpBeforeAStationIsAccepted(t *testing.T) {
	compact, list, _ := calibration(t)
	v, policy := vettingOf(t, Credentials{}, ledger{})
	if _, err := policy.Status.CheckStatus(credential.StatusEntry{}, office.DID, now); !errors.Is(err, credential.ErrStatusEntry) {
		t.Errorf("an entry that no list can answer: %v", err)
	}
	if err := decide(t, v, policy, compact); err != nil {
		t.Error(err)
	}
	said, err := credential.Parse(compact)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Set(office, said.Status[0], true, now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	v, policy = vettingOf(t, Credentials{OnUnknown: status.FailOpen}, ledger{})
	if err := decide(t, v, policy, compact); !errors.Is(err, credential.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
}

func TestAStatusThatNobodyTellsIsRefusedUnlessThePolicySaysOtherwise(t *testing.T) {
	compact, _, server := calibration(t)
	server.Close()
	v, policy := vettingOf(t, Credentials{}, ledger{})
	if err := decide(t, v, policy, compact); !errors.Is(err, credential.ErrStatusUnavailable) {
		t.Errorf("by default: %v", err)
	}
	v, policy = vettingOf(t, Credentials{OnUnknown: status.FailOpen}, ledger{})
	if err := decide(t, v, policy, compact); err != nil {
		t.Errorf("fail open: %v", err)
	}
}

func TestAnIssuerWhoseKeysNobodyTellsIsNotBelieved(t *testing.T) {
	compact, _, _ := calibration(t)
	v, policy := vettingOf(t, Credentials{OnUnknown: status.FailOpen}, ledger{err: errors.New("down")})
	if err := decide(t, v, policy, compact); !errors.Is(err, credential.ErrKey) || !errors.Is(err, registry.ErrUnknown) {
		t.Error(err)
	}
}

func TestClosingEndsALookUp(t *testing.T) {
	compact, _, _ := calibration(t)
	v, policy := vettingOf(t, Credentials{}, ledger{})
	asked := make(chan struct{})
	v.fetch = func(ctx context.Context, _ string) ([]byte, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, _ = policy.Keys(office.DID)
	v.work.Wait()
	if _, err := credential.CheckStation(credential.Offered{
		Station: charger.DID(), Payout: charger.DID(), MeterKey: charger.Meter().Public(), Credentials: []byte(compact),
	}, policy.Demands, now, policy.Policy); !errors.Is(err, session.ErrUndecided) {
		t.Fatal(err)
	}
	<-asked
	v.close()
}

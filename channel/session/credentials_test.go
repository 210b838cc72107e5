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
	"joulepay/wallet/credential"
)

// bureau calibrates meters, and operator lets stations sell.
var (
	bureau   = credential.Signer{DID: wallet.DIDOf(testKey(71).Public()), Key: testKey(71)}
	operator = credential.Signer{DID: wallet.DIDOf(testKey(72).Public()), Key: testKey(72)}
)

const listURL = "https://bureau.example/v1/status-lists/1"

func issued(by credential.Signer, t credential.Template) string {
	compact, err := credential.Issue(by, t)
	if err != nil {
		panic(err)
	}
	return compact
}

// calibrated gives the calibration of the meter of the world's station.
func calibrated(change func(*credential.Template)) string {
	t := credential.Template{
		Subject: wallet.DIDOf(testKey(2).Public()), ValidFrom: began.AddDate(-1, 0, 0), ValidUntil: began.AddDate(7, 0, 0),
		Claims: credential.Calibration{MeterKey: testKey(23).Public(), MeterSerial: "1EMH0012345678", TypeExamination: "DE-22-M-PTB-0047"},
	}
	if change != nil {
		change(&t)
	}
	return issued(bureau, t)
}

func listed(t *credential.Template) {
	t.Status = []credential.StatusEntry{{Purpose: credential.PurposeRevocation, List: listURL, Index: 7}}
}

// showing gives what a station puts into its quote.
func showing(compacts ...string) func(*quote.Quote) {
	return func(q *quote.Quote) { q.Credential = credential.JoinBundle(compacts...) }
}

// wanting gives the policy of a vehicle that wants a calibrated meter, and trusts the bureau for that alone.
func wanting(change func(*session.CredentialPolicy)) func(*session.PayerPolicy) {
	return func(p *session.PayerPolicy) {
		p.Credentials = session.CredentialPolicy{
			Demands: credential.Demands{Calibration: true},
			Policy: credential.Policy{Trust: credential.TrustFor(map[credential.Kind][]wallet.DID{
				credential.KindCalibration: {bureau.DID}, credential.KindDelegation: {operator.DID},
			})},
		}
		if change != nil {
			change(&p.Credentials)
		}
	}
}

// standing answers every question about a status with one answer.
type standing struct{ err error }

func (s standing) CheckStatus(credential.StatusEntry, wallet.DID, time.Time) (credential.Standing, error) {
	return credential.StandingGood, s.err
}

// late is a status that is at hand only after some questions.
type late struct{ questions int }

func (l *late) CheckStatus(credential.StatusEntry, wallet.DID, time.Time) (credential.Standing, error) {
	if l.questions--; l.questions >= 0 {
		return credential.StandingUnknown, fmt.Errorf("%w: %s", session.ErrUndecided, listURL)
	}
	return credential.StandingGood, nil
}

func TestAVehicleRefusesAStationWhoseCredentialsDoNotDo(t *testing.T) {
	status := func(err error) func(*session.PayerPolicy) {
		return wanting(func(c *session.CredentialPolicy) { c.Status = standing{err} })
	}
	rotated := wanting(func(c *session.CredentialPolicy) {
		c.Keys = func(wallet.DID) ([]wallet.PublicKey, error) { return []wallet.PublicKey{testKey(99).Public()}, nil }
	})
	delegated := wanting(func(c *session.CredentialPolicy) { c.Demands = credential.Demands{Delegation: true} })
	payout := wallet.DIDOf(testKey(73).Public())
	letsSell := issued(operator, credential.Template{
		Subject: wallet.DIDOf(testKey(2).Public()), ValidFrom: began, ValidUntil: began.AddDate(1, 0, 0),
		Claims: credential.Delegation{PayoutAccount: payout, Operator: "Charging"},
	})
	paying := func(to wallet.DID, compacts ...string) func(*quote.Quote) {
		return func(q *quote.Quote) { q.Payout, q.Credential = to, credential.JoinBundle(compacts...) }
	}
	byAnybody := credential.Signer{DID: wallet.DIDOf(testKey(66).Public()), Key: testKey(66)}
	forged := calibrated(nil)
	forged = forged[:len(forged)-8] + "AAAAAAAA"
	tests := []struct {
		name   string
		policy func(*session.PayerPolicy)
		change func(*quote.Quote)
		want   error
	}{
		{"none is wanted, none shown", nil, func(*quote.Quote) {}, nil},
		{"none is wanted, noise shown", nil, showing("noise"), nil},
		{"as wanted", wanting(nil), showing(calibrated(nil)), nil},
		{"none shown", wanting(nil), func(*quote.Quote) {}, credential.ErrMissing},
		{"of another issuer", wanting(nil), showing(issued(byAnybody, credential.Template{
			Subject: wallet.DIDOf(testKey(2).Public()), ValidFrom: began, ValidUntil: began.AddDate(1, 0, 0),
			Claims: credential.Calibration{MeterKey: testKey(23).Public(), MeterSerial: "1", TypeExamination: "2"}})), credential.ErrUntrusted},
		{"changed", wanting(nil), showing(forged), credential.ErrSignature},
		{"of another station", wanting(nil), showing(calibrated(func(t *credential.Template) { t.Subject = payout })), credential.ErrSubject},
		{"of another meter", wanting(nil), showing(calibrated(func(t *credential.Template) {
			t.Claims = credential.Calibration{MeterKey: testKey(24).Public(), MeterSerial: "1", TypeExamination: "2"}
		})), credential.ErrMeterKey},
		{"expired", wanting(nil), showing(calibrated(func(t *credential.Template) { t.ValidUntil = began })), credential.ErrExpired},
		{"not valid yet", wanting(nil), showing(calibrated(func(t *credential.Template) { t.ValidFrom = began.Add(time.Hour) })), credential.ErrNotYetValid},
		{"under a key that was rotated away", rotated, showing(calibrated(nil)), credential.ErrKey},
		{"not revoked", status(nil), showing(calibrated(listed)), nil},
		{"revoked", status(credential.ErrRevoked), showing(calibrated(listed)), credential.ErrRevoked},
		{"suspended", status(credential.ErrSuspended), showing(calibrated(listed)), credential.ErrSuspended},
		{"of unknown status", wanting(nil), showing(calibrated(listed)), credential.ErrStatusUnavailable},
		{"noise", wanting(nil), showing("noise"), credential.ErrCompact},
		{"the good one behind a bad one", wanting(nil), showing(forged, calibrated(nil)), nil},
		{"paid to itself, a delegation wanted", delegated, func(*quote.Quote) {}, nil},
		{"paid to somebody without a delegation", delegated, paying(payout), credential.ErrMissing},
		{"paid to whom the operator named", delegated, paying(payout, letsSell), nil},
		{"paid to somebody else", delegated, paying(wallet.DIDOf(testKey(74).Public()), letsSell), credential.ErrPayout},
		{"a calibration in place of a delegation", delegated, paying(payout, calibrated(nil)), credential.ErrMissing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, q := offered(t, setup{payer: test.policy})
			if q.Station != wallet.DIDOf(testKey(2).Public()) {
				t.Fatal("the station has another key than the credentials")
			}
			test.change(&q)
			w.vehicle.show(session.Received{Message: wire.Offer{Quote: quote.Sign(q, w.station.account).Bytes()}}, func(effects []session.Effect) {
				err := said(effects)
				if !errors.Is(err, test.want) || (test.want != nil) != errors.Is(err, session.ErrCredential) {
					t.Errorf("says %v, want %v", err, test.want)
				}
			})
			record, _ := w.vehicle.stored()
			if opening := len(record.Vertices) == 1; opening != (test.want == nil) {
				t.Errorf("%d operations for the ledger", len(record.Vertices))
			}
			if failed := record.Phase == session.PhaseFailed; failed != (test.want != nil) {
				t.Errorf("the session is %s: %q", record.Phase, record.Failure)
			}
		})
	}
}

var credentialScenarios = []scenario{
	{
		name:  "the station's calibration is refused",
		setup: setup{offers: showing(calibrated(func(t *credential.Template) { t.ValidUntil = began })), payer: wanting(nil)},
		check: func(w *world) {
			if v, _ := w.vehicle.stored(); v.Phase != session.PhaseFailed || len(v.Vertices) > 0 {
				w.t.Errorf("the vehicle is %s with %d operations", v.Phase, len(v.Vertices))
			}
			w.conserved()
		},
	},
	{
		name: "the calibration's status is looked up",
		setup: setup{energy: 150_000, offers: showing(calibrated(listed)),
			payer: wanting(func(c *session.CredentialPolicy) { c.Status = &late{questions: 2} })},
		check: func(w *world) { w.settled() },
	},
	{
		name: "the calibration's status is never known",
		setup: setup{offers: showing(calibrated(listed)),
			payer: wanting(func(c *session.CredentialPolicy) { c.Status = &late{questions: 1000} })},
		check: func(w *world) {
			if v, _ := w.vehicle.stored(); v.Phase != session.PhaseFailed || len(v.Vertices) > 0 {
				w.t.Errorf("the vehicle is %s with %d operations", v.Phase, len(v.Vertices))
			}
			w.conserved()
		},
	},
}

package receipt_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// shownBy gives the report of a session at a station that shows credentials.
func shownBy(t *testing.T, bundle []byte) receipt.Report {
	t.Helper()
	report, err := shownTo(t, bundle, receipt.Trust{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// shownTo gives the report to a reader who trusts some.
func shownTo(t *testing.T, bundle []byte, trust receipt.Trust) (receipt.Report, error) {
	t.Helper()
	v := newVisit(t, pricing.Default().Bytes())
	q := v.quote.Quote
	q.Credential = bundle
	v.quote = quote.Sign(q, stationKey)
	v.read(0, 1_000_000, meter.Charging)
	v.read(time.Minute, 1_500_000, meter.Ended)
	v.pay(0, v.cost())
	v.settle()
	return verify(encode(t, signed(t, v.evidence())), receipt.Options{Network: v.genesis.NetworkID(), Trust: trust})
}

func TestAReceiptTellsWhoCalibratedTheMeter(t *testing.T) {
	office := credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{1}))
	issue := func(subject wallet.DID, until time.Time, claims credential.Claims) string {
		compact, err := credential.Issue(office, credential.Template{Subject: subject, ValidFrom: start.AddDate(-1, 0, 0), ValidUntil: until, Claims: claims})
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	calibration := credential.Calibration{MeterKey: meterKey.Public(), MeterSerial: "1EMH0012345678", TypeExamination: "DE-22-M-PTB-0047"}
	good := issue(station, start.AddDate(7, 0, 0), calibration)
	const calibrated, letsSell = "calibrated the meter that signed the readings: serial", "lets the station sell"
	tests := []struct {
		name          string
		bundle        []byte
		check, stated string // a part of what is said; empty: nothing like it
	}{
		{"none", nil, "", ""},
		{"a calibration", credential.JoinBundle(good), calibrated, "that " + office.DID.String() + " is to be trusted"},
		{"a delegation", credential.JoinBundle(issue(station, start.AddDate(1, 0, 0), credential.Delegation{PayoutAccount: station, Operator: "Depot"})), letsSell, "is to be trusted"},
		{"of another station", credential.JoinBundle(issue(vehicle, start.AddDate(7, 0, 0), calibration)), "", "about another subject"},
		{"of another meter", credential.JoinBundle(issue(station, start.AddDate(7, 0, 0), credential.Calibration{MeterKey: office.Key.Public(), MeterSerial: "1", TypeExamination: "2"})), "", "calibrated is another meter"},
		{"expired at the session", credential.JoinBundle(issue(station, start, calibration)), "", "expired"},
		{"forged", credential.JoinBundle(good[:len(good)-4] + "AAAA"), "", "signature does not verify"},
		{"of another kind", credential.JoinBundle(issue(station, start.AddDate(1, 0, 0), credential.Contract{ContractID: "DE-8AA-C12E456L8-X"})), "", "another kind"},
		{"noise", []byte("noise"), "", "what a credential in the quote says"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := shownBy(t, test.bundle)
			checks, stated := strings.Join(report.Checks, "\n"), strings.Join(report.Stated, "\n")
			for _, what := range []string{calibrated, letsSell} {
				if strings.Contains(checks, what) != (what == test.check) {
					t.Errorf("%q in\n%s", what, checks)
				}
			}
			if !strings.Contains(stated, test.stated) || test.stated == "" && strings.Contains(stated, "credential") {
				t.Errorf("states\n%s", stated)
			}
		})
	}
}

// listed answers for one status list.
type listed struct {
	standing credential.Standing
	err      error
}

func (l listed) CheckStatus(credential.StatusEntry, wallet.DID, time.Time) (credential.Standing, error) {
	return l.standing, l.err
}

func TestAReaderSaysWhomItTrustsAndWhatItDemands(t *testing.T) {
	office, another := credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{1})), credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{2}))
	issue := func(status ...credential.StatusEntry) []byte {
		compact, err := credential.Issue(office, credential.Template{
			Subject: station, ValidFrom: start.AddDate(-1, 0, 0), ValidUntil: start.AddDate(7, 0, 0), Status: status,
			Claims: credential.Calibration{MeterKey: meterKey.Public(), MeterSerial: "1", TypeExamination: "2"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return credential.JoinBundle(compact)
	}
	entry := credential.StatusEntry{Purpose: credential.PurposeRevocation, List: "https://office.example/v1/status-lists/1", Index: 7}
	lasting, revocable := issue(), issue(entry)
	of := func(d wallet.DID) credential.Trust {
		return credential.TrustFor(map[credential.Kind][]wallet.DID{credential.KindCalibration: {d}})
	}
	wanted := credential.Demands{Calibration: true}
	const trusted, untrusted = "is one that you trust for calibration", "is to be trusted"
	const lastingWords, notTaken, taken = "cannot be taken back", "has not taken it back, by its status list", "by its list it does not now"
	for _, test := range []struct {
		name          string
		bundle        []byte
		trust         receipt.Trust
		check, stated string // a part of what is said
		want          error
	}{
		{"nobody is trusted", lasting, receipt.Trust{}, lastingWords, untrusted, nil},
		{"its issuer is trusted", lasting, receipt.Trust{Issuers: of(office.DID)}, trusted, "", nil},
		{"and demanded", lasting, receipt.Trust{Issuers: of(office.DID), Demands: wanted}, trusted, "", nil},
		{"another is trusted", lasting, receipt.Trust{Issuers: of(another.DID)}, lastingWords, untrusted, nil},
		{"another is demanded", lasting, receipt.Trust{Issuers: of(another.DID), Demands: wanted}, "", "", credential.ErrUntrusted},
		{"demanded of nobody", lasting, receipt.Trust{Demands: wanted}, "", "", credential.ErrUntrusted},
		{"none is shown, and one demanded", nil, receipt.Trust{Issuers: of(office.DID), Demands: wanted}, "", "", credential.ErrMissing},
		{"not taken back", revocable, receipt.Trust{Issuers: of(office.DID), Demands: wanted, Status: listed{standing: credential.StandingGood}}, notTaken, "", nil},
		{"taken back", revocable, receipt.Trust{Issuers: of(office.DID), Status: listed{err: credential.ErrRevoked}}, trusted, taken, nil},
		{"taken back, and demanded", revocable, receipt.Trust{Issuers: of(office.DID), Demands: wanted, Status: listed{err: credential.ErrRevoked}}, "", "", credential.ErrRevoked},
		{"nobody knows whether it was taken back", revocable, receipt.Trust{Issuers: of(office.DID)}, trusted, "has not taken it back", nil},
		{"nobody knows, and it is demanded", revocable, receipt.Trust{Issuers: of(office.DID), Demands: wanted}, "", "", credential.ErrStatusUnavailable},
		{"under a key that the issuer has no more", lasting, receipt.Trust{Issuers: of(office.DID), Demands: wanted,
			Keys: func(wallet.DID) ([]wallet.PublicKey, error) { return []wallet.PublicKey{nextStationKey.Public()}, nil }}, "", "", credential.ErrKey},
	} {
		t.Run(test.name, func(t *testing.T) {
			report, err := shownTo(t, test.bundle, test.trust)
			var failed *receipt.Error
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || test.want != nil && (!errors.As(err, &failed) || failed.Part != receipt.PartCredentials) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			checks, stated := strings.Join(report.Checks, "\n"), strings.Join(report.Stated, "\n")
			if !strings.Contains(checks, test.check) || !strings.Contains(stated, test.stated) || strings.Contains(stated, untrusted) != (test.stated == untrusted) {
				t.Errorf("checked\n%s\nstated\n%s", checks, stated)
			}
		})
	}
}

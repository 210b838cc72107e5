package receipt_test

import (
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
	v := newVisit(t, pricing.Default().Bytes())
	q := v.quote.Quote
	q.Credential = bundle
	v.quote = quote.Sign(q, stationKey)
	v.read(0, 1_000_000, meter.Charging)
	v.read(time.Minute, 1_500_000, meter.Ended)
	v.pay(0, v.cost())
	v.settle()
	report, err := verify(encode(t, signed(t, v.evidence())), receipt.Options{Network: v.genesis.NetworkID()})
	if err != nil {
		t.Fatal(err)
	}
	return report
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

package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// now is when the tests verify.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// party makes the same wallet for the same number, always.
func party(n byte) credential.Signer {
	key := wallet.NewPrivateKey([wallet.SeedSize]byte{n})
	return credential.Signer{DID: wallet.DIDOf(key.Public()), Key: key}
}

// Who is who.
var (
	bureau   = party(1) // issues calibrations
	operator = party(2)
	station  = party(3)
	vehicle  = party(4)
	mallory  = party(5)
	meter    = party(6)
)

func calibration() credential.Calibration {
	return credential.Calibration{MeterKey: meter.Key.Public(), MeterSerial: "1EMH0012345678", TypeExamination: "DE-22-M-PTB-0047"}
}

// template is a year's calibration of the station's meter.
func template() credential.Template {
	return credential.Template{
		ID: "urn:uuid:3978344f-8596-4c3a-a978-8fcaba3903c5", Subject: station.DID,
		ValidFrom: now.AddDate(0, -1, 0), ValidUntil: now.AddDate(0, 11, 0), Claims: calibration(),
	}
}

func issue(t testing.TB, by credential.Signer, template credential.Template) string {
	t.Helper()
	compact, err := credential.Issue(by, template)
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// trusting is a policy that trusts the bureau for calibrations and the operator for the rest.
func trusting() credential.Policy {
	return credential.Policy{Trust: credential.TrustFor(map[credential.Kind][]wallet.DID{
		credential.KindCalibration: {bureau.DID},
		credential.KindDelegation:  {operator.DID},
		credential.KindContract:    {operator.DID},
		credential.KindCustom:      {station.DID, operator.DID},
	})}
}

// payloadOf decodes the payload of a JWT.
func payloadOf(t testing.TB, compact string) map[string]any { return decoded(t, compact, 1) }

// headerOf decodes the header of a JWT.
func headerOf(t testing.TB, compact string) map[string]any { return decoded(t, compact, 0) }

func decoded(t testing.TB, compact string, part int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[part])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// forge signs any header and payload.
func forge(t testing.TB, key wallet.PrivateKey, header, payload any) string {
	t.Helper()
	return key.SignJWS(rawJSON(t, header), rawJSON(t, payload))
}

func rawJSON(t testing.TB, value any) []byte {
	t.Helper()
	if text, ok := value.(string); ok {
		return []byte(text)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// changed signs a JWT again after a change of its header or payload.
func changed(t testing.TB, key wallet.PrivateKey, compact string, change func(header, payload map[string]any)) string {
	t.Helper()
	header, payload := headerOf(t, compact), payloadOf(t, compact)
	change(header, payload)
	return forge(t, key, header, payload)
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

package credential_test

import (
	"reflect"
	"testing"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

func TestWhatIsIssuedVerifies(t *testing.T) {
	withStatus := template()
	withStatus.Status = []credential.StatusEntry{{Purpose: credential.PurposeRevocation, List: "https://bureau.example/v1/status-lists/1", Index: 94567}}
	tests := map[string]struct {
		by       credential.Signer
		template credential.Template
		policy   credential.Policy
	}{
		"calibration": {bureau, template(), trusting()},
		"with a status that is ignored": {bureau, withStatus,
			credential.Policy{Trust: credential.AnyIssuer, Status: credential.IgnoreStatus{}}},
		"delegation": {operator, credential.Template{Subject: station.DID, ValidFrom: now,
			Claims: credential.Delegation{PayoutAccount: operator.DID, Operator: "Stadtwerke Köln"}}, trusting()},
		"contract": {operator, credential.Template{Subject: vehicle.DID, ValidFrom: now,
			Claims: credential.Contract{ContractID: "DE-8AA-C12E456L89-X"}}, trusting()},
		"custom": {station, credential.Template{Subject: station.DID, ValidFrom: now,
			Claims: credential.Custom{Type: "TemperatureReading", Members: map[string]any{"celsius": "21.5", "ok": true, "tags": []any{"a"}}}}, trusting()},
		"did:key issuer": {credential.Signer{DID: bureau.DID, Key: bureau.Key, AsDIDKey: true}, template(), trusting()},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			compact := issue(t, test.by, test.template)
			got, err := credential.Verify(compact, now, test.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got.Issuer != test.by.DID || got.Subject != test.template.Subject || got.Kind != test.template.Claims.Kind() {
				t.Errorf("%+v", got)
			}
			if !reflect.DeepEqual(got.Claims, test.template.Claims) || !reflect.DeepEqual(got.Status, test.template.Status) {
				t.Errorf("claims %+v, status %+v", got.Claims, got.Status)
			}
			if !got.ValidFrom.Equal(test.template.ValidFrom) || !got.ValidUntil.Equal(test.template.ValidUntil) || got.Compact() != compact {
				t.Errorf("valid from %s until %s", got.ValidFrom, got.ValidUntil)
			}
			wantStanding := credential.StandingNone
			if len(test.template.Status) > 0 {
				wantStanding = credential.StandingUnknown
			}
			if got.Standing != wantStanding {
				t.Errorf("standing %s", got.Standing)
			}
		})
	}
}

func TestTheZeroPolicyTrustsNobody(t *testing.T) {
	_, err := credential.Verify(issue(t, bureau, template()), now, credential.Policy{})
	wantError(t, err, credential.ErrUntrusted)
}

func TestASubjectIsADID(t *testing.T) {
	compact := changed(t, bureau.Key, issue(t, bureau, template()), func(_, payload map[string]any) {
		payload["credentialSubject"] = with(payload["credentialSubject"], "id", "https://example.org")
	})
	_, err := credential.Verify(compact, now, trusting())
	wantError(t, err, credential.ErrSubject)
}

func TestTrustIsForAKind(t *testing.T) {
	_, err := credential.Verify(issue(t, operator, template()), now, trusting())
	wantError(t, err, credential.ErrUntrusted)
	_, err = credential.Verify(issue(t, operator, template()), now, credential.Policy{Trust: credential.TrustIssuers(operator.DID)})
	wantError(t, err, nil)
}

// Both sides of each boundary.
func TestValidityBeginsAndEndsWhenItSays(t *testing.T) {
	from, until := now, now.Add(time.Hour)
	year := template()
	year.ValidFrom, year.ValidUntil = from, until
	compact := issue(t, bureau, year)
	asJWT := changed(t, bureau.Key, compact, func(_, payload map[string]any) {
		delete(payload, "validFrom")
		delete(payload, "validUntil")
		payload["nbf"], payload["exp"] = from.Unix(), until.Unix()
	})
	narrower := changed(t, bureau.Key, compact, func(_, payload map[string]any) {
		payload["validFrom"], payload["validUntil"] = "2020-01-01T00:00:00+01:00", "2040-01-01T00:00:00Z"
		payload["nbf"], payload["exp"] = from.Unix(), until.Unix()
	})
	for _, test := range []struct {
		at   time.Time
		want error
	}{
		{from.Add(-6 * time.Second), credential.ErrNotYetValid},
		{from.Add(-5 * time.Second), nil}, // the issuer's clock may be ahead
		{from, nil},
		{until.Add(-time.Nanosecond), nil},
		{until, credential.ErrExpired},
	} {
		for name, compact := range map[string]string{"VCDM": compact, "JWT": asJWT, "both": narrower} {
			if _, err := credential.Verify(compact, test.at, trusting()); (err == nil) != (test.want == nil) {
				t.Errorf("%s at %s: %v", name, test.at, err)
			} else {
				wantError(t, err, test.want)
			}
		}
	}
}

// rotated is what a ledger says of an issuer whose account key was replaced.
func rotated(did wallet.DID, current ...wallet.PublicKey) credential.Keys {
	return func(asked wallet.DID) ([]wallet.PublicKey, error) {
		if asked == did {
			return current, nil
		}
		return credential.InceptionKey(asked)
	}
}

func TestOnlyCurrentKeysOfAnIssuerSign(t *testing.T) {
	fresh := party(77).Key
	rotatedBureau := credential.Signer{DID: bureau.DID, Key: fresh}
	twin := credential.Signer{DID: bureau.DID, Key: bureau.Key, AsDIDKey: true}
	byNew, byOld, byTwin := issue(t, rotatedBureau, template()), issue(t, bureau, template()), issue(t, twin, template())
	policy := trusting()

	_, err := credential.Verify(byNew, now, policy)
	wantError(t, err, credential.ErrKey) // who does not ask a ledger knows the inception key only

	policy.Keys = rotated(bureau.DID, fresh.Public())
	_, err = credential.Verify(byNew, now, policy)
	wantError(t, err, nil)
	_, err = credential.Verify(byOld, now, policy)
	wantError(t, err, credential.ErrKey)
	_, err = credential.Verify(byTwin, now, policy) // did:key knows no rotation; its twin does
	wantError(t, err, credential.ErrKey)

	policy.Keys = rotated(bureau.DID) // deactivated
	_, err = credential.Verify(byNew, now, policy)
	wantError(t, err, credential.ErrKey)

	unknown := wallet.ErrDID
	policy.Keys = func(wallet.DID) ([]wallet.PublicKey, error) { return nil, unknown }
	_, err = credential.Verify(byNew, now, policy)
	wantError(t, err, credential.ErrKey)
	wantError(t, err, unknown)
}

func TestIssueRefusesWhatAVerifierWould(t *testing.T) {
	custom := func(c credential.Custom) func(*credential.Template) {
		return func(t *credential.Template) { t.Claims = c }
	}
	tests := map[string]struct {
		change func(*credential.Template)
		want   error
	}{
		"no claims":             {func(t *credential.Template) { t.Claims = nil }, credential.ErrClaims},
		"no subject":            {func(t *credential.Template) { t.Subject = wallet.DID{} }, credential.ErrSubject},
		"no beginning":          {func(t *credential.Template) { t.ValidFrom = time.Time{} }, credential.ErrTime},
		"calibration for ever":  {func(t *credential.Template) { t.ValidUntil = time.Time{} }, credential.ErrTime},
		"ends before it begins": {func(t *credential.Template) { t.ValidUntil = t.ValidFrom.Add(-time.Second) }, credential.ErrTime},
		"no meter key": {func(t *credential.Template) {
			t.Claims = credential.Calibration{MeterSerial: "1", TypeExamination: "2"}
		}, credential.ErrClaims},
		"no pay-out account": {func(t *credential.Template) { t.Claims = credential.Delegation{} }, credential.ErrClaims},
		"operator with a newline": {func(t *credential.Template) {
			t.Claims = credential.Delegation{PayoutAccount: operator.DID, Operator: "a\nb"}
		}, credential.ErrClaims},
		"contract with a blank":  {func(t *credential.Template) { t.Claims = credential.Contract{ContractID: "DE 8AA"} }, credential.ErrClaims},
		"custom with an id":      {custom(credential.Custom{Members: map[string]any{"id": "x"}}), credential.ErrClaims},
		"custom of another kind": {custom(credential.Custom{Type: "MeterCalibrationCredential"}), credential.ErrType},
		"custom with a bad type": {custom(credential.Custom{Type: "https://example.org/a b"}), credential.ErrType},
		"what JSON cannot say":   {custom(credential.Custom{Members: map[string]any{"f": func() {}}}), credential.ErrJSON},
		"too large":              {custom(credential.Custom{Members: map[string]any{"a": string(make([]byte, credential.SizeMax))}}), credential.ErrSize},
		"too deep":               {custom(credential.Custom{Members: map[string]any{"a": nested(20)}}), credential.ErrDepth},
		"id too long":            {func(t *credential.Template) { t.ID = string(make([]byte, 600)) }, credential.ErrID},
		"five statuses": {func(t *credential.Template) {
			t.Status = make([]credential.StatusEntry, 5)
		}, credential.ErrStatusEntry},
		"status without a URL": {func(t *credential.Template) {
			t.Status = []credential.StatusEntry{{Purpose: credential.PurposeRevocation}}
		}, credential.ErrStatusEntry},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			from := template()
			test.change(&from)
			_, err := credential.Issue(bureau, from)
			wantError(t, err, test.want)
		})
	}
	_, err := credential.Issue(credential.Signer{DID: bureau.DID, Key: mallory.Key, AsDIDKey: true}, template())
	wantError(t, err, credential.ErrKeyID)
}

func nested(levels int) any {
	if levels == 0 {
		return "x"
	}
	return []any{nested(levels - 1)}
}

func TestContractIDThatIsAnEMAID(t *testing.T) {
	for id, want := range map[string]string{"DE-8AA-C12E456L8-X": "DE8AAC12E456L8X", "de8aac12e456l8": "DE8AAC12E456L8", "contract-17": ""} {
		got, ok := credential.Contract{ContractID: id}.EMAID()
		if ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v", id, got, ok)
		}
	}
}

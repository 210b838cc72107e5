package credential_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// algorithm signs a calibration under another alg: with no signature, or an HMAC whose secret is the issuer's public key.
func underAlgorithm(t testing.TB, algorithm string, sign func(input string) []byte) string {
	t.Helper()
	compact := changed(t, bureau.Key, issue(t, bureau, template()), func(header, _ map[string]any) { header["alg"] = algorithm })
	input := compact[:strings.LastIndex(compact, ".")]
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

func TestAttacksOnCredentialsAreRefusedEachWithItsOwnError(t *testing.T) {
	good := issue(t, bureau, template())
	parts := strings.Split(good, ".")
	edit := func(key wallet.PrivateKey, change func(header, payload map[string]any)) string {
		return changed(t, key, good, change)
	}
	payload := func(name string, value any) string {
		return edit(bureau.Key, func(_, payload map[string]any) { payload[name] = value })
	}
	header := func(name string, value any) string {
		return edit(bureau.Key, func(header, _ map[string]any) { header[name] = value })
	}
	text := func(part int, old, new string) string { // changes the JSON text itself, and signs it
		raw, err := base64.RawURLEncoding.DecodeString(parts[part])
		if err != nil || !strings.Contains(string(raw), old) {
			t.Fatalf("no %q in %q", old, raw)
		}
		texts := []any{rawText(t, parts[0]), rawText(t, parts[1])}
		texts[part] = strings.Replace(string(raw), old, new, 1)
		return forge(t, bureau.Key, texts[0], texts[1])
	}
	keyOf := func(s credential.Signer) string { return strings.TrimPrefix(s.DID.DIDKey(), "did:key:") }

	tests := []struct {
		name    string
		compact string
		want    error
	}{
		{"nothing", "", credential.ErrCompact},
		{"four parts", good + ".e30", credential.ErrCompact},
		{"oversized", good + strings.Repeat("A", credential.SizeMax), credential.ErrSize},
		{"base64 with padding", parts[0] + "=." + parts[1] + "." + parts[2], credential.ErrBase64},
		{"base64 with stray bits", parts[0] + "." + parts[1] + "." + parts[2][:85] + "B", credential.ErrBase64},
		{"base64 with a line break", parts[0][:4] + "\n" + parts[0][4:] + "." + parts[1] + "." + parts[2], credential.ErrBase64},
		{"header that is a list", forge(t, bureau.Key, "[]", "{}"), credential.ErrJSON},
		{"payload that is a list", forge(t, bureau.Key, rawText(t, parts[0]), "[]"), credential.ErrJSON},
		{"payload with something after it", forge(t, bureau.Key, rawText(t, parts[0]), rawText(t, parts[1])+"{}"), credential.ErrJSON},
		{"text that is no UTF-8", text(1, "1EMH", "\xff"), credential.ErrJSON},
		{"half of a surrogate pair", text(1, "1EMH", `\ud800`), credential.ErrJSON},
		{"alg twice", text(0, `{`, `{"alg":"none",`), credential.ErrDuplicateMember},
		{"subject twice", text(1, `"credentialSubject":`, `"credentialSubject":{},"credentialSubject":`), credential.ErrDuplicateMember},
		{"a member of the subject twice", text(1, `"meterSerial":`, `"meterSerial":"x","meterSerial":`), credential.ErrDuplicateMember},
		{"nested without end", text(1, `{`, `{"a":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`,`), credential.ErrDepth},

		{"alg none", underAlgorithm(t, "none", func(string) []byte { return nil }), credential.ErrAlgorithm},
		{"alg HS256 with the public key as secret", underAlgorithm(t, "HS256", func(input string) []byte {
			public := bureau.Key.Public()
			mac := hmac.New(sha256.New, public[:])
			mac.Write([]byte(input))
			return mac.Sum(nil)
		}), credential.ErrAlgorithm},
		{"alg ES256", header("alg", "ES256"), credential.ErrAlgorithm},
		{"alg in other letters", header("alg", "EDDSA"), credential.ErrAlgorithm},
		{"alg under another name", text(0, `"alg"`, `"ALG"`), credential.ErrAlgorithm},
		{"typ of a presentation", header("typ", "vp+jwt"), credential.ErrMediaType},
		{"typ of any JWT", header("typ", "JWT"), credential.ErrMediaType},
		{"cty of a presentation", header("cty", "vp"), credential.ErrMediaType},
		{"crit", header("crit", []string{"b64"}), credential.ErrCritical},
		{"no kid", edit(bureau.Key, func(header, _ map[string]any) { delete(header, "kid") }), credential.ErrKeyID},
		{"kid without a DID", header("kid", "#"+keyOf(bureau)), credential.ErrKeyID},
		{"kid of another method", header("kid", "did:web:example.org#"+keyOf(bureau)), credential.ErrKeyID},
		{"kid that makes a did:key rotate", edit(mallory.Key, func(header, payload map[string]any) {
			header["kid"] = bureau.DID.DIDKey() + "#" + keyOf(mallory)
			payload["issuer"], payload["iss"] = bureau.DID.DIDKey(), bureau.DID.DIDKey()
		}), credential.ErrKeyID},

		{"kid of another DID", edit(mallory.Key, func(header, _ map[string]any) {
			header["kid"] = mallory.DID.String() + "#" + keyOf(mallory)
		}), credential.ErrIssuer},
		{"kid with a key of mine under your DID", edit(mallory.Key, func(header, _ map[string]any) {
			header["kid"] = bureau.DID.String() + "#" + keyOf(mallory)
		}), credential.ErrKey},
		{"signed by another", edit(mallory.Key, func(_, _ map[string]any) {}), credential.ErrSignature},
		{"another's key brought along", edit(mallory.Key, func(header, _ map[string]any) {
			public := mallory.Key.Public()
			header["jwk"] = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public[:])}
		}), credential.ErrSignature},
		{"tampered payload", parts[0] + "." + base64.RawURLEncoding.EncodeToString(
			[]byte(strings.Replace(rawText(t, parts[1]), "1EMH", "2EMH", 1))) + "." + parts[2], credential.ErrSignature},
		{"signature of another document", parts[0] + "." + strings.Split(payload("id", "urn:x"), ".")[1] + "." + parts[2], credential.ErrSignature},
		{"signature cut short", parts[0] + "." + parts[1] + "." + parts[2][:80], credential.ErrSignature},
		{"a signature of the ledger over the same bytes", func() string {
			input := parts[0] + "." + parts[1]
			s := bureau.Key.Sign(wallet.DomainVertex, wallet.NetworkID{}, []byte(input))
			return input + "." + base64.RawURLEncoding.EncodeToString(s[:])
		}(), credential.ErrSignature},

		{"issuer is not iss", payload("issuer", mallory.DID.String()), credential.ErrIssuer},
		{"iss is not the issuer", payload("iss", mallory.DID.String()), credential.ErrIssuer},
		{"issuer under another name", text(1, `"issuer"`, `"ISSUER"`), credential.ErrIssuer},
		{"issuer as an object of another", payload("issuer", map[string]any{"id": mallory.DID.String()}), credential.ErrIssuer},
		{"issuer is the did:key twin of the signer", edit(bureau.Key, func(_, payload map[string]any) {
			payload["issuer"], payload["iss"] = bureau.DID.DIDKey(), bureau.DID.DIDKey()
		}), credential.ErrIssuer},
		{"no context", edit(bureau.Key, func(_, payload map[string]any) { delete(payload, "@context") }), credential.ErrContext},
		{"context of VCDM 1.1", payload("@context", []string{"https://www.w3.org/2018/credentials/v1"}), credential.ErrContext},
		{"vc inside", payload("vc", map[string]any{}), credential.ErrReserved},
		{"no VerifiableCredential", payload("type", []string{"MeterCalibrationCredential"}), credential.ErrType},
		{"two kinds at once", payload("type", []string{"VerifiableCredential", "MeterCalibrationCredential", "VehicleContractCredential"}), credential.ErrType},
		{"jti is not the id", payload("jti", "urn:uuid:1"), credential.ErrID},
		{"sub is not the subject", payload("sub", mallory.DID.String()), credential.ErrSubject},
		{"two subjects", payload("credentialSubject", []any{map[string]any{}, map[string]any{}}), credential.ErrClaims},
		{"meter key that is no key", payload("credentialSubject", map[string]any{"id": station.DID.String(), "meterKey": "z6Mk"}), credential.ErrClaims},
		{"time that is none", payload("validUntil", "tomorrow"), credential.ErrTime},
		{"time without a zone", payload("validUntil", "2026-03-01T12:00:00"), credential.ErrTime},
		{"exp that is text", payload("exp", "1"), credential.ErrTime},
		{"exp beyond all years", text(1, `{`, `{"exp":9223372036854775807,`), credential.ErrTime},
		{"status that no list answers", payload("credentialStatus", map[string]any{"type": "StatusList2021Entry"}), credential.ErrStatusUnavailable},
		{"status that is text", payload("credentialStatus", "revoked"), credential.ErrStatusEntry},
		{"status with a sign in its index", payload("credentialStatus", map[string]any{"type": "BitstringStatusListEntry",
			"statusPurpose": "revocation", "statusListIndex": "+1", "statusListCredential": "https://bureau.example/1"}), credential.ErrStatusEntry},
		{"status list in a file", payload("credentialStatus", map[string]any{"type": "BitstringStatusListEntry",
			"statusPurpose": "revocation", "statusListIndex": "1", "statusListCredential": "file:///etc/passwd"}), credential.ErrStatusEntry},
		{"status when no lists are at hand", payload("credentialStatus", map[string]any{"type": "BitstringStatusListEntry",
			"statusPurpose": "revocation", "statusListIndex": "1", "statusListCredential": "https://bureau.example/1"}), credential.ErrStatusUnavailable},
		{"expired", payload("validUntil", "2026-03-01T11:59:59Z"), credential.ErrExpired},
		{"expired by its signature", payload("exp", now.Unix()), credential.ErrExpired},
		{"not valid yet", payload("validFrom", "2026-03-01T12:00:06Z"), credential.ErrNotYetValid},
		{"issuer not trusted", issue(t, mallory, template()), credential.ErrUntrusted},
		{"credential of another subject", payload("credentialSubject", with(payloadOf(t, good)["credentialSubject"], "id", mallory.DID.String())), credential.ErrSubject},
		{"subject without a DID", payload("credentialSubject", with(payloadOf(t, good)["credentialSubject"], "id", "https://example.org")), credential.ErrSubject},
		{"another kind of claim", issue(t, operator, credential.Template{Subject: station.DID, ValidFrom: now,
			Claims: credential.Contract{ContractID: "x"}}), credential.ErrKind},
		{"calibration of another meter", payload("credentialSubject", with(payloadOf(t, good)["credentialSubject"], "meterKey", keyOf(mallory))), credential.ErrMeterKey},
		{"calibration for ever", edit(bureau.Key, func(_, payload map[string]any) { delete(payload, "validUntil") }), credential.ErrTime},
	}
	check := func(compact string) error {
		_, err := credential.CheckCalibration(compact, station.DID, meter.Key.Public(), now, trusting())
		return err
	}
	wantError(t, check(good), nil)
	wantError(t, check(header("alg", "Ed25519")), nil)
	wantError(t, check(payload("unknownExtension", map[string]any{"huh": "what?"})), nil)
	wantError(t, check(edit(bureau.Key, func(header, payload map[string]any) { delete(header, "cty"); delete(payload, "iss") })), nil)
	wantError(t, check(payload("issuer", map[string]any{"id": bureau.DID.String(), "name": "PTB"})), nil)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := check(test.compact)
			wantError(t, err, test.want)
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("%d characters of error carry what the peer wrote", len(err.Error()))
			}
		})
	}
}

func rawText(t testing.TB, part string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// with copies an object and sets a member.
func with(object any, name string, value any) map[string]any {
	out := map[string]any{}
	members, _ := object.(map[string]any)
	for key, member := range members {
		out[key] = member
	}
	out[name] = value
	return out
}

func TestAttacksOnPresentationsAreRefusedEachWithItsOwnError(t *testing.T) {
	own := issue(t, operator, credential.Template{Subject: vehicle.DID, ValidFrom: now, Claims: credential.Contract{ContractID: "DE-8AA-1"}})
	about := issue(t, bureau, template()) // about the station
	good, err := credential.Present(vehicle, station.DID, "n-0S6_WzA2Mj", now, own)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(header, payload map[string]any)) string { return changed(t, vehicle.Key, good, change) }
	payload := func(name string, value any) string {
		return edit(func(_, payload map[string]any) { payload[name] = value })
	}
	enveloped := func(id string) any {
		return map[string]any{"@context": "https://www.w3.org/ns/credentials/v2", "type": "EnvelopedVerifiableCredential", "id": id}
	}
	const data = "data:application/vc+jwt,"
	ours := credential.Challenge{Audience: station.DID, Nonce: "n-0S6_WzA2Mj"}
	tests := []struct {
		name    string
		compact string
		to      credential.Challenge
		at      time.Time
		want    error
	}{
		{"presented to another audience", good, credential.Challenge{Audience: mallory.DID, Nonce: ours.Nonce}, now, credential.ErrAudience},
		{"replayed for another nonce", good, credential.Challenge{Audience: station.DID, Nonce: "another"}, now, credential.ErrNonce},
		{"verifier without a nonce", payload("nonce", ""), credential.Challenge{Audience: station.DID}, now, credential.ErrNonce},
		{"no audience", edit(func(_, payload map[string]any) { delete(payload, "aud") }), ours, now, credential.ErrAudience},
		{"replayed later", good, ours, now.Add(credential.PresentationLife), credential.ErrExpired},
		{"made for the future", good, ours, now.Add(-time.Minute), credential.ErrNotYetValid},
		{"good for ever", edit(func(_, payload map[string]any) { delete(payload, "exp") }), ours, now, credential.ErrTime},
		{"good for a year", payload("exp", now.AddDate(1, 0, 0).Unix()), ours, now, credential.ErrTime},
		{"a credential in its place", own, ours, now, credential.ErrMediaType},
		{"holder is not iss", payload("holder", mallory.DID.String()), ours, now, credential.ErrHolder},
		{"holder is not the signer", edit(func(_, payload map[string]any) {
			payload["holder"] = mallory.DID.String()
			delete(payload, "iss")
		}), ours, now, credential.ErrHolder},
		{"presented by a thief", changed(t, mallory.Key, good, func(header, payload map[string]any) {
			header["kid"] = mallory.DID.String() + "#" + strings.TrimPrefix(mallory.DID.DIDKey(), "did:key:")
			payload["holder"], payload["iss"] = mallory.DID.String(), mallory.DID.String()
		}), ours, now, credential.ErrHolder},
		{"signed by a thief", changed(t, mallory.Key, good, func(_, _ map[string]any) {}), ours, now, credential.ErrSignature},
		{"credential of another subject", payload("verifiableCredential", []any{enveloped(data + about)}), ours, now, credential.ErrHolder},
		{"no credentials", payload("verifiableCredential", []any{}), ours, now, credential.ErrEnvelope},
		{"unsecured credential", payload("verifiableCredential", []any{payloadOf(t, own)}), ours, now, credential.ErrEnvelope},
		{"credential in another format", payload("verifiableCredential", []any{enveloped("data:application/vc+sd-jwt," + own)}), ours, now, credential.ErrEnvelope},
		{"tampered credential", payload("verifiableCredential", []any{enveloped(data + own[:len(own)-4] + "AAAA")}), ours, now, credential.ErrSignature},
		{"vp inside", payload("vp", map[string]any{}), ours, now, credential.ErrReserved},
		{"oversized", good + strings.Repeat("A", credential.PresentationSizeMax), ours, now, credential.ErrSize},
	}
	policy := trusting()
	policy.Trust = credential.TrustIssuers(operator.DID, bureau.DID)
	got, err := credential.VerifyPresentation(good, ours, now, policy)
	if err != nil || got.Holder != vehicle.DID || len(got.Credentials) != 1 || got.Credentials[0].Compact() != own {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := credential.VerifyPresentation(test.compact, test.to, test.at, policy)
			wantError(t, err, test.want)
		})
	}
}

func TestPresentRefusesWhatAVerifierWould(t *testing.T) {
	own := issue(t, operator, credential.Template{Subject: vehicle.DID, ValidFrom: now, Claims: credential.Contract{ContractID: "x"}})
	for name, test := range map[string]struct {
		audience wallet.DID
		nonce    string
		compacts []string
		want     error
	}{
		"no audience":            {wallet.DID{}, "n", []string{own}, credential.ErrAudience},
		"no nonce":               {station.DID, "", []string{own}, credential.ErrNonce},
		"nonce with a newline":   {station.DID, "a\nb", []string{own}, credential.ErrNonce},
		"nonce too long":         {station.DID, strings.Repeat("n", 129), []string{own}, credential.ErrNonce},
		"nothing":                {station.DID, "n", nil, credential.ErrEnvelope},
		"nine":                   {station.DID, "n", strings.Split(strings.Repeat(own+" ", 9)[:9*(len(own)+1)-1], " "), credential.ErrEnvelope},
		"about somebody else":    {station.DID, "n", []string{issue(t, bureau, template())}, credential.ErrHolder},
		"what is not a JWT":      {station.DID, "n", []string{"x"}, credential.ErrCompact},
		"what is a presentation": {station.DID, "n", []string{presented(t, own)}, credential.ErrMediaType},
	} {
		_, err := credential.Present(vehicle, test.audience, test.nonce, now, test.compacts...)
		if t.Run(name, func(t *testing.T) { wantError(t, err, test.want) }); err == nil {
			t.Errorf("%s: presented", name)
		}
	}
}

func presented(t testing.TB, compact string) string {
	t.Helper()
	vp, err := credential.Present(vehicle, station.DID, "n", now, compact)
	if err != nil {
		t.Fatal(err)
	}
	return vp
}

func TestI9_OnePresentedCredentialAlwaysFitsADatagram(t *testing.T) {
	const datagramMax = 16 << 10 // of channel/link
	filler := 0
	var compact string
	for step := 4096; step > 0; step /= 2 { // the longest text that Issue takes
		custom := credential.Custom{Members: map[string]any{"data": strings.Repeat("x", filler+step)}}
		longer, err := credential.Issue(vehicle, credential.Template{Subject: vehicle.DID, ValidFrom: now, Claims: custom})
		if err == nil {
			compact, filler = longer, filler+step
		}
	}
	vp, err := credential.Present(vehicle, station.DID, strings.Repeat("n", credential.NonceMax), now, compact)
	if err != nil || len(compact) < credential.SizeMax-4 || len(vp) > datagramMax-2<<10 {
		t.Errorf("a credential of %d bytes makes a presentation of %d: %v", len(compact), len(vp), err)
	}
}

func TestWhatAStationShowsAgainstWhatAVehicleDemands(t *testing.T) {
	calibrated := issue(t, bureau, template())
	delegated := issue(t, operator, credential.Template{Subject: station.DID, ValidFrom: now,
		Claims: credential.Delegation{PayoutAccount: operator.DID}})
	expired := template()
	expired.ValidUntil = now.Add(-time.Second)
	old := issue(t, bureau, expired)
	both := credential.Demands{Calibration: true, Delegation: true}
	tests := []struct {
		name    string
		offered credential.Offered
		demands credential.Demands
		counted int
		want    error
	}{
		{"nothing demanded, rubbish shown", credential.Offered{Credentials: []byte("rubbish")}, credential.Demands{}, 0, nil},
		{"nothing shown", credential.Offered{}, both, 0, credential.ErrMissing},
		{"both", credential.Offered{Credentials: credential.JoinBundle(delegated, calibrated)}, both, 2, nil},
		{"the renewed one beside the old one", credential.Offered{Credentials: credential.JoinBundle(old, calibrated, delegated)}, both, 2, nil},
		{"the old one", credential.Offered{Credentials: credential.JoinBundle(old, delegated)}, both, 0, credential.ErrExpired},
		{"a delegation is no calibration", credential.Offered{Credentials: credential.JoinBundle(delegated)}, both, 0, credential.ErrMissing},
		{"another pay-out account", credential.Offered{Payout: mallory.DID, Credentials: credential.JoinBundle(delegated, calibrated)}, both, 0, credential.ErrPayout},
		{"its own account needs no delegation", credential.Offered{Payout: station.DID, Credentials: credential.JoinBundle(calibrated)}, both, 1, nil},
		{"another meter", credential.Offered{MeterKey: mallory.Key.Public(), Credentials: credential.JoinBundle(calibrated, delegated)}, both, 0, credential.ErrMeterKey},
		{"another station", credential.Offered{Station: mallory.DID, Credentials: credential.JoinBundle(calibrated, delegated)}, both, 0, credential.ErrSubject},
		{"rubbish", credential.Offered{Credentials: []byte("\n\n")}, both, 0, credential.ErrCompact},
		{"too many", credential.Offered{Credentials: []byte(strings.Repeat("\n", 8))}, both, 0, credential.ErrSize},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			offered := test.offered
			if offered.Station.IsZero() {
				offered.Station = station.DID
			}
			if offered.Payout.IsZero() {
				offered.Payout = operator.DID
			}
			if offered.MeterKey.IsZero() {
				offered.MeterKey = meter.Key.Public()
			}
			counted, err := credential.CheckStation(offered, test.demands, now, trusting())
			wantError(t, err, test.want)
			if len(counted) != test.counted {
				t.Errorf("%d credentials counted", len(counted))
			}
		})
	}
}

func TestContractIsChecked(t *testing.T) {
	compact := issue(t, operator, credential.Template{Subject: vehicle.DID, ValidFrom: now, Claims: credential.Contract{ContractID: "DE-8AA-1"}})
	_, err := credential.CheckContract(compact, vehicle.DID, now, trusting())
	wantError(t, err, nil)
	_, err = credential.CheckContract(compact, mallory.DID, now, trusting())
	wantError(t, err, credential.ErrSubject)
}

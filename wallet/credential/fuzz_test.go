package credential

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"joulepay/wallet"
)

var vectorTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func fuzzSigner() Signer {
	key := wallet.NewPrivateKey([wallet.SeedSize]byte{1})
	return Signer{DID: wallet.DIDOf(key.Public()), Key: key}
}

func fuzzSeeds(f *testing.F) []string {
	by := fuzzSigner()
	var seeds []string
	for _, claims := range []Claims{
		Calibration{MeterKey: by.Key.Public(), MeterSerial: "1", TypeExamination: "2", EvidenceKey: "MFkw"},
		Delegation{PayoutAccount: by.DID, Operator: "o"},
		Contract{ContractID: "DE-8AA-1"},
		StatusList{Purpose: PurposeRevocation, EncodedList: "uH4sI"},
		Custom{Type: "A", Members: map[string]any{"a": []any{1, "x", nil}}},
	} {
		compact, err := Issue(by, Template{
			ID: "urn:x", Subject: by.DID, SubjectID: "https://x.example/1#list", ValidFrom: vectorTime, ValidUntil: vectorTime.Add(time.Hour), Claims: claims,
			Status: []StatusEntry{{Purpose: PurposeSuspension, List: "https://x.example/1", Index: 7}},
		})
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, compact)
	}
	return seeds
}

// What is read of a JWT encodes to the same bytes: one document has one form, and a signature covers all that was read.
func FuzzToken(f *testing.F) {
	for _, seed := range append(fuzzSeeds(f), "", "..", "e30.e30.", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZQ.AA") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		parsed, err := parseToken(compact, SizeMax)
		if err != nil {
			return
		}
		again := parsed.input + "." + base64url.EncodeToString(parsed.signature[:])
		header, payload, _ := strings.Cut(parsed.input, ".")
		if again != compact || base64url.EncodeToString(parsed.payload) != payload {
			t.Fatalf("%q decodes and encodes to %q", compact, again)
		}
		if raw, err := base64url.DecodeString(header); err != nil || !json.Valid(raw) {
			t.Fatalf("header %q", raw)
		}
		_, _ = Verify(compact, vectorTime, Policy{Trust: AnyIssuer, Status: IgnoreStatus{}})
		_, _ = VerifyPresentation(compact, Challenge{Audience: fuzzSigner().DID, Nonce: "n"}, vectorTime, Policy{Trust: AnyIssuer})
	})
}

// A payload under a good signature: what an issuer, or a holder, may send.
func FuzzPayload(f *testing.F) {
	by := fuzzSigner()
	seeds := fuzzSeeds(f)
	presented, err := Present(by, by.DID, "n", vectorTime, seeds[2])
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range append(seeds, presented) {
		parsed, err := parseToken(seed, SizeMax)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(parsed.payload)
	}
	header := func(typ string) []byte {
		return []byte(`{"alg":"EdDSA","typ":"` + typ + `","kid":"` + by.keyID() + `"}`)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if c, err := Verify(by.Key.SignJWS(header(typCredential), payload), vectorTime, Policy{Trust: AnyIssuer, Status: IgnoreStatus{}}); err == nil {
			if c.Issuer != by.DID || c.Kind != KindStatusList && c.Subject.IsZero() || c.Claims == nil {
				t.Fatalf("%s: %+v", payload, c)
			}
		}
		p, err := VerifyPresentation(by.Key.SignJWS(header(typPresentation), payload), Challenge{Audience: by.DID, Nonce: "n"}, vectorTime, Policy{Trust: AnyIssuer, Status: IgnoreStatus{}})
		if err == nil && (p.Holder != by.DID || len(p.Credentials) == 0) {
			t.Fatalf("%s: %+v", payload, p)
		}
	})
}

// Claims that were read are written and read again as the same claims.
func FuzzClaims(f *testing.F) {
	for _, seed := range fuzzSeeds(f) {
		c, err := Parse(seed)
		if err != nil {
			f.Fatal(err)
		}
		members, err := c.Claims.members()
		if err != nil {
			f.Fatal(err)
		}
		raw, err := members.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(c.Kind), raw)
	}
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		if len(raw) > SizeMax {
			return
		}
		subject, err := parseObject(raw)
		if err != nil {
			return
		}
		claims, err := ClaimsOf(Kind(kind), subject)
		if err != nil {
			return
		}
		members, err := claims.members()
		if err != nil {
			t.Fatalf("%s was accepted: %v", raw, err)
		}
		encoded, err := members.encode()
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := parseObject(encoded)
		if err != nil {
			t.Fatalf("%s encodes to %s: %v", raw, encoded, err)
		}
		again, err := ClaimsOf(Kind(kind), decoded)
		if err != nil || !reflect.DeepEqual(again, claims) {
			t.Fatalf("%s: %+v, then %+v, %v", raw, claims, again, err)
		}
	})
}

package credential

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"joulepay/internal/shared"
	"joulepay/wallet"
)

// vectorKey is the Ed25519 key of the W3C's test suite for vc-jose-cose.
func vectorKey(t testing.TB) wallet.PublicKey {
	t.Helper()
	var method struct{ PublicKeyJwk struct{ X string } }
	if err := json.Unmarshal(shared.Read(t, "vectors/vc-jose-cose/vm-ed25519.json"), &method); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(method.PublicKeyJwk.X)
	if err != nil {
		t.Fatal(err)
	}
	key, err := wallet.ParsePublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAgreesWithTheVectorsOfVCJoseCose(t *testing.T) {
	key := vectorKey(t)
	tests := []struct {
		file string
		want error // of all that does not ask who the issuer is: its name is a URL
	}{
		{"credential-issuer-match-signed.txt", nil},
		{"credential-jose-bad-signature.txt", wallet.ErrSignature},
		{"credential-jose-bad-media-type.txt", ErrMediaType},
		{"credential-jose-vc-vp-claims.txt", ErrReserved},
		{"credential-jose-minimal.txt", ErrAlgorithm},            // ES256
		{"credential-jose-unknown-extensions.txt", ErrAlgorithm}, // ES512
		{"presentation-jose-multiple.txt", ErrAlgorithm},         // genuine; what it holds is ES384, SD-JWT and COSE
		{"presentation-jose-bad-credential.txt", ErrEnvelope},
		{"presentation-jose-bad-media-type.txt", ErrMediaType},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			compact := strings.TrimSpace(string(shared.Read(t, "vectors/vc-jose-cose/"+test.file)))
			typ := typCredential
			if strings.HasPrefix(test.file, "presentation") {
				typ = typPresentation
			}
			if err := verifyVector(compact, typ, key); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if _, err := Verify(compact, vectorTime, Policy{Trust: AnyIssuer}); err == nil {
				t.Error("an issuer without a DID is accepted")
			}
		})
	}
}

// verifyVector does what Verify does with a key that the document does not name by a DID.
func verifyVector(compact, typ string, key wallet.PublicKey) error {
	t, err := parseToken(compact, SizeMax)
	if err != nil {
		return err
	}
	if err := t.checkMediaType(typ); err != nil {
		return err
	}
	if err := wallet.VerifyJWS(key, t.input, t.signature); err != nil {
		return err
	}
	payload, err := parseObject(t.payload)
	if err != nil {
		return err
	}
	if typ == typCredential {
		_, _, err = readDocument(payload)
		return err
	}
	if err := checkDocument(payload, typePresentation); err != nil {
		return err
	}
	if _, err := readParty(payload, "holder"); err != nil {
		return err
	}
	_, err = verifyEnclosed(payload, wallet.DID{}, vectorTime, Policy{Trust: AnyIssuer, Keys: func(wallet.DID) ([]wallet.PublicKey, error) {
		return []wallet.PublicKey{key}, nil
	}})
	return err
}

func TestReadsTheUnsignedDocumentsOfTheVectors(t *testing.T) {
	for _, name := range []string{"credential-minimal", "credential-full", "credential-unknown-extensions", "credential-selective", "credential-nested-selective"} {
		payload, err := parseObject(shared.Read(t, "vectors/vc-jose-cose/"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		c, issuer, err := readDocument(payload)
		if err != nil || issuer != "https://example.issuer/vc-jose-cose" || c.Kind != KindCustom || c.ValidFrom.IsZero() {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	for _, name := range []string{"presentation-single", "presentation-multiple", "presentation-selective"} {
		payload, err := parseObject(shared.Read(t, "vectors/vc-jose-cose/"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := checkDocument(payload, typePresentation); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		enclosed, err := payload.objects("verifiableCredential", presentMax)
		if err != nil || len(enclosed) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

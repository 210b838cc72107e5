package wallet

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mr-tron/base58"

	"joulepay/internal/shared"
)

func TestDIDAgreesWithTheVectorsOfDidKey(t *testing.T) {
	var vectors map[string]struct {
		Seed   hexBytes `json:"seed"`
		Verify struct {
			Base58 string `json:"publicKeyBase58"`
			JWK    struct {
				X string `json:"x"`
			} `json:"publicKeyJwk"`
		} `json:"verificationKeyPair"`
	}
	shared.ReadJSON(t, "vectors/did-key/ed25519-x25519.json", &vectors)
	if len(vectors) != 5 {
		t.Fatalf("%d vectors, want 5", len(vectors))
	}
	for text, vector := range vectors {
		key := NewPrivateKey([SeedSize]byte(vector.Seed)).Public()
		did := DIDOf(key)
		if did.DIDKey() != text {
			t.Errorf("seed %x gives %s, want %s", vector.Seed, did.DIDKey(), text)
		}
		if base58.Encode(key[:]) != vector.Verify.Base58 &&
			base64.RawURLEncoding.EncodeToString(key[:]) != vector.Verify.JWK.X {
			t.Errorf("seed %x gives key %s, want %+v", vector.Seed, key, vector.Verify)
		}
		twin := "did:joule:" + strings.TrimPrefix(text, "did:key:")
		if did.String() != twin {
			t.Errorf("got %s, want %s", did, twin)
		}
		for _, form := range []string{text, twin} {
			if parsed, err := ParseDID(form); err != nil || parsed != did || parsed.InceptionKey() != key {
				t.Errorf("ParseDID(%s) = %s, %v", form, parsed, err)
			}
		}
	}
}

func TestParseDIDRefusesTheOtherCurvesOfDidKey(t *testing.T) {
	refused := 0
	refuse := func(text string) {
		refused++
		if did, err := ParseDID(text); !errors.Is(err, ErrDID) {
			t.Errorf("ParseDID(%s) = %s, %v, want ErrDID", text, did, err)
		}
	}
	for _, file := range []string{"nist-curves.json", "secp256k1.json"} {
		var vectors map[string]json.RawMessage
		shared.ReadJSON(t, "vectors/did-key/"+file, &vectors)
		for text := range vectors {
			refuse(text)
		}
	}
	var x25519 struct {
		Documents map[string]json.RawMessage `json:"didDocument"`
	}
	shared.ReadJSON(t, "vectors/did-key/x25519.json", &x25519)
	for text := range x25519.Documents {
		refuse(text)
	}
	if refused < 3 {
		t.Fatalf("only %d vectors", refused)
	}
}

func TestParseDIDIsStrict(t *testing.T) {
	const good = "did:joule:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
	if _, err := ParseDID(good); err != nil {
		t.Fatal(err)
	}
	encode := func(raw ...byte) string { return "did:joule:z" + base58.Encode(raw) }
	key := func(text string) []byte {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != PublicKeySize {
			t.Fatalf("bad test key %s", text)
		}
		return append([]byte{0xed, 0x01}, raw...)
	}
	zeroSeed := key("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")
	tests := map[string]string{
		"empty":              "",
		"no identifier":      "did:joule:",
		"no multibase":       "did:joule:z",
		"other method":       strings.Replace(good, "joule", "web", 1),
		"method in capitals": strings.Replace(good, "joule", "JOULE", 1),
		"leading blank":      " " + good,
		"trailing newline":   good + "\n",
		"fragment":           good + "#key-1",
		"path":               good + "/1",
		"base58flickr":       strings.Replace(good, ":z", ":Z", 1),
		"no base prefix":     strings.Replace(good, ":z6", ":6", 1),
		"digit not base58":   strings.Replace(good, "ooWp", "0oWp", 1),
		"one digit short":    good[:len(good)-1],
		"one digit more":     good + "1",
		"leading zero digit": strings.Replace(good, ":z6", ":z16", 1),
		"very long":          "did:joule:z" + strings.Repeat("1", 1<<20),
		"31-byte key":        encode(zeroSeed[:33]...),
		"33-byte key":        encode(append(slices.Clone(zeroSeed), 0)...),
		"X25519 codec":       encode(append([]byte{0xec, 0x01}, zeroSeed[2:]...)...),
		"codec not a varint": encode(append([]byte{0xed, 0x00}, zeroSeed[2:]...)...),
		"zero key":           encode(key("0000000000000000000000000000000000000000000000000000000000000000")...),
		"identity":           encode(key("0100000000000000000000000000000000000000000000000000000000000000")...),
		"order eight":        encode(key("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")...),
		"not on the curve":   encode(key("0200000000000000000000000000000000000000000000000000000000000000")...),
		"y not reduced":      encode(key("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")...),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if did, err := ParseDID(text); !errors.Is(err, ErrDID) || !did.IsZero() {
				t.Errorf("got %s, %v, want ErrDID", did, err)
			} else if len(err.Error()) > 300 {
				t.Errorf("an error of %d characters", len(err.Error()))
			}
		})
	}
}

func TestDIDInJSON(t *testing.T) {
	did := FromEntropy([32]byte{1}).DID()
	encoded, err := json.Marshal(did)
	if err != nil || string(encoded) != `"`+did.String()+`"` {
		t.Fatalf("got %s, %v", encoded, err)
	}
	var back DID
	if err := json.Unmarshal(encoded, &back); err != nil || back != did {
		t.Errorf("got %s, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`""`), &back); !errors.Is(err, ErrDID) || back != did {
		t.Errorf("got %s, %v, want ErrDID and no change", back, err)
	}
}

func TestZeroDIDNamesNobody(t *testing.T) {
	var nobody DID
	if !nobody.IsZero() || nobody.String() != "" || nobody.DIDKey() != "" || nobody.Short() != "" {
		t.Errorf("got %q, %q, %q", nobody.String(), nobody.DIDKey(), nobody.Short())
	}
	if did := FromEntropy([32]byte{}).DID(); did.IsZero() || !strings.HasPrefix(did.Short(), "z6Mk") {
		t.Errorf("got %s", did.Short())
	}
}

func FuzzParseDID(f *testing.F) {
	f.Add("did:joule:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp")
	f.Add("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp")
	f.Add("did:key:z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F")
	f.Add("did:joule:z")
	f.Fuzz(func(t *testing.T, text string) {
		did, err := ParseDID(text)
		if err != nil {
			if !errors.Is(err, ErrDID) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if did.String() != text && did.DIDKey() != text {
			t.Fatalf("%q parses to %s", text, did)
		}
	})
}

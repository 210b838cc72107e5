package wallet

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"joulepay/internal/shared"
)

// verdict verifies one message in every way there is, without the domain that Sign and Verify add, and fails the test
// unless all ways agree.
func verdict(t *testing.T, name string, key PublicKey, message []byte, s Signature) bool {
	t.Helper()
	single := verifyRaw(key, message, s)
	expanded := false
	v, err := expand(key)
	if err == nil {
		expanded = v.verifyRaw(message, s)
	}
	plain, prepared := NewBatch(1), NewBatch(1)
	plain.addKeyRaw(key, message, s)
	batch, batchPrepared := plain.Verify() == nil, false
	if err == nil {
		prepared.addRaw(v, message, s)
		batchPrepared = prepared.Verify() == nil
	}
	if expanded != single || batch != single || batchPrepared != single {
		t.Errorf("%s: single %t, expanded %t, batch %t, batch of expanded %t", name, single, expanded, batch, batchPrepared)
	}
	return single
}

func TestEd25519AgreesWithRFC8032(t *testing.T) {
	lines := bytes.Split(bytes.TrimSpace(shared.Read(t, "vectors/ed25519/sign.input.txt")), []byte("\n"))
	if len(lines) != 128 {
		t.Fatalf("%d vectors, want 128", len(lines))
	}
	for i, line := range lines {
		fields := strings.Split(string(line), ":")
		secret, _ := hex.DecodeString(fields[0])
		message, _ := hex.DecodeString(fields[2])
		signed, _ := hex.DecodeString(fields[3])
		key := NewPrivateKey([SeedSize]byte(secret[:SeedSize]))
		if string(signed[:SignatureSize]) != string(signRaw(key, message)) {
			t.Errorf("line %d: another signature", i+1)
		}
		if !verdict(t, fields[1], key.Public(), message, Signature(signed[:SignatureSize])) {
			t.Errorf("line %d: refused", i+1)
		}
	}
}

// wycheproofNonCanonicalR is the one test where ZIP-215 and RFC 8032 part: R has x = 0 and its sign bit set.
const wycheproofNonCanonicalR = 151

func TestEd25519AgreesWithWycheproof(t *testing.T) {
	var file struct {
		Groups []struct {
			Key struct {
				Bytes hexBytes `json:"pk"`
			} `json:"publicKey"`
			Tests []struct {
				ID        int      `json:"tcId"`
				Comment   string   `json:"comment"`
				Message   hexBytes `json:"msg"`
				Signature hexBytes `json:"sig"`
				Result    string   `json:"result"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	shared.ReadJSON(t, "vectors/ed25519/wycheproof_ed25519.json", &file)
	total := 0
	for _, group := range file.Groups {
		key, err := ParsePublicKey(group.Key.Bytes)
		if err != nil {
			t.Errorf("key %x: %v", group.Key.Bytes, err)
			continue
		}
		for _, test := range group.Tests {
			total++
			s, err := ParseSignature(test.Signature)
			valid := err == nil && verdict(t, test.Comment, key, test.Message, s)
			if valid != (test.Result == "valid" || test.ID == wycheproofNonCanonicalR) {
				t.Errorf("test %d (%s): got %t, want %s", test.ID, test.Comment, valid, test.Result)
			}
		}
	}
	if total != 151 {
		t.Errorf("%d tests, want 151", total)
	}
}

// The 914 edge cases of C2SP/CCTV: ZIP-215 takes all but those where the challenge was hashed from a re-encoded key or
// R, as far as that changes it.
func TestZIP215AcceptsWhatItShouldOfCCTV(t *testing.T) {
	var vectors []struct {
		Number    int      `json:"number"`
		Key       hexBytes `json:"key"`
		Signature hexBytes `json:"sig"`
		Message   string   `json:"msg"`
		Flags     []string `json:"flags"`
	}
	shared.ReadJSON(t, "vectors/ed25519/cctv_ed25519vectors.json", &vectors)
	accepted := 0
	for _, v := range vectors {
		valid := verdict(t, v.Message, PublicKey(v.Key), []byte(v.Message), Signature(v.Signature))
		if valid {
			accepted++
		}
		reencoded := false
		for _, flag := range v.Flags {
			reencoded = reencoded || flag == "reencoded_k"
		}
		if !valid && !reencoded {
			t.Errorf("vector %d (%v): refused", v.Number, v.Flags)
		}
	}
	if len(vectors) != 914 || accepted != 826 {
		t.Errorf("accepted %d of %d, want 826 of 914", accepted, len(vectors))
	}
}

// The 196 cases of ZIP-215 itself: small-order keys and points in every encoding, all of them valid.
func TestZIP215AcceptsItsOwnVectors(t *testing.T) {
	var vectors [][2]hexBytes
	shared.ReadJSON(t, "vectors/ed25519/zip215.json", &vectors)
	if len(vectors) != 196 {
		t.Errorf("%d vectors, want 196", len(vectors))
	}
	for i, v := range vectors {
		if !verdict(t, "zip215", PublicKey(v[0]), []byte("Zcash"), Signature(v[1])) {
			t.Errorf("vector %d: refused", i)
		}
	}
}

// "Taming the many EdDSAs" (Chalkias et al., 2020), table 5: the row of libraries that follow ZIP-215.
func TestZIP215AgreesWithSpeccheck(t *testing.T) {
	var vectors []struct {
		Message   hexBytes `json:"message"`
		Key       hexBytes `json:"pub_key"`
		Signature hexBytes `json:"signature"`
	}
	shared.ReadJSON(t, "vectors/ed25519/speccheck_cases.json", &vectors)
	want := []bool{true, true, true, true, true, true, false, false, false, true, true, true}
	if len(vectors) != len(want) {
		t.Fatalf("%d vectors, want %d", len(vectors), len(want))
	}
	for i, v := range vectors {
		if got := verdict(t, "speccheck", PublicKey(v.Key), v.Message, Signature(v.Signature)); got != want[i] {
			t.Errorf("vector %d: got %t, want %t", i, got, want[i])
		}
	}
}

// All odd keys there are in the vectors, under every way in: those that registration refuses verify nothing at all,
// although ZIP-215 alone would take any signature under some of them.
func TestNothingVerifiesUnderAKeyThatRegistrationRefuses(t *testing.T) {
	var cctv []struct {
		Key hexBytes `json:"key"`
	}
	shared.ReadJSON(t, "vectors/ed25519/cctv_ed25519vectors.json", &cctv)
	var zip [][2]hexBytes
	shared.ReadJSON(t, "vectors/ed25519/zip215.json", &zip)
	keys := map[PublicKey]bool{}
	for _, v := range cctv {
		keys[PublicKey(v.Key)] = true
	}
	for _, v := range zip {
		keys[PublicKey(v[0])] = true
	}
	refused := 0
	for key := range keys {
		_, err := ParsePublicKey(key[:])
		if key.usable() != (err == nil) {
			t.Errorf("key %s: ParsePublicKey says %v, usable %t", key, err, key.usable())
		}
		if err != nil {
			refused++
			refuseForgery(t, key)
		}
	}
	if refused < 14 { // 8 points of small order and the 6 other encodings that five of them have
		t.Errorf("only %d keys refused", refused)
	}
}

// refuseForgery signs with R the identity or zero and S zero, which verifies under small-order keys.
func refuseForgery(t *testing.T, key PublicKey) {
	t.Helper()
	if _, err := NewVerifier(key); err == nil {
		t.Errorf("NewVerifier takes %s", key)
	}
	for _, forged := range []Signature{{}, {0: 1}} {
		if err := Verify(key, DomainClaim, NetworkID{}, []byte("body"), forged); err == nil {
			t.Errorf("a forged signature verifies under %s", key)
		}
		batch := NewBatch(1)
		batch.AddKey(key, DomainClaim, NetworkID{}, []byte("body"), forged)
		if bad := batch.Verify(); len(bad) != 1 {
			t.Errorf("a forged signature verifies in a batch under %s", key)
		}
	}
}

package wallet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"pgregory.net/rapid"
)

func testKey(n byte) PrivateKey { return NewPrivateKey([SeedSize]byte{n}) }

// signRaw signs without a domain, as only other programs do.
func signRaw(key PrivateKey, message []byte) []byte { return ed25519.Sign(key.secret(), message) }

// The layout is part of the protocol: other implementations build the same bytes.
func TestI8_SignedBytesArePrefixDomainNetworkBody(t *testing.T) {
	network := NetworkID(bytes.Repeat([]byte{0xaa}, 32))
	const want = "6a6f756c657061792f763100" + "02" +
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + "626f6479"
	if got := hex.EncodeToString(SigningBytes(DomainClaim, network, []byte("body"))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestI8_SignatureIsGoodForOneDomainNetworkBodyAndKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (PrivateKey, Domain, NetworkID, []byte) {
			return testKey(rapid.Byte().Draw(t, name+"key")),
				Domain(rapid.Byte().Draw(t, name+"domain")),
				NetworkID{0: rapid.Byte().Draw(t, name+"first"), 31: rapid.Byte().Draw(t, name+"last")},
				rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, name+"body")
		}
		key, domain, network, body := draw("")
		s := key.Sign(domain, network, body)
		check := func(what string, key PublicKey, domain Domain, network NetworkID, body []byte, want bool) {
			v, err := NewVerifier(key)
			if err != nil {
				t.Fatal(err)
			}
			batch := NewBatch(2)
			batch.Add(v, domain, network, body, s)
			batch.AddKey(key, domain, network, body, s)
			single, expanded := Verify(key, domain, network, body, s), v.Verify(domain, network, body, s)
			if (single == nil) != want || (expanded == nil) != want || (batch.Verify() == nil) != want {
				t.Fatalf("%s: %v, %v, %v, want good = %t", what, single, expanded, batch.Verify(), want)
			}
			if !want && (!errors.Is(single, ErrSignature) || !errors.Is(expanded, ErrSignature)) {
				t.Fatalf("%s: %v and %v, want ErrSignature", what, single, expanded)
			}
		}
		check("as signed", key.Public(), domain, network, body, true)

		otherKey, otherDomain, otherNetwork, otherBody := draw("other ")
		check("other key", otherKey.Public(), domain, network, body, otherKey.Public() == key.Public())
		check("other domain", key.Public(), otherDomain, network, body, otherDomain == domain)
		check("other network", key.Public(), domain, otherNetwork, body, otherNetwork == network)
		check("other body", key.Public(), domain, network, otherBody, bytes.Equal(otherBody, body))
	})
}

func TestI8_BytesDoNotMoveBetweenNetworkAndBody(t *testing.T) {
	key := testKey(1)
	network, body := NetworkID{31: 7}, []byte{8, 9}
	s := key.Sign(DomainClaim, network, body)
	shifted := append([]byte{7}, body...)
	if err := Verify(key.Public(), DomainClaim, NetworkID{}, shifted, s); !errors.Is(err, ErrSignature) {
		t.Errorf("got %v", err)
	}
}

func TestI8_ASignatureOfAnotherProtocolIsRefused(t *testing.T) {
	key := testKey(1)
	foreign := Signature(signRaw(key, []byte("body")))
	if err := Verify(key.Public(), DomainClaim, NetworkID{}, []byte("body"), foreign); !errors.Is(err, ErrSignature) {
		t.Errorf("got %v", err)
	}
}

func TestI8_DomainsAreDistinct(t *testing.T) {
	domains := []Domain{
		DomainVertex, DomainClaim, DomainWithdrawal, DomainClose, DomainCloseRequest, DomainQuote, DomainReading,
		DomainAnnouncement, DomainHello, DomainStop, DomainKeyBinding, DomainVote, DomainRotation, DomainReceipt,
		DomainOperatorRequest, DomainPresentation, DomainConnect,
	}
	for i, domain := range domains {
		if int(domain) != i+1 {
			t.Errorf("domain at place %d has number %d: numbers are part of signed bytes", i+1, domain)
		}
	}
}

func TestEveryFlippedBitOfASignatureIsRefused(t *testing.T) {
	key := testKey(1)
	v, err := NewVerifier(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	s := key.Sign(DomainClaim, NetworkID{}, []byte("body"))
	for bit := range 8 * SignatureSize {
		flipped := s
		flipped[bit/8] ^= 1 << (bit % 8)
		if err := v.Verify(DomainClaim, NetworkID{}, []byte("body"), flipped); !errors.Is(err, ErrSignature) {
			t.Errorf("bit %d: got %v", bit, err)
		}
	}
}

func TestZeroKeyVerifiesNothing(t *testing.T) {
	// Under ZIP-215 alone this verifies: 32 zero bytes encode a point of order four.
	if !verifyRaw(PublicKey{}, []byte("body"), Signature{}) {
		t.Fatal("the premise does not hold")
	}
	if err := Verify(PublicKey{}, DomainClaim, NetworkID{}, []byte("body"), Signature{}); !errors.Is(err, ErrSignature) {
		t.Errorf("got %v", err)
	}
}

func TestZeroPrivateKeyHasNoPublicKey(t *testing.T) {
	var none PrivateKey
	if !none.IsZero() || !none.Public().IsZero() {
		t.Errorf("got %s", none.Public())
	}
	if key := GenerateKey(); key.IsZero() || key.Public().IsZero() || key.Public() == GenerateKey().Public() {
		t.Error("a generated key is zero or repeats")
	}
}

func TestParseRefusesWrongLengths(t *testing.T) {
	for _, n := range []int{0, 31, 33, 64} {
		if _, err := ParsePublicKey(make([]byte, n)); !errors.Is(err, ErrKey) {
			t.Errorf("key of %d bytes: %v", n, err)
		}
	}
	for _, n := range []int{0, 63, 65} {
		if _, err := ParseSignature(make([]byte, n)); !errors.Is(err, ErrSignature) {
			t.Errorf("signature of %d bytes: %v", n, err)
		}
	}
}

func TestKeysAndSignaturesInJSON(t *testing.T) {
	type message struct {
		Key       PublicKey
		Network   NetworkID
		Signature Signature
	}
	key := testKey(1)
	sent := message{key.Public(), NetworkID{1, 2}, key.Sign(DomainHello, NetworkID{1, 2}, nil)}
	encoded, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	var received message
	if err := json.Unmarshal(encoded, &received); err != nil || received != sent {
		t.Errorf("got %+v, %v", received, err)
	}
	upper := bytes.Replace(encoded, []byte(sent.Key.String()), bytes.ToUpper([]byte(sent.Key.String())), 1)
	for _, bad := range [][]byte{
		upper,
		bytes.Replace(encoded, []byte(sent.Network.String()), []byte("00"), 1),
		bytes.Replace(encoded, []byte(sent.Signature.String()[:2]), []byte("zz"), 1),
	} {
		if err := json.Unmarshal(bad, &received); !errors.Is(err, ErrText) {
			t.Errorf("%s: got %v, want ErrText", bad, err)
		}
	}
	small := bytes.Replace(encoded, []byte(sent.Key.String()), []byte(PublicKey{}.String()), 1)
	if err := json.Unmarshal(small, &received); !errors.Is(err, ErrKey) || received.Key != sent.Key {
		t.Errorf("small-order key: got %v, want ErrKey and no change", err)
	}
}

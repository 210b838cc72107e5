package wallet

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"joulepay/internal/shared"
)

func TestJWSAgreesWithRFC8037(t *testing.T) {
	var vector struct {
		JWK     struct{ D, X string }
		Payload string
		JWS     string
	}
	if err := json.Unmarshal(shared.Read(t, "vectors/vc-jose-cose/rfc8037_appendixA.json"), &vector); err != nil {
		t.Fatal(err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(vector.JWK.D)
	if err != nil {
		t.Fatal(err)
	}
	key := NewPrivateKey([SeedSize]byte(seed))
	if public := key.Public(); base64.RawURLEncoding.EncodeToString(public[:]) != vector.JWK.X {
		t.Errorf("public key %s, want %s", public, vector.JWK.X)
	}
	if got := key.SignJWS([]byte(`{"alg":"EdDSA"}`), []byte(vector.Payload)); got != vector.JWS {
		t.Errorf("signed %s, want %s", got, vector.JWS)
	}
	input, signature := splitJWS(t, vector.JWS)
	if err := VerifyJWS(key.Public(), input, signature); err != nil {
		t.Error(err)
	}
	signature[0] ^= 1
	if err := VerifyJWS(key.Public(), input, signature); !errors.Is(err, ErrSignature) {
		t.Errorf("a tampered signature: %v", err)
	}
}

func splitJWS(t testing.TB, compact string) (input string, s Signature) {
	t.Helper()
	at := strings.LastIndex(compact, ".")
	raw, err := base64.RawURLEncoding.DecodeString(compact[at+1:])
	if err != nil {
		t.Fatal(err)
	}
	if s, err = ParseSignature(raw); err != nil {
		t.Fatal(err)
	}
	return compact[:at], s
}

// A JWS is the one thing that is signed without a domain tag. It needs none: its bytes are never tagged bytes.
func TestI8_WhatAJWSSignsIsNeverDomainTagged(t *testing.T) {
	key := GenerateKey()
	rapid.Check(t, func(rt *rapid.T) {
		header := rapid.SliceOf(rapid.Byte()).Draw(rt, "header")
		payload := rapid.SliceOf(rapid.Byte()).Draw(rt, "payload")
		if rapid.Bool().Draw(rt, "tagged") { // what a peer would choose to have tagged bytes signed
			header = SigningBytes(DomainVertex, NetworkID{}, header)
		}
		input, signature := splitJWS(t, key.SignJWS(header, payload))
		if strings.HasPrefix(input, signingPrefix) || bytes.ContainsAny([]byte(input), "/\x00") {
			rt.Fatalf("%q could be the beginning of domain-tagged bytes", input)
		}
		for domain := range Domain(32) {
			if Verify(key.Public(), domain, NetworkID{}, []byte(input), signature) == nil {
				rt.Fatalf("the signature of a JWS is good for domain %d", domain)
			}
		}
	})
}

func TestI8_NoDomainTaggedSignatureIsOneOfAJWS(t *testing.T) {
	key := GenerateKey()
	body := []byte("e30.e30")
	signature := key.Sign(DomainVertex, NetworkID{}, body)
	for _, input := range []string{string(SigningBytes(DomainVertex, NetworkID{}, body)), string(body), "", "a", "a.b.c", "a/.b", "a=.b"} {
		if err := VerifyJWS(key.Public(), input, signature); !errors.Is(err, ErrSignature) {
			t.Errorf("%q: %v", input, err)
		}
	}
}

func TestVerifyJWSRefusesKeysThatRegistrationRefuses(t *testing.T) {
	if err := VerifyJWS(PublicKey{}, "e30.e30", Signature{}); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
}

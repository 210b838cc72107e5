package wallet

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// base64url is the encoding of JOSE (RFC 7515, section 2): no padding, and no stray bits at the end.
var base64url = base64.RawURLEncoding.Strict()

// base64urlAlphabet holds neither the slash nor the zero byte of signingPrefix, and no dot.
const base64urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// SignJWS gives the compact serialization of a JSON Web Signature (RFC 7515) over a protected header and a payload:
// the form in which credentials and presentations travel. Both are encoded here, so what is signed is base64url and
// one dot. SigningBytes has a slash and a zero byte in its prefix: no signature of the one form is one of the other (I8).
func (p PrivateKey) SignJWS(header, payload []byte) string {
	input := base64url.EncodeToString(header) + "." + base64url.EncodeToString(payload)
	return input + "." + base64url.EncodeToString(ed25519.Sign(p.secret(), []byte(input)))
}

// VerifyJWS checks the signature of a JWS signing input, "header.payload" as it arrived, under ZIP-215. It returns
// ErrSignature, or nil. It verifies nothing under a key that ParsePublicKey refuses, and nothing that is no signing
// input, so it is no way around the domains of Verify.
func VerifyJWS(key PublicKey, input string, s Signature) error {
	header, payload, found := strings.Cut(input, ".")
	if !found || !isBase64url(header) || !isBase64url(payload) {
		return fmt.Errorf("%w: not a JWS signing input", ErrSignature)
	}
	if !key.usable() || !verifyRaw(key, []byte(input), s) {
		return fmt.Errorf("%w (JWS, key %s)", ErrSignature, key)
	}
	return nil
}

func isBase64url(text string) bool { return strings.Trim(text, base64urlAlphabet) == "" }

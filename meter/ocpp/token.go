package ocpp

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// tokenPrefix keeps the hash of an identifier apart from every other hash.
const tokenPrefix = "joulepay/idtoken/v1\x00"

// tokenSize is what OCPP 1.6 leaves for an idTag (CiString20Type).
const tokenSize = 20

// Token gives the idToken that stands for a vehicle's DID: the first 20 characters of the base32 text of
// SHA-256("joulepay/idtoken/v1\0" + DID), 100 bits. OCPP 1.6 has room for 20 characters and 2.0.1 for 36, a DID has
// more; and tokens are compared without regard to case, so that no denser text would do.
func Token(did string) string {
	sum := sha256.Sum256([]byte(tokenPrefix + did))
	return base32.StdEncoding.EncodeToString(sum[:])[:tokenSize]
}

// sameToken compares as OCPP does: without regard to case. The empty token is nobody's.
func sameToken(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

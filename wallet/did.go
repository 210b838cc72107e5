package wallet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mr-tron/base58"
)

// ErrDID is returned for text that is not a well-formed DID of a supported method.
var ErrDID = errors.New("wallet: not a did:joule or did:key identifier")

const (
	methodJoule = "did:joule:"
	methodKey   = "did:key:"
	// didLengthMax bounds what is decoded: "did:joule:" and 48 characters of multibase Ed25519, with no slack.
	didLengthMax = len(methodJoule) + 48
)

// ed25519Multicodec is the varint prefix of an Ed25519 public key (multicodec table, 0xed).
var ed25519Multicodec = [2]byte{0xed, 0x01}

// DID names a machine or a company: the Ed25519 key of its inception. The identifier does not change when the
// key rotates. It is comparable; the zero value names nobody.
type DID [PublicKeySize]byte

// DIDOf gives the DID whose inception key this is.
func DIDOf(key PublicKey) DID { return DID(key) }

// ParseDID reads "did:joule:z6Mk…" or its twin "did:key:z6Mk…", strictly: what it accepts, it would write.
func ParseDID(text string) (DID, error) {
	if len(text) > didLengthMax {
		return DID{}, fmt.Errorf("%w: %d characters, at most %d", ErrDID, len(text), didLengthMax)
	}
	method := methodJoule
	multibase, ok := strings.CutPrefix(text, methodJoule)
	if !ok {
		method = methodKey
		if multibase, ok = strings.CutPrefix(text, methodKey); !ok {
			return DID{}, fmt.Errorf("%w: %q", ErrDID, text)
		}
	}
	encoded, ok := strings.CutPrefix(multibase, "z")
	if !ok {
		return DID{}, fmt.Errorf("%w: multibase is not base58btc: %q", ErrDID, text)
	}
	raw, err := base58.Decode(encoded)
	if err != nil || len(raw) != 2+PublicKeySize || [2]byte(raw[:2]) != ed25519Multicodec {
		return DID{}, fmt.Errorf("%w: not an Ed25519 key: %q", ErrDID, text)
	}
	key, err := ParsePublicKey(raw[2:])
	if err != nil {
		return DID{}, fmt.Errorf("%w: %w", ErrDID, err)
	}
	did := DIDOf(key)
	if method+did.multibase() != text {
		return DID{}, fmt.Errorf("%w: not in canonical form: %q", ErrDID, text)
	}
	return did, nil
}

func (d DID) multibase() string {
	return "z" + base58.Encode(append(ed25519Multicodec[:], d[:]...))
}

// String gives "did:joule:z6Mk…", or "" for the zero value.
func (d DID) String() string {
	if d.IsZero() {
		return ""
	}
	return methodJoule + d.multibase()
}

// DIDKey gives the self-certifying twin "did:key:z6Mk…", or "" for the zero value.
func (d DID) DIDKey() string {
	if d.IsZero() {
		return ""
	}
	return methodKey + d.multibase()
}

// Short gives a form for progress lines, not for parsing: "z6MkiTBz…ooWp", or "" for the zero value.
func (d DID) Short() string {
	if d.IsZero() {
		return ""
	}
	m := d.multibase()
	return m[:8] + "…" + m[len(m)-4:]
}

// InceptionKey gives the key that named the DID, which is its current key until the first rotation.
func (d DID) InceptionKey() PublicKey { return PublicKey(d) }

// IsZero tells whether the DID names nobody.
func (d DID) IsZero() bool { return d == DID{} }

// MarshalText implements encoding.TextMarshaler.
func (d DID) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *DID) UnmarshalText(text []byte) error {
	parsed, err := ParseDID(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

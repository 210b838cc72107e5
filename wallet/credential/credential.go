// Package credential owns verified claims: W3C Verifiable Credentials (VCDM 2.0) that say something about a machine,
// signed as JWT (vc-jose-cose, "vc+jwt"), and presentations of them to one verifier ("vp+jwt").
// It leaves status lists to credential/status, their carriage between machines to credential/share and its callers,
// and the current keys of a DID to whoever can ask a ledger.
// It keeps invariants I8 and I9: who verifies has checked that the signer is the issuer, for this subject, at this
// time, trusted for this kind of claim; and bytes of a peer give a typed error, never a panic or a guess.
//
// An issuer calls Issue, a holder Present, a verifier Verify or VerifyPresentation. A vehicle checks what a station
// shows in its quote with CheckStation. Only Ed25519 keys of did:joule and did:key issuers are known.
package credential

import (
	"errors"
	"time"

	"joulepay/wallet"
)

// Sizes in bytes of compact JWTs.
const (
	// SizeMax bounds a credential: a presentation of one then fits a datagram of 16 KiB (base64url adds a third).
	SizeMax = 8 << 10
	// StatusListSizeMax bounds a status list: a million bits that do not compress, encoded in base64url twice.
	StatusListSizeMax = 256 << 10
	// PresentationSizeMax bounds a presentation: as many credentials as it may hold, of the usual kilobyte each.
	PresentationSizeMax = 32 << 10
)

// Bounds of what is inside.
const (
	textMax    = 512 // of an id, a URL or a name; real ones are below 100
	listMax    = 16  // entries of @context, type and the like
	statusMax  = 4   // entries of credentialStatus: one a purpose, with room
	depthMax   = 16  // nesting of JSON; our own is 4 deep
	presentMax = 8   // credentials in a presentation, or shown by a station
)

// Errors that name the part of a credential or presentation which is refused. Errors of what a genuine one says
// are in verify.go, trust.go and presentation.go.
var (
	ErrSize            = errors.New("credential: too large")
	ErrCompact         = errors.New("credential: not a compact JWS of three parts")
	ErrBase64          = errors.New("credential: not strict base64url")
	ErrJSON            = errors.New("credential: not one JSON object")
	ErrDuplicateMember = errors.New("credential: a JSON object names a member twice")
	ErrDepth           = errors.New("credential: JSON nested too deeply")
	ErrAlgorithm       = errors.New("credential: alg is neither EdDSA nor Ed25519")
	ErrMediaType       = errors.New("credential: typ or cty is of another kind of document")
	ErrCritical        = errors.New("credential: crit names extensions that are not understood")
	ErrKeyID           = errors.New("credential: kid does not name a key of a DID")
	ErrContext         = errors.New("credential: @context does not begin with that of VCDM 2.0")
	ErrReserved        = errors.New("credential: vc and vp are no members of a VCDM 2.0 document")
	ErrType            = errors.New("credential: type is not that of one kind of claim")
	ErrIssuer          = errors.New("credential: issuer is not the signer")
	ErrTime            = errors.New("credential: malformed time")
	ErrClaims          = errors.New("credential: malformed claims about the subject")
	ErrID              = errors.New("credential: malformed identifier")
)

// Credential is a verified claim: what Verify makes of a JWT. The zero value claims nothing.
type Credential struct {
	ID         string // a URI, or empty
	Kind       Kind
	Issuer     wallet.DID
	Subject    wallet.DID // zero for a status list, which is about itself
	SubjectID  string
	ValidFrom  time.Time // zero: not stated
	ValidUntil time.Time // zero: not stated
	Status     []StatusEntry
	Claims     Claims
	Standing   Standing // what is known of its status

	compact string
}

// Compact gives the JWT.
func (c Credential) Compact() string { return c.compact }

// Members gives what is claimed as it stands in the JWT, without the subject's id and what is not understood.
func (c Credential) Members() map[string]any {
	if c.Claims == nil {
		return nil
	}
	members, _ := c.Claims.members() // checked when it was read
	return members
}

// Signer is who issues or presents: a DID with one of its current keys.
type Signer struct {
	DID wallet.DID
	Key wallet.PrivateKey
	// AsDIDKey writes the issuer as did:key, for verifiers that do not know did:joule. Such an issuer has one key, that
	// of its inception.
	AsDIDKey bool
}

// SignerOf gives the signer that a wallet is.
func SignerOf(w *wallet.Wallet) Signer { return Signer{DID: w.DID(), Key: w.Account()} }

func (s Signer) name() string {
	if s.AsDIDKey {
		return s.DID.DIDKey()
	}
	return s.DID.String()
}

// keyID names the key: the DID and, after the #, the key in multibase (did:key method, section 3.1).
func (s Signer) keyID() string { return s.name() + "#" + multibase(s.Key.Public()) }

package credential

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"joulepay/wallet"
)

// Errors of what a well-formed credential says, or of who says it.
var (
	ErrSignature   = errors.New("credential: signature does not verify")
	ErrKey         = errors.New("credential: not signed with a current key of the issuer")
	ErrNotYetValid = errors.New("credential: not valid yet")
	ErrExpired     = errors.New("credential: expired")
	ErrSubject     = errors.New("credential: about another subject")
	ErrKind        = errors.New("credential: another kind of claim than asked for")
	ErrUntrusted   = errors.New("credential: its issuer is not trusted for this kind of claim")
)

// leeway is how far an issuer's clock may be ahead of ours: what the protocol allows between any two clocks.
const leeway = 5 * time.Second

// Keys gives the keys of a DID that are valid now: none when it is deactivated, an error when nobody can tell. What a
// rotated key signed is void from then on, whatever time it states: who stole the key would state an earlier one.
type Keys func(wallet.DID) ([]wallet.PublicKey, error)

// InceptionKey is the Keys of who asks no ledger: the key that the DID names.
func InceptionKey(did wallet.DID) ([]wallet.PublicKey, error) {
	return []wallet.PublicKey{did.InceptionKey()}, nil
}

// Trust tells whether an issuer is trusted for a kind of claim.
type Trust func(Kind, wallet.DID) bool

// AnyIssuer trusts everybody: for who wants to know what is said, and by whom.
func AnyIssuer(Kind, wallet.DID) bool { return true }

// TrustFor trusts the issuers of a table, each for its kinds only.
func TrustFor(issuers map[Kind][]wallet.DID) Trust {
	type pair struct {
		kind   Kind
		issuer wallet.DID
	}
	trusted := map[pair]bool{}
	for kind, dids := range issuers {
		for _, did := range dids {
			trusted[pair{kind, did}] = true
		}
	}
	return func(kind Kind, issuer wallet.DID) bool { return trusted[pair{kind, issuer}] }
}

// TrustIssuers trusts some issuers for every kind.
func TrustIssuers(dids ...wallet.DID) Trust {
	trusted := map[wallet.DID]bool{}
	for _, did := range dids {
		trusted[did] = true
	}
	return func(_ Kind, issuer wallet.DID) bool { return trusted[issuer] }
}

// Policy is what a verifier insists on. The zero value trusts nobody.
type Policy struct {
	Trust   Trust         // nil: nobody
	Keys    Keys          // nil: InceptionKey
	Status  StatusChecker // nil: a credential that has a status is refused
	Kind    Kind          // empty: any
	Subject wallet.DID    // zero: anybody
}

// Verify checks a credential at a time, which is the verifier's. Checks go from the outside to the inside: size, form,
// key, signature; then who is trusted; then what is said and when; and last its status, for which a checker may ask the
// network: nobody is asked on the word of an issuer who is not trusted.
func Verify(compact string, now time.Time, p Policy) (Credential, error) {
	limit := SizeMax
	if p.Kind == KindStatusList {
		limit = StatusListSizeMax
	}
	c, err := verifySignature(compact, limit, p.keys())
	if err != nil {
		return Credential{}, err
	}
	if err := p.check(c, now); err != nil {
		return Credential{}, err
	}
	for _, entry := range c.Status {
		standing, err := p.status().CheckStatus(entry, c.Issuer, now)
		if err != nil {
			return Credential{}, err
		}
		c.Standing = max(c.Standing, standing)
	}
	return c, nil
}

// Unverified is what a credential says that nobody has verified: for its own issuer or holder.
type Unverified Credential

// Parse reads a credential without verifying it. It refuses what Verify refuses of the form.
func Parse(compact string) (Unverified, error) {
	t, err := parseToken(compact, StatusListSizeMax)
	if err != nil {
		return Unverified{}, err
	}
	c, err := t.readCredential()
	if err == nil && c.Kind != KindStatusList && len(compact) > SizeMax {
		err = fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(compact), SizeMax)
	}
	if err != nil {
		return Unverified{}, err
	}
	c.compact = compact
	return Unverified(c), nil
}

// verifySignature gives what is really said, and by whom.
func verifySignature(compact string, limit int, keys Keys) (Credential, error) {
	t, err := parseToken(compact, limit)
	if err != nil {
		return Credential{}, err
	}
	if err := t.checkMediaType(typCredential); err != nil {
		return Credential{}, err
	}
	if err := t.checkSignature(keys); err != nil {
		return Credential{}, err
	}
	c, err := t.readCredential()
	c.compact = compact
	return c, err
}

// readCredential reads header and payload, and checks that they name one issuer.
func (t token) readCredential() (Credential, error) {
	if err := t.checkMediaType(typCredential); err != nil {
		return Credential{}, err
	}
	id, err := t.keyID()
	if err != nil {
		return Credential{}, err
	}
	payload, err := parseObject(t.payload)
	if err != nil {
		return Credential{}, fmt.Errorf("payload: %w", err)
	}
	c, issuer, err := readDocument(payload)
	if err != nil {
		return Credential{}, err
	}
	if issuer != id.controller { // as text: did:key and did:joule are two issuers of one key
		return Credential{}, fmt.Errorf("%w: %s signed for %s", ErrIssuer, id.controller, clip(issuer))
	}
	c.Issuer = id.did
	return c, nil
}

// checkSignature verifies under the key that the kid names, when it is one of its DID's.
func (t token) checkSignature(keys Keys) error {
	id, err := t.keyID()
	if err != nil {
		return err
	}
	if err := id.check(keys); err != nil {
		return err
	}
	if err := wallet.VerifyJWS(id.key, t.input, t.signature); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// check finds the key among those that are valid now. The twin of a did:joule is asked for as well: a did:key does not
// rotate, so without this a stolen key would go on to sign in that name.
func (id keyID) check(keys Keys) error {
	current, err := keys(id.did)
	if err != nil {
		return fmt.Errorf("%w: keys of %s: %w", ErrKey, id.did, err)
	}
	for _, key := range current {
		if key == id.key {
			return nil
		}
	}
	return fmt.Errorf("%w: %s", ErrKey, id.key)
}

func (p Policy) keys() Keys {
	if p.Keys == nil {
		return InceptionKey
	}
	return p.Keys
}

func (p Policy) status() StatusChecker {
	if p.Status == nil {
		return noStatus{}
	}
	return p.Status
}

// check is what the policy says of a genuine credential.
func (p Policy) check(c Credential, now time.Time) error {
	switch {
	case p.Kind != "" && c.Kind != p.Kind:
		return fmt.Errorf("%w: %s, not %s", ErrKind, c.Kind, p.Kind)
	case p.Trust == nil || !p.Trust(c.Kind, c.Issuer):
		return fmt.Errorf("%w: %s for %s", ErrUntrusted, c.Issuer, c.Kind)
	case c.Kind != KindStatusList && c.Subject.IsZero():
		return fmt.Errorf("%w: %q is no DID", ErrSubject, clip(c.SubjectID))
	case !p.Subject.IsZero() && c.Subject != p.Subject:
		return fmt.Errorf("%w: %s, not %s", ErrSubject, clip(c.SubjectID), p.Subject)
	}
	return checkTime(c.ValidFrom, c.ValidUntil, now)
}

func checkTime(from, until, now time.Time) error {
	switch {
	case now.Add(leeway).Before(from):
		return fmt.Errorf("%w: from %s", ErrNotYetValid, from.Format(time.RFC3339))
	case !until.IsZero() && !now.Before(until):
		return fmt.Errorf("%w: on %s", ErrExpired, until.Format(time.RFC3339))
	}
	return nil
}

// ParseKind reads the name of a kind.
func ParseKind(text string) (Kind, error) {
	kind := Kind(strings.ToLower(text))
	if _, known := typeOf[kind]; !known && kind != KindCustom {
		return "", fmt.Errorf("%w: no kind %q", ErrType, clip(text))
	}
	return kind, nil
}

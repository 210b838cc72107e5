package status

import (
	"errors"
	"fmt"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// ErrList is returned for a list that is not the one that was asked for.
var ErrList = errors.New("status: not the list of this URL, issuer and purpose")

// list is a verified status list.
type list struct {
	url        string
	issuer     wallet.DID
	purpose    credential.Purpose
	bits       Bitstring
	validFrom  time.Time
	validUntil time.Time
	compact    string
}

// sign makes the credential of a list.
func (l list) sign(by credential.Signer) (string, error) {
	return credential.Issue(by, credential.Template{
		ID: l.url, SubjectID: l.url + "#list", ValidFrom: l.validFrom, ValidUntil: l.validUntil,
		Claims: credential.StatusList{Purpose: l.purpose, EncodedList: l.bits.Encode()},
	})
}

// verify reads a list that anybody may have served: genuine and valid now. Who its issuer must be, the credential whose
// status is looked up says.
func verify(compact string, now time.Time, keys credential.Keys) (list, error) {
	c, err := credential.Verify(compact, now, credential.Policy{
		Kind: credential.KindStatusList, Trust: credential.AnyIssuer, Keys: keys,
	})
	if errors.Is(err, credential.ErrExpired) { // of the list: the credential that is looked up may not be
		return list{}, fmt.Errorf("%w: %v", ErrStale, err)
	}
	if err != nil {
		return list{}, err
	}
	return listOf(c)
}

func listOf(c credential.Credential) (list, error) {
	claims, _ := c.Claims.(credential.StatusList) // of this kind
	if c.ID == "" || c.ValidFrom.IsZero() || c.ValidUntil.IsZero() || len(c.Status) > 0 {
		// Without its URL a host could serve one list for another; without its end, the same one for ever.
		return list{}, fmt.Errorf("%w: a list states id, validFrom and validUntil, and has no status of its own", ErrList)
	}
	decoded, err := Decode(claims.EncodedList)
	if err != nil {
		return list{}, err
	}
	return list{
		url: c.ID, issuer: c.Issuer, purpose: claims.Purpose, bits: decoded,
		validFrom: c.ValidFrom, validUntil: c.ValidUntil, compact: c.Compact(),
	}, nil
}

// standing looks up an entry of the list's URL and issuer.
func (l list) standing(entry credential.StatusEntry) (credential.Standing, error) {
	if l.purpose != entry.Purpose {
		return credential.StandingUnknown, fmt.Errorf("%w: it is for %s, not %s", ErrList, l.purpose, entry.Purpose)
	}
	set, err := l.bits.Get(entry.Index)
	if err != nil {
		return credential.StandingUnknown, err
	}
	if set {
		return credential.StandingUnknown, fmt.Errorf("%w: bit %d of %s", l.purpose.Err(), entry.Index, l.url)
	}
	return credential.StandingGood, nil
}

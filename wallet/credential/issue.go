package credential

import (
	"fmt"
	"time"

	"joulepay/wallet"
)

// Template is what an issuer says.
type Template struct {
	ID         string     // a URI such as urn:uuid:…; may be empty
	Subject    wallet.DID // of every kind but a status list
	SubjectID  string     // of a status list alone
	ValidFrom  time.Time  // to the second
	ValidUntil time.Time  // zero: for ever, which calibrations and status lists refuse
	Status     []StatusEntry
	Claims     Claims
}

// Issue signs a credential and gives its JWT. Beside ErrClaims, ErrTime, ErrID, ErrSubject and ErrStatusEntry for a template that
// says something malformed, it returns ErrSize for one that says too much.
func Issue(by Signer, t Template) (string, error) {
	document, err := t.document(by.name())
	if err != nil {
		return "", err
	}
	limit := SizeMax
	if t.Claims.Kind() == KindStatusList {
		limit = StatusListSizeMax
	}
	compact, err := sign(by, typCredential, document, limit)
	if err != nil {
		return "", err
	}
	if _, err := Parse(compact); err != nil { // nothing leaves that a verifier would refuse
		return "", err
	}
	return compact, nil
}

func (t Template) document(issuer string) (object, error) {
	if t.Claims == nil {
		return nil, fmt.Errorf("%w: none", ErrClaims)
	}
	name, err := typeName(t.Claims)
	if err != nil {
		return nil, err
	}
	subject, err := t.subject()
	if err != nil {
		return nil, err
	}
	document := object{
		"@context": []string{contextCredentials, contextUndefined}, "type": []string{typeCredential, name},
		"issuer": issuer, "iss": issuer, "credentialSubject": subject,
	}
	if t.ID != "" {
		document["id"] = t.ID
	}
	if err := t.putTimes(document); err != nil {
		return nil, err
	}
	return document, t.putStatus(document)
}

func (t Template) subject() (object, error) {
	members, err := t.Claims.members()
	if err != nil {
		return nil, err
	}
	id := t.Subject.String()
	if t.Claims.Kind() == KindStatusList {
		id = t.SubjectID
	}
	if id == "" {
		return nil, fmt.Errorf("%w: it has none", ErrSubject)
	}
	subject := object{"id": id}
	for name, value := range members {
		subject[name] = value
	}
	return subject, nil
}

func (t Template) putTimes(document object) error {
	if t.ValidFrom.IsZero() {
		return fmt.Errorf("%w: validFrom is missing", ErrTime)
	}
	document["validFrom"] = t.ValidFrom.UTC().Format(time.RFC3339)
	kind := t.Claims.Kind()
	switch {
	case !t.ValidUntil.IsZero():
		document["validUntil"] = t.ValidUntil.UTC().Format(time.RFC3339)
	case kind == KindCalibration || kind == KindStatusList:
		return fmt.Errorf("%w: a %s needs its end", ErrTime, kind)
	}
	return nil
}

func (t Template) putStatus(document object) error {
	if len(t.Status) == 0 {
		return nil
	}
	if len(t.Status) > statusMax {
		return fmt.Errorf("%w: %d entries, at most %d", ErrStatusEntry, len(t.Status), statusMax)
	}
	entries := make([]object, len(t.Status))
	for i, entry := range t.Status {
		if err := entry.Check(); err != nil {
			return err
		}
		entries[i] = entry.object()
	}
	document["credentialStatus"] = entries
	return nil
}

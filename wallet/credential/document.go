package credential

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"joulepay/wallet"
)

// Contexts and types of VCDM 2.0, section 4.3 and appendix B. The second context gives the members that it does not
// define a meaning of their own.
const (
	contextCredentials = "https://www.w3.org/ns/credentials/v2"
	contextUndefined   = "https://www.w3.org/ns/credentials/undefined-terms/v2"

	typeCredential   = "VerifiableCredential"
	typePresentation = "VerifiablePresentation"
	typeEnveloped    = "EnvelopedVerifiableCredential"
)

// readDocument reads what a payload claims. issuer is as the document writes it; the Credential has no issuer yet.
func readDocument(payload object) (c Credential, issuer string, err error) {
	if err := checkDocument(payload, typeCredential); err != nil {
		return c, "", err
	}
	if issuer, err = readParty(payload, "issuer"); err != nil {
		return c, "", err
	}
	if c.ID, err = readID(payload); err != nil {
		return c, "", err
	}
	if c.ValidFrom, c.ValidUntil, err = readValidity(payload); err != nil {
		return c, "", err
	}
	if c.Status, err = readStatus(payload); err != nil {
		return c, "", err
	}
	types, _ := payload.texts("type") // checked above
	if err := c.readSubject(payload, types); err != nil {
		return c, "", err
	}
	return c, issuer, nil
}

// checkDocument checks what credentials and presentations have in common.
func checkDocument(payload object, wantType string) error {
	for _, reserved := range []string{"vc", "vp"} { // of the older data model: another document inside this one
		if _, found := payload[reserved]; found {
			return fmt.Errorf("%w: %s", ErrReserved, reserved)
		}
	}
	if err := checkContext(payload); err != nil {
		return err
	}
	types, err := payload.texts("type")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrType, err)
	}
	if !slices.Contains(types, wantType) {
		return fmt.Errorf("%w: it lacks %s", ErrType, wantType)
	}
	return nil
}

// checkContext wants the context of VCDM 2.0 first. The others may be objects; they are not read, since only members
// that we know by name count.
func checkContext(payload object) error {
	first := payload["@context"]
	if list, ok := first.([]any); ok {
		if len(list) == 0 || len(list) > listMax {
			return fmt.Errorf("%w: %d entries", ErrContext, len(list))
		}
		first = list[0]
	}
	if first != contextCredentials {
		return ErrContext
	}
	return nil
}

// readParty gives issuer or holder: a URI, or an object that has it as id. The claim iss, when there is one, is the same.
func readParty(payload object, name string) (string, error) {
	party := payload
	if nested, ok := payload[name].(map[string]any); ok {
		party, name = nested, "id"
	}
	text, err := party.text(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	if iss, found := payload["iss"]; found && iss != text {
		return "", fmt.Errorf("%w: iss is not the %s", ErrIssuer, name)
	}
	return text, nil
}

func readID(payload object) (string, error) {
	id, err := payload.optionalText("id")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrID, err)
	}
	if jti, found := payload["jti"]; found && jti != id {
		return "", fmt.Errorf("%w: jti is not the id", ErrID)
	}
	return id, nil
}

// readValidity gives the time in which both hold: validFrom and validUntil of the credential, nbf and exp of its
// signature (vc-jose-cose, section 3.1.3).
func readValidity(payload object) (from, until time.Time, err error) {
	if from, err = payload.dateTime("validFrom"); err != nil {
		return from, until, err
	}
	if until, err = payload.dateTime("validUntil"); err != nil {
		return from, until, err
	}
	notBefore, err := payload.numericDate("nbf")
	if err != nil {
		return from, until, err
	}
	expires, err := payload.numericDate("exp")
	if err != nil {
		return from, until, err
	}
	if notBefore.After(from) {
		from = notBefore
	}
	if !expires.IsZero() && (until.IsZero() || expires.Before(until)) {
		until = expires
	}
	if !until.IsZero() && until.Before(from) {
		return from, until, fmt.Errorf("%w: it ends before it begins", ErrTime)
	}
	return from, until, nil
}

// readSubject reads subject and claims, by the kind that the types name.
func (c *Credential) readSubject(payload object, types []string) error {
	kind, name, err := kindAmong(types)
	if err != nil {
		return err
	}
	members, ok := payload["credentialSubject"].(map[string]any)
	if !ok {
		return fmt.Errorf("%w: want one object as credentialSubject", ErrClaims)
	}
	subject := object(members)
	if c.SubjectID, err = subject.optionalText("id"); err != nil {
		return fmt.Errorf("%w: %w", ErrClaims, err)
	}
	if sub, found := payload["sub"]; found && sub != c.SubjectID {
		return fmt.Errorf("%w: sub is not the id of the subject", ErrSubject)
	}
	c.Subject, _ = wallet.ParseDID(c.SubjectID) // Verify wants one, with a better error
	c.Kind = kind
	if c.Claims, err = ClaimsOf(kind, subject); err != nil {
		return err
	}
	if custom, ok := c.Claims.(Custom); ok {
		custom.Type = name
		c.Claims = custom
	}
	return nil
}

// kindAmong gives the kind of a list of types, and the name of a custom one. Two kinds at once are refused: each verifier
// could see another one.
func kindAmong(types []string) (kind Kind, name string, err error) {
	kind = KindCustom
	for _, typ := range types {
		switch k := kindOf(typ); {
		case typ == typeCredential:
		case k == KindCustom:
			if name == "" {
				name = typ
			}
		case kind != KindCustom:
			return "", "", fmt.Errorf("%w: %s and %s at once", ErrType, typeOf[kind], typ)
		default:
			kind = k
		}
	}
	return kind, name, nil
}

// envelope gives the form in which a presentation holds a credential (VCDM 2.0, section 4.13).
func envelope(compact string) any {
	return object{"@context": contextCredentials, "type": typeEnveloped, "id": envelopePrefix + compact}
}

const envelopePrefix = "data:application/vc+jwt,"

// openEnvelope gives the JWT inside.
func openEnvelope(enveloped object) (string, error) {
	typ, _ := enveloped["type"].(string)
	id, _ := enveloped["id"].(string)
	compact, found := strings.CutPrefix(id, envelopePrefix)
	if typ != typeEnveloped || !found {
		return "", fmt.Errorf("%w: type %q, id %q", ErrEnvelope, clip(typ), clip(id))
	}
	return compact, nil
}

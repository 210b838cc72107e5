package credential

import (
	"errors"
	"fmt"
	"time"

	"joulepay/wallet"
)

// Errors of a presentation.
var (
	ErrEnvelope = errors.New("credential: a presentation holds something else than enveloped vc+jwt credentials")
	ErrHolder   = errors.New("credential: presented by another than its subject")
	ErrAudience = errors.New("credential: presented to another verifier")
	ErrNonce    = errors.New("credential: presented for another nonce")
)

// PresentationLife is how long a presentation is good at most: for a person to carry it over, not for a thief to use it.
const PresentationLife = 10 * time.Minute

// NonceMax bounds a nonce in bytes. 128 bits in any encoding are shorter.
const NonceMax = 128

// Present signs a presentation of credentials about the holder, good for one audience and the nonce that it chose.
// The nonce stands in the document as text: nobody chooses the bytes that are signed.
func Present(holder Signer, audience wallet.DID, nonce string, now time.Time, compacts ...string) (string, error) {
	if err := checkNonce(nonce); err != nil {
		return "", err
	}
	if audience.IsZero() {
		return "", fmt.Errorf("%w: it names none", ErrAudience)
	}
	if len(compacts) == 0 || len(compacts) > presentMax {
		return "", fmt.Errorf("%w: %d credentials, want 1 to %d", ErrEnvelope, len(compacts), presentMax)
	}
	var enveloped []any
	for _, compact := range compacts {
		c, err := Parse(compact)
		if err != nil {
			return "", err
		}
		if c.Subject != holder.DID {
			return "", fmt.Errorf("%w: the subject is %s", ErrHolder, clip(c.SubjectID))
		}
		enveloped = append(enveloped, envelope(compact))
	}
	document := object{
		"@context": []string{contextCredentials}, "type": []string{typePresentation},
		"holder": holder.name(), "iss": holder.name(), "aud": audience.String(), "nonce": nonce,
		"iat": now.Unix(), "exp": now.Add(PresentationLife).Unix(), "verifiableCredential": enveloped,
	}
	return sign(holder, typPresentation, document, PresentationSizeMax)
}

func checkNonce(nonce string) error {
	if nonce == "" || len(nonce) > NonceMax || !isPrintableASCII(nonce) {
		return fmt.Errorf("%w: want 1 to %d printable characters", ErrNonce, NonceMax)
	}
	return nil
}

// isPrintableASCII tells whether a text is printable ASCII.
func isPrintableASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// Presented is a verified presentation.
type Presented struct {
	Holder      wallet.DID
	Credentials []Credential
}

// Challenge is what a verifier asked for: a presentation to itself, with the nonce that it made for this one. The verifier
// forgets a nonce once it is used.
type Challenge struct {
	Audience wallet.DID
	Nonce    string
}

// VerifyPresentation checks a presentation against the challenge, and each credential in it against the policy. Holder
// and subject of each are the same.
func VerifyPresentation(compact string, to Challenge, now time.Time, p Policy) (Presented, error) {
	t, err := parseToken(compact, PresentationSizeMax)
	if err != nil {
		return Presented{}, err
	}
	if err := t.checkMediaType(typPresentation); err != nil {
		return Presented{}, err
	}
	if err := t.checkSignature(p.keys()); err != nil {
		return Presented{}, err
	}
	payload, err := parseObject(t.payload)
	if err != nil {
		return Presented{}, fmt.Errorf("payload: %w", err)
	}
	holder, err := t.readHolder(payload)
	if err != nil {
		return Presented{}, err
	}
	if err := to.check(payload, now); err != nil {
		return Presented{}, err
	}
	return verifyEnclosed(payload, holder, now, p)
}

func (t token) readHolder(payload object) (wallet.DID, error) {
	if err := checkDocument(payload, typePresentation); err != nil {
		return wallet.DID{}, err
	}
	holder, err := readParty(payload, "holder")
	if err != nil {
		return wallet.DID{}, fmt.Errorf("%w: %w", ErrHolder, err)
	}
	id, err := t.keyID()
	if err != nil {
		return wallet.DID{}, err
	}
	if holder != id.controller {
		return wallet.DID{}, fmt.Errorf("%w: %s signed for %s", ErrHolder, id.controller, clip(holder))
	}
	return id.did, nil
}

// check finds out whether it was made for us, for this occasion, and just now.
func (to Challenge) check(payload object, now time.Time) error {
	audience, _ := payload["aud"].(string)
	if did, err := wallet.ParseDID(audience); err != nil || did != to.Audience {
		return fmt.Errorf("%w: %q", ErrAudience, clip(audience))
	}
	if nonce, err := payload.text("nonce"); err != nil || nonce != to.Nonce { // text gives none that is empty
		return fmt.Errorf("%w: %q", ErrNonce, clip(nonce))
	}
	issued, err := payload.numericDate("iat")
	if err != nil {
		return err
	}
	expires, err := payload.numericDate("exp")
	if err != nil {
		return err
	}
	if issued.IsZero() || expires.IsZero() || expires.Sub(issued) > PresentationLife {
		return fmt.Errorf("%w: a presentation states iat and exp, at most %s apart", ErrTime, PresentationLife)
	}
	return checkTime(issued, expires, now)
}

func verifyEnclosed(payload object, holder wallet.DID, now time.Time, p Policy) (Presented, error) {
	enclosed, err := payload.objects("verifiableCredential", presentMax)
	if err != nil || len(enclosed) == 0 {
		return Presented{}, fmt.Errorf("%w: want 1 to %d", ErrEnvelope, presentMax)
	}
	presented := Presented{Holder: holder}
	for _, enveloped := range enclosed {
		compact, err := openEnvelope(enveloped)
		if err != nil {
			return Presented{}, err
		}
		c, err := Verify(compact, now, p)
		if err != nil {
			return Presented{}, err
		}
		if c.Subject != holder {
			return Presented{}, fmt.Errorf("%w: the subject is %s", ErrHolder, clip(c.SubjectID))
		}
		presented.Credentials = append(presented.Credentials, c)
	}
	return presented, nil
}

package credential

import (
	"encoding/base64"
	"fmt"
	"strings"

	"joulepay/wallet"
)

// base64url is strict: no padding, no stray bits at the end. Line breaks, which the decoder would skip, are refused
// before.
var base64url = base64.RawURLEncoding.Strict()

// Media types in the header (vc-jose-cose, section 3.1): the typ of what is signed, and the cty of what is inside.
const (
	typCredential   = "vc+jwt"
	typPresentation = "vp+jwt"
)

var contentType = map[string]string{typCredential: "vc", typPresentation: "vp"}

// token is a compact JWS, decoded and not yet verified.
type token struct {
	header    object
	payload   []byte
	input     string // what is signed: header and payload as they arrived
	signature wallet.Signature
}

// parseToken reads "header.payload.signature" of at most limit bytes.
func parseToken(compact string, limit int) (t token, err error) {
	if len(compact) > limit {
		return t, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(compact), limit)
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return t, fmt.Errorf("%w: it has %d", ErrCompact, len(parts))
	}
	header, err := decodeBase64("header", parts[0])
	if err != nil {
		return t, err
	}
	if t.header, err = parseObject(header); err != nil {
		return t, fmt.Errorf("header: %w", err)
	}
	if t.payload, err = decodeBase64("payload", parts[1]); err != nil {
		return t, err
	}
	signature, err := decodeBase64("signature", parts[2])
	if err != nil {
		return t, err
	}
	t.input = parts[0] + "." + parts[1]
	if err := checkHeader(t.header); err != nil {
		return t, err
	}
	if t.signature, err = wallet.ParseSignature(signature); err != nil {
		return t, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return t, nil
}

func decodeBase64(part, text string) ([]byte, error) {
	raw, err := base64url.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%w: %s", ErrBase64, part)
	}
	return raw, nil
}

// checkHeader checks how it is signed. Keys that a header brings along (jwk, jku, x5c) are not looked at: the key is the
// issuer's, whatever the document says.
func checkHeader(header object) error {
	if algorithm, _ := header["alg"].(string); algorithm != "EdDSA" && algorithm != "Ed25519" {
		return fmt.Errorf("%w: %q", ErrAlgorithm, clip(algorithm))
	}
	if _, found := header["crit"]; found {
		return ErrCritical
	}
	return nil
}

// checkMediaType checks what is signed. typ keeps a presentation from being taken for a credential.
func (t token) checkMediaType(want string) error {
	if typ, _ := t.header["typ"].(string); typ != want {
		return fmt.Errorf("%w: typ %q, want %q", ErrMediaType, clip(typ), want)
	}
	if cty, found := t.header["cty"]; found && cty != contentType[want] {
		return fmt.Errorf("%w: cty %q, want %q", ErrMediaType, clip(fmt.Sprint(cty)), contentType[want])
	}
	return nil
}

// keyID is the kid of a header, split: the DID as it is written, and the key that it names.
type keyID struct {
	controller string
	did        wallet.DID
	key        wallet.PublicKey
}

// keyID reads a kid that is a DID URL, "did:joule:z6Mk…#z6Mk…". One without its DID is refused: it would leave open
// whose key it is.
func (t token) keyID() (id keyID, err error) {
	text, err := t.header.text("kid")
	if err != nil {
		return id, fmt.Errorf("%w: %w", ErrKeyID, err)
	}
	controller, fragment, found := strings.Cut(text, "#")
	if !found {
		return id, fmt.Errorf("%w: %q", ErrKeyID, clip(text))
	}
	id.controller = controller
	if id.did, err = wallet.ParseDID(controller); err != nil {
		return id, fmt.Errorf("%w: %w", ErrKeyID, err)
	}
	if id.key, err = parseMultibase(fragment); err != nil {
		return id, fmt.Errorf("%w: %w", ErrKeyID, err)
	}
	if strings.HasPrefix(controller, didKeyPrefix) && id.key != id.did.InceptionKey() {
		return id, fmt.Errorf("%w: a did:key has no second key", ErrKeyID)
	}
	return id, nil
}

// sign gives the compact form of a document.
func sign(by Signer, typ string, document object, limit int) (string, error) {
	if by.AsDIDKey && by.Key.Public() != by.DID.InceptionKey() {
		return "", fmt.Errorf("%w: a did:key has no second key", ErrKeyID)
	}
	header, err := object{"alg": "EdDSA", "typ": typ, "cty": contentType[typ], "kid": by.keyID()}.encode()
	if err != nil {
		return "", err
	}
	payload, err := document.encode()
	if err != nil {
		return "", err
	}
	compact := by.Key.SignJWS(header, payload)
	if len(compact) > limit {
		return "", fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(compact), limit)
	}
	return compact, nil
}

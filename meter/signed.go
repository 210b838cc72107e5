package meter

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"joulepay/wallet"
)

// EvidenceSizeMax bounds the evidence of one reading: a signed OCMF record is one to three KiB, and a reading
// must fit the few KiB that a session's subject carries.
const EvidenceSizeMax = 4096

// SignedSizeMax is the length of the largest encoded Signed.
const SignedSizeMax = ReadingSizeMax + signedRestSize + EvidenceSizeMax

// signedRestSize is what stands between reading and evidence: signature, length of the evidence.
const signedRestSize = wallet.SignatureSize + 2

// Signed is a reading, the evidence that its attestation asks for, and the signature over both.
type Signed struct {
	Reading   Reading
	Evidence  []byte // bytes of a foreign format, for example OCMF, as received; empty for the native attestations
	Signature wallet.Signature
}

// Sign signs a reading, in its canonical form, for one network. The reading should come from Chain.Next.
func Sign(r Reading, key wallet.PrivateKey, network wallet.NetworkID) Signed {
	s := Signed{Reading: r.Canonical()}
	s.Signature = key.Sign(wallet.DomainReading, network, s.body())
	return s
}

// SignWithEvidence signs a reading together with evidence of at most EvidenceSizeMax bytes.
func SignWithEvidence(r Reading, evidence []byte, key wallet.PrivateKey, network wallet.NetworkID) (Signed, error) {
	if len(evidence) > EvidenceSizeMax {
		return Signed{}, fmt.Errorf("%w: %d bytes, at most %d", ErrEvidence, len(evidence), EvidenceSizeMax)
	}
	s := Signed{Reading: r.Canonical()}
	if len(evidence) > 0 {
		s.Evidence = append([]byte(nil), evidence...)
	}
	s.Signature = key.Sign(wallet.DomainReading, network, s.body())
	return s, nil
}

// body gives the signed bytes: the reading, and the hash of the evidence.
func (s *Signed) body() []byte {
	evidence := sha256.Sum256(s.Evidence)
	return append(s.Reading.appendTo(make([]byte, 0, ReadingSizeMax+len(evidence))), evidence[:]...)
}

// Verify checks the signature under a key that the quote named. It returns wallet.ErrSignature or nil.
func (s Signed) Verify(key wallet.PublicKey, network wallet.NetworkID) error {
	return wallet.Verify(key, wallet.DomainReading, network, s.body(), s.Signature)
}

// VerifyWith is Verify with a prepared key, for the many readings of a session.
func (s Signed) VerifyWith(verifier *wallet.Verifier, network wallet.NetworkID) error {
	return verifier.Verify(wallet.DomainReading, network, s.body(), s.Signature)
}

// Encode gives the canonical bytes: reading, signature, length of the evidence (two bytes, big-endian),
// evidence. Evidence must have at most EvidenceSizeMax bytes, which SignWithEvidence and DecodeSigned ensure.
func (s Signed) Encode() []byte {
	b := make([]byte, 0, ReadingSizeMax+signedRestSize+len(s.Evidence))
	b = s.Reading.appendTo(b)
	b = append(b, s.Signature[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.Evidence)))
	return append(b, s.Evidence...)
}

// DecodeSigned reads what Encode wrote, and nothing else. It does not verify the signature.
func DecodeSigned(b []byte) (Signed, error) {
	size := sizeOfReading(b)
	if size == 0 || len(b) < size+signedRestSize || len(b) > SignedSizeMax {
		return Signed{}, fmt.Errorf("%w: %d bytes of no known version, or not %d…%d", ErrEncoding, len(b), ReadingSize+signedRestSize, SignedSizeMax)
	}
	reading, err := DecodeReading(b[:size])
	if err != nil {
		return Signed{}, err
	}
	rest := b[size:]
	s := Signed{Reading: reading, Signature: wallet.Signature(rest[:wallet.SignatureSize])}
	evidence := rest[signedRestSize:]
	if stated := int(binary.BigEndian.Uint16(rest[wallet.SignatureSize:])); stated != len(evidence) || stated > EvidenceSizeMax {
		return Signed{}, fmt.Errorf("%w: %d bytes of evidence, %d stated", ErrEncoding, len(evidence), stated)
	}
	if len(evidence) > 0 {
		s.Evidence = append([]byte(nil), evidence...)
	}
	return s, nil
}

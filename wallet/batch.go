package wallet

import "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

// Batch collects signatures and verifies them together, cheaper than one by one from about three on (256 together
// take under half the time), with the same verdicts. Make it with NewBatch. It is not safe for concurrent use.
type Batch struct {
	verifier *ed25519.BatchVerifier
	length   int
}

// NewBatch makes an empty batch with room for some signatures.
func NewBatch(capacity int) *Batch {
	return &Batch{verifier: ed25519.NewBatchVerifierWithCapacity(capacity)}
}

// Add adds a signature under a prepared key. The first one added has index 0.
func (b *Batch) Add(v *Verifier, domain Domain, network NetworkID, body []byte, s Signature) {
	b.addRaw(v, SigningBytes(domain, network, body), s)
}

// AddKey adds a signature under a key that is not prepared; one that ParsePublicKey refuses fails.
func (b *Batch) AddKey(key PublicKey, domain Domain, network NetworkID, body []byte, s Signature) {
	if !key.usable() {
		b.length++
		b.verifier.AddWithOptions(nil, nil, s[:], zip215) // no key: never valid
		return
	}
	b.addKeyRaw(key, SigningBytes(domain, network, body), s)
}

// Len gives the number of signatures added.
func (b *Batch) Len() int { return b.length }

// Verify gives the indexes, rising, of the signatures that fail: none when all verify. A batch with a bad signature
// costs as much as verifying each, on top of the batch.
func (b *Batch) Verify() []int {
	if b.length == 0 {
		return nil
	}
	ok, valid := b.verifier.Verify(nil)
	if ok {
		return nil
	}
	var bad []int
	for i, v := range valid {
		if !v {
			bad = append(bad, i)
		}
	}
	return bad
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.verifier.Reset()
	b.length = 0
}

func (b *Batch) addRaw(v *Verifier, message []byte, s Signature) {
	b.length++
	b.verifier.AddExpandedWithOptions(v.expanded, message, s[:], zip215)
}

func (b *Batch) addKeyRaw(key PublicKey, message []byte, s Signature) {
	b.length++
	b.verifier.AddWithOptions(key[:], message, s[:], zip215)
}

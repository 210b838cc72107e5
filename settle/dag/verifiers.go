package dag

import (
	"sync"

	"joulepay/settle"
	"joulepay/wallet"
)

// cacheGeneration is how many prepared keys a generation of a cache holds: two generations of 8192 take about 25 MB.
const cacheGeneration = 8192

// generations is a bounded cache: what was not used for a whole generation is dropped with it.
type generations[K comparable, V any] struct {
	young, old map[K]V
}

// has tells whether a value is kept.
func (c *generations[K, V]) has(key K) bool {
	if _, ok := c.young[key]; ok {
		return true
	}
	_, ok := c.old[key]
	return ok
}

func (c *generations[K, V]) get(key K, make func() (V, error)) (V, error) {
	if v, ok := c.young[key]; ok {
		return v, nil
	}
	v, ok := c.old[key]
	if !ok {
		var err error
		if v, err = make(); err != nil {
			return v, err
		}
	}
	if len(c.young) >= cacheGeneration {
		c.old, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = map[K]V{}
	}
	c.young[key] = v
	return v, nil
}

// verifierCache prepares account keys. It is safe for concurrent use, so that submitters may verify before the order
// is known.
type verifierCache struct {
	mu   sync.Mutex // guards keys
	keys generations[wallet.PublicKey, *wallet.Verifier]
}

func newVerifierCache() *verifierCache { return &verifierCache{} }

func (c *verifierCache) get(key wallet.PublicKey) (*wallet.Verifier, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys.get(key, func() (*wallet.Verifier, error) { return wallet.NewVerifier(key) })
}

func (c *verifierCache) verify(v *settle.Vertex, key wallet.PublicKey) error {
	verifier, err := c.get(key)
	if err != nil {
		return err
	}
	return v.Verify(verifier)
}

// batchMin is from how many signatures on a batch is cheaper than each for itself.
const batchMin = 3

// Signed is a vertex and the key under which its issuer is said to have signed it.
type Signed struct {
	Vertex *settle.Vertex
	Key    wallet.PublicKey
}

// verifyAll tells for each vertex whether its signature verifies. One that does not spoils no other.
func (c *verifierCache) verifyAll(signed []Signed) []bool {
	good := make([]bool, len(signed))
	if len(signed) < batchMin {
		for i, s := range signed {
			good[i] = c.verify(s.Vertex, s.Key) == nil
		}
		return good
	}
	batch, members := wallet.NewBatch(len(signed)), make([]int, 0, len(signed))
	for i, s := range signed {
		verifier, err := c.get(s.Key)
		if err != nil {
			continue // under a key that cannot be used nothing verifies
		}
		s.Vertex.AddTo(batch, verifier)
		members, good[i] = append(members, i), true
	}
	for _, n := range batch.Verify() {
		good[members[n]] = false
	}
	return good
}

// VerifySignature checks a vertex's signature under a key that the caller got from AccountKey. Unlike the other
// methods it may be called at any time, by any goroutine.
func (s *State) VerifySignature(v *settle.Vertex, key wallet.PublicKey) error {
	return s.verifiers.verify(v, key)
}

// VerifySignatures is VerifySignature for many vertices at once, at about half the cost, with the same verdicts.
func (s *State) VerifySignatures(signed []Signed) []bool { return s.verifiers.verifyAll(signed) }

// VerifyEntries verifies the signatures of the vertices among entries together, and marks those that are good under
// their accounts' keys of now. Apply verifies again whatever is not marked, or was marked under a key that has
// changed meanwhile: the marks save work and decide nothing.
func (s *State) VerifyEntries(entries []Entry) {
	var signed []Signed
	var places []int
	for i, e := range entries {
		if e.Vertex == nil || e.SignedBy != (wallet.PublicKey{}) || s.recent.known(e.Vertex.ID()) {
			continue
		}
		signed = append(signed, Signed{e.Vertex, s.AccountKey(e.Vertex.Issuer())})
		places = append(places, i)
	}
	for n, good := range s.verifiers.verifyAll(signed) {
		if good {
			entries[places[n]].SignedBy = signed[n].Key
		}
	}
}

package dag

import (
	"sync"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
)

// cacheGeneration is how many prepared keys a generation of a cache holds: two generations of 4096 take about 10 MB.
const cacheGeneration = 4096

// generations is a bounded cache: what was not used for a whole generation is dropped with it.
type generations[K comparable, V any] struct {
	young, old map[K]V
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

func (c *verifierCache) verify(v *settle.Vertex, key wallet.PublicKey) error {
	c.mu.Lock()
	verifier, err := c.keys.get(key, func() (*wallet.Verifier, error) { return wallet.NewVerifier(key) })
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return v.Verify(verifier)
}

// VerifySignature checks a vertex's signature under a key that the caller got from AccountKey. Unlike the other
// methods it may be called at any time, by any goroutine.
func (s *State) VerifySignature(v *settle.Vertex, key wallet.PublicKey) error {
	return s.verifiers.verify(v, key)
}

// channelKeys prepares the keys of channels whose claims arrive.
type channelKeys struct {
	keys generations[channel.ID, [2]*wallet.Verifier]
}

func newChannelKeys() *channelKeys { return &channelKeys{} }

// verify checks a claim under its payer's channel key.
func (k *channelKeys) verify(o channel.Opening, id channel.ID, claim channel.Best) bool {
	keys, err := k.keys.get(id, func() (pair [2]*wallet.Verifier, err error) {
		for p := range pair {
			if pair[p], err = wallet.NewVerifier(o.Key(channel.Party(p))); err != nil {
				return pair, err
			}
		}
		return pair, nil
	})
	if err != nil {
		return false
	}
	return claim.Verify(o.Network, keys[claim.Signed.Claim.Lane.Payer()]) == nil
}

package dag

import (
	"sync"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
)

// SettledClaim is a claim of a settlement that stands above its lane, and the opening whose keys it verifies under.
type SettledClaim struct {
	index   int // among the claims of the settlement
	claim   channel.Best
	opening channel.Opening
}

// claimChecks verifies claims under channel keys, which an opening names for good. It is safe for concurrent use, so
// that submitters may verify before the order is known; what it remembers saves work and decides nothing.
type claimChecks struct {
	mu   sync.Mutex // guards what follows
	keys generations[channel.ID, [2]*wallet.Verifier]
	// The vertices whose claims are good, all but those that were stale already, as they then stay.
	good generations[settle.VertexID, struct{}]
}

func newClaimChecks() *claimChecks { return &claimChecks{} }

// payer gives the prepared key of who signs a claim.
func (k *claimChecks) payer(o channel.Opening, claim channel.Best) (*wallet.Verifier, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys, err := k.keys.get(claim.Signed.Claim.Channel, func() (pair [2]*wallet.Verifier, err error) {
		for p := range pair {
			if pair[p], err = wallet.NewVerifier(o.Key(channel.Party(p))); err != nil {
				return pair, err
			}
		}
		return pair, nil
	})
	if err != nil {
		return nil, err
	}
	return keys[claim.Signed.Claim.Lane.Payer()], nil
}

// verify checks a claim under its payer's channel key.
func (k *claimChecks) verify(o channel.Opening, claim channel.Best) bool {
	payer, err := k.payer(o, claim)
	return err == nil && claim.Verify(o.Network, payer) == nil
}

// bad gives the places of the claims that do not verify.
func (k *claimChecks) bad(claims []SettledClaim) map[int]bool {
	bad := make(map[int]bool)
	if len(claims) < batchMin {
		for _, c := range claims {
			if !k.verify(c.opening, c.claim) {
				bad[c.index] = true
			}
		}
		return bad
	}
	batch, members := wallet.NewBatch(len(claims)), make([]int, 0, len(claims))
	for _, c := range claims {
		payer, err := k.payer(c.opening, c.claim)
		if err != nil || c.claim.AddTo(batch, c.opening.Network, payer) != nil {
			bad[c.index] = true
			continue
		}
		members = append(members, c.index)
	}
	for _, n := range batch.Verify() {
		bad[members[n]] = true
	}
	return bad
}

func (k *claimChecks) remember(id settle.VertexID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, _ = k.good.get(id, func() (struct{}, error) { return struct{}{}, nil })
}

func (k *claimChecks) remembers(id settle.VertexID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.good.has(id)
}

// ClaimsToVerify gives the claims of a settlement that stand above their lanes. It is not complete when one is of a
// channel that does not exist yet.
func (s *State) ClaimsToVerify(p *settle.Settle) (claims []SettledClaim, complete bool) {
	return s.newStage().claimsToVerify(p)
}

// VerifyClaims checks what ClaimsToVerify gave completely for a vertex, and remembers it when all are good. Unlike the
// other methods it may be called at any time, by any goroutine.
func (s *State) VerifyClaims(vertex settle.VertexID, claims []SettledClaim) {
	if len(s.claims.bad(claims)) == 0 {
		s.claims.remember(vertex)
	}
}

func (g *stage) claimsToVerify(p *settle.Settle) (claims []SettledClaim, complete bool) {
	complete = true
	for i, claim := range p.Claims {
		c, ok := g.channel(claim.Signed.Claim.Channel)
		complete = complete && ok
		if ok && raises(c, claim) {
			claims = append(claims, SettledClaim{i, claim, c.Opening})
		}
	}
	return claims, complete
}

// badClaims gives the places of the claims that stand above their lanes and do not verify.
func (g *stage) badClaims(vertex settle.VertexID, p *settle.Settle) map[int]bool {
	if g.state.claims.remembers(vertex) {
		return nil
	}
	claims, _ := g.claimsToVerify(p)
	return g.state.claims.bad(claims)
}

package dag

import (
	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// authority is what the genesis says about accounts, by DID.
type authority struct {
	caps    map[wallet.DID]money.Amount
	members map[wallet.DID]struct{} // issuers and witnesses, who make accounts without paying for them
}

func newAuthority(g *settle.Genesis) authority {
	a := authority{caps: make(map[wallet.DID]money.Amount), members: make(map[wallet.DID]struct{})}
	for _, i := range g.Issuers {
		a.caps[i.DID], a.members[i.DID] = i.Cap, struct{}{}
	}
	for _, w := range g.Witnesses {
		a.members[w.DID] = struct{}{}
	}
	return a
}

// foundIssuer makes the account of an issuer when the network begins. What it may still issue counts as its wealth, for
// it could issue it to itself; so it has credit before there is any money.
func (s *State) foundIssuer(i settle.Issuer) {
	a, l := settle.NewAccount(i.DID), s.limits()
	a.Credit = settle.Credit{Units: l.CreditMax(i.Cap), Since: s.head.Time}
	s.createSlot(settle.AccountKey(i.DID), a.Encode())
}

func (s *State) limits() settle.Limits { return s.network.Genesis.Limits }

// wealth is what earns an account credit: what it has, and for an issuer what it may still issue.
func (g *stage) wealth(d wallet.DID, a settle.Account) money.Amount {
	most, ok := g.state.authority.caps[d]
	if !ok {
		return a.Wealth()
	}
	issuer, _ := load(g, settle.IssuerKey(d), settle.DecodeIssuerSlot)
	return a.Wealth() + most - (issuer.Issued - issuer.Redeemed) // together at most what all caps allow
}

// earn stores the credit that an account has earned up to now, before something else changes its wealth.
func (g *stage) earn(d wallet.DID) {
	if _, exists := g.get(settle.AccountKey(d)); exists {
		g.putAccount(d, g.account(d))
	}
}

// affords tells whether an account can pay for some work now.
func (g *stage) affords(d wallet.DID, work uint64) bool {
	return g.state.limits().CreditInterval == 0 || g.account(d).Credit.Units >= work
}

// affordable tells whether whoever pays for this vertex can.
func (g *stage) affordable() bool { return g.affords(g.payer, g.work) }

// payerOf gives whose credit a vertex costs: its issuer's. Where both parties of a channel signed, and the issuer is one
// of them without enough, it is the other's: a station that was never paid out has no credit of its own.
func (g *stage) payerOf(by wallet.DID, p settle.Payload) wallet.DID {
	var id channel.ID
	switch p := p.(type) {
	case *settle.Withdraw:
		id = p.Signed.Withdrawal.Channel
	case *settle.CooperativeClose:
		id = p.Signed.Close.Channel
	default:
		return by
	}
	c, ok := g.channel(id)
	if !ok || g.affords(by, g.work) || by != c.Opening.Opener && by != c.Opening.Partner && by != c.Opening.Payout {
		return by
	}
	for _, party := range []wallet.DID{c.Opening.Opener, c.Opening.Partner} {
		if g.affords(party, g.work) {
			return party
		}
	}
	return by
}

// charge takes the credit that a vertex costs from who pays for it.
func (g *stage) charge(d wallet.DID) settle.Verdict {
	switch {
	case g.work == 0 || g.state.limits().CreditInterval == 0:
		return settle.Applied
	case !g.affords(d, g.work):
		return settle.CreditSpent
	}
	a := g.account(d)
	a.Credit.Units -= g.work
	g.putAccount(d, a)
	return settle.Applied
}

// price says what work of a vertex its issuer pays for, and notes what its channels' openings have paid already. It reads
// slots only, so that it is cheap beside the work itself; of what turns out to change nothing, nothing is charged.
func (g *stage) price(by wallet.DID, p settle.Payload) {
	switch p := p.(type) {
	case *settle.Transfer:
		g.work = settle.WorkVertex + g.priceAccount(by, p.To)
	case *settle.Open:
		g.work = settle.WorkOpen
	case *settle.Settle:
		g.work = g.priceClaims(by, p.Claims)
	case *settle.Withdraw:
		g.work = g.priceWithdrawal(p.Signed.Withdrawal)
	case *settle.CooperativeClose:
		g.work = g.priceOne(p.Signed.Close.Channel, settle.WorkCosigned, settle.PrepaidClose, settle.PrepaidFinalise)
	case *settle.CloseRequest:
		g.work = g.priceRequest(by, p)
	case *settle.Finalise:
		g.work = g.priceOne(p.Channel, 0, settle.PrepaidFinalise)
	case *settle.Publish:
		g.work = settle.WorkIdentity + g.priceAccount(by, p.DID)
	case *settle.Rotate:
		g.work = settle.WorkIdentity + g.priceAccount(by, p.DID)
	case *settle.Deactivate:
		g.work = settle.WorkIdentity + g.priceAccount(by, p.DID)
	default:
		g.work = settle.WorkVertex
	}
}

// priceAccount is the price of making an account, for whom the genesis does not name.
func (g *stage) priceAccount(by, to wallet.DID) uint64 {
	if _, free := g.state.authority.members[by]; free {
		return 0
	}
	if _, exists := g.get(settle.AccountKey(to)); exists {
		return 0
	}
	return uint64(g.state.limits().RegistrationCredit)
}

// priceOne is the price of a vertex that concerns one channel. Nothing changes one that is closed.
func (g *stage) priceOne(id channel.ID, extra uint64, ways ...settle.Prepaid) uint64 {
	c, ok := g.channel(id)
	if ok && (c.State == channel.Closed || g.cover(id, c, ways...)) {
		return 0
	}
	return settle.WorkVertex + extra
}

func (g *stage) priceWithdrawal(w channel.Withdrawal) uint64 {
	if c, ok := g.channel(w.Channel); ok && w.Sequence <= c.Withdrawal {
		return 0
	}
	return g.priceOne(w.Channel, settle.WorkCosigned, settle.PrepaidWithdraw)
}

func (g *stage) priceRequest(by wallet.DID, p *settle.CloseRequest) uint64 {
	id := p.Signed.Request.Channel
	if c, ok := g.channel(id); ok && c.State == channel.Closing {
		return g.priceClaims(by, p.Claims) // the rest of it is stale
	}
	return g.priceOne(id, settle.WorkRequest+uint64(len(p.Claims))*settle.WorkClaim, settle.PrepaidClose)
}

// priceClaims prices the claims that stand above their lanes, channel by channel. When one channel has paid for its own,
// the vertex around them is paid for too.
func (g *stage) priceClaims(by wallet.DID, claims []channel.Best) uint64 {
	raising, covered := uint64(0), false
	for i := 0; i < len(claims); {
		id, n := claims[i].Signed.Claim.Channel, uint64(0)
		c, ok := g.channel(id)
		for ; i < len(claims) && claims[i].Signed.Claim.Channel == id; i++ {
			if ok && raises(c, claims[i]) {
				n++
			}
		}
		if n > 0 && g.cover(id, c, claimWays(by, c)...) {
			covered, n = true, 0
		}
		raising += n
	}
	if covered || raising == 0 {
		return raising * settle.WorkClaim
	}
	return settle.WorkVertex + raising*settle.WorkClaim
}

// claimWays gives what may pay for claims on a channel: inside a challenge window first the party's own challenge.
func claimWays(by wallet.DID, c settle.Channel) []settle.Prepaid {
	switch o := c.Opening; {
	case c.State != channel.Closing:
		return []settle.Prepaid{settle.PrepaidSettle}
	case by == o.Opener:
		return []settle.Prepaid{settle.PrepaidOpenerChallenge, settle.PrepaidSettle}
	case by == o.Partner || by == o.Payout:
		return []settle.Prepaid{settle.PrepaidPartnerChallenge, settle.PrepaidSettle}
	}
	return []settle.Prepaid{settle.PrepaidSettle}
}

// cover notes the first of several prepayments that a channel still has.
func (g *stage) cover(id channel.ID, c settle.Channel, ways ...settle.Prepaid) bool {
	for _, way := range ways {
		if c.Prepaid&way != 0 {
			if g.covered == nil {
				g.covered = make(map[channel.ID]settle.Prepaid)
			}
			g.covered[id] = way
			return true
		}
	}
	return false
}

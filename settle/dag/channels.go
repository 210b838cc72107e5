package dag

import (
	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func (g *stage) channel(id channel.ID) (settle.Channel, bool) {
	return load(g, settle.ChannelKey(id), settle.DecodeChannel)
}

// keepChannel stores a channel that holds as much as before, and marks as used what has paid for this vertex.
func (g *stage) keepChannel(id channel.ID, c settle.Channel) {
	c.Prepaid &^= g.covered[id]
	g.put(settle.ChannelKey(id), c.Encode())
}

// putChannel is keepChannel for one whose money moved: it is part of the parties' wealth.
func (g *stage) putChannel(id channel.ID, c settle.Channel) settle.Verdict {
	before, _ := g.channel(id)
	was, err := before.Shares()
	if err != nil {
		return settle.OutOfRange
	}
	is, err := c.Shares()
	if err != nil {
		return settle.OutOfRange
	}
	for p := range is {
		if is[p] != was[p] {
			owner := c.Opening.Account(channel.Party(p))
			a := g.account(owner)
			a.Locked += is[p] - was[p] // together at most what was issued
			g.putAccount(owner, a)
		}
	}
	g.keepChannel(id, c)
	return settle.Applied
}

func (g *stage) open(by wallet.DID, p *settle.Open) settle.Verdict {
	o, id := p.Opening, p.Opening.ID()
	_, exists := g.get(settle.ChannelKey(id))
	switch {
	case o.Network != g.state.network.ID:
		return settle.WrongNetwork
	case o.Terms.Currency != g.state.network.Genesis.Currency:
		return settle.WrongCurrency
	case o.Opener != by:
		return settle.NotParty
	case exists:
		return settle.ChannelExists
	case settle.LedgerTimeOf(o.Terms.Expiry) <= g.state.head.Time:
		return settle.BadExpiry
	case o.Deposit < g.state.limits().ChannelLock:
		return settle.BelowChannelLock
	case !g.active(o.Partner) || !g.active(o.Payout):
		return settle.Deactivated
	}
	if v := g.spend(by, p.Sequence, o.Deposit); !v.Accepted() {
		return v
	}
	if _, exists := g.get(settle.AccountKey(o.Payout)); !exists {
		g.register(o.Payout, settle.PayoutCredit) // so that no pay-out has to; the opening's work covers it
	}
	g.lock(o.Deposit)
	return g.putChannel(id, settle.NewChannel(o))
}

func (g *stage) topUp(by wallet.DID, p *settle.TopUp) settle.Verdict {
	c, ok := g.channel(p.Channel)
	switch {
	case !ok:
		return settle.UnknownChannel
	case !mayTopUp(c.Opening, p.Party, by):
		return settle.NotParty
	case c.State == channel.Closed:
		return settle.ChannelClosed
	case c.State == channel.Closing:
		return settle.ChannelClosing
	case !p.Expiry.IsZero() && !p.Expiry.After(c.Expiry):
		return settle.BadExpiry
	}
	if v := g.spend(by, p.Sequence, p.Amount); !v.Accepted() {
		return v
	}
	var err error
	if c.Funds.Deposited[p.Party], err = c.Funds.Deposited[p.Party].Add(p.Amount); err != nil {
		return settle.OutOfRange
	}
	if _, err := c.Funds.Locked(); err != nil {
		return settle.OutOfRange
	}
	if !p.Expiry.IsZero() {
		c.Expiry = p.Expiry
	}
	g.lock(p.Amount)
	return g.putChannel(p.Channel, c)
}

func mayTopUp(o channel.Opening, p channel.Party, by wallet.DID) bool {
	if party, ok := o.PartyOf(by); ok {
		return party == p
	}
	return by == o.Account(p)
}

// settle is all or nothing for signatures and channels, but a channel that was closed meanwhile does not spoil the
// claims of the others.
func (g *stage) settle(v *settle.Vertex, p *settle.Settle) settle.Verdict {
	if !g.affordable() {
		return settle.CreditSpent
	}
	raised, late := false, false
	vertex := v.ID()
	bad := g.badClaims(vertex, p)
	for i, claim := range p.Claims {
		switch v := g.raise(vertex, claim, func(channel.Opening) bool { return !bad[i] }); v {
		case settle.Applied:
			raised = true
		case settle.NoOp:
		case settle.ChannelClosed:
			late = true
		default:
			return v
		}
	}
	switch {
	case raised:
		return settle.Applied
	case late:
		return settle.ChannelClosed
	}
	return settle.NoOp
}

// raise joins one claim into its lane (I2) if it is good. No claim is refused for its size: pay-out clamps.
func (g *stage) raise(vertex settle.VertexID, claim channel.Best, good func(channel.Opening) bool) settle.Verdict {
	id, n := claim.Signed.Claim.Channel, claim.Signed.Claim.Lane
	c, ok := g.channel(id)
	if !ok {
		return settle.UnknownChannel
	}
	if claim.IsZero() || !c.Lanes[n].Below(claim) {
		return settle.NoOp
	}
	if c.State == channel.Closed {
		return settle.ChannelClosed
	}
	if !good(c.Opening) {
		return settle.BadClaim
	}
	owed := claim.Owed()
	c.Lanes[n] = settle.Lane{
		Maximum: max(c.Lanes[n].Maximum, owed), Owed: owed, Sequence: claim.Signed.Claim.Sequence,
		Claim: claim.Signed.Claim.Hash(), Ticks: claim.Ticks, Vertex: vertex,
	}
	g.keepChannel(id, c)
	return settle.Applied
}

// raises tells whether a claim stands above its lane in a channel that still takes it.
func raises(c settle.Channel, claim channel.Best) bool {
	return c.State != channel.Closed && !claim.IsZero() && c.Lanes[claim.Signed.Claim.Lane].Below(claim)
}

// withdraw pays out what both signed. Totals are cumulative, so a later withdrawal stands for the earlier ones. It is
// good while the window runs: both count it from its signing.
func (g *stage) withdraw(by wallet.DID, p *settle.Withdraw) settle.Verdict {
	w := p.Signed.Withdrawal
	c, ok := g.channel(w.Channel)
	switch {
	case !ok:
		return settle.UnknownChannel
	case !g.affordable():
		return settle.CreditSpent
	}
	if p.Signed.Verify(c.Opening) != nil {
		return settle.BadClaim
	}
	if w.Sequence <= c.Withdrawal {
		return settle.NoOp
	}
	if c.State == channel.Closed {
		return settle.ChannelClosed
	}
	var paid channel.PerParty
	for party := range paid {
		if paid[party] = w.Totals[party] - c.Funds.Withdrawn[party]; paid[party] < 0 {
			return settle.WithdrawalOrder
		}
	}
	c.Withdrawal, c.Funds.Withdrawn = w.Sequence, w.Totals
	if locked, err := c.Funds.Locked(); err != nil || locked < 0 {
		return settle.AboveNet
	}
	raiseMaxima(&c, w.Lanes)
	if v := g.putChannel(w.Channel, c); !v.Accepted() {
		return v
	}
	return g.payOut(c.Opening, paid)
}

// raiseMaxima joins lanes that both parties signed.
func raiseMaxima(c *settle.Channel, lanes channel.PerLane) {
	for n := range lanes {
		c.Lanes[n].Maximum = max(c.Lanes[n].Maximum, lanes[n])
	}
}

// payOut moves locked money to the parties' accounts.
func (g *stage) payOut(o channel.Opening, paid channel.PerParty) settle.Verdict {
	var total money.Amount
	for p, amount := range paid {
		if amount == 0 {
			continue
		}
		total += amount // together at most what was locked
		if v := g.credit(o.Account(channel.Party(p)), amount); !v.Accepted() {
			return v
		}
	}
	g.lock(-total)
	return settle.Applied
}

// end pays out everything by I3 and closes the channel.
func (g *stage) end(id channel.ID, c settle.Channel) settle.Verdict {
	shares, err := channel.Payout(c.Funds, c.Maxima())
	if err != nil {
		return settle.OutOfRange
	}
	c.State, c.Payout = channel.Closed, shares
	if v := g.putChannel(id, c); !v.Accepted() {
		return v
	}
	return g.payOut(c.Opening, shares)
}

func (g *stage) cooperativeClose(by wallet.DID, p *settle.CooperativeClose) settle.Verdict {
	agreed := p.Signed.Close
	c, ok := g.channel(agreed.Channel)
	switch {
	case !ok:
		return settle.UnknownChannel
	case !g.affordable():
		return settle.CreditSpent
	}
	if p.Signed.Verify(c.Opening) != nil {
		return settle.BadClaim
	}
	switch {
	case c.State == channel.Closed && agreed.Lanes == c.Maxima():
		return settle.NoOp // both parties submitted it
	case c.State == channel.Closed:
		return settle.ChannelClosed
	case settle.LedgerTimeOf(agreed.NotAfter) < g.state.head.Time:
		return settle.CloseExpired
	case agreed.Lanes[0] < c.Lanes[0].Maximum || agreed.Lanes[1] < c.Lanes[1].Maximum:
		return settle.BelowMaxima
	}
	raiseMaxima(&c, agreed.Lanes)
	return g.end(agreed.Channel, c)
}

func (g *stage) closeRequest(v *settle.Vertex, p *settle.CloseRequest) settle.Verdict {
	id := p.Signed.Request.Channel
	c, ok := g.channel(id)
	switch {
	case !ok:
		return settle.UnknownChannel
	case !g.affordable():
		return settle.CreditSpent
	}
	if p.Signed.Verify(c.Opening) != nil {
		return settle.BadClaim
	}
	if c.State == channel.Closed {
		return settle.ChannelClosed
	}
	verdict := settle.NoOp
	if c.State == channel.Open {
		g.state.startWindow(&c)
		g.keepChannel(id, c)
		verdict = settle.Applied
	}
	for _, claim := range p.Claims {
		verify := func(o channel.Opening) bool { return g.state.claims.verify(o, claim) }
		switch v := g.raise(v.ID(), claim, verify); v {
		case settle.Applied:
			verdict = settle.Applied
		case settle.NoOp:
		default:
			return v
		}
	}
	return verdict
}

func (g *stage) finalise(p *settle.Finalise) settle.Verdict {
	c, ok := g.channel(p.Channel)
	switch {
	case !ok:
		return settle.UnknownChannel
	case c.State == channel.Closed:
		return settle.NoOp // anybody may finalise, and several do
	case c.State == channel.Open:
		return settle.NotClosing
	case !g.state.windowOver(c):
		return settle.WindowOpen
	}
	return g.end(p.Channel, c)
}

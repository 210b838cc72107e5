package dag_test

import (
	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func (n *naive) apply(payer, by wallet.DID, payload settle.Payload, work int64) settle.Verdict {
	switch x := payload.(type) {
	case *settle.Anchor:
		return settle.Applied
	case *settle.Transfer:
		if v := n.spend(by, x.Sequence, int64(x.Amount)); v != settle.Applied {
			return v
		}
		return n.pay(x.To, int64(x.Amount))
	case *settle.Issue:
		return n.issue(by, x)
	case *settle.Redeem:
		if _, ok := n.caps[x.Issuer]; !ok {
			return settle.NotIssuer
		}
		if v := n.spend(by, x.Sequence, int64(x.Amount)); v != settle.Applied {
			return v
		}
		if int64(x.Amount) > n.issued[x.Issuer] {
			return settle.AboveCap
		}
		n.issued[x.Issuer] -= int64(x.Amount)
		n.total -= int64(x.Amount)
		return settle.Applied
	case *settle.Open:
		return n.open(by, x)
	case *settle.TopUp:
		return n.topUp(by, x)
	case *settle.Settle:
		if !n.affords(by, work) {
			return settle.CreditSpent
		}
		return n.settle(x)
	case *settle.Withdraw:
		return n.withdraw(payer, x, work)
	case *settle.CooperativeClose:
		return n.cooperate(payer, x, work)
	case *settle.CloseRequest:
		return n.request(by, x, work)
	case *settle.Finalise:
		return n.finalise(x)
	}
	return n.applyIdentity(by, payload, work)
}

func (n *naive) spend(d wallet.DID, sequence uint64, amount int64) settle.Verdict {
	a := n.accounts[d]
	switch left := a.balance - amount; {
	case sequence != a.sequence+1:
		return settle.WrongSequence
	case left < 0:
		return settle.Overspend
	case amount > 0 && left > 0 && left < int64(n.limits.AccountLock):
		return settle.BelowAccountLock
	}
	a.balance -= amount
	a.sequence++
	n.accounts[d] = a
	return settle.Applied
}

func (n *naive) pay(d wallet.DID, amount int64) settle.Verdict {
	if n.accounts[d].deactivated {
		return settle.Deactivated
	}
	if _, exists := n.accounts[d]; !exists {
		n.create(d, n.first())
	}
	n.give(d, amount)
	if n.accounts[d].balance < int64(n.limits.AccountLock) {
		return settle.BelowAccountLock
	}
	return settle.Applied
}

// first is the credit with which a sponsored account begins.
func (n *naive) first() int64 {
	if !n.credited() {
		return 0
	}
	return int64(n.limits.RegistrationCredit)
}

func (n *naive) give(d wallet.DID, amount int64) {
	a := n.accounts[d]
	a.balance += amount
	n.accounts[d] = a
}

func (n *naive) issue(by wallet.DID, x *settle.Issue) settle.Verdict {
	most, ok := n.caps[by]
	if !ok {
		return settle.NotIssuer
	}
	key, mint := settle.MintKey(by, x.Reference), naiveMint{x.To, int64(x.Amount)}
	if before, minted := n.minted[key]; minted && before == mint {
		return settle.NoOp
	} else if minted {
		return settle.MintedTwice
	}
	if n.issued[by]+mint.amount > most {
		return settle.AboveCap
	}
	n.issued[by] += mint.amount
	n.total += mint.amount
	n.minted[key] = mint
	n.order = append(n.order, key)
	return n.pay(x.To, mint.amount)
}

func (n *naive) open(by wallet.DID, x *settle.Open) settle.Verdict {
	o, id := x.Opening, x.Opening.ID()
	_, exists := n.channels[id]
	switch {
	case o.Network != n.network:
		return settle.WrongNetwork
	case o.Terms.Currency != money.Currency{'E', 'U', 'R'}:
		return settle.WrongCurrency
	case o.Opener != by:
		return settle.NotParty
	case exists:
		return settle.ChannelExists
	case o.Terms.Expiry.Sub(startTime) <= n.now:
		return settle.BadExpiry
	case o.Deposit < n.limits.ChannelLock:
		return settle.BelowChannelLock
	case n.accounts[o.Partner].deactivated || n.accounts[o.Payout].deactivated:
		return settle.Deactivated
	}
	if v := n.spend(by, x.Sequence, int64(o.Deposit)); v != settle.Applied {
		return v
	}
	if _, exists := n.accounts[o.Payout]; !exists {
		n.create(o.Payout, 8)
	}
	n.order = append(n.order, settle.ChannelKey(id))
	n.channels[id] = naiveChannel{
		opening: o, in: [2]int64{int64(o.Deposit)}, state: channel.Open, expiry: o.Terms.Expiry.Sub(startTime),
		prepaid: map[string]bool{"settle": true, "withdraw": true, "challenge of the opener": true, "challenge of the partner": true, "close": true, "finalise": true},
	}
	return settle.Applied
}

func (n *naive) topUp(by wallet.DID, x *settle.TopUp) settle.Verdict {
	c, ok := n.channels[x.Channel]
	if !ok {
		return settle.UnknownChannel
	}
	allowed := by == []wallet.DID{c.opening.Opener, c.opening.Payout}[x.Party]
	switch by {
	case c.opening.Opener:
		allowed = x.Party == channel.Opener
	case c.opening.Partner:
		allowed = x.Party == channel.Partner
	}
	switch {
	case !allowed:
		return settle.NotParty
	case c.state == channel.Closed:
		return settle.ChannelClosed
	case c.state == channel.Closing:
		return settle.ChannelClosing
	case !x.Expiry.IsZero() && x.Expiry.Sub(startTime) <= c.expiry:
		return settle.BadExpiry
	}
	if v := n.spend(by, x.Sequence, int64(x.Amount)); v != settle.Applied {
		return v
	}
	c.in[x.Party] += int64(x.Amount)
	if !x.Expiry.IsZero() {
		c.expiry = x.Expiry.Sub(startTime)
	}
	n.channels[x.Channel] = c
	return settle.Applied
}

func (n *naive) settle(x *settle.Settle) settle.Verdict {
	result := settle.NoOp
	for _, best := range x.Claims {
		switch v := n.raise(best); {
		case v == settle.Applied:
			result = settle.Applied
		case v == settle.ChannelClosed && result == settle.NoOp:
			result = settle.ChannelClosed
		case v == settle.NoOp || v == settle.ChannelClosed:
		default:
			return v
		}
	}
	return result
}

func (n *naive) raise(best channel.Best) settle.Verdict {
	claim := best.Signed.Claim
	c, ok := n.channels[claim.Channel]
	switch {
	case !ok:
		return settle.UnknownChannel
	case !c.below(best):
		return settle.NoOp
	case c.state == channel.Closed:
		return settle.ChannelClosed
	case wallet.Verify(c.opening.Key(claim.Lane.Payer()), wallet.DomainClaim, n.network, claim.Encode(), best.Signed.Signature) != nil:
		return settle.BadClaim
	}
	owed := int64(best.Owed())
	c.lanes[claim.Lane] = naiveLane{max(c.lanes[claim.Lane].most, owed), owed, claim.Sequence, claim.Hash()}
	n.channels[claim.Channel] = c
	return settle.Applied
}

func (n *naive) withdraw(payer wallet.DID, x *settle.Withdraw, work int64) settle.Verdict {
	w := x.Signed.Withdrawal
	c, ok := n.channels[w.Channel]
	switch {
	case !ok:
		return settle.UnknownChannel
	case !n.affords(payer, work):
		return settle.CreditSpent
	case !n.cosigned(c, wallet.DomainWithdrawal, w.Encode(), x.Signed.Signatures):
		return settle.BadClaim
	case w.Sequence <= c.withdrawn:
		return settle.NoOp
	case c.state == channel.Closed:
		return settle.ChannelClosed
	case int64(w.Totals[0]) < c.out[0] || int64(w.Totals[1]) < c.out[1]:
		return settle.WithdrawalOrder
	case int64(w.Totals[0])+int64(w.Totals[1]) > c.in[0]+c.in[1]:
		return settle.AboveNet
	}
	for p, total := range w.Totals {
		n.give(c.opening.Account(channel.Party(p)), int64(total)-c.out[p])
		c.out[p] = int64(total)
		c.lanes[p].most = max(c.lanes[p].most, int64(w.Lanes[p]))
	}
	c.withdrawn = w.Sequence
	n.channels[w.Channel] = c
	return settle.Applied
}

func (n *naive) cosigned(c naiveChannel, d wallet.Domain, body []byte, signatures [2]wallet.Signature) bool {
	for p, s := range signatures {
		if wallet.Verify(c.opening.Key(channel.Party(p)), d, n.network, body, s) != nil {
			return false
		}
	}
	return true
}

func (n *naive) cooperate(payer wallet.DID, x *settle.CooperativeClose, work int64) settle.Verdict {
	agreed := x.Signed.Close
	c, ok := n.channels[agreed.Channel]
	if !ok {
		return settle.UnknownChannel
	}
	maxima := channel.PerLane{money.Amount(c.lanes[0].most), money.Amount(c.lanes[1].most)}
	switch {
	case !n.affords(payer, work):
		return settle.CreditSpent
	case !n.cosigned(c, wallet.DomainClose, agreed.Encode(), x.Signed.Signatures):
		return settle.BadClaim
	case c.state == channel.Closed && agreed.Lanes == maxima:
		return settle.NoOp
	case c.state == channel.Closed:
		return settle.ChannelClosed
	case agreed.NotAfter.Sub(startTime) < n.now:
		return settle.CloseExpired
	case agreed.Lanes[0] < maxima[0] || agreed.Lanes[1] < maxima[1]:
		return settle.BelowMaxima
	}
	c.lanes[0].most, c.lanes[1].most = int64(agreed.Lanes[0]), int64(agreed.Lanes[1])
	n.end(agreed.Channel, c)
	return settle.Applied
}

// end pays each its net less what it owes and plus what it is owed, as far as the channel holds it.
func (n *naive) end(id channel.ID, c naiveChannel) {
	held := c.in[0] + c.in[1] - c.out[0] - c.out[1]
	opener := max(0, min(held, c.in[0]-c.out[0]-c.lanes[0].most+c.lanes[1].most))
	n.give(c.opening.Opener, opener)
	n.give(c.opening.Payout, held-opener)
	c.state = channel.Closed
	n.channels[id] = c
}

func (n *naive) request(by wallet.DID, x *settle.CloseRequest, work int64) settle.Verdict {
	r := x.Signed.Request
	c, ok := n.channels[r.Channel]
	switch {
	case !ok:
		return settle.UnknownChannel
	case !n.affords(by, work):
		return settle.CreditSpent
	case wallet.Verify(c.opening.Key(r.By), wallet.DomainCloseRequest, n.network, r.Encode(), x.Signed.Signature) != nil:
		return settle.BadClaim
	case c.state == channel.Closed:
		return settle.ChannelClosed
	}
	result := settle.NoOp
	if c.state == channel.Open {
		n.channels[r.Channel] = n.closing(c)
		result = settle.Applied
	}
	for _, best := range x.Claims {
		switch v := n.raise(best); v {
		case settle.Applied:
			result = settle.Applied
		case settle.NoOp:
		default:
			return v
		}
	}
	return result
}

func (n *naive) finalise(x *settle.Finalise) settle.Verdict {
	c, ok := n.channels[x.Channel]
	switch {
	case !ok:
		return settle.UnknownChannel
	case c.state == channel.Closed:
		return settle.NoOp
	case c.state == channel.Open:
		return settle.NotClosing
	case n.windows < c.windowEnd || n.rounds < c.since+int(n.limits.WindowCheckpoints):
		return settle.WindowOpen
	}
	n.end(x.Channel, c)
	return settle.Applied
}

func (n *naive) applyIdentity(by wallet.DID, payload settle.Payload, work int64) settle.Verdict {
	switch x := payload.(type) {
	case *settle.Publish:
		i, registered := n.dids[x.DID]
		if registered && i.version == x.Version && !n.accounts[x.DID].deactivated && i.document.Equal(x.Document) {
			return settle.NoOp
		}
		if !registered && x.Version != 1 {
			return settle.UnknownDID
		}
		return n.change(by, x.DID, x.Version, work, x.Verify, func(i *naiveDID, _ *naiveAccount) { i.document = x.Document })
	case *settle.Rotate:
		if i, ok := n.dids[x.DID]; ok && i.version == x.Version && n.accounts[x.DID].key == x.Key {
			return settle.NoOp
		}
		return n.change(by, x.DID, x.Version, work, x.Verify, func(_ *naiveDID, a *naiveAccount) { a.key = x.Key })
	case *settle.Deactivate:
		if i, ok := n.dids[x.DID]; ok && i.version == x.Version && n.accounts[x.DID].deactivated {
			return settle.NoOp
		}
		return n.change(by, x.DID, x.Version, work, x.Verify, func(_ *naiveDID, a *naiveAccount) { a.deactivated = true })
	}
	panic("no rule for this payload")
}

func (n *naive) change(by, d wallet.DID, version uint64, work int64, verify func(wallet.NetworkID, wallet.PublicKey) error, edit func(*naiveDID, *naiveAccount)) settle.Verdict {
	i, registered := n.dids[d]
	a, exists := n.accounts[d]
	key := d.InceptionKey()
	if exists {
		key = a.key
	}
	switch {
	case a.deactivated:
		return settle.Deactivated
	case version != i.version+1:
		return settle.WrongVersion
	case !n.affords(by, work):
		return settle.CreditSpent
	case verify(n.network, key) != nil:
		return settle.BadDocument
	}
	if !exists {
		n.create(d, n.first())
		a = n.accounts[d]
	}
	if !registered {
		n.order = append(n.order, settle.DIDKey(d))
	}
	edit(&i, &a)
	i.version = version
	n.dids[d], n.accounts[d] = i, a
	return settle.Applied
}

package dag_test

import (
	"math"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// small keeps the window of parents short.
func small() settle.Limits {
	l := unlimited()
	l.ParentWindow = 16
	return l
}

func anchor(n byte) *settle.Anchor { return &settle.Anchor{Hash: [32]byte{n, 1}} }

// refusals has a case for every verdict that refuses. Each gets a ledger with an open channel of 50 between p.opener and
// p.partner, who have 50 and 100 left.
var refusals = []struct {
	name  string
	want  settle.Verdict
	apply func(*pair) settle.Verdict
}{
	{"parent that does not exist", settle.UnknownParent, func(p *pair) settle.Verdict {
		return p.apply(p.vertexOn(p.opener, []settle.VertexID{p.state.Tips(0)[0], {1}}, anchor(1)))
	}},
	{"parent that was refused", settle.UnknownParent, func(p *pair) settle.Verdict {
		refused := p.vertex(p.opener, &settle.Finalise{Channel: p.id})
		p.apply(refused)
		return p.apply(p.vertexOn(p.opener, []settle.VertexID{p.state.Tips(0)[0], refused.ID()}, anchor(1)))
	}},
	{"parent that left the window", settle.ParentTooOld, func(p *pair) settle.Verdict {
		old := p.state.Tips(0)
		for n := range byte(17) {
			p.must(p.opener, anchor(n))
		}
		return p.apply(p.vertexOn(p.opener, old, anchor(99)))
	}},
	{"genesis alone when more exist", settle.TooFewParents, func(p *pair) settle.Verdict {
		return p.apply(p.vertexOn(p.opener, []settle.VertexID{p.genesis.ID()}, anchor(1)))
	}},
	{"signature of another key", settle.BadSignature, func(p *pair) settle.Verdict {
		forger := p.partner
		forger.did = p.opener.did
		return p.do(forger, anchor(1))
	}},
	{"another network", settle.WrongNetwork, func(p *pair) settle.Verdict {
		v, err := settle.Sign(settle.Draft{Network: wallet.NetworkID{1}, Issuer: p.opener.did, Parents: p.state.Tips(0), Payload: anchor(1)}, p.opener.key)
		if err != nil {
			p.Fatal(err)
		}
		return p.apply(v)
	}},
	{"another network's channel", settle.WrongNetwork, func(p *pair) settle.Verdict {
		o := p.draft(eur, 9)
		o.Network = wallet.NetworkID{1}
		return p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: o})
	}},
	{"sequence skipped", settle.WrongSequence, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Transfer{Sequence: p.next(p.opener) + 1, To: p.partner.did, Amount: eur})
	}},
	{"sequence used", settle.WrongSequence, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Transfer{Sequence: p.next(p.opener) - 1, To: p.partner.did, Amount: eur})
	}},
	{"double spend", settle.WrongSequence, func(p *pair) settle.Verdict {
		n := p.next(p.opener)
		p.must(p.opener, &settle.Transfer{Sequence: n, To: p.partner.did, Amount: 50 * eur})
		return p.do(p.opener, &settle.Transfer{Sequence: n, To: newActor(3).did, Amount: 50 * eur})
	}},
	{"transfer of more than there is", settle.Overspend, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Transfer{Sequence: p.next(p.opener), To: p.partner.did, Amount: 50*eur + 1})
	}},
	{"opening with more than there is", settle.Overspend, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: p.draft(50*eur+1, 9)})
	}},
	{"top-up with more than there is", settle.Overspend, func(p *pair) settle.Verdict {
		return p.do(p.partner, &settle.TopUp{Sequence: 1, Channel: p.id, Party: channel.Partner, Amount: 100*eur + 1})
	}},
	{"redeeming more than there is", settle.Overspend, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Redeem{Sequence: p.next(p.opener), Issuer: p.issuer.did, Amount: 50*eur + 1})
	}},
	{"spending without an account", settle.Overspend, func(p *pair) settle.Verdict {
		return p.do(newActor(9), &settle.Transfer{Sequence: 1, To: p.partner.did, Amount: 1})
	}},
	{"issuing beyond an amount's range", settle.OutOfRange, func(p *pair) settle.Verdict { return p.issueTwice() }},
	{"account without a usable key", settle.BadAccount, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Transfer{Sequence: p.next(p.opener), To: wallet.DID{1}, Amount: 1})
	}},
	{"issue by nobody's issuer", settle.NotIssuer, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Issue{Reference: settle.ReferenceOf("x"), To: p.opener.did, Amount: 1})
	}},
	{"redeeming with nobody's issuer", settle.NotIssuer, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Redeem{Sequence: p.next(p.opener), Issuer: p.partner.did, Amount: 1})
	}},
	{"another amount under one reference", settle.MintedTwice, func(p *pair) settle.Verdict {
		p.must(p.issuer, &settle.Issue{Reference: settle.ReferenceOf("x"), To: p.opener.did, Amount: 1})
		return p.do(p.issuer, &settle.Issue{Reference: settle.ReferenceOf("x"), To: p.opener.did, Amount: 2})
	}},
	{"issue above the cap", settle.AboveCap, func(p *pair) settle.Verdict {
		return p.do(p.issuer, &settle.Issue{Reference: settle.ReferenceOf("x"), To: p.opener.did, Amount: 1_000_000*eur - 200*eur + 1})
	}},
	{"claim on an unknown channel", settle.UnknownChannel, func(p *pair) settle.Verdict {
		p.id = channel.ID{1}
		return p.settleClaims(p.partner, p.claim(0, 1, eur))
	}},
	{"opening twice", settle.ChannelExists, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: p.opening})
	}},
	{"opening for somebody else", settle.NotParty, func(p *pair) settle.Verdict {
		return p.do(p.partner, &settle.Open{Sequence: 1, Opening: p.draft(eur, 9)})
	}},
	{"top-up by the other party", settle.NotParty, func(p *pair) settle.Verdict {
		return p.do(p.partner, &settle.TopUp{Sequence: 1, Channel: p.id, Party: channel.Opener, Amount: eur})
	}},
	{"channel in another currency", settle.WrongCurrency, func(p *pair) settle.Verdict {
		o := p.draft(eur, 9)
		o.Terms.Currency = money.Currency{'C', 'H', 'F'}
		return p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: o})
	}},
	{"channel that has expired", settle.BadExpiry, func(p *pair) settle.Verdict {
		o := p.draft(eur, 9)
		o.Terms.Expiry = startTime
		return p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: o})
	}},
	{"top-up to an earlier expiry", settle.BadExpiry, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.TopUp{Sequence: p.next(p.opener), Channel: p.id, Party: channel.Opener, Expiry: p.opening.Terms.Expiry})
	}},
	{"claim signed by its payee", settle.BadClaim, func(p *pair) settle.Verdict {
		c := p.claim(0, 1, eur)
		c.Signed = channel.SignClaim(c.Signed.Claim, p.opening.Network, p.partner.channelKey)
		return p.settleClaims(p.partner, c)
	}},
	{"withdrawal that one party signed", settle.BadClaim, func(p *pair) settle.Verdict {
		w := p.signWithdrawal(1, channel.PerParty{0, eur}, channel.PerLane{eur, 0})
		w.Signed.Signatures[channel.Opener] = wallet.Signature{}
		return p.do(p.partner, w)
	}},
	{"close that one party signed", settle.BadClaim, func(p *pair) settle.Verdict {
		c := p.signClose(channel.PerLane{}, startTime.Add(time.Hour))
		c.Signed.Signatures[channel.Partner] = wallet.Signature{}
		return p.do(p.opener, c)
	}},
	{"close request signed by a stranger", settle.BadClaim, func(p *pair) settle.Verdict {
		r := p.closeRequest(channel.Opener)
		r.Signed.Request.By = channel.Partner
		return p.do(p.opener, r)
	}},
	{"withdrawal above the net", settle.AboveNet, func(p *pair) settle.Verdict {
		return p.do(p.partner, p.signWithdrawal(1, channel.PerParty{0, 50*eur + 1}, channel.PerLane{50*eur + 1, 0}))
	}},
	{"withdrawal whose totals overflow", settle.AboveNet, func(p *pair) settle.Verdict {
		return p.do(p.partner, p.signWithdrawal(1, channel.PerParty{math.MaxInt64, math.MaxInt64}, channel.PerLane{}))
	}},
	{"later withdrawal with lower totals", settle.WithdrawalOrder, func(p *pair) settle.Verdict {
		p.must(p.partner, p.signWithdrawal(1, channel.PerParty{0, 2 * eur}, channel.PerLane{2 * eur, 0}))
		return p.do(p.partner, p.signWithdrawal(2, channel.PerParty{0, eur}, channel.PerLane{2 * eur, 0}))
	}},
	{"close below the maxima", settle.BelowMaxima, func(p *pair) settle.Verdict {
		p.settleClaims(p.partner, p.claim(0, 1, 2*eur))
		return p.do(p.opener, p.signClose(channel.PerLane{eur, 0}, startTime.Add(time.Hour)))
	}},
	{"finalise before the window ends", settle.WindowOpen, func(p *pair) settle.Verdict {
		p.must(p.opener, p.closeRequest(channel.Opener))
		return p.do(p.opener, &settle.Finalise{Channel: p.id})
	}},
	{"finalise without a close", settle.NotClosing, func(p *pair) settle.Verdict {
		return p.do(p.opener, &settle.Finalise{Channel: p.id})
	}},
	{"top-up while closing", settle.ChannelClosing, func(p *pair) settle.Verdict {
		p.must(p.opener, p.closeRequest(channel.Opener))
		return p.do(p.partner, &settle.TopUp{Sequence: 1, Channel: p.id, Party: channel.Partner, Amount: eur})
	}},
	{"double close", settle.ChannelClosed, func(p *pair) settle.Verdict {
		p.must(p.opener, p.signClose(channel.PerLane{eur, 0}, startTime.Add(time.Hour)))
		return p.do(p.opener, p.signClose(channel.PerLane{2 * eur, 0}, startTime.Add(time.Hour)))
	}},
	{"close request after the close", settle.ChannelClosed, func(p *pair) settle.Verdict {
		p.must(p.opener, p.signClose(channel.PerLane{eur, 0}, startTime.Add(time.Hour)))
		return p.do(p.opener, p.closeRequest(channel.Opener))
	}},
	{"better claim after the close", settle.ChannelClosed, func(p *pair) settle.Verdict {
		p.must(p.opener, p.signClose(channel.PerLane{eur, 0}, startTime.Add(time.Hour)))
		return p.settleClaims(p.partner, p.claim(0, 1, 2*eur))
	}},
	{"withdrawal after the close", settle.ChannelClosed, func(p *pair) settle.Verdict {
		p.must(p.opener, p.signClose(channel.PerLane{eur, 0}, startTime.Add(time.Hour)))
		return p.do(p.partner, p.signWithdrawal(1, channel.PerParty{0, eur}, channel.PerLane{eur, 0}))
	}},
	{"top-up after the close", settle.ChannelClosed, func(p *pair) settle.Verdict {
		p.must(p.opener, p.signClose(channel.PerLane{eur, 0}, startTime.Add(time.Hour)))
		return p.do(p.partner, &settle.TopUp{Sequence: 1, Channel: p.id, Party: channel.Partner, Amount: eur})
	}},
	{"vertex without the credit for it", settle.CreditSpent, func(p *pair) settle.Verdict {
		p = p.on(priced())
		p.spendCredit(p.opener)
		return p.do(p.opener, anchor(1))
	}},
	{"opening without the credit for it", settle.CreditSpent, func(p *pair) settle.Verdict {
		p = p.on(priced()) // which has opened one already
		return p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: p.draft(eur, 9)})
	}},
	{"settling by somebody without credit", settle.CreditSpent, func(p *pair) settle.Verdict {
		p = p.on(priced())
		p.must(p.partner, &settle.Settle{Claims: []channel.Best{p.claim(0, 1, eur)}})
		return p.settleClaims(newActor(9), p.claim(0, 2, 2*eur))
	}},
	{"new account for which the sponsor has no credit", settle.CreditSpent, func(p *pair) settle.Verdict {
		return p.on(priced()).send(eur, newActor(9))
	}},
	{"transfer that leaves less than the lock", settle.BelowAccountLock, func(p *pair) settle.Verdict {
		return p.on(locked()).send(50*eur-lock+1, newActor(9))
	}},
	{"transfer of less than the lock to nobody's account", settle.BelowAccountLock, func(p *pair) settle.Verdict {
		return p.on(locked()).send(lock-1, newActor(9))
	}},
	{"channel with less than the lock", settle.BelowChannelLock, func(p *pair) settle.Verdict {
		return p.on(locked()).openWith(10*lock - 1)
	}},
	{"update of a DID that is not registered", settle.UnknownDID, func(p *pair) settle.Verdict {
		return p.publish(p.opener, p.opener, 2, aDocument("nats://a"))
	}},
	{"document that was overtaken", settle.WrongVersion, func(p *pair) settle.Verdict {
		p.publish(p.opener, p.opener, 1, aDocument("nats://a"))
		p.publish(p.opener, p.opener, 2, aDocument("nats://b"))
		return p.publish(p.opener, p.opener, 1, aDocument("nats://a"))
	}},
	{"registered twice with other documents", settle.WrongVersion, func(p *pair) settle.Verdict {
		p.publish(p.opener, p.opener, 1, aDocument("nats://a"))
		return p.publish(p.opener, p.opener, 1, aDocument("nats://b"))
	}},
	{"document of somebody else", settle.BadDocument, func(p *pair) settle.Verdict {
		return p.do(p.opener, settle.NewPublish(p.network(), p.partner.did, 1, aDocument("nats://a"), p.opener.key))
	}},
	{"vertex of a deactivated DID", settle.Deactivated, func(p *pair) settle.Verdict {
		p.must(p.opener, settle.NewDeactivate(p.network(), p.opener.did, 1, p.opener.key))
		return p.do(p.opener, anchor(1))
	}},
	{"close that came too late", settle.CloseExpired, func(p *pair) settle.Verdict {
		c := p.signClose(channel.PerLane{}, startTime.Add(time.Second))
		p.wait(2 * time.Second)
		return p.do(p.opener, c)
	}},
}

// on gives the same pair on a ledger with other limits.
func (p *pair) on(l settle.Limits) *pair {
	p.Helper()
	return openPair(newLedgerWith(p.tb, l), 50*eur)
}

// issueTwice issues everything, redeems it and issues it again, on a ledger whose cap is all that an amount can hold.
func (p *pair) issueTwice() settle.Verdict {
	l := newLedgerCapped(p.tb, math.MaxInt64)
	a := newActor(1)
	l.must(l.issuer, &settle.Issue{Reference: settle.ReferenceOf("1"), To: a.did, Amount: math.MaxInt64})
	l.must(a, &settle.Redeem{Sequence: 1, Issuer: l.issuer.did, Amount: math.MaxInt64})
	return l.do(l.issuer, &settle.Issue{Reference: settle.ReferenceOf("2"), To: a.did, Amount: 1})
}

func TestEveryRefusalIsTypedAndChangesNothing(t *testing.T) {
	seen := map[settle.Verdict]bool{}
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			p := openPair(newLedgerWith(t, small()), 50*eur)
			got := test.apply(p)
			if got != test.want {
				t.Fatalf("got %s, want %s", got, test.want)
			}
			if got.Err() == nil || got.Accepted() {
				t.Errorf("%s is no refusal", got)
			}
			seen[got] = true
		})
	}
	for v := settle.UnknownParent; v <= settle.VerdictMax; v++ {
		if !seen[v] {
			t.Errorf("no case for %s", v)
		}
		if again, err := settle.ParseVerdict(v.String()); err != nil || again != v {
			t.Errorf("%s reads as %s, %v", v, again, err)
		}
	}
}

func TestRefusedVertexChangesNoSlot(t *testing.T) {
	for _, test := range refusals {
		p := openPair(newLedgerWith(t, small()), 50*eur)
		p.state.TakeChanges()
		accepted := p.state.Head().Accepted
		test.apply(p)
		if p.state.Head().Accepted == accepted && p.state.Head().Certified == 0 && len(p.state.TakeChanges()) != 0 {
			t.Errorf("%s: slots changed", test.name)
		}
	}
}

func TestVertexIsDecidedOnce(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	refused := p.vertex(p.opener, &settle.Transfer{Sequence: p.next(p.opener), To: p.partner.did, Amount: 60 * eur})
	if v := p.apply(refused); v != settle.Overspend {
		t.Fatal(v)
	}
	p.fund(p.opener, 100*eur)
	before := p.balance(p.partner)
	if r := p.entry(entryOf(refused)); r.Logged {
		t.Error("a refused vertex was decided again")
	}
	paid := p.vertex(p.opener, &settle.Transfer{Sequence: p.next(p.opener), To: p.partner.did, Amount: eur})
	p.apply(paid)
	if r := p.entry(entryOf(paid)); r.Logged {
		t.Error("an accepted vertex was decided again")
	}
	if got := p.balance(p.partner); got != before+eur {
		t.Errorf("partner has %s", got)
	}
}

func TestMintRetriedUnderItsReferenceIsNoOp(t *testing.T) {
	l := newLedger(t)
	a := newActor(1)
	mint := &settle.Issue{Reference: settle.ReferenceOf("invoice 7"), To: a.did, Amount: 5 * eur}
	l.must(l.issuer, mint)
	if v := l.do(l.issuer, mint); v != settle.NoOp {
		t.Error(v)
	}
	if got := l.balance(a); got != 5*eur {
		t.Errorf("balance %s", got)
	}
}

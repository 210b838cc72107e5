package dag_test

import (
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet/money"
)

// priced are limits under which one EUR earns a credit a second, for at most a minute, and a new account has 30.
func priced() settle.Limits {
	l := unlimited()
	l.CreditInterval, l.CreditCap, l.RegistrationCredit = time.Second, time.Minute, 30
	return l
}

func (l *ledger) credit(a actor) uint64 {
	l.Helper()
	return l.account(a).Credit.Units
}

// spendCredit leaves an account with no credit, by payments to itself.
func (l *ledger) spendCredit(a actor) {
	l.Helper()
	for l.do(a, &settle.Transfer{Sequence: l.next(a), To: a.did, Amount: 1}) == settle.Applied {
	}
	if got := l.credit(a); got != 0 {
		l.Fatalf("%d credit left", got)
	}
}

func TestVerticesBurnCreditAndTimeEarnsIt(t *testing.T) {
	l := newLedgerWith(t, priced())
	a := newActor(1)
	l.fund(a, 2*eur)
	for n := range byte(30) {
		l.must(a, anchor(n))
	}
	if v := l.do(a, anchor(99)); v != settle.CreditSpent {
		t.Fatal(v)
	}
	l.wait(499 * time.Millisecond)
	if v := l.do(a, anchor(100)); v != settle.CreditSpent {
		t.Fatalf("%s a millisecond early", v)
	}
	l.wait(time.Millisecond)
	l.must(a, anchor(101))
	if v := l.do(a, anchor(102)); v != settle.CreditSpent {
		t.Fatal(v)
	}
	l.wait(time.Hour)
	for n := range byte(120) {
		l.must(a, anchor(n))
	}
	if v := l.do(a, anchor(200)); v != settle.CreditSpent {
		t.Fatalf("%s after all that a minute's cap allows", v)
	}
}

func TestWhatIsRefusedStaleOrRepeatedBurnsNothing(t *testing.T) {
	p := openPair(newLedgerWith(t, priced()), 50*eur)
	p.wait(time.Minute)
	p.must(p.partner, &settle.Settle{Claims: []channel.Best{p.claim(0, 2, 2*eur)}})
	p.must(p.partner, &settle.Transfer{Sequence: 1, To: p.opener.did, Amount: 1}) // counts the credit up to now
	before := p.credit(p.partner)
	for name, got := range map[string][2]settle.Verdict{
		"overspend":   {p.do(p.partner, &settle.Transfer{Sequence: 2, To: p.opener.did, Amount: 1000 * eur}), settle.Overspend},
		"sequence":    {p.do(p.partner, &settle.Transfer{Sequence: 9, To: p.opener.did, Amount: 1}), settle.WrongSequence},
		"stale claim": {p.settleClaims(p.partner, p.claim(0, 1, eur)), settle.NoOp},
		"repeated":    {p.settleClaims(p.partner, p.claim(0, 2, 2*eur)), settle.NoOp},
		"finalise":    {p.do(p.partner, &settle.Finalise{Channel: p.id}), settle.NotClosing},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s", name, got[0])
		}
	}
	if got := p.credit(p.partner); got != before {
		t.Errorf("%d credit, before %d", got, before)
	}
}

func TestMoneyInChannelsEarnsCreditToo(t *testing.T) {
	p := openPair(newLedgerWith(t, priced()), 60*eur)
	if a := p.account(p.opener); a.Balance != 40*eur || a.Locked != 60*eur {
		t.Fatalf("%+v", a)
	}
	p.spendCredit(p.opener)
	p.wait(time.Second)
	p.must(p.opener, anchor(1))
	if got := p.credit(p.opener); got != 99 {
		t.Errorf("%d credit after a second with 100 EUR and one vertex", got)
	}
}

func TestLockedMoneyCountsForWhoPutItIn(t *testing.T) {
	p := openPair(newLedgerWith(t, priced()), 50*eur)
	p.wait(time.Minute)
	locked := func(opener, partner money.Amount) {
		t.Helper()
		if a, b := p.account(p.opener).Locked, p.account(p.partner).Locked; a != opener || b != partner {
			t.Errorf("locked %s and %s, want %s and %s", a, b, opener, partner)
		}
	}
	locked(50*eur, 0)
	p.must(p.partner, &settle.TopUp{Sequence: 1, Channel: p.id, Party: channel.Partner, Amount: 5 * eur})
	locked(50*eur, 5*eur)
	p.settleClaims(p.partner, p.claim(0, 1, 20*eur))
	locked(50*eur, 5*eur)
	p.must(p.partner, p.signWithdrawal(1, channel.PerParty{0, 20 * eur}, channel.PerLane{20 * eur, 0}))
	locked(35*eur, 0)
	p.must(p.opener, p.signClose(channel.PerLane{20 * eur, 0}, startTime.Add(time.Hour)))
	locked(0, 0)
}

// creditless opens a channel to a partner who has never had any money, and has used up what its account began with.
func creditless(t *testing.T) (*pair, actor) {
	p := &pair{ledger: newLedgerWith(t, priced()), opener: newActor(1), partner: newActor(2)}
	p.fund(p.opener, 100*eur)
	p.opening = p.draft(50*eur, 1)
	p.id = p.opening.ID()
	p.must(p.opener, &settle.Open{Sequence: 1, Opening: p.opening})
	for n := range byte(settle.PayoutCredit) {
		p.must(p.partner, anchor(100+n))
	}
	return p, p.partner
}

func TestOpeningPaysForTheWholeLifeOfAChannel(t *testing.T) {
	p, poor := creditless(t)
	if got := p.credit(p.opener); got != 30-settle.WorkOpen {
		t.Fatalf("the opening cost %d", 30-got)
	}
	if v := p.do(poor, anchor(1)); v != settle.CreditSpent {
		t.Fatalf("%s: the partner has credit", v)
	}
	p.must(poor, &settle.Settle{Claims: []channel.Best{p.claim(0, 1, eur), p.claim(1, 1, eur)}})
	if v := p.settleClaims(poor, p.claim(0, 2, 2*eur)); v != settle.CreditSpent {
		t.Fatalf("%s: a second settlement is paid for", v)
	}
	p.must(poor, p.closeRequest(channel.Partner, p.claim(0, 3, 3*eur)))
	p.must(poor, &settle.Settle{Claims: []channel.Best{p.claim(0, 4, 4*eur)}})
	if v := p.settleClaims(poor, p.claim(0, 5, 5*eur)); v != settle.CreditSpent {
		t.Fatalf("%s: a second challenge is paid for", v)
	}
	for range 8 {
		p.wait(10 * time.Second)
	}
	p.must(poor, &settle.Finalise{Channel: p.id})
	if got := p.balance(poor); got != 3*eur {
		t.Errorf("partner got %s", got)
	}
	if c := p.channel(p.id); c.Prepaid != settle.PrepaidWithdraw|settle.PrepaidOpenerChallenge {
		t.Errorf("left are %06b", c.Prepaid)
	}
}

func TestWithdrawalAndAgreedCloseArePaidForToo(t *testing.T) {
	p, poor := creditless(t)
	p.must(poor, p.signWithdrawal(1, channel.PerParty{0, 1}, channel.PerLane{1, 0}))
	if v := p.do(poor, p.signWithdrawal(2, channel.PerParty{0, 2}, channel.PerLane{2, 0})); v != settle.CreditSpent {
		t.Fatal(v)
	}
	p.wait(10 * time.Second)
	p.must(p.opener, anchor(99)) // which counts what was earned
	before := p.credit(p.opener)
	p.must(poor, p.signWithdrawal(2, channel.PerParty{0, 2}, channel.PerLane{2, 0}))
	if paid := before - p.credit(p.opener); paid != settle.WorkVertex+settle.WorkCosigned {
		t.Errorf("the other party that signed paid %d", paid)
	}
	stranger := newActor(3)
	if v := p.do(stranger, p.signWithdrawal(3, channel.PerParty{0, 3}, channel.PerLane{3, 0})); v != settle.CreditSpent {
		t.Errorf("a stranger without credit: %s", v)
	}
	p.must(p.opener, p.closeRequest(channel.Opener))
	p.must(poor, p.signClose(channel.PerLane{2 * eur, 0}, startTime.Add(time.Hour)))
}

func TestNeitherPartyNorStrangerUsesUpTheOthersChallenge(t *testing.T) {
	p, poor := creditless(t)
	rich := newActor(3)
	p.fund(rich, 100*eur)
	p.wait(time.Minute)
	p.must(p.opener, p.closeRequest(channel.Opener))
	for n := range uint64(5) { // the opener's own higher claims, from two accounts
		by := []actor{p.opener, rich}[n%2]
		p.must(by, &settle.Settle{Claims: []channel.Best{p.claim(0, n+1, money.Amount(n+1))}})
	}
	p.must(poor, &settle.Settle{Claims: []channel.Best{p.claim(0, 9, 9*eur)}})
}

func TestClaimsCostWhoSettlesAboveWhatIsPrepaid(t *testing.T) {
	p := openPair(newLedgerWith(t, priced()), 10*eur)
	p.wait(time.Minute)
	second := p.draft(10*eur, 2)
	p.must(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: second})
	p.must(p.opener, &settle.Settle{Claims: []channel.Best{p.claim(0, 1, 1)}})
	p.must(p.partner, anchor(1))
	before := p.credit(p.partner)

	other := *p
	other.opening, other.id = second, second.ID()
	both := []channel.Best{p.claim(0, 2, 2), p.claim(1, 2, 2), other.claim(0, 2, 2)}
	if v := p.settleClaims(p.partner, both...); v != settle.Applied {
		t.Fatal(v)
	}
	if got := before - p.credit(p.partner); got != 2*settle.WorkClaim {
		t.Errorf("two claims beside a prepaid one cost %d", got)
	}
	both = []channel.Best{p.claim(0, 3, 3), p.claim(1, 2, 2), other.claim(0, 3, 3)}
	before = p.credit(p.partner)
	if v := p.settleClaims(p.partner, both...); v != settle.Applied {
		t.Fatal(v)
	}
	if got := before - p.credit(p.partner); got != settle.WorkVertex+2*settle.WorkClaim {
		t.Errorf("two claims and a stale one cost %d", got)
	}
}

func TestSponsorPaysForNewAccountsUnlessTheGenesisNamesIt(t *testing.T) {
	l := newLedgerWith(t, priced())
	sponsor := newActor(1)
	l.fund(sponsor, 100*eur)
	if got := l.credit(sponsor); got != 30 {
		t.Fatalf("a new account has %d credit", got)
	}
	if v := l.do(sponsor, &settle.Transfer{Sequence: 1, To: newActor(2).did, Amount: eur}); v != settle.CreditSpent {
		t.Fatalf("%s with the credit of the payment alone", v)
	}
	l.wait(time.Minute)
	l.must(sponsor, anchor(1))
	before := l.credit(sponsor)
	l.must(sponsor, &settle.Transfer{Sequence: 1, To: newActor(2).did, Amount: eur})
	l.must(sponsor, &settle.Transfer{Sequence: 2, To: newActor(2).did, Amount: eur})
	if got := before - l.credit(sponsor); got != 30+2*settle.WorkVertex {
		t.Errorf("a new account and two payments cost %d", got)
	}
	if got := l.credit(newActor(2)); got != 30 {
		t.Errorf("the new account has %d", got)
	}
	issuer := l.credit(l.issuer)
	l.fund(newActor(3), eur)
	if got := issuer - l.credit(l.issuer); got != settle.WorkVertex {
		t.Errorf("an account cost the issuer %d", got)
	}
}

func TestEmptiedAccountKeepsItsSequenceAndIsRevivedAboveTheLock(t *testing.T) {
	l := newLedgerWith(t, locked())
	a, b := newActor(1), newActor(2)
	l.fund(a, eur)
	l.fund(b, eur)
	l.must(a, &settle.Transfer{Sequence: 1, To: b.did, Amount: eur})
	if got := l.account(a); !got.Closed() || got.Sequence != 1 {
		t.Fatalf("%+v", got)
	}
	if v := l.do(b, &settle.Transfer{Sequence: 1, To: a.did, Amount: lock - 1}); v != settle.BelowAccountLock {
		t.Errorf("revived below the lock: %s", v)
	}
	l.must(b, &settle.Transfer{Sequence: 1, To: a.did, Amount: lock})
	if v := l.do(a, &settle.Transfer{Sequence: 1, To: b.did, Amount: lock}); v != settle.WrongSequence {
		t.Errorf("an old sequence again: %s", v)
	}
	l.must(a, &settle.Transfer{Sequence: 2, To: b.did, Amount: lock})
}

const lock = eur / 100

// locked are limits with locks and no credit.
func locked() settle.Limits {
	l := unlimited()
	l.AccountLock, l.ChannelLock = lock, 10*lock
	return l
}

func TestLocksHoldOnBothSidesOfTheirBounds(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(*pair) settle.Verdict
		want settle.Verdict
	}{
		{"leaves the lock", func(p *pair) settle.Verdict { return p.send(50*eur-lock, p.partner) }, settle.Applied},
		{"leaves less", func(p *pair) settle.Verdict { return p.send(50*eur-lock+1, p.partner) }, settle.BelowAccountLock},
		{"leaves one", func(p *pair) settle.Verdict { return p.send(50*eur-1, p.partner) }, settle.BelowAccountLock},
		{"leaves nothing", func(p *pair) settle.Verdict { return p.send(50*eur, p.partner) }, settle.Applied},
		{"new account at the lock", func(p *pair) settle.Verdict { return p.send(lock, newActor(7)) }, settle.Applied},
		{"new account below", func(p *pair) settle.Verdict { return p.send(lock-1, newActor(7)) }, settle.BelowAccountLock},
		{"issued below", func(p *pair) settle.Verdict {
			return p.do(p.issuer, &settle.Issue{Reference: settle.ReferenceOf("low"), To: newActor(7).did, Amount: lock - 1})
		}, settle.BelowAccountLock},
		{"redeem leaves less", func(p *pair) settle.Verdict {
			return p.do(p.opener, &settle.Redeem{Sequence: p.next(p.opener), Issuer: p.issuer.did, Amount: 50*eur - 1})
		}, settle.BelowAccountLock},
		{"channel at the lock", func(p *pair) settle.Verdict { return p.openWith(10 * lock) }, settle.Applied},
		{"channel below", func(p *pair) settle.Verdict { return p.openWith(10*lock - 1) }, settle.BelowChannelLock},
		{"opening leaves less", func(p *pair) settle.Verdict { return p.openWith(50*eur - 1) }, settle.BelowAccountLock},
		{"opening takes all", func(p *pair) settle.Verdict { return p.openWith(50 * eur) }, settle.Applied},
	} {
		p := openPair(newLedgerWith(t, locked()), 50*eur)
		if got := test.do(p); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func (p *pair) send(amount money.Amount, to actor) settle.Verdict {
	p.Helper()
	return p.do(p.opener, &settle.Transfer{Sequence: p.next(p.opener), To: to.did, Amount: amount})
}

func (p *pair) openWith(deposit money.Amount) settle.Verdict {
	p.Helper()
	return p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: p.draft(deposit, 9)})
}

func TestPayOutsMeetNoLock(t *testing.T) {
	p := openPair(newLedgerWith(t, locked()), 50*eur)
	p.must(p.partner, &settle.Transfer{Sequence: 1, To: p.opener.did, Amount: 100 * eur})
	p.must(p.partner, p.signWithdrawal(1, channel.PerParty{0, 1}, channel.PerLane{1, 0}))
	if got := p.balance(p.partner); got != 1 {
		t.Fatalf("balance %s", got)
	}
	p.must(p.partner, &settle.TopUp{Sequence: 2, Channel: p.id, Party: channel.Partner, Amount: 1})
}

package dag_test

import (
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet/money"
)

const eur = money.Nano

func TestCooperativeClosePaysOutBothLanes(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	p.must(p.partner, &settle.TopUp{Sequence: 1, Channel: p.id, Party: channel.Partner, Amount: 10 * eur})
	end := p.signClose(channel.PerLane{20 * eur, 5 * eur}, startTime.Add(time.Hour))
	p.must(p.partner, end)
	if got := p.balance(p.opener); got != 85*eur {
		t.Errorf("opener has %s", got)
	}
	if got := p.balance(p.partner); got != 115*eur {
		t.Errorf("partner has %s", got)
	}
	if v := p.do(p.opener, end); v != settle.NoOp {
		t.Errorf("the other party's submission of the same close: %s", v)
	}
	c := p.channel(p.id)
	if c.State != channel.Closed || c.Payout != (channel.PerParty{35 * eur, 25 * eur}) {
		t.Errorf("slot after the close: %s, %v", c.State, c.Payout)
	}
}

func TestI2_LedgerLaneIsJoinOfClaimsInAnyOrder(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	if v := p.settleClaims(p.partner, p.claim(0, 2, 7*eur)); v != settle.Applied {
		t.Fatal(v)
	}
	for name, stale := range map[string]channel.Best{
		"lower amount":   p.claim(0, 3, 6*eur),
		"lower sequence": p.claim(0, 1, 7*eur),
		"repetition":     p.claim(0, 2, 7*eur),
	} {
		before := p.channel(p.id)
		if v := p.settleClaims(p.opener, stale); v != settle.NoOp {
			t.Errorf("%s: %s", name, v)
		}
		if p.channel(p.id) != before {
			t.Errorf("%s changed the channel", name)
		}
	}
	if v := p.settleClaims(p.partner, p.claim(0, 3, 9*eur), p.claim(1, 1, 2*eur)); v != settle.Applied {
		t.Fatal(v)
	}
	if got := p.channel(p.id).Maxima(); got != (channel.PerLane{9 * eur, 2 * eur}) {
		t.Errorf("lanes at %v", got)
	}
}

func TestI3_ClaimAboveTheDepositSettlesAndIsClampedAtPayOut(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	if v := p.settleClaims(p.partner, p.claim(0, 1, 80*eur)); v != settle.Applied {
		t.Fatal(v)
	}
	p.must(p.partner, p.signClose(channel.PerLane{80 * eur, 0}, startTime.Add(time.Hour)))
	if got := p.balance(p.partner); got != 150*eur {
		t.Errorf("partner has %s", got)
	}
}

func TestWithdrawalPaysWhileOpenAndSettles(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	w := p.signWithdrawal(1, channel.PerParty{0, 27 * eur}, channel.PerLane{27 * eur, 0})
	p.must(p.partner, w)
	if v := p.do(p.opener, w); v != settle.NoOp {
		t.Errorf("repeated: %s", v)
	}
	if got := p.balance(p.partner); got != 127*eur {
		t.Errorf("partner has %s", got)
	}
	// The partner pays 5 back: 28 are due to the opener, though only 23 of the deposit are left and 27 were paid.
	p.must(p.partner, &settle.TopUp{Sequence: 1, Channel: p.id, Party: channel.Partner, Amount: 5 * eur})
	p.must(p.opener, p.signClose(channel.PerLane{27 * eur, 5 * eur}, startTime.Add(time.Hour)))
	if got := p.balance(p.opener); got != 78*eur {
		t.Errorf("opener has %s", got)
	}
}

func TestChallengeInTheWindowCounts(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	p.must(p.opener, p.closeRequest(channel.Opener)) // the opener claims to owe nothing
	p.wait(10 * time.Second)
	if v := p.settleClaims(p.partner, p.claim(0, 9, 30*eur)); v != settle.Applied {
		t.Fatal(v)
	}
	for range 5 {
		p.wait(10 * time.Second)
		p.wait(9 * time.Second)
	}
	p.must(newActor(9), &settle.Finalise{Channel: p.id}) // by a stranger without an account
	if got := p.balance(p.partner); got != 130*eur {
		t.Errorf("partner has %s", got)
	}
	if v := p.do(p.opener, &settle.Finalise{Channel: p.id}); v != settle.NoOp {
		t.Errorf("second finalise: %s", v)
	}
}

func TestExpiryClosesWithAFullWindow(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	p.wait(24*time.Hour - time.Second)
	if got := p.channel(p.id).State; got != channel.Open {
		t.Fatal(got)
	}
	p.wait(time.Second)
	if got := p.channel(p.id); got.State != channel.Closing || got.ClosingSince != settle.LedgerTimeOf(p.clock) {
		t.Fatalf("%s since %d", got.State, got.ClosingSince)
	}
	for range 6 {
		if v := p.do(p.partner, &settle.Finalise{Channel: p.id}); v != settle.WindowOpen {
			t.Fatal(v)
		}
		p.wait(10 * time.Second)
	}
	p.must(p.partner, &settle.Finalise{Channel: p.id})
	if got := p.balance(p.opener); got != 100*eur {
		t.Errorf("opener has %s", got)
	}
}

func TestTopUpMovesTheExpiry(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	later := startTime.Add(48 * time.Hour)
	p.must(p.opener, &settle.TopUp{Sequence: p.next(p.opener), Channel: p.id, Party: channel.Opener, Expiry: later})
	p.wait(25 * time.Hour)
	if got := p.channel(p.id).State; got != channel.Open {
		t.Fatal(got)
	}
	p.wait(24 * time.Hour)
	if got := p.channel(p.id).State; got != channel.Closing {
		t.Fatal(got)
	}
}

func TestOutageDoesNotUseUpTheWindow(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	p.must(p.opener, p.closeRequest(channel.Opener))
	for range 3 {
		p.wait(time.Hour) // each moves the clock of windows by ten seconds at most
	}
	if v := p.do(p.opener, &settle.Finalise{Channel: p.id}); v != settle.WindowOpen {
		t.Fatal(v)
	}
	if got := p.state.Head().Time; got != settle.LedgerTimeOf(p.clock) {
		t.Errorf("ledger time %s, clock %s", got.Time(), p.clock)
	}
}

func TestWindowNeedsCheckpointsBesidesTime(t *testing.T) {
	limits := settle.DefaultLimits()
	limits.StepMax = time.Hour
	p := openPair(newLedgerWith(t, limits), 50*eur)
	p.must(p.opener, p.closeRequest(channel.Opener))
	for range limits.WindowCheckpoints {
		if v := p.do(p.opener, &settle.Finalise{Channel: p.id}); v != settle.WindowOpen {
			t.Fatal(v)
		}
		p.wait(time.Hour)
	}
	p.must(p.opener, &settle.Finalise{Channel: p.id})
}

func TestSettleOfManyChannelsSurvivesOneThatClosed(t *testing.T) {
	p := openPair(newLedger(t), 10*eur)
	first := *p
	p.opening = p.draft(20*eur, 2)
	p.id = p.opening.ID()
	p.must(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: p.opening})
	late := first.claim(0, 1, 3*eur)
	p.must(p.opener, first.signClose(channel.PerLane{}, startTime.Add(time.Hour)))
	if v := p.settleClaims(p.partner, late, p.claim(0, 1, 4*eur)); v != settle.Applied {
		t.Errorf("one open, one closed: %s", v)
	}
	if got := p.channel(p.id).Maxima()[0]; got != 4*eur {
		t.Errorf("lane at %s", got)
	}
}

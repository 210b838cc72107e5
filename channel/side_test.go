package channel_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func TestI3_ASideSignsOnlyWhatItsMoneyCovers(t *testing.T) {
	tests := []struct {
		name  string
		setup func(t *testing.T, opener, partner *channel.Side)
		by    channel.Party
		total money.Amount
		want  error
	}{
		{"nothing", func(*testing.T, *channel.Side, *channel.Side) {}, channel.Opener, 0, nil},
		{"the whole deposit", func(*testing.T, *channel.Side, *channel.Side) {}, channel.Opener, 50, nil},
		{"more than the deposit", func(*testing.T, *channel.Side, *channel.Side) {}, channel.Opener, 51, channel.ErrUncovered},
		{"less than nothing", func(*testing.T, *channel.Side, *channel.Side) {}, channel.Opener, -1, channel.ErrBelowBest},
		{"without a deposit", func(*testing.T, *channel.Side, *channel.Side) {}, channel.Partner, 1, channel.ErrUncovered},
		{"the same total again", func(t *testing.T, x, y *channel.Side) { pay(t, x, 50) }, channel.Opener, 50, nil},
		{"a lower total", func(t *testing.T, x, y *channel.Side) { pay(t, x, 50) }, channel.Opener, 49, channel.ErrBelowBest},
		{"with a final top-up", func(t *testing.T, x, y *channel.Side) { x.Deposited(channel.PerParty{80, 0}) }, channel.Opener, 80, nil},
		{"beyond a final top-up", func(t *testing.T, x, y *channel.Side) { x.Deposited(channel.PerParty{80, 0}) }, channel.Opener, 81, channel.ErrUncovered},
		{"what came in may go out", func(t *testing.T, x, y *channel.Side) { accept(t, y, pay(t, x, 30)) }, channel.Partner, 30, nil},
		{"more than came in", func(t *testing.T, x, y *channel.Side) { accept(t, y, pay(t, x, 30)) }, channel.Partner, 31, channel.ErrUncovered},
		{"what came back may go out again", func(t *testing.T, x, y *channel.Side) {
			accept(t, y, pay(t, x, 50))
			accept(t, x, pay(t, y, 20))
		}, channel.Opener, 70, nil},
		{"not what is on its way back", func(t *testing.T, x, y *channel.Side) {
			accept(t, y, pay(t, x, 50))
			pay(t, y, 20)
		}, channel.Opener, 70, channel.ErrUncovered},
		{"not what it withdraws", func(t *testing.T, x, y *channel.Side) { propose(t, x, 20) }, channel.Opener, 31, channel.ErrUncovered},
		{"what is left of a withdrawal", func(t *testing.T, x, y *channel.Side) { propose(t, x, 20) }, channel.Opener, 30, nil},
		{"the other's withdrawal leaves mine alone", func(t *testing.T, x, y *channel.Side) {
			accept(t, y, pay(t, x, 30))
			countersign(t, x, propose(t, y, 30))
		}, channel.Opener, 50, nil},
		{"not what it has withdrawn already", func(t *testing.T, x, y *channel.Side) {
			accept(t, y, pay(t, x, 27))
			propose(t, y, 27)
		}, channel.Partner, 5, channel.ErrUncovered},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opener, partner := newSides(t, 50)
			test.setup(t, opener, partner)
			side := []*channel.Side{opener, partner}[test.by]
			before := side.Snapshot()
			signed, err := side.Pay(channel.Draft{Amount: test.total}, keys[test.by])
			wantErr(t, err, test.want)
			if err != nil {
				if side.Snapshot() != before {
					t.Error("a refusal changed the side")
				}
				return
			}
			if side.Out().Signed != signed || signed.Claim.Sequence != before.Sequence+1 || signed.Claim.Lane != test.by.Pays() {
				t.Errorf("signed %+v, best %+v", signed.Claim, side.Out().Signed.Claim)
			}
			if err := signed.Verify(network, verifier(t, test.by)); err != nil {
				t.Error(err)
			}
		})
	}
}

func propose(t *testing.T, s *channel.Side, amount money.Amount) channel.SignedWithdrawal {
	t.Helper()
	w, err := s.ProposeWithdrawal(amount, keys[s.Me()])
	if err != nil {
		t.Fatalf("withdrawing %s: %v", amount, err)
	}
	return w
}

func countersign(t *testing.T, s *channel.Side, w channel.SignedWithdrawal) channel.SignedWithdrawal {
	t.Helper()
	signed, err := s.CountersignWithdrawal(w, keys[s.Me()])
	if err != nil {
		t.Fatalf("counter-signing: %v", err)
	}
	return signed
}

func TestI3_ASideAcceptsOnlyWhatThePeersMoneyCovers(t *testing.T) {
	id := opened(50).ID()
	other := opened(60).ID()
	change := func(b channel.Best, by func(*channel.Best)) channel.Best { by(&b); return b }
	tests := []struct {
		name  string
		setup func(t *testing.T, opener, partner *channel.Side)
		best  channel.Best
		rose  bool
		want  error
	}{
		{"the first", nil, claimOf(channel.Opener, id, 1, 10), true, nil},
		{"of nothing", nil, claimOf(channel.Opener, id, 1, 0), true, nil},
		{"the whole deposit", nil, claimOf(channel.Opener, id, 1, 50), true, nil},
		{"more than the deposit", nil, claimOf(channel.Opener, id, 1, 51), false, channel.ErrUncovered},
		{"of everything there is", nil, claimOf(channel.Opener, id, 1, math.MaxInt64), false, channel.ErrUncovered},
		{"below zero", nil, claimOf(channel.Opener, id, 1, -1), false, channel.ErrAmount},
		{"another channel's", nil, claimOf(channel.Opener, other, 1, 10), false, channel.ErrWrongChannel},
		{"its own lane's", nil, claimOf(channel.Partner, id, 1, 10), false, channel.ErrWrongLane},
		{"signed by itself", nil, change(claimOf(channel.Opener, id, 1, 10), func(b *channel.Best) {
			b.Signed = channel.SignClaim(b.Signed.Claim, network, keys[1])
		}), false, wallet.ErrSignature},
		{"raised after it was signed", nil, change(claimOf(channel.Opener, id, 1, 10), func(b *channel.Best) { b.Signed.Claim.Amount++ }), false, wallet.ErrSignature},
		{"for another network", nil, change(claimOf(channel.Opener, id, 1, 10), func(b *channel.Best) {
			b.Signed = channel.SignClaim(b.Signed.Claim, wallet.NetworkID{9}, keys[0])
		}), false, wallet.ErrSignature},
		{"with a tick that leads nowhere", nil, change(claimOf(channel.Opener, id, 1, 10), func(b *channel.Best) { b.Preimage[0] = 1 }), false, channel.ErrTick},
		{"nothing at all", nil, channel.Best{}, false, channel.ErrWrongChannel},
		{"the best again", func(t *testing.T, x, y *channel.Side) { accept(t, y, claimOf(channel.Opener, id, 1, 10)) }, claimOf(channel.Opener, id, 1, 10), false, nil},
		{"a lower one", func(t *testing.T, x, y *channel.Side) { accept(t, y, claimOf(channel.Opener, id, 1, 10)) }, claimOf(channel.Opener, id, 2, 9), false, nil},
		{"a lower one that nobody signed", func(t *testing.T, x, y *channel.Side) { accept(t, y, claimOf(channel.Opener, id, 1, 10)) },
			change(claimOf(channel.Opener, id, 2, 9), func(b *channel.Best) { b.Signed.Signature[0]++ }), false, nil},
		{"the same total, newer", func(t *testing.T, x, y *channel.Side) { accept(t, y, claimOf(channel.Opener, id, 1, 10)) }, claimOf(channel.Opener, id, 2, 10), true, nil},
		{"with a final top-up", func(t *testing.T, x, y *channel.Side) { y.Deposited(channel.PerParty{70, 0}) }, claimOf(channel.Opener, id, 1, 70), true, nil},
		{"what I signed covers it", func(t *testing.T, x, y *channel.Side) {
			accept(t, y, claimOf(channel.Opener, id, 1, 50))
			pay(t, y, 20)
		}, claimOf(channel.Opener, id, 2, 70), true, nil},
		{"more than I signed covers", func(t *testing.T, x, y *channel.Side) {
			accept(t, y, claimOf(channel.Opener, id, 1, 50))
			pay(t, y, 20)
		}, claimOf(channel.Opener, id, 2, 71), false, channel.ErrUncovered},
		{"what the peer withdrew no longer covers", func(t *testing.T, x, y *channel.Side) { countersign(t, y, propose(t, x, 20)) }, claimOf(channel.Opener, id, 1, 31), false, channel.ErrUncovered},
		{"after a close was signed", func(t *testing.T, x, y *channel.Side) { y.RequestClose(keys[1]) }, claimOf(channel.Opener, id, 1, 10), false, channel.ErrFrozen},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opener, partner := newSides(t, 50)
			if test.setup != nil {
				test.setup(t, opener, partner)
			}
			before := partner.Snapshot()
			rose, err := partner.Accept(test.best)
			wantErr(t, err, test.want)
			if rose != test.rose {
				t.Errorf("rose %t, want %t", rose, test.rose)
			}
			if after := partner.Snapshot(); !rose && after != before {
				t.Errorf("what did not rise changed the side")
			} else if rose && (after.In != test.best || partner.In() != test.best) {
				t.Errorf("best is %+v", after.In)
			}
		})
	}
}

func TestI2_ASideAdoptsOfItsOwnSpendingOnlyWhatItSigned(t *testing.T) {
	id := opened(50).ID()
	forged := claimOf(channel.Opener, id, 5, 40)
	forged.Signed = channel.SignClaim(forged.Signed.Claim, network, keys[1])
	tests := []struct {
		name  string
		best  channel.Best
		rose  bool
		want  error
		total money.Amount
	}{
		{"a later one", claimOf(channel.Opener, id, 5, 40), true, nil, 40},
		{"one that it still has", claimOf(channel.Opener, id, 1, 10), false, nil, 10},
		{"a lower one", claimOf(channel.Opener, id, 7, 9), false, nil, 10},
		{"one that the peer made up", forged, false, wallet.ErrSignature, 10},
		{"one of the peer", claimOf(channel.Partner, id, 5, 40), false, channel.ErrWrongChannel, 10},
		{"one of another channel", claimOf(channel.Opener, opened(51).ID(), 5, 40), false, channel.ErrWrongChannel, 10},
		{"nothing", channel.Best{}, false, channel.ErrWrongChannel, 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			side, _ := newSides(t, 50)
			pay(t, side, 10)
			before := side.Snapshot()
			rose, err := side.Adopt(test.best)
			wantErr(t, err, test.want)
			if rose != test.rose || side.Out().Owed() != test.total {
				t.Errorf("rose %t, owes %s", rose, side.Out().Owed())
			}
			if !rose {
				if side.Snapshot() != before {
					t.Error("what was not adopted changed the side")
				}
				return
			}
			if next := pay(t, side, test.total); next.Signed.Claim.Sequence <= test.best.Signed.Claim.Sequence {
				t.Errorf("sequence %d again, after adopting %d", next.Signed.Claim.Sequence, test.best.Signed.Claim.Sequence)
			}
		})
	}
}

func TestI4_ARestoredSideContinuesWhereTheSnapshotWasTaken(t *testing.T) {
	opener, partner := newSides(t, 50)
	accept(t, partner, pay(t, opener, 30))
	countersign(t, opener, propose(t, partner, 10))
	accept(t, opener, pay(t, partner, 5))
	partner.Deposited(channel.PerParty{90, 3})
	for _, side := range []*channel.Side{opener, partner} {
		again, err := channel.Restore(side.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		if again.Snapshot() != side.Snapshot() {
			t.Errorf("party %d: restored %+v, was %+v", side.Me(), again.Snapshot(), side.Snapshot())
		}
		total := side.Out().Owed() + 1
		want, got := pay(t, side, total), pay(t, again, total)
		if got != want {
			t.Errorf("party %d: signs %+v, would have signed %+v", side.Me(), got.Signed.Claim, want.Signed.Claim)
		}
	}
	closed := newSide(t, opened(50), channel.Opener)
	closed.RequestClose(keys[0])
	again, err := channel.Restore(closed.Snapshot())
	if err != nil || !again.Frozen() {
		t.Errorf("frozen %t, %v: a close that was signed is forgotten", again.Frozen(), err)
	}
}

func TestI3_DepositsOnlyRiseAndWithdrawalsCountFromTheirSigning(t *testing.T) {
	opener, partner := newSides(t, 50)
	opener.Deposited(channel.PerParty{70, 5})
	opener.Deposited(channel.PerParty{60, 0}) // an older view
	if got := opener.Funds(); got.Deposited != (channel.PerParty{70, 5}) {
		t.Errorf("deposits %v", got.Deposited)
	}
	accept(t, partner, pay(t, opener, 27))
	w := propose(t, partner, 27)
	if got := partner.Spendable(); got != 0 {
		t.Errorf("the partner has %s to spend after signing its withdrawal", got)
	}
	countersign(t, opener, w)
	if got := opener.Coverage(); got != 5-27+27 {
		t.Errorf("the opener takes the partner to be good for %s", got)
	}
}

func TestI3_AWithdrawalIsRefusedUnlessItsPartyIsOwedSoMuch(t *testing.T) {
	alter := func(by func(*channel.Withdrawal)) func(*testing.T, channel.SignedWithdrawal) channel.SignedWithdrawal {
		return func(t *testing.T, s channel.SignedWithdrawal) channel.SignedWithdrawal {
			by(&s.Withdrawal)
			s.Signatures[1] = keys[1].Sign(wallet.DomainWithdrawal, network, s.Withdrawal.Encode())
			return s
		}
	}
	tests := []struct {
		name   string
		change func(*testing.T, channel.SignedWithdrawal) channel.SignedWithdrawal
		want   error
	}{
		{"as proposed", alter(func(*channel.Withdrawal) {}), nil},
		{"another channel's", alter(func(w *channel.Withdrawal) { w.Channel[0]++ }), channel.ErrWrongChannel},
		{"without a sequence", alter(func(w *channel.Withdrawal) { w.Sequence = 0 }), channel.ErrOrder},
		{"the one after the next", alter(func(w *channel.Withdrawal) { w.Sequence = 2 }), channel.ErrOrder},
		{"more than is owed", alter(func(w *channel.Withdrawal) { w.Totals[1] = 31 }), channel.ErrNotOwed},
		{"nothing", alter(func(w *channel.Withdrawal) { w.Totals[1] = 0 }), channel.ErrNotOwed},
		{"below zero", alter(func(w *channel.Withdrawal) { w.Totals[1] = -1 }), channel.ErrAmount},
		{"of the other's money", alter(func(w *channel.Withdrawal) { w.Totals[0] = 1 }), channel.ErrOrder},
		{"naming more than I signed", alter(func(w *channel.Withdrawal) { w.Lanes[0] = 31 }), channel.ErrAboveBest},
		{"naming less than I signed", alter(func(w *channel.Withdrawal) { w.Lanes[0] = 12 }), nil},
		{"naming more of the proposer's own lane", alter(func(w *channel.Withdrawal) { w.Lanes[1] = 9 }), nil},
		{"unsigned", func(_ *testing.T, s channel.SignedWithdrawal) channel.SignedWithdrawal {
			s.Signatures[1] = wallet.Signature{}
			return s
		}, wallet.ErrSignature},
		{"signed as a close", func(_ *testing.T, s channel.SignedWithdrawal) channel.SignedWithdrawal {
			s.Signatures[1] = keys[1].Sign(wallet.DomainClose, network, s.Withdrawal.Encode())
			return s
		}, wallet.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opener, partner := newSides(t, 50)
			accept(t, partner, pay(t, opener, 30))
			w := test.change(t, propose(t, partner, 20))
			before := opener.Snapshot()
			signed, err := opener.CountersignWithdrawal(w, keys[0])
			wantErr(t, err, test.want)
			if err != nil {
				if opener.Snapshot() != before {
					t.Error("a refusal changed the side")
				}
				return
			}
			if err := signed.Verify(opened(50)); err != nil {
				t.Error(err)
			}
			if got := opener.Funds().Withdrawn; got != w.Withdrawal.Totals {
				t.Errorf("counts %v as withdrawn", got)
			}
		})
	}
}

func TestI3_ASideWithdrawsOnlyWhatItIsOwed(t *testing.T) {
	opener, partner := newSides(t, 50)
	for _, amount := range []money.Amount{-1, 0, 51, math.MaxInt64} {
		_, err := opener.ProposeWithdrawal(amount, keys[0])
		wantErr(t, err, channel.ErrNotOwed)
	}
	_, err := partner.ProposeWithdrawal(1, keys[1])
	wantErr(t, err, channel.ErrNotOwed)
	accept(t, partner, pay(t, opener, 30))
	if w := propose(t, partner, 30).Withdrawal; w.Sequence != 1 || w.Totals != (channel.PerParty{0, 30}) || w.Lanes != (channel.PerLane{30, 0}) {
		t.Errorf("proposed %+v", w)
	}
	_, err = partner.ProposeWithdrawal(1, keys[1])
	wantErr(t, err, channel.ErrNotOwed)
}

func TestI4_AWithdrawalAskedForAgainIsSignedAgainWithTheSameBytes(t *testing.T) {
	opener, partner := newSides(t, 50)
	accept(t, partner, pay(t, opener, 30))
	first := propose(t, partner, 20)
	signed := countersign(t, opener, first)
	before := opener.Snapshot()
	if again := countersign(t, opener, first); again != signed || opener.Snapshot() != before {
		t.Error("the second answer differs from the first")
	}
	second := propose(t, partner, 10)
	countersign(t, opener, second)
	_, err := opener.CountersignWithdrawal(first, keys[0])
	wantErr(t, err, channel.ErrOrder)
	opener.RequestClose(keys[0])
	if again := countersign(t, opener, second); again.Verify(opened(50)) != nil {
		t.Error("what counts already may be signed again after a close")
	}
}

// The sequence and the totals of a withdrawal may be asked for twice; what else stands in it is no less dangerous.
func TestI3_AWithdrawalAskedForAgainMayNotNameMoreThanWasSigned(t *testing.T) {
	opener, partner := newSides(t, 50)
	accept(t, partner, pay(t, opener, 30))
	w := propose(t, partner, 20)
	countersign(t, opener, w)
	w.Withdrawal.Lanes[0] = 50
	w.Signatures[1] = keys[1].Sign(wallet.DomainWithdrawal, network, w.Withdrawal.Encode())
	_, err := opener.CountersignWithdrawal(w, keys[0])
	wantErr(t, err, channel.ErrAboveBest)
}

func TestI3_ACloseIsCountersignedOnlyAtWhatIsOwed(t *testing.T) {
	signed := func(by func(*channel.Close)) channel.SignedClose {
		s := channel.SignedClose{Close: channel.Close{Channel: opened(50).ID(), Lanes: channel.PerLane{30, 10}, NotAfter: expiry}}
		by(&s.Close)
		s.Signatures[0] = keys[0].Sign(wallet.DomainClose, network, s.Close.Encode())
		return s
	}
	unsigned := signed(func(*channel.Close) {})
	unsigned.Signatures[0] = wallet.Signature{}
	tests := []struct {
		name  string
		close channel.SignedClose
		want  error
	}{
		{"as it is", signed(func(*channel.Close) {}), nil},
		{"more for me", signed(func(c *channel.Close) { c.Lanes[0] = 31 }), nil},
		{"less of my debt", signed(func(c *channel.Close) { c.Lanes[1] = 9 }), nil},
		{"less for me", signed(func(c *channel.Close) { c.Lanes[0] = 29 }), channel.ErrBelowBest},
		{"more of my debt", signed(func(c *channel.Close) { c.Lanes[1] = 11 }), channel.ErrAboveBest},
		{"below zero", signed(func(c *channel.Close) { c.Lanes[1] = -1 }), channel.ErrAmount},
		{"another channel's", signed(func(c *channel.Close) { c.Channel[0]++ }), channel.ErrWrongChannel},
		{"unsigned", unsigned, wallet.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opener, partner := newSides(t, 50)
			accept(t, partner, pay(t, opener, 30))
			accept(t, opener, pay(t, partner, 10))
			before := partner.Snapshot()
			agreed, err := partner.CountersignClose(test.close, keys[1])
			wantErr(t, err, test.want)
			if err != nil {
				if partner.Snapshot() != before {
					t.Error("a refusal changed the side")
				}
				return
			}
			if err := agreed.Verify(opened(50)); err != nil || !partner.Frozen() {
				t.Errorf("frozen %t, %v", partner.Frozen(), err)
			}
		})
	}
}

func TestI3_AfterSigningACloseASideSignsAndAcceptsNothingMore(t *testing.T) {
	closes := map[string]func(t *testing.T, x, y *channel.Side){
		"proposed": func(t *testing.T, x, y *channel.Side) {
			proposed, err := x.ProposeClose(expiry.Add(time.Millisecond), keys[0])
			if err := errors.Join(err, proposed.Close.Check()); err != nil {
				t.Error(err)
			}
		},
		"counter-signed": func(t *testing.T, x, y *channel.Side) {
			proposed, err := y.ProposeClose(expiry, keys[1])
			if err != nil {
				t.Fatal(err)
			}
			signed, err := x.CountersignClose(proposed, keys[0])
			if err != nil || signed.Verify(opened(50)) != nil {
				t.Errorf("%v, %v", err, signed.Verify(opened(50)))
			}
		},
		"asked for alone": func(t *testing.T, x, y *channel.Side) {
			if err := x.RequestClose(keys[0]).Verify(opened(50)); err != nil {
				t.Error(err)
			}
		},
	}
	for name, close := range closes {
		t.Run(name, func(t *testing.T) {
			opener, partner := newSides(t, 50)
			accept(t, partner, pay(t, opener, 30))
			accept(t, opener, pay(t, partner, 10))
			withdrawal := channel.SignedWithdrawal{Withdrawal: channel.Withdrawal{
				Channel: opener.ID(), Sequence: 1, Totals: channel.PerParty{0, 5}, Lanes: channel.PerLane{30, 10},
			}}
			withdrawal.Signatures[1] = keys[1].Sign(wallet.DomainWithdrawal, network, withdrawal.Withdrawal.Encode())
			close(t, opener, partner)
			_, err := opener.Pay(channel.Draft{Amount: 40}, keys[0])
			wantErr(t, err, channel.ErrFrozen)
			_, err = opener.Accept(claimOf(channel.Partner, opener.ID(), 9, 12))
			wantErr(t, err, channel.ErrFrozen)
			if rose, err := opener.Accept(claimOf(channel.Partner, opener.ID(), 1, 10)); rose || err != nil {
				t.Errorf("what is known already: rose %t, %v", rose, err)
			}
			_, err = opener.ProposeWithdrawal(1, keys[0])
			wantErr(t, err, channel.ErrFrozen)
			_, err = opener.CountersignWithdrawal(withdrawal, keys[0])
			wantErr(t, err, channel.ErrFrozen)
		})
	}
}

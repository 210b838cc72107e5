package channel_test

import (
	"crypto/sha256"
	"math"
	"testing"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func TestAClaimThatCanNeverBeValidIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*channel.Claim)
		want   error
	}{
		{"as signed", func(*channel.Claim) {}, nil},
		{"of nothing", func(c *channel.Claim) { c.Amount = 0 }, nil},
		{"of all there is", func(c *channel.Claim) { c.Amount = math.MaxInt64 }, nil},
		{"below zero", func(c *channel.Claim) { c.Amount = -1 }, channel.ErrAmount},
		{"on a third lane", func(c *channel.Claim) { c.Lane = 2 }, channel.ErrWrongLane},
		{"with a chain as long as may be", func(c *channel.Claim) { c.TickCount, c.TickValue = channel.TicksMax, 5 }, nil},
		{"with a longer chain", func(c *channel.Claim) { c.TickCount = channel.TicksMax + 1 }, channel.ErrAmount},
		{"with ticks below zero", func(c *channel.Claim) { c.TickCount, c.TickValue = 1, -1 }, channel.ErrAmount},
		{"with ticks beyond every amount", func(c *channel.Claim) { c.TickCount, c.TickValue = 2, math.MaxInt64 }, channel.ErrAmount},
		{"with ticks beyond in sum", func(c *channel.Claim) { c.Amount, c.TickCount, c.TickValue = math.MaxInt64, 1, 1 }, channel.ErrAmount},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := channel.Claim{Channel: opened(100).ID(), Sequence: 1, Amount: 10}
			test.change(&c)
			wantErr(t, c.Check(), test.want)
			wantErr(t, channel.SignClaim(c, network, keys[0]).Verify(network, verifier(t, channel.Opener)), test.want)
		})
	}
}

// chain gives a tick chain's elements by how many hashes lie between them and the root: element 0 is the root.
func chain(length uint16) []channel.Hash {
	elements := make([]channel.Hash, length+1)
	elements[length] = channel.Hash{0: 0xaa}
	for i := length; i > 0; i-- {
		elements[i-1] = sha256.Sum256(append([]byte("joulepay/tick\x00"), elements[i][:]...))
	}
	return elements
}

func ticking(count uint16, value money.Amount) (channel.SignedClaim, []channel.Hash) {
	elements := chain(count)
	c := channel.Claim{Channel: opened(100).ID(), Sequence: 1, Amount: 10, TickRoot: elements[0], TickValue: value, TickCount: count}
	return channel.SignClaim(c, network, keys[0]), elements
}

func TestI2_EveryTickOfAChainOf256AddsOneUnit(t *testing.T) {
	signed, elements := ticking(channel.TicksMax, 3)
	last := channel.Best{Signed: signed}
	for ticks := uint16(0); ticks <= channel.TicksMax; ticks++ {
		b := channel.Best{Signed: signed, Ticks: ticks}
		if ticks > 0 {
			b.Preimage = elements[ticks]
		}
		if err := b.Verify(network, verifier(t, channel.Opener)); err != nil {
			t.Fatalf("%d ticks: %v", ticks, err)
		}
		if want := 10 + 3*money.Amount(ticks); b.Owed() != want {
			t.Fatalf("%d ticks owe %s, want %s", ticks, b.Owed(), want)
		}
		if ticks > 0 && (!b.Above(last) || last.Above(b)) {
			t.Fatalf("%d ticks do not stand above %d", ticks, ticks-1)
		}
		last = b
	}
}

func TestATickThatDoesNotLeadToTheRootIsRefused(t *testing.T) {
	signed, elements := ticking(4, 3)
	longer := signed
	longer.Claim.TickCount = 5
	tests := []struct {
		name string
		best channel.Best
		want error
	}{
		{"as released", channel.Best{signed, 2, elements[2]}, nil},
		{"another tick's", channel.Best{signed, 2, elements[3]}, channel.ErrTick},
		{"the root for one", channel.Best{signed, 1, elements[0]}, channel.ErrTick},
		{"of nothing", channel.Best{signed, 2, channel.Hash{}}, channel.ErrTick},
		{"more than the chain has", channel.Best{signed, 5, elements[4]}, channel.ErrTick},
		{"without a tick", channel.Best{signed, 0, elements[1]}, channel.ErrTick},
		{"of a claim that has no chain", channel.Best{channel.SignClaim(channel.Claim{Sequence: 1}, network, keys[0]), 1, elements[1]}, channel.ErrTick},
		{"of a chain made longer afterwards", channel.Best{longer, 2, elements[2]}, wallet.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantErr(t, test.best.Verify(network, verifier(t, channel.Opener)), test.want)
		})
	}
}

// someBest draws from few values, so that equal ones meet in every part of the order.
func someBest(t *rapid.T, name string) channel.Best {
	if rapid.IntRange(0, 9).Draw(t, name+" untouched") == 0 {
		return channel.Best{}
	}
	small := rapid.IntRange(0, 2)
	c := channel.Claim{
		Channel: channel.ID{1}, Sequence: uint64(small.Draw(t, name+" sequence")),
		Amount: money.Amount(small.Draw(t, name+" amount")), TickValue: money.Amount(small.Draw(t, name+" tick value")),
		TickCount: 2, Quantity: int64(small.Draw(t, name+" quantity")),
	}
	return channel.Best{Signed: channel.SignedClaim{Claim: c, Signature: wallet.Signature{1}}, Ticks: uint16(small.Draw(t, name+" ticks"))}
}

func TestI2_JoinIsCommutativeAssociativeIdempotentAndNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := someBest(t, "a"), someBest(t, "b"), someBest(t, "c")
		// Equal in order are claims with one body and one total: ticks that add nothing tell them apart, and money does not.
		same := func(what string, x, y channel.Best) {
			if x.Above(y) || y.Above(x) || x.Owed() != y.Owed() {
				t.Fatalf("%s: %+v and %+v", what, x, y)
			}
		}
		same("commutative", channel.Join(a, b), channel.Join(b, a))
		same("associative", channel.Join(channel.Join(a, b), c), channel.Join(a, channel.Join(b, c)))
		if channel.Join(a, a) != a {
			t.Fatalf("not idempotent: %+v", a)
		}
		j := channel.Join(a, b)
		if a.Above(j) || b.Above(j) || j.Owed() < max(a.Owed(), b.Owed()) {
			t.Fatalf("%+v stands below what it joins, %+v and %+v", j, a, b)
		}
		if a.Above(b) && b.Above(c) && !a.Above(c) {
			t.Fatalf("the order has a circle: %+v, %+v, %+v", a, b, c)
		}
	})
}

func TestI2_TheOrderIsAmountThenSequenceThenHash(t *testing.T) {
	claim := func(amount money.Amount, sequence uint64, quantity int64) channel.Best {
		return channel.Best{Signed: channel.SignedClaim{Claim: channel.Claim{Amount: amount, Sequence: sequence, Quantity: quantity}}}
	}
	ticked := claim(8, 1, 0)
	ticked.Signed.Claim.TickValue, ticked.Signed.Claim.TickCount, ticked.Ticks = 1, 4, 4
	tests := []struct {
		name        string
		high, lower channel.Best
	}{
		{"amount before sequence", claim(11, 1, 0), claim(10, 9, 0)},
		{"ticks count", ticked, claim(11, 9, 0)},
		{"sequence among equal amounts", claim(10, 2, 0), claim(10, 1, 0)},
		{"anything before nothing", claim(0, 0, 1), channel.Best{}},
	}
	for _, test := range tests {
		if !test.high.Above(test.lower) || test.lower.Above(test.high) {
			t.Errorf("%s: not so", test.name)
		}
	}
	x, y := claim(10, 1, 5), claim(10, 1, 6)
	if x.Above(y) == y.Above(x) {
		t.Error("two bodies of one sequence and amount have no order")
	}
	if (channel.Best{}).Above(channel.Best{}) {
		t.Error("an untouched lane stands above itself")
	}
}

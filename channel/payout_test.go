package channel_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/wallet/money"
)

func TestI3_PayoutIsTheDueClampedToWhatTheChannelHolds(t *testing.T) {
	tests := []struct {
		name      string
		deposited channel.PerParty
		withdrawn channel.PerParty
		lanes     channel.PerLane
		want      channel.PerParty
	}{
		{"untouched", channel.PerParty{50, 0}, channel.PerParty{}, channel.PerLane{}, channel.PerParty{50, 0}},
		{"paid in part", channel.PerParty{50, 0}, channel.PerParty{}, channel.PerLane{27, 0}, channel.PerParty{23, 27}},
		{"paid both ways", channel.PerParty{50, 10}, channel.PerParty{}, channel.PerLane{27, 5}, channel.PerParty{28, 32}},
		{"paid in full", channel.PerParty{50, 0}, channel.PerParty{}, channel.PerLane{50, 0}, channel.PerParty{0, 50}},
		{"withdrawn by its owner", channel.PerParty{50, 0}, channel.PerParty{0, 27}, channel.PerLane{27, 0}, channel.PerParty{23, 0}},
		{"withdrawn by the opener", channel.PerParty{50, 0}, channel.PerParty{20, 0}, channel.PerLane{27, 0}, channel.PerParty{3, 27}},
		{"claimed beyond the deposit", channel.PerParty{50, 10}, channel.PerParty{}, channel.PerLane{1000, 0}, channel.PerParty{0, 60}},
		{"claimed back beyond the deposit", channel.PerParty{50, 10}, channel.PerParty{}, channel.PerLane{0, math.MaxInt64}, channel.PerParty{60, 0}},
		{"all that can be claimed both ways", channel.PerParty{50, 10}, channel.PerParty{}, channel.PerLane{math.MaxInt64, math.MaxInt64}, channel.PerParty{50, 10}},
		{"nothing left", channel.PerParty{50, 0}, channel.PerParty{20, 30}, channel.PerLane{30, 0}, channel.PerParty{0, 0}},
		{"an extreme deposit", channel.PerParty{math.MaxInt64, 0}, channel.PerParty{}, channel.PerLane{0, math.MaxInt64}, channel.PerParty{math.MaxInt64, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := channel.Payout(channel.Funds{Deposited: test.deposited, Withdrawn: test.withdrawn}, test.lanes)
			if err != nil || got != test.want {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestPayoutRefusesAChannelThatHoldsLessThanNothingOrMoreThanThereIs(t *testing.T) {
	_, err := channel.Payout(channel.Funds{Deposited: channel.PerParty{50, 0}, Withdrawn: channel.PerParty{30, 30}}, channel.PerLane{})
	wantErr(t, err, channel.ErrAmount)
	_, err = channel.Payout(channel.Funds{Deposited: channel.PerParty{math.MaxInt64, 1}}, channel.PerLane{})
	wantErr(t, err, money.ErrOverflow)
}

func TestI1_PayoutGivesOutExactlyWhatIsHeldWhateverWasClaimed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, most money.Amount) money.Amount {
			return money.Amount(rapid.Int64Range(0, int64(most)).Draw(t, name))
		}
		var f channel.Funds
		f.Deposited[0] = draw("opener's deposit", math.MaxInt64)
		f.Deposited[1] = draw("partner's deposit", math.MaxInt64-f.Deposited[0])
		f.Withdrawn[0] = draw("opener's withdrawals", f.Deposited[0]+f.Deposited[1])
		f.Withdrawn[1] = draw("partner's withdrawals", f.Deposited[0]+f.Deposited[1]-f.Withdrawn[0])
		lanes := channel.PerLane{draw("lane 0", math.MaxInt64), draw("lane 1", math.MaxInt64)}
		got, err := channel.Payout(f, lanes)
		if err != nil {
			t.Fatal(err)
		}
		// The rule again, in numbers without bounds.
		b := func(a money.Amount) *big.Int { return big.NewInt(int64(a)) }
		sum := func(add, sub []money.Amount) *big.Int {
			total := new(big.Int)
			for _, a := range add {
				total.Add(total, b(a))
			}
			for _, a := range sub {
				total.Sub(total, b(a))
			}
			return total
		}
		locked := sum(f.Deposited[:], f.Withdrawn[:])
		for p := range got {
			want := sum([]money.Amount{f.Deposited[p], lanes[1-p]}, []money.Amount{f.Withdrawn[p], lanes[p]})
			if want.Sign() < 0 {
				want.SetInt64(0)
			}
			if want.Cmp(locked) > 0 {
				want = locked
			}
			if b(got[p]).Cmp(want) != 0 {
				t.Fatalf("party %d gets %s, the rule says %s nano", p, got[p], want)
			}
		}
		if sum(got[:], nil).Cmp(locked) != 0 {
			t.Fatalf("%v paid out of %s nano", got, locked)
		}
	})
}

func TestStatesHaveNames(t *testing.T) {
	for state, want := range map[channel.State]string{
		channel.Open: "open", channel.Closing: "closing", channel.Closed: "closed", 0: "unknown(0)", 9: "unknown(9)",
	} {
		if got := state.String(); got != want {
			t.Errorf("state %d is %q", state, got)
		}
	}
}

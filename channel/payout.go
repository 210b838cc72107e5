package channel

import (
	"fmt"

	"joulepay/wallet/money"
)

// Funds is what the ledger holds for a channel, as one party knows it for certain: final deposits and top-ups of
// each party, less what each has withdrawn. A withdrawal counts from its signing.
type Funds struct {
	Deposited PerParty
	Withdrawn PerParty
}

// Net gives d_X of invariant I3: what X put in less what X took out. It may be negative.
func (f Funds) Net(p Party) money.Amount {
	return f.Deposited[p] - f.Withdrawn[p] // both lie between 0 and the maximum: no overflow
}

// Locked gives d_X + d_Y: what the channel still holds.
func (f Funds) Locked() (money.Amount, error) {
	total, err := f.Deposited[Opener].Add(f.Deposited[Partner])
	if err != nil {
		return 0, err
	}
	if total, err = total.Sub(f.Withdrawn[Opener]); err != nil {
		return 0, err
	}
	return total.Sub(f.Withdrawn[Partner])
}

// Payout divides what the channel holds when it ends with these lane maxima: clamp(d_X − out + in, 0, d_X + d_Y)
// to each party (invariant I3). The two shares always sum to what is locked, whatever was claimed.
func Payout(f Funds, lanes PerLane) (PerParty, error) {
	locked, err := f.Locked()
	if err != nil {
		return PerParty{}, err
	}
	if locked < 0 {
		return PerParty{}, fmt.Errorf("%w: channel holds %s", ErrAmount, locked)
	}
	share := Due(f, lanes, Opener)
	share = min(max(share, 0), locked)
	return PerParty{Opener: share, Partner: locked - share}, nil
}

// Due gives d_X − out + in for one party, before clamping. It saturates instead of overflowing: a claim may name any
// amount, and only the clamp decides what it is worth.
func Due(f Funds, lanes PerLane, p Party) money.Amount {
	net := f.Net(p)
	flow := lanes[p.Other().Pays()] - lanes[p.Pays()] // both are non-negative: no overflow
	sum, err := net.Add(flow)
	if err == nil {
		return sum
	}
	if flow > 0 {
		return money.Amount(1<<63 - 1)
	}
	return money.Amount(-1 << 63)
}

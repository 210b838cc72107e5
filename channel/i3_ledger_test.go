package channel_test

import (
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// book is what a ledger does to one channel, as a model without anything else: it joins lanes, applies withdrawals by
// their totals, and pays out. What it refuses leaves it as it was.
type book struct {
	opening    channel.Opening
	verifiers  [2]*wallet.Verifier
	rule       payOut
	funds      channel.Funds
	lanes      channel.PerLane
	withdrawal uint32
	state      channel.State
	now        int
	windowEnd  int
	received   channel.PerParty // what each party's account was paid
}

// payOut is the rule under test: what a settled claim pays at once, and what the end pays.
type payOut struct {
	settled func(b *book, lane channel.Lane, raised money.Amount)
	ended   func(b *book) (channel.PerParty, error)
}

const windowTicks = 3

var errRefused = errors.New("the ledger refuses")

// ruleI3 moves nothing until pay-out.
var ruleI3 = payOut{
	settled: func(*book, channel.Lane, money.Amount) {},
	ended:   func(b *book) (channel.PerParty, error) { return channel.Payout(b.funds, b.lanes) },
}

// ruleNaive pays each lane out as it is settled, while the channel is open, from what the channel holds.
var ruleNaive = payOut{
	settled: func(b *book, lane channel.Lane, raised money.Amount) {
		payee := lane.Payer().Other()
		b.received[payee] += min(raised, b.held())
	},
	ended: func(b *book) (channel.PerParty, error) {
		var shares channel.PerParty
		for p := range shares {
			owed := channel.Due(b.funds, b.lanes, channel.Party(p)) - (b.received[p] - b.funds.Withdrawn[p])
			shares[p] = min(max(owed, 0), b.held()-shares[0])
		}
		return shares, nil
	},
}

func newBook(o channel.Opening, verifiers [2]*wallet.Verifier, rule payOut) *book {
	return &book{
		opening: o, verifiers: verifiers, rule: rule, state: channel.Open,
		funds: channel.Funds{Deposited: channel.PerParty{channel.Opener: o.Deposit}},
	}
}

func (b *book) held() money.Amount {
	return b.funds.Deposited[0] + b.funds.Deposited[1] - b.received[0] - b.received[1]
}

func (b *book) topUp(p channel.Party, amount money.Amount) error {
	if b.state != channel.Open {
		return fmt.Errorf("%w: not open", errRefused)
	}
	b.funds.Deposited[p] += amount
	return nil
}

func (b *book) settle(best channel.Best) error {
	c := best.Signed.Claim
	if b.state == channel.Closed || c.Channel != b.opening.ID() || !c.Lane.Valid() {
		return fmt.Errorf("%w: closed, or not its claim", errRefused)
	}
	if best.Owed() <= b.lanes[c.Lane] {
		return nil
	}
	if err := best.Verify(network, b.verifiers[c.Lane.Payer()]); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	b.raise(c.Lane, best.Owed())
	return nil
}

func (b *book) raise(lane channel.Lane, total money.Amount) {
	if raised := total - b.lanes[lane]; raised > 0 {
		b.lanes[lane] = total
		b.rule.settled(b, lane, raised)
	}
}

func (b *book) withdraw(s channel.SignedWithdrawal) error {
	w := s.Withdrawal
	if b.state == channel.Closed || s.Verify(b.opening) != nil {
		return fmt.Errorf("%w: closed, or not signed by both", errRefused)
	}
	return b.applyWithdrawal(w)
}

func (b *book) applyWithdrawal(w channel.Withdrawal) error {
	if w.Sequence <= b.withdrawal {
		return nil
	}
	before := b.funds
	b.funds.Withdrawn = w.Totals
	locked, err := b.funds.Locked()
	if err != nil || locked < 0 || w.Totals[0] < before.Withdrawn[0] || w.Totals[1] < before.Withdrawn[1] {
		b.funds = before
		return fmt.Errorf("%w: out of order, or more than it holds", errRefused)
	}
	b.withdrawal = w.Sequence
	for p := range w.Totals {
		b.received[p] += w.Totals[p] - before.Withdrawn[p]
	}
	for lane, total := range w.Lanes {
		b.lanes[lane] = max(b.lanes[lane], total)
	}
	return nil
}

func (b *book) close(s channel.SignedClose) error {
	switch {
	case b.state == channel.Closed, s.Verify(b.opening) != nil, s.Close.NotAfter.Unix() < int64(b.now),
		s.Close.Lanes[0] < b.lanes[0], s.Close.Lanes[1] < b.lanes[1]:
		return fmt.Errorf("%w: late, below its maxima, or not signed by both", errRefused)
	}
	b.lanes = s.Close.Lanes
	return b.end()
}

func (b *book) request(s channel.SignedCloseRequest, bests ...channel.Best) error {
	if b.state == channel.Closed || s.Verify(b.opening) != nil {
		return fmt.Errorf("%w: closed, or not signed", errRefused)
	}
	if b.state == channel.Open {
		b.state, b.windowEnd = channel.Closing, b.now+windowTicks
	}
	for _, best := range bests {
		if !best.IsZero() {
			_ = b.settle(best) // one that is not good does not spoil the request
		}
	}
	return nil
}

func (b *book) finalise() error {
	if b.state != channel.Closing || b.now < b.windowEnd {
		return fmt.Errorf("%w: the window is open", errRefused)
	}
	return b.end()
}

func (b *book) end() error {
	shares, err := b.rule.ended(b)
	if err != nil {
		return err
	}
	b.state = channel.Closed
	for p := range shares {
		b.received[p] += shares[p]
	}
	return nil
}

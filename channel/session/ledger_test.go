package session_test

import (
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// ledger is the real one's behaviour towards sessions: operations become final after a while, in order, once each;
// views are certified; accounts can be empty.
type ledger struct {
	w        *world
	balance  map[wallet.DID]money.Amount
	issued   money.Amount
	channels map[channel.ID]*slot
	outcomes map[session.OpID]error // of operations that have one; nil is final
	taken    map[session.OpID]bool
	vertices int
	down     bool // answers nothing
}

type slot struct {
	opening    channel.Opening
	funds      channel.Funds
	lanes      channel.PerLane
	withdrawal uint32
	state      channel.State
	paidOut    channel.PerParty
}

var errLedger = errors.New("the ledger refuses")

func newLedger(w *world) *ledger {
	return &ledger{
		w: w, balance: map[wallet.DID]money.Amount{}, channels: map[channel.ID]*slot{},
		outcomes: map[session.OpID]error{}, taken: map[session.OpID]bool{},
	}
}

// submit takes an operation from a node's outbox; its outcome comes when it is final. The same one again is no second.
func (l *ledger) submit(n *node, op session.OpRecord) {
	if l.down {
		l.w.after(l.w.setup.ledgerTakes, func() { n.resubmit(op) })
		return
	}
	if l.taken[op.ID] {
		l.w.after(l.w.setup.ledgerTakes, func() {
			if err, known := l.outcomes[op.ID]; known {
				n.concluded(op, err)
			}
		})
		return
	}
	l.taken[op.ID] = true
	l.vertices++
	l.w.after(l.w.setup.ledgerTakes, func() {
		l.outcomes[op.ID] = l.apply(n.did, op)
		n.concluded(op, l.outcomes[op.ID])
	})
}

func (l *ledger) apply(by wallet.DID, op session.OpRecord) error {
	if op.Kind == session.OpOpen {
		return l.open(by, op.Body)
	}
	s := l.channels[op.Channel]
	if s == nil {
		return fmt.Errorf("%w: unknown channel", errLedger)
	}
	if s.state == channel.Closed {
		return fmt.Errorf("%w: closed", errLedger)
	}
	switch op.Kind {
	case session.OpTopUp:
		return l.topUp(by, s, op.Body)
	case session.OpSettle:
		bests, err := session.DecodeBests(op.Body)
		if err != nil {
			return err
		}
		return s.raise(bests)
	case session.OpWithdraw:
		return l.withdraw(s, op.Body)
	case session.OpCloseRequest:
		request, bests, err := session.DecodeCloseRequest(op.Body)
		if err != nil {
			return err
		}
		if err := request.Verify(s.opening); err != nil {
			return err
		}
		s.state = channel.Closing
		return s.raise(bests)
	case session.OpFinalise:
		return l.finalise(s)
	}
	return fmt.Errorf("%w: %s", errLedger, op.Kind)
}

func (l *ledger) spend(by wallet.DID, amount money.Amount) error {
	if amount <= 0 || amount > l.balance[by] {
		return fmt.Errorf("%w: insufficient funds", errLedger)
	}
	l.balance[by] -= amount
	return nil
}

func (l *ledger) open(by wallet.DID, body []byte) error {
	o, err := channel.DecodeOpening(body)
	if err != nil {
		return err
	}
	if err := o.Check(); err != nil {
		return err
	}
	if err := l.spend(by, o.Deposit); err != nil {
		return err
	}
	l.channels[o.ID()] = &slot{opening: o, state: channel.Open, funds: channel.Funds{Deposited: channel.PerParty{o.Deposit, 0}}}
	return nil
}

func (l *ledger) topUp(by wallet.DID, s *slot, body []byte) error {
	t, err := session.DecodeTopUp(body)
	if err != nil {
		return err
	}
	if err := l.spend(by, t.Amount); err != nil {
		return err
	}
	s.funds.Deposited[t.Party] += t.Amount
	return nil
}

func (s *slot) raise(bests []channel.Best) error {
	for _, b := range bests {
		v, err := wallet.NewVerifier(s.opening.Key(b.Signed.Claim.Lane.Payer()))
		if err != nil {
			return err
		}
		if err := b.Verify(network, v); err != nil {
			return err
		}
		lane := b.Signed.Claim.Lane
		s.lanes[lane] = max(s.lanes[lane], b.Owed())
	}
	return nil
}

func (l *ledger) withdraw(s *slot, body []byte) error {
	signed, err := channel.DecodeSignedWithdrawal(body)
	if err != nil {
		return err
	}
	if err := signed.Verify(s.opening); err != nil {
		return err
	}
	w := signed.Withdrawal
	if w.Sequence <= s.withdrawal {
		return nil
	}
	before := s.funds
	s.funds.Withdrawn = w.Totals
	if locked, err := s.funds.Locked(); err != nil || locked < 0 {
		s.funds = before
		return fmt.Errorf("%w: more than it holds", errLedger)
	}
	s.withdrawal = w.Sequence
	for p := range w.Totals {
		l.balance[s.opening.Account(channel.Party(p))] += w.Totals[p] - before.Withdrawn[p]
		s.lanes[p] = max(s.lanes[p], w.Lanes[p])
	}
	return nil
}

func (l *ledger) finalise(s *slot) error {
	if s.state != channel.Closing {
		return fmt.Errorf("%w: not closing", errLedger)
	}
	shares, err := channel.Payout(s.funds, s.lanes)
	if err != nil {
		return err
	}
	s.state, s.paidOut = channel.Closed, shares
	for p := range shares {
		l.balance[s.opening.Account(channel.Party(p))] += shares[p]
	}
	return nil
}

// look answers a machine's question with what is certified by then.
func (l *ledger) look(n *node, id channel.ID) {
	l.w.after(looksTake, func() {
		s := l.channels[id]
		if s == nil || l.down {
			n.step(session.Viewed{Err: errors.New("nothing is known of the channel")})
			return
		}
		n.step(session.Viewed{View: l.view(s)})
	})
}

func (l *ledger) view(s *slot) session.View {
	return session.View{
		Opening: s.opening, Funds: s.funds, Lanes: s.lanes, State: s.state, Expiry: s.opening.Terms.Expiry,
		Time: l.w.now, Final: true, WindowEnd: l.w.now.Add(s.opening.Terms.Window),
	}
}

// balanced tells whether all that was issued is on an account or in a channel (I1).
func (l *ledger) balanced() bool {
	var total money.Amount
	for _, b := range l.balance {
		total += b
	}
	for _, s := range l.channels {
		if locked, err := s.funds.Locked(); err == nil && s.state != channel.Closed {
			total += locked
		}
	}
	return total == l.issued
}

package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// ledger is the real one's behaviour towards agents: a payload is final after a while, and takes effect once; spends carry
// their account's next sequence; closes have windows; views are certified.
type ledger struct {
	takes time.Duration // until a payload is final, and half of it for a view

	mu       sync.Mutex // guards all below
	issued   money.Amount
	accounts map[wallet.DID]*account
	channels map[channel.ID]*onLedger
	outcomes map[string]error // of the payloads that were applied
	applied  map[string]int   // spends by what they are about: one that was made anew is the same
	gone     bool             // answers nothing
	views    map[channel.ID]int
}

type account struct {
	balance  money.Amount
	sequence uint64
}

type onLedger struct {
	opening    channel.Opening
	funds      channel.Funds
	lanes      channel.PerLane
	withdrawal uint32
	state      channel.State
	windowEnd  time.Time
	paidOut    channel.PerParty
}

var (
	errGone  = errors.New("the ledger does not answer")
	errRules = errors.New("against the ledger's rules")
)

func newLedger(takes time.Duration) *ledger {
	return &ledger{
		takes: takes, accounts: map[wallet.DID]*account{}, channels: map[channel.ID]*onLedger{},
		outcomes: map[string]error{}, applied: map[string]int{}, views: map[channel.ID]int{},
	}
}

func (l *ledger) issue(to wallet.DID, amount money.Amount) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.account(to).balance += amount
	l.issued += amount
}

func (l *ledger) account(did wallet.DID) *account {
	if l.accounts[did] == nil {
		l.accounts[did] = &account{}
	}
	return l.accounts[did]
}

func (l *ledger) setGone(gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = gone
}

// at gives a copy of what the ledger knows of a channel.
func (l *ledger) at(id channel.ID) onLedger {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.channels[id]; c != nil {
		l.pass(c)
		return *c
	}
	return onLedger{}
}

// balanced tells whether all that was issued is on an account or locked in a channel (I1).
func (l *ledger) balanced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := money.Amount(0)
	for a := range maps.Values(l.accounts) {
		total += a.balance
	}
	for c := range maps.Values(l.channels) {
		if locked, err := c.funds.Locked(); err == nil && c.state != channel.Closed {
			total += locked
		}
	}
	return total == l.issued
}

// doubled counts the spends that took effect more than once.
func (l *ledger) doubled() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for times := range maps.Values(l.applied) {
		n += times - 1
	}
	return n
}

// settler is one party's access to the ledger.
type settler struct {
	*ledger
	did wallet.DID
}

// payloadHead is what stands before a payload's body: issuer, kind, sequence of the account, channel.
const payloadHead = 32 + 1 + 8 + 32

func (s settler) Prepare(ctx context.Context, op session.OpRecord) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, errGone
	}
	payload := append(bytes.Clone(s.did[:]), byte(op.Kind))
	var sequence uint64
	if op.Kind == session.OpOpen || op.Kind == session.OpTopUp {
		sequence = s.account(s.did).sequence + 1
	}
	payload = binary.BigEndian.AppendUint64(payload, sequence)
	return append(append(payload, op.Channel[:]...), op.Body...), nil
}

func (s settler) Submit(ctx context.Context, payload []byte) ([32]byte, error) {
	if !wait(ctx, s.takes/2) {
		return [32]byte{}, ctx.Err()
	}
	err := s.take(payload)
	if err == nil && !wait(ctx, s.takes/2) {
		err = ctx.Err() // it is on the ledger, but who asked does not hear it
	}
	return sha256.Sum256(payload), err
}

// take applies a payload once.
func (s settler) take(payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return errGone
	}
	outcome, known := s.outcomes[string(payload)]
	if !known {
		outcome = s.apply(payload)
		if errors.Is(outcome, ErrStalePayload) {
			return outcome
		}
		s.outcomes[string(payload)] = outcome
		if kind := session.OpKind(payload[32]); outcome == nil && (kind == session.OpOpen || kind == session.OpTopUp) {
			s.applied[string(payload[:33])+string(payload[41:])]++
		}
	}
	if outcome != nil {
		return fmt.Errorf("%w: %w", ErrLedgerRefused, outcome)
	}
	return nil
}

func (s settler) View(ctx context.Context, id channel.ID) (session.View, error) {
	if !wait(ctx, s.takes/2) {
		return session.View{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views[id]++
	c := s.channels[id]
	switch {
	case s.gone:
		return session.View{}, errGone
	case c == nil:
		return session.View{}, fmt.Errorf("%w: channel %s", store.ErrNotFound, id)
	}
	s.pass(c)
	now := time.Now()
	return session.View{
		Opening: c.opening, Funds: c.funds, Lanes: c.lanes, State: c.state, WindowEnd: c.windowEnd,
		Expiry: c.opening.Terms.Expiry, Time: now, At: now, Final: true,
	}, nil
}

// pass lets ledger time pass for a channel: its expiry is a close by nobody.
func (l *ledger) pass(c *onLedger) {
	if expiry := c.opening.Terms.Expiry; c.state == channel.Open && !time.Now().Before(expiry) {
		c.state, c.windowEnd = channel.Closing, expiry.Add(c.opening.Terms.Window)
	}
}

func (l *ledger) apply(payload []byte) error {
	by, kind := wallet.DID(payload[:32]), session.OpKind(payload[32])
	sequence, id, body := binary.BigEndian.Uint64(payload[33:]), channel.ID(payload[41:payloadHead]), payload[payloadHead:]
	c := l.channels[id]
	if c == nil && kind != session.OpOpen {
		return fmt.Errorf("%w: unknown channel", errRules)
	}
	if c != nil {
		l.pass(c)
	}
	switch kind {
	case session.OpOpen:
		return l.open(by, sequence, body)
	case session.OpTopUp:
		return l.topUp(by, sequence, c, body)
	case session.OpSettle:
		bests, err := session.DecodeBests(body)
		if err != nil {
			return err
		}
		return c.raise(bests)
	case session.OpWithdraw:
		return l.withdraw(c, body)
	case session.OpClose:
		return l.close(c, body)
	case session.OpCloseRequest:
		return c.requestClose(body)
	case session.OpFinalise:
		return l.finalise(c)
	}
	return fmt.Errorf("%w: %s", errRules, kind)
}

func (l *ledger) spend(by wallet.DID, sequence uint64, amount money.Amount) error {
	a := l.account(by)
	switch {
	case sequence != a.sequence+1:
		return fmt.Errorf("%w: sequence %d after %d", ErrStalePayload, sequence, a.sequence)
	case amount <= 0 || amount > a.balance:
		return fmt.Errorf("%w: insufficient funds", errRules)
	}
	a.balance, a.sequence = a.balance-amount, sequence
	return nil
}

func (l *ledger) open(by wallet.DID, sequence uint64, body []byte) error {
	o, err := channel.DecodeOpening(body)
	if err != nil {
		return err
	}
	if err := o.Check(); err != nil {
		return err
	}
	if l.channels[o.ID()] != nil {
		return fmt.Errorf("%w: opened already", errRules)
	}
	if err := l.spend(by, sequence, o.Deposit); err != nil {
		return err
	}
	l.channels[o.ID()] = &onLedger{opening: o, state: channel.Open, funds: channel.Funds{Deposited: channel.PerParty{o.Deposit, 0}}}
	return nil
}

func (l *ledger) topUp(by wallet.DID, sequence uint64, c *onLedger, body []byte) error {
	t, err := session.DecodeTopUp(body)
	if err != nil {
		return err
	}
	if c.state != channel.Open {
		return fmt.Errorf("%w: %s", errRules, c.state)
	}
	if err := l.spend(by, sequence, t.Amount); err != nil {
		return err
	}
	c.funds.Deposited[t.Party] += t.Amount
	return nil
}

func (c *onLedger) raise(bests []channel.Best) error {
	for _, b := range bests {
		if b.Owed() <= c.lanes[b.Signed.Claim.Lane] {
			continue
		}
		if c.state == channel.Closed {
			return fmt.Errorf("%w: closed", errRules)
		}
		v, err := wallet.NewVerifier(c.opening.Key(b.Signed.Claim.Lane.Payer()))
		if err != nil {
			return err
		}
		if err := b.Verify(benchNetwork, v); err != nil {
			return err
		}
		c.lanes[b.Signed.Claim.Lane] = b.Owed()
	}
	return nil
}

func (l *ledger) withdraw(c *onLedger, body []byte) error {
	signed, err := channel.DecodeSignedWithdrawal(body)
	if err != nil {
		return err
	}
	if err := signed.Verify(c.opening); err != nil {
		return err
	}
	w, before := signed.Withdrawal, c.funds
	if w.Sequence <= c.withdrawal {
		return nil
	}
	c.funds.Withdrawn = w.Totals
	if locked, err := c.funds.Locked(); err != nil || locked < 0 || c.state == channel.Closed {
		c.funds = before
		return fmt.Errorf("%w: withdrawal", errRules)
	}
	c.withdrawal = w.Sequence
	for p := range w.Totals {
		l.account(c.opening.Account(channel.Party(p))).balance += w.Totals[p] - before.Withdrawn[p]
		c.lanes[p] = max(c.lanes[p], w.Lanes[p])
	}
	return nil
}

func (l *ledger) close(c *onLedger, body []byte) error {
	signed, err := channel.DecodeSignedClose(body)
	if err != nil {
		return err
	}
	if err := signed.Verify(c.opening); err != nil {
		return err
	}
	lanes := signed.Close.Lanes
	switch {
	case c.state == channel.Closed && lanes == c.lanes:
		return nil
	case c.state == channel.Closed, time.Now().After(signed.Close.NotAfter), lanes[0] < c.lanes[0], lanes[1] < c.lanes[1]:
		return fmt.Errorf("%w: close", errRules)
	}
	c.lanes = lanes
	return l.payOut(c)
}

func (c *onLedger) requestClose(body []byte) error {
	request, bests, err := session.DecodeCloseRequest(body)
	if err != nil {
		return err
	}
	if err := request.Verify(c.opening); err != nil {
		return err
	}
	if c.state == channel.Open {
		c.state, c.windowEnd = channel.Closing, time.Now().Add(c.opening.Terms.Window)
	}
	return c.raise(bests)
}

func (l *ledger) finalise(c *onLedger) error {
	switch {
	case c.state == channel.Closed:
		return nil
	case c.state == channel.Open || time.Now().Before(c.windowEnd):
		return fmt.Errorf("%w: the window is open", errRules)
	}
	return l.payOut(c)
}

func (l *ledger) payOut(c *onLedger) error {
	shares, err := channel.Payout(c.funds, c.lanes)
	if err != nil {
		return err
	}
	c.state, c.paidOut = channel.Closed, shares
	for p := range shares {
		l.account(c.opening.Account(channel.Party(p))).balance += shares[p]
	}
	return nil
}

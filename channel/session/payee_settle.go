package session

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/wallet/money"
)

// periodic asks for a withdrawal while charging goes on, by amount and by time, as the quote says.
func (p *Payee) periodic(now Instant) []Effect {
	if p.settledAt.IsZero() {
		p.settledAt = now.Session
	}
	q := p.quote.Quote
	byAmount := q.SettleAmount > 0 && p.unsettled() >= q.SettleAmount
	every := time.Duration(q.SettleEveryMs) * time.Millisecond
	byTime := every > 0 && now.Session.Sub(p.settledAt) >= every && p.unsettled() > 0
	if !byAmount && !byTime || len(p.inFlight) > 0 {
		return nil // what is on its way may be all that is wanted
	}
	p.settledAt = now.Session
	return p.propose(now)
}

// unsettled gives what the vehicle's lane owes beyond what the ledger knows.
func (p *Payee) unsettled() money.Amount { return p.lane(0) - p.channel.Settled[0] }

// propose asks for a withdrawal of everything that is due, or repeats the proposal that is not answered yet.
func (p *Payee) propose(now Instant) []Effect {
	kept := p.keptForReturn()
	due := channel.Due(p.side.Funds(), p.side.Lanes(), channel.Partner) - kept
	if len(p.channel.Proposal) == 0 && kept > 0 && due <= 0 {
		return nil
	}
	p.cosignBy = now.Real.Add(cosignMax)
	if len(p.channel.Proposal) == 0 {
		signed, err := p.side.ProposeWithdrawal(due, p.config.ChannelKey)
		if err != nil {
			p.cosignBy, p.cosignFailed = time.Time{}, true
			return []Effect{p.report(now, "", err)}
		}
		p.channel.Proposal = signed.Encode()
	}
	return []Effect{p.saved(Batch{}), Send{wire.Withdraw{Withdrawal: p.channel.Proposal}}}
}

// cosigned takes the vehicle's counter-signature and hands the withdrawal to the outbox.
func (p *Payee) cosigned(m wire.Withdraw) (bool, []Effect) {
	signed, err := channel.DecodeSignedWithdrawal(m.Withdrawal)
	if err != nil || p.side == nil || len(p.channel.Proposal) == 0 {
		return false, nil
	}
	mine, err := channel.DecodeSignedWithdrawal(p.channel.Proposal)
	if err != nil || !bytes.Equal(mine.Withdrawal.Encode(), signed.Withdrawal.Encode()) {
		return false, nil // an answer to an older proposal
	}
	signed.Signatures[channel.Partner] = mine.Signatures[channel.Partner]
	if err := signed.Verify(p.side.Opening()); err != nil {
		return false, nil
	}
	p.channel.Proposal = nil
	op := p.settling(OpWithdraw, signed.Encode())
	return true, []Effect{p.saved(Batch{Ops: []OpRecord{op}})}
}

// settling adds an operation whose outcome the session waits for.
func (p *Payee) settling(kind OpKind, body []byte) OpRecord {
	op := p.operate(kind, body)
	p.inFlight = append(p.inFlight, op.ID)
	return op
}

// settle brings a paid session to the ledger: by a co-signed withdrawal, which also pays out, while the vehicle is
// there to sign it.
func (p *Payee) settle(now Instant) []Effect {
	if len(p.inFlight) > 0 {
		return nil // their outcome comes first
	}
	if p.unsettled() <= 0 && p.lane(1) <= p.channel.Settled[1] {
		return p.end(now, "settled on the ledger")
	}
	if p.defers() {
		return p.end(now, "paid; the channel is settled later")
	}
	due := channel.Due(p.side.Funds(), p.side.Lanes(), channel.Partner)
	if !p.cosignFailed && (len(p.channel.Proposal) > 0 || due > 0) {
		return p.propose(now)
	}
	return p.settleAlone(now)
}

// defers tells whether what was claimed stays in the channel, as the quote says, for a later session or the end of the channel
// to settle.
func (p *Payee) defers() bool {
	return len(p.channel.Proposal) == 0 && !p.record.Abandoned && p.lane(1) <= p.channel.Settled[1] && p.mayDefer()
}

// settleAlone raises the lanes on the ledger without the vehicle's help; it moves no money.
func (p *Payee) settleAlone(now Instant) []Effect {
	op := p.settling(OpSettle, EncodeBests(p.side.In(), p.side.Out()))
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, "settling alone", nil)}
}

// concluded takes the outcome of a ledger operation.
func (p *Payee) concluded(now Instant, e Concluded) []Effect {
	if e.Op.Kind == OpTopUp {
		return p.toppedUp(now, e)
	}
	p.inFlight = slices.DeleteFunc(p.inFlight, func(id OpID) bool { return id == e.Op.ID })
	if e.Err != nil {
		effects := []Effect{p.report(now, "", fmt.Errorf("%s: %w", e.Op.Kind, e.Err))}
		switch {
		case p.record.Phase != PhaseSettling:
			return effects
		case e.Op.Kind == OpWithdraw:
			return append(effects, p.settleAlone(now)...)
		}
		return append(effects, p.end(now, "not settled: the ledger refused")...)
	}
	switch e.Op.Kind {
	case OpWithdraw:
		if w, err := channel.DecodeSignedWithdrawal(e.Op.Body); err == nil {
			p.settledUpTo(w.Withdrawal.Lanes)
		}
	case OpSettle:
		if bests, err := DecodeBests(e.Op.Body); err == nil {
			p.settledBy(bests)
		}
	case OpCloseRequest:
		if _, bests, err := DecodeCloseRequest(e.Op.Body); err == nil {
			p.settledBy(bests)
		}
	}
	if p.record.Phase != PhaseSettling {
		return []Effect{p.saved(Batch{}), p.report(now, "settled on the ledger", nil)}
	}
	return append([]Effect{p.saved(Batch{})}, p.settle(now)...) // this may have been a withdrawal of earlier in the session
}

// toppedUp goes on when the station's own money is there, or will not be.
func (p *Payee) toppedUp(now Instant, e Concluded) []Effect {
	if e.Err == nil {
		p.topUpFinal = true
		return []Effect{Look{p.record.Channel}}
	}
	p.toppingUp, p.topUpRefused = false, true
	effects := []Effect{p.report(now, "", fmt.Errorf("%s: %w", e.Op.Kind, e.Err))}
	if p.record.Phase == PhaseFinal && len(p.unpaid) == 0 {
		effects = append(effects, p.conclude(now)...)
	}
	return effects
}

// settledBy notes what claims brought to the ledger, which may be less than what was claimed since.
func (p *Payee) settledBy(bests []channel.Best) {
	var lanes channel.PerLane
	for _, b := range bests {
		lanes[b.Signed.Claim.Lane] = b.Owed()
	}
	p.settledUpTo(lanes)
}

func (p *Payee) settledUpTo(lanes channel.PerLane) {
	for l := range lanes {
		p.channel.Settled[l] = max(p.channel.Settled[l], lanes[l])
	}
}

func (p *Payee) end(now Instant, note string) []Effect {
	p.record.Phase = PhaseEnded
	p.cosignBy = time.Time{}
	return []Effect{p.saved(Batch{}), p.report(now, note, nil)}
}

package session

import (
	"fmt"
	"time"

	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
)

// asked ends the session because the vehicle says so.
func (p *Payee) asked(now Instant, s wire.Stop) []Effect {
	if p.side == nil {
		p.record.Phase, p.record.Reason = PhaseFailed, s.Reason
		return []Effect{p.saved(Batch{}), p.report(now, "the vehicle left before a channel was named", nil)}
	}
	key := p.side.Opening().OpenerKey
	if err := wallet.Verify(key, wallet.DomainStop, p.network, s.SigningBytes(p.record.ID), s.Signature); err != nil {
		return p.refuse(now, wire.CodeIdentity, fmt.Errorf("%w: %w", ErrIdentity, err))
	}
	if len(s.Reason) > 16 {
		s.Reason = wire.ReasonUser
	}
	return p.stop(now, s.Reason)
}

// stop turns the connector off; the last reading follows with the next sample.
func (p *Payee) stop(now Instant, reason wire.Reason) []Effect {
	switch {
	case p.record.Phase >= PhaseStopping:
		return p.resend(now, true)
	case !p.sentBaseline():
		p.record.Phase, p.record.Reason = PhaseFailed, reason
		return []Effect{
			p.saved(Batch{}), Actuate{Command: CommandStop}, Send{wire.Refuse{Code: wire.CodeBusy, Detail: "the station ended the session"}},
			p.report(now, "ended before energy flowed", nil),
		}
	}
	p.record.Phase, p.record.Reason, p.stopAskedAt = PhaseStopping, reason, now.Real
	return []Effect{Actuate{Command: CommandStop}, p.saved(Batch{}), p.report(now, "stopping", nil)}
}

// finish makes the last reading and demands the whole price. Where no last reading can be priced, the session ends with
// what is claimed.
func (p *Payee) finish(now Instant) []Effect {
	p.record.Phase = PhaseFinal
	if last, _ := p.chain.Last(); last.State == meter.Ended {
		return append([]Effect{p.saved(Batch{})}, p.resend(now, true)...)
	}
	effects := p.read(now)
	if last, _ := p.chain.Last(); last.State != meter.Ended {
		effects = append(effects, p.conclude(now)...)
	}
	return effects
}

// conclude ends the payments: what is claimed is brought to the ledger.
func (p *Payee) conclude(now Instant) []Effect {
	p.unpaid = nil
	p.paidUp()
	effects := []Effect{p.saved(Batch{}), Send{p.done()}}
	return append(effects, p.settle(now)...)
}

// pass lets real time pass: repetition, patience, looking at the ledger.
func (p *Payee) pass(now Instant) []Effect {
	effects := p.resend(now, false)
	if len(p.unpaid) == 0 && p.cosignBy.IsZero() && p.record.Phase < PhaseSettling {
		effects = nil // nothing waits
	}
	effects = append(effects, p.asksAgain(now)...)
	if p.side != nil && p.record.Phase < PhaseSettling && !now.Real.Before(p.lookAt) {
		p.lookAt = now.Real.Add(max(lookEvery, time.Second))
		effects = append(effects, Look{p.record.Channel})
	}
	if !p.cosignBy.IsZero() && now.Real.After(p.cosignBy) {
		p.cosignBy, p.cosignFailed = time.Time{}, true
	}
	if p.record.Phase == PhaseSettling && p.cosignBy.IsZero() {
		effects = append(effects, p.settle(now)...)
	}
	if p.record.Phase == PhaseCharging && len(p.unpaid) == 0 {
		p.progressAt = now.Real
	}
	if now.Real.Sub(p.progressAt) > p.config.Policy.GoneAfter {
		effects = append(effects, p.gone(now)...)
	}
	return effects
}

// gone hangs up on a vehicle that does not answer: what it signed is brought to the ledger by closing alone.
func (p *Payee) gone(now Instant) []Effect {
	switch {
	case p.record.Phase >= PhaseSettling:
		return nil
	case p.record.Claims == 0: // so nothing flowed, nothing is owed, and the channel stays as it is
		p.record.Phase, p.record.Reason = PhaseFailed, wire.ReasonUnpaid
		return []Effect{p.saved(Batch{}), p.report(now, "the vehicle went away", nil)}
	case p.record.Phase < PhaseFinal:
		return p.stop(now, wire.ReasonUnpaid)
	case len(p.unpaid) == 0:
		return p.conclude(now) // it is the station that owes, and cannot
	}
	p.paidUp()
	p.record.Abandoned = true
	p.record.Reason = wire.ReasonUnpaid
	request := p.side.RequestClose(p.config.ChannelKey)
	op := p.settling(OpCloseRequest, append(request.Encode(), EncodeBests(p.side.In(), p.side.Out())...))
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, "the vehicle went away: closing the channel alone", nil)}
}

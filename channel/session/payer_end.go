package session

import (
	"fmt"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
)

// decide stops the session when the vehicle has what it wants or may not spend more.
func (p *Payer) decide(now Instant, r meter.Reading) []Effect {
	if p.record.Phase != PhaseCharging || r.Sequence == 0 {
		return nil
	}
	policy := p.config.Policy
	switch {
	case !policy.StopsItself && policy.Quantity > 0 && p.record.Quantity >= policy.Quantity,
		policy.SoCPermille > 0 && r.StateOfChargePermille >= policy.SoCPermille,
		!policy.Until.IsZero() && !r.Time.Before(policy.Until),
		policy.FullIsTarget && r.State == meter.SuspendedVehicle:
		return p.stop(now, wire.ReasonTarget)
	case policy.CostMax > 0 && p.record.Cost+p.reserve() > policy.CostMax:
		return p.stop(now, wire.ReasonCost)
	case !p.toppingUp && !p.mayTopUp(policy.TopUp) && p.side.Spendable() < p.reserve():
		return p.stop(now, wire.ReasonUncovered)
	}
	return nil
}

// stop asks the station for the last reading.
func (p *Payer) stop(now Instant, reason wire.Reason) []Effect {
	switch {
	case p.record.Phase >= PhaseStopping:
		return nil
	case !p.started():
		p.record.Reason = reason
		return p.fail(now, fmt.Errorf("%w: stopped before energy flowed", ErrPolicy))
	}
	p.record.Reason = reason
	p.enter(now, PhaseStopping)
	p.sentAt = now.Real
	return []Effect{p.saved(Batch{}), p.stopMessage(), p.report(now, "stopping", nil)}
}

func (p *Payer) stopMessage() Send {
	s := wire.Stop{Reason: p.record.Reason}
	if s.Reason == "" {
		s.Reason = wire.ReasonUser
	}
	s.Signature = p.config.ChannelKey.Sign(wallet.DomainStop, p.config.Network, s.SigningBytes(p.record.ID))
	return Send{s}
}

// finished takes the station's word that the final claim is stored; the ledger has to confirm it.
func (p *Payer) finished(now Instant, d wire.Done) []Effect {
	if p.record.Phase < PhaseCharging || p.record.Phase >= PhaseSettling {
		return nil
	}
	accepted, err := p.acceptBack(d.Back)
	if err != nil {
		return p.backRefused(now, err)
	}
	if p.record.Phase == PhaseFinal && d.Accepted < p.lane(0) && now.Real.Sub(p.beganAt) < answerMax {
		return accepted // the claim was lost, and is repeated in time; or the station has closed the channel without it
	}
	if p.record.Reason == "" || p.record.Phase == PhaseCharging {
		p.record.Reason = d.Reason
	}
	p.paid()
	p.enter(now, PhaseSettling)
	p.paidUp()
	if p.mayDefer() {
		return p.deferred(now)
	}
	return []Effect{p.saved(Batch{}), Look{p.record.Channel}, p.report(now, "paid; the ledger is to confirm", nil)}
}

// deferred ends a session that the ledger learns of later, as the quote says.
func (p *Payer) deferred(now Instant) []Effect {
	p.enter(now, PhaseEnded)
	return []Effect{p.saved(Batch{}), p.report(now, "paid; the station settles later", nil)}
}

// countersign agrees to a withdrawal of what the station is due.
func (p *Payer) countersign(now Instant, w wire.Withdraw) []Effect {
	if p.side == nil {
		return nil
	}
	proposed, err := channel.DecodeSignedWithdrawal(w.Withdrawal)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	signed, err := p.side.CountersignWithdrawal(proposed, p.config.ChannelKey)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	return []Effect{p.saved(Batch{}), Send{wire.Withdraw{Withdrawal: signed.Encode()}}}
}

func (p *Payer) refused(now Instant, r wire.Refuse) []Effect {
	err := fmt.Errorf("%w: %s: %.200q", ErrRefused, r.Code, r.Detail)
	switch {
	case p.record.Phase < PhaseCharging && !p.started():
		return p.fail(now, err)
	case r.Code == wire.CodeUnknownSession && p.record.Phase <= PhaseFinal:
		p.record.Failure = err.Error() // it takes nothing any more, and is owed what was signed
		p.enter(now, PhaseSettling)
		p.paidUp()
		return []Effect{p.saved(Batch{}), Look{p.record.Channel}, p.report(now, "", err)}
	}
	return []Effect{p.report(now, "", err)}
}

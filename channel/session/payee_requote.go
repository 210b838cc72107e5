package session

import (
	"fmt"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/wire"
)

// TariffEnds gives when the tariff in force ends, for whoever makes the next offer; ok is false while none can be made.
func (p *Payee) TariffEnds() (ends time.Time, ok bool) {
	if p.record.Phase != PhaseCharging || len(p.record.Next) > 0 {
		return time.Time{}, false
	}
	_, ends = p.bill.Validity()
	return ends, !ends.IsZero()
}

// reoffered offers the vehicle other prices from a time on.
func (p *Payee) reoffered(now Instant, e Reoffered) []Effect {
	if p.record.Phase != PhaseCharging || len(p.record.Next) > 0 {
		return nil
	}
	next := quote.Sign(p.quote.Next(e.Offer, e.From, now.Session), p.config.Account)
	err := next.Quote.Check()
	if err == nil && !now.Session.Before(next.Quote.From()) {
		err = fmt.Errorf("%w: it is to price from %s on", ErrQuoteChanged, next.Quote.From())
	}
	if err == nil {
		err = p.checkFollowing(next)
	}
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	p.offered, p.record.Next = next, next.Bytes()
	p.offeredAt = now.Real
	return []Effect{p.saved(Batch{}), p.requote(), p.report(now, "the tariff is going to change: the vehicle is asked", nil)}
}

func (p *Payee) requote() Send { return Send{wire.Requote{Quote: p.record.Next}} }

// asksAgain repeats the offer of a new quote until the vehicle agrees or leaves.
func (p *Payee) asksAgain(now Instant) []Effect {
	if !p.awaitsAgreement() || now.Real.Sub(p.offeredAt) < resendAfter {
		return nil
	}
	p.offeredAt = now.Real
	return []Effect{p.requote()}
}

func (p *Payee) awaitsAgreement() bool {
	return p.record.Phase == PhaseCharging && len(p.record.Next) > 0 && !p.record.NextAgreed
}

// takeAgreement notes that the vehicle's claim is under the quote that was offered. It is noted at any time, for the receipt
// must have every quote that a claim names; where it comes too late, no reading follows that would bring it into force.
func (p *Payee) takeAgreement(now Instant) []Effect {
	if len(p.record.Next) == 0 || p.record.NextAgreed || p.side.In().Signed.Claim.Quote != p.offered.Hash() {
		return nil
	}
	if err := p.agree(p.offered); err != nil {
		return []Effect{p.report(now, "", err)} // checked when it was offered: the session ends when its time comes
	}
	return []Effect{p.report(now, "the vehicle agrees to the new tariff", nil)}
}

// outOfTariff tells whether the sample falls under a tariff that the vehicle did not agree to.
func (p *Payee) outOfTariff() bool {
	return p.awaitsAgreement() && !p.sample.Time.Before(p.offered.Quote.From())
}

package session

import (
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/meter"
)

func (p *Payer) viewed(now Instant, e Viewed) []Effect {
	p.lookAt = now.Real.Add(lookEvery)
	if e.Err != nil || !e.View.Final || p.side == nil {
		return nil
	}
	before := p.side.Funds()
	p.seen(now, e.View)
	p.seeTopUp(channel.Opener, before)
	switch {
	case p.record.Phase == PhaseOpening && p.side.Spendable() >= p.quote.Quote.DepositMin:
		return p.accept(now)
	case p.record.Phase == PhaseSettling && p.channel.Settled[0] >= p.lane(0) && p.channel.Settled[1] >= p.lane(1):
		p.enter(now, PhaseEnded)
		return []Effect{p.saved(Batch{}), p.report(now, "settled on the ledger", nil)}
	case p.record.Phase == PhaseSettling && e.View.State == channel.Open && p.record.Failure == "" && p.mayDefer():
		return p.deferred(now)
	case p.record.Phase == PhaseSettling && e.View.State == channel.Closed:
		p.enter(now, PhaseEnded) // with less than was signed, when a claim was lost with its station: nothing more is owed
		return []Effect{p.saved(Batch{}), p.report(now, "the channel is closed and paid out", nil)}
	case p.started() && p.record.Phase <= PhaseFinal && e.View.State != channel.Open:
		p.enter(now, PhaseSettling)
		p.paidUp()
		return []Effect{p.saved(Batch{}), p.report(now, "the station closes the channel", nil)}
	case p.started() && p.record.Phase <= PhaseFinal && p.owes():
		return append([]Effect{p.saved(Batch{})}, p.pay(now, Batch{})...)
	case p.side.Funds() != before:
		return []Effect{p.saved(Batch{})}
	}
	return nil
}

func (p *Payer) concluded(now Instant, e Concluded) []Effect {
	if e.Err != nil {
		err := fmt.Errorf("%s: %w", e.Op.Kind, e.Err)
		if p.record.Phase == PhaseOpening {
			return p.fail(now, err)
		}
		p.toppingUp, p.topUpRefused = false, p.topUpRefused || e.Op.Kind == OpTopUp
		effects := append([]Effect{p.report(now, "", err)}, p.stop(now, wire.ReasonUncovered)...)
		if p.started() && p.record.Phase <= PhaseFinal && p.owes() {
			effects = append(effects, p.pay(now, Batch{})...)
		}
		return effects
	}
	if e.Op.Kind == OpOpen && p.record.Phase == PhaseOpening {
		p.channel.State = channel.Open
		return p.accept(now)
	}
	p.topUpFinal = p.topUpFinal || e.Op.Kind == OpTopUp
	return []Effect{Look{p.record.Channel}}
}

// pass lets real time pass: repetition, resumption, patience.
func (p *Payer) pass(now Instant) []Effect {
	waited, silent := now.Real.Sub(p.beganAt), now.Real.Sub(p.heardAt)
	switch p.record.Phase {
	case PhaseGreeting:
		if waited > answerMax {
			return p.fail(now, p.unanswered())
		}
	case PhaseSettling:
		return p.awaitLedger(now, waited)
	case PhaseOpening:
		return p.look(now)
	case PhaseCharging:
		if p.timeIsUp(now) {
			return p.stop(now, wire.ReasonTarget)
		}
	case PhaseEnded, PhaseFailed:
		return nil
	}
	var effects []Effect
	if p.toppingUp || (p.started() && silent > silentLook+p.quote.Quote.ClaimEvery()) {
		effects = p.look(now)
	}
	if silent > p.config.Policy.GoneAfter || p.stuck(waited) {
		return append(effects, p.giveUp(now)...)
	}
	if now.Real.Sub(p.sentAt) < resendAfter || (p.record.Phase == PhaseCharging && silent < silenceMax+p.quote.Quote.ClaimEvery()) {
		return effects
	}
	return append(effects, p.resend(now)...)
}

// timeIsUp tells whether a vehicle that pays for time has had what it wants, by its own clock: it leaves then, and not with the
// next reading.
func (p *Payer) timeIsUp(now Instant) bool {
	if meter.Unit(p.quote.Quote.Unit) != meter.Seconds {
		return false
	}
	policy := p.config.Policy
	stood := int64(now.Session.Sub(p.clockFrom) / time.Second)
	return policy.Quantity > 0 && stood >= policy.Quantity || !policy.Until.IsZero() && !now.Session.Before(policy.Until)
}

// stuck tells whether a station that talks brings a session neither to its beginning nor to its end.
func (p *Payer) stuck(waited time.Duration) bool {
	return p.record.Phase != PhaseCharging && !p.toppingUp && waited > p.config.Policy.GoneAfter
}

// resend repeats the question that waits for an answer; a running session that fell silent is resumed.
func (p *Payer) resend(now Instant) []Effect {
	p.sentAt = now.Real
	switch p.record.Phase {
	case PhaseGreeting:
		return []Effect{p.hello(now, false)}
	case PhaseAccepting:
		return []Effect{p.hello(now, true), p.acceptance()}
	case PhaseCharging:
		return []Effect{p.hello(now, true)}
	case PhaseStopping:
		return []Effect{p.hello(now, true), p.stopMessage()}
	case PhaseFinal:
		if p.owes() {
			return p.pay(now, Batch{})
		}
		return []Effect{p.hello(now, true), Send{wire.Claim{Best: p.side.Out().Encode()}}}
	}
	return nil
}

func (p *Payer) look(now Instant) []Effect {
	if p.side == nil || now.Real.Before(p.lookAt) {
		return nil
	}
	p.lookAt = now.Real.Add(lookEvery)
	return []Effect{Look{p.record.Channel}}
}

// awaitLedger looks until the session is on the ledger. It need not wait for ever: what it signed is all it can owe.
func (p *Payer) awaitLedger(now Instant, waited time.Duration) []Effect {
	if waited > p.config.Policy.SettleWait {
		p.enter(now, PhaseEnded)
		return []Effect{p.saved(Batch{}), p.report(now, "the station has not settled yet; the receipt follows when it has", nil)}
	}
	return p.look(now)
}

// giveUp leaves a station that fell silent. Nothing more is owed than what was signed.
func (p *Payer) giveUp(now Instant) []Effect {
	if !p.started() {
		return p.fail(now, ErrNoAnswer)
	}
	p.record.Failure = ErrNoAnswer.Error()
	p.enter(now, PhaseSettling)
	p.paidUp()
	return []Effect{p.saved(Batch{}), p.report(now, "the station went away", ErrNoAnswer)}
}

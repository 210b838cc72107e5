package session

import (
	"joulepay/channel"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// returnSlices is how many slices of what is given back the station's own money must cover before it takes any: one that is not
// paid yet, one that is under way.
const returnSlices = 2

// steered takes what the station's controller wants of the outlet. It counts until the controller says something else.
func (p *Payee) steered(now Instant, e Steered) []Effect {
	p.wanted, p.steers = e.LimitMilliwatts, true
	return p.follow(now)
}

// energyLimit gives what may flow now: at most what the quote says, and back from the vehicle only what it agreed to and what
// the station's own money covers.
func (p *Payee) energyLimit() int64 {
	most := p.quote.Quote.MaxPowerMw
	switch {
	case !p.steers:
		return most
	case p.wanted >= 0:
		return min(p.wanted, most)
	case p.record.ReturnMw == 0 || p.shortOfReturn() > 0:
		return 0
	}
	return max(p.wanted, -p.record.ReturnMw)
}

// follow brings the outlet to a limit that changed while energy flows.
func (p *Payee) follow(now Instant) []Effect {
	if !p.started || p.paused || p.record.Phase != PhaseCharging || meter.Unit(p.quote.Quote.Unit) != meter.MilliwattHours {
		return nil
	}
	var effects []Effect
	if limit := p.energyLimit(); limit != p.limited {
		p.limited = limit
		effects = append(effects, Actuate{CommandLimit, limit})
	}
	if missing := p.shortOfReturn(); p.steers && p.wanted < 0 && missing > 0 && p.mayTopUp(p.config.Policy.TopUp) {
		op := p.topUp(channel.Partner, max(p.config.Policy.TopUp, missing))
		effects = append(effects, p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, "topping the channel up, to pay for what is given back", nil))
	}
	return effects
}

// shortOfReturn gives what is missing in the channel before the station may take energy back.
func (p *Payee) shortOfReturn() money.Amount {
	return max(0, returnSlices*p.quote.Quote.ReturnSlice+p.owesBack()-p.side.Spendable())
}

// keptForReturn gives what stays in the channel while energy may be given back, whatever is withdrawn meanwhile.
func (p *Payee) keptForReturn() money.Amount {
	if p.record.Phase != PhaseCharging || p.record.ReturnMw == 0 {
		return 0
	}
	return max(p.config.Policy.TopUp, returnSlices*p.quote.Quote.ReturnSlice)
}

// owesBack gives what the station owes by the readings so far and has not signed for.
func (p *Payee) owesBack() money.Amount {
	owed, err := p.due(p.lane(1))
	if err != nil {
		return 0 // told where it is paid
	}
	return max(0, p.lane(0)-owed)
}

package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// demand is a reading with what it asks for.
type demand struct {
	reading  []byte
	hash     channel.Hash
	required money.Amount
	at       time.Time // session clock
	register int64
}

func (p *Payee) demand(d demand) Send {
	m := wire.Demand{Reading: d.reading, Required: d.required, Accepted: p.lane(0), Covered: p.side.Coverage()}
	if out := p.side.Out(); !out.IsZero() {
		m.Back = out.Encode()
	}
	if p.record.Phase == PhaseFinal && d.reading != nil {
		if last := p.unpaid[len(p.unpaid)-1]; last.hash == d.hash {
			m.Final, m.Reason = true, p.record.Reason
		}
	}
	return Send{m}
}

// addDemand queues a reading with what the vehicle's lane must reach for it.
func (p *Payee) addDemand(s meter.Signed, raw []byte) error {
	cost := p.record.Cost
	if s.Reading.State == meter.Ended {
		final, err := p.bill.Final()
		if err != nil {
			return err
		}
		cost = final
		p.record.Cost = final
	}
	net, err := p.record.Base[0].Sub(p.record.Base[1])
	if err != nil {
		return err
	}
	required, err := money.Sum(net, cost, p.lane(1))
	if err != nil {
		return err
	}
	p.unpaid = append(p.unpaid, demand{raw, p.chain.Hash(), max(required, p.lane(0)), s.Reading.Time, s.Reading.Register})
	return nil
}

// resend repeats what waits for the vehicle's answer, when it is time or when forced.
func (p *Payee) resend(now Instant, force bool) []Effect {
	if !force && now.Real.Sub(p.sentAt) < resendAfter {
		return nil
	}
	p.sentAt = now.Real
	var effects []Effect
	switch {
	case p.record.Phase == PhaseGreeting || (p.record.Phase == PhaseAccepting && !p.sentBaseline()):
		return nil // the vehicle repeats its own question
	case p.record.Phase >= PhaseSettling:
		effects = append(effects, Send{p.done()})
	default:
		for _, d := range p.unpaid {
			effects = append(effects, p.demand(d))
		}
	}
	if len(p.channel.Proposal) > 0 && !p.cosignBy.IsZero() {
		effects = append(effects, Send{wire.Withdraw{Withdrawal: p.channel.Proposal}})
	}
	return effects
}

// claimed stores a claim and goes on with what it pays for.
func (p *Payee) claimed(now Instant, c wire.Claim) []Effect {
	if p.side == nil || p.record.Phase < PhaseAccepting {
		return p.refuse(now, wire.CodeClaim, fmt.Errorf("%w: a claim before a channel", ErrUnexpected))
	}
	best, err := channel.DecodeBest(c.Best)
	if err != nil {
		return p.refuse(now, wire.CodeClaim, err)
	}
	rose, err := p.side.Accept(best)
	if err != nil {
		effects := []Effect{p.report(now, "", err)}
		if errors.Is(err, channel.ErrUncovered) && now.Real.Sub(p.viewAt) >= lookEvery {
			effects = append(effects, Look{p.record.Channel}) // a top-up may cover it by now
		}
		return effects
	}
	if !rose {
		return nil
	}
	p.record.Claims++
	return p.afterClaim(now)
}

// afterClaim stores a higher best and starts, resumes or ends what waited for it.
func (p *Payee) afterClaim(now Instant) []Effect {
	p.progressAt = now.Real
	p.paid()
	p.settlePaid()
	effects := p.takeAgreement(now)
	var ops []OpRecord
	switch p.record.Phase {
	case PhaseAccepting:
		if len(p.unpaid) == 0 && p.sentBaseline() {
			p.record.Phase = PhaseCharging
		}
	case PhaseFinal:
		if len(p.unpaid) == 0 {
			ops = p.payBack(now, p.chain.Hash(), &effects)
			if !p.toppingUp { // else the rest of what the vehicle is owed comes first
				p.paidUp()
			}
		}
	}
	effects = append(effects, p.saved(Batch{Ops: ops}))
	switch p.record.Phase {
	case PhaseCharging:
		effects = append(effects, p.flow(now)...)
		effects = append(effects, p.permitMore()...)
		effects = append(effects, p.periodic(now)...)
	case PhaseSettling:
		effects = append(effects, Send{p.done()})
		effects = append(effects, p.settle(now)...)
	}
	return append(effects, p.report(now, "", nil))
}

// settlePaid drops the demands up to the reading that the best claim names, as far as its amount covers them. The amount
// alone does not tell: a reading that costs nothing is answered, too, so that the vehicle knows all of the chain.
func (p *Payee) settlePaid() {
	claim := p.side.In().Signed.Claim
	n := slices.IndexFunc(p.unpaid, func(d demand) bool { return d.hash == claim.Reading })
	for n >= 0 && p.unpaid[n].required > p.lane(0) {
		n--
	}
	if n >= 0 {
		p.exposed, p.paidRegister = p.unpaid[n].at, p.unpaid[n].register
		p.unpaid = p.unpaid[n+1:]
	}
}

func (p *Payee) done() wire.Done {
	d := wire.Done{Accepted: p.lane(0), Reason: p.record.Reason}
	if out := p.side.Out(); !out.IsZero() {
		d.Back = out.Encode()
	}
	return d
}

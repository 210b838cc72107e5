package session

import (
	"slices"
	"time"

	"joulepay/meter"
	"joulepay/wallet/money"
)

// givenMax bounds the own measurements that are kept of what was given back, up to the next reading. Of more than that every
// second one is forgotten: each by itself is a true bound.
const givenMax = 128

// given is what the vehicle itself measured as given back up to a time.
type given struct {
	at       time.Time
	exported int64
}

// noteGiven keeps what was measured, for a reading that comes later about an earlier time.
func (p *Payer) noteGiven() {
	last := len(p.given) - 1
	if last >= 0 && (p.given[last].exported == p.sample.Exported || !p.sample.Time.After(p.given[last].at)) {
		return
	}
	if len(p.given) == givenMax {
		kept := p.given[:0]
		for i := 0; i < givenMax; i += 2 {
			kept = append(kept, p.given[i])
		}
		p.given = kept
	}
	p.given = append(p.given, given{p.sample.Time, p.sample.Exported})
}

// confirmReturned refuses a reading that shows less than the vehicle gave back before it, or does not pay for it at all (I6).
func (p *Payer) confirmReturned(r meter.Reading) error {
	if r.Sequence == 0 || r.Unit != meter.MilliwattHours {
		return nil
	}
	before := r.Time.Add(-p.config.Policy.ClockStart) // on the own clock, whose measurements these are
	i := p.givenBefore(before)
	if i < 0 {
		return nil
	}
	credited := p.bill.Returned(r)
	if !p.quote.Quote.TakesBack() {
		credited = 0
	}
	return p.config.Comparison.CheckReturned(credited, p.given[i].exported-p.record.ReturnBase)
}

// givenBefore gives the index of the last measurement at or before a time; -1 without one.
func (p *Payer) givenBefore(at time.Time) int {
	for i, g := range slices.Backward(p.given) {
		if !g.at.After(at) {
			return i
		}
	}
	return -1
}

// secure notes up to which reading the station owes nothing: what flows back after it is the vehicle's exposure (I5).
func (p *Payer) secure(now Instant, r meter.Reading) {
	owed, err := p.due(p.lane(1))
	if err != nil || p.lane(0) > owed {
		return
	}
	p.securedAt, p.securedReturn = r.Time, p.record.ReturnBase
	if now.Session.Before(r.Time) {
		p.securedAt = now.Session
	}
	if i := p.givenBefore(r.Time); i >= 0 {
		p.securedReturn = p.given[i].exported
		p.given = p.given[i:]
	}
}

// mayReturn gives how much may flow back now: what vehicle and station agreed on, at a price that is enough, and nothing while
// the station owes for longer than a claim interval.
func (p *Payer) mayReturn(now Instant) int64 {
	most := p.returnPower()
	if most == 0 || p.record.Phase != PhaseCharging || !p.started() {
		return 0
	}
	unpaid := p.sample.Exported > p.securedReturn && now.Session.Sub(p.securedAt) >= p.quote.Quote.ClaimEvery()
	if unpaid || p.returnPrice(now) < p.config.Policy.ReturnPriceMin {
		return 0
	}
	return most
}

// returnPower gives what may flow back at most in this session.
func (p *Payer) returnPower() int64 {
	if len(p.record.Quote) == 0 {
		return 0
	}
	return min(p.config.Policy.ReturnMw, p.quote.Quote.MaxReturnMw)
}

// returnPrice gives what is paid now for a kWh that is given back; 0 where that cannot be told.
func (p *Payer) returnPrice(now Instant) money.Amount {
	if at := now.Session.Truncate(time.Minute); !at.Equal(p.pricedAt) { // prices change by the minute at most
		p.pricedAt = at
		price, err := p.quote.Quote.ReturnPrice(now.Session)
		if err != nil {
			price = 0
		}
		p.pricedReturn = price
	}
	return p.pricedReturn
}

// permit tells the battery what may flow back, when that changes. A vehicle that gives nothing back has nothing to tell.
func (p *Payer) permit(now Instant) []Effect {
	limit := p.mayReturn(now)
	if p.config.Policy.ReturnMw == 0 || p.permitted != nil && *p.permitted == limit {
		return nil
	}
	p.permitted = &limit
	return []Effect{Permit{limit}}
}

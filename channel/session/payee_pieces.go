package session

import (
	"joulepay/meter"
)

// open is the limit of an outlet that is sold by time: any above zero will do.
const open = 1

// limit gives what the outlet may do while the session is paid for: full power; stay open; or, of pieces, count on until so many
// are unpaid as the quote permits (I5).
func (p *Payee) limit() int64 {
	q := p.quote.Quote
	switch meter.Unit(q.Unit) {
	case meter.Seconds:
		return open
	case meter.Count:
		p.permitted = p.paidRegister + q.Unpaid()
		return p.permitted
	}
	p.limited = p.energyLimit()
	return p.limited
}

// permitMore lets an outlet count on once a claim has paid for pieces.
func (p *Payee) permitMore() []Effect {
	if meter.Unit(p.quote.Quote.Unit) != meter.Count || !p.started || p.paused || p.permitted >= p.paidRegister+p.quote.Quote.Unpaid() {
		return nil
	}
	return []Effect{Actuate{CommandLimit, p.limit()}}
}

// piecesDue tells whether so many pieces are unread that a reading should not wait for its time: half of what may be unpaid, so
// that the other half goes on while the claim is under way, or the last that the vehicle wanted.
func (p *Payee) piecesDue(last meter.Reading) bool {
	q, unread := p.quote.Quote, p.sample.Register-last.Register
	if meter.Unit(q.Unit) != meter.Count || unread <= 0 {
		return false
	}
	all := p.record.Wanted > 0 && p.bill.Quantity(last)+unread >= p.record.Wanted
	return all || unread >= q.Unpaid()/2
}

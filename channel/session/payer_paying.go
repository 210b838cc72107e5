package session

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/meter"
)

// demanded verifies a reading, prices it, and signs for it.
func (p *Payer) demanded(now Instant, d wire.Demand) []Effect {
	if p.record.Phase < PhaseAccepting || p.record.Phase > PhaseFinal {
		return p.late(now)
	}
	signed, err := meter.DecodeSigned(d.Reading)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	if last, started := p.chain.Last(); started && signed.Reading.Sequence <= last.Sequence {
		return p.repeated(now, d)
	}
	p.waiting = nil
	if err := p.confirm(now, signed); err != nil {
		if errors.Is(err, ErrMeasure) {
			p.waiting = &d
		}
		return p.doubt(now, err)
	}
	accepted, err := p.acceptBack(d.Back)
	if err != nil {
		return p.backRefused(now, err)
	}
	if err := p.take(signed.Reading); err != nil {
		return append(accepted, p.report(now, "", err))
	}
	if err := p.price(signed.Reading); err != nil {
		return append(accepted, p.doubt(now, err)...)
	}
	p.begin(now, signed.Reading)
	p.secure(now, signed.Reading)
	stored := ReadingRecord{Session: p.record.ID, Sequence: signed.Reading.Sequence, Signed: d.Reading}
	effects := p.pay(now, Batch{Readings: []ReadingRecord{stored}})
	if owed, err := p.due(p.lane(1)); err == nil && d.Required > max(owed, p.lane(0)) {
		effects = append(effects, p.doubt(now, fmt.Errorf("%w: %s, by own count %s", ErrOverDemand, d.Required, owed))...)
	}
	return append(effects, p.decide(now, signed.Reading)...)
}

// late answers a demand that comes when nothing more can be signed.
func (p *Payer) late(now Instant) []Effect {
	if p.record.Phase == PhaseFailed && p.side != nil {
		return []Effect{p.stopMessage()}
	}
	return nil
}

// begin notes the baseline.
func (p *Payer) begin(now Instant, r meter.Reading) {
	if r.Sequence == 0 {
		p.clockFrom = now.Session
		if r.Time.Before(p.clockFrom) {
			p.clockFrom = r.Time // it was under way for so long, or their clocks differ by so much: at most ClockStart
		}
		p.record.MeasureBase, p.record.ReturnBase = p.sample.Register, p.sample.Exported
		p.enter(now, PhaseCharging)
	}
	if r.State == meter.Ended {
		p.enter(now, PhaseFinal)
	}
}

// price sets the record's cost, with the surcharges of the end for a final reading.
func (p *Payer) price(r meter.Reading) error {
	if r.State != meter.Ended {
		return nil // take has set the running cost
	}
	final, err := p.bill.Final()
	if err != nil {
		return err
	}
	p.record.Cost = final
	return nil
}

// repeated answers a demand that was answered before: the claim was lost, or the money is on its way.
func (p *Payer) repeated(now Instant, d wire.Demand) []Effect {
	effects, err := p.acceptBack(d.Back)
	if err != nil {
		return p.backRefused(now, err)
	}
	if last, ok := p.chain.Last(); ok {
		p.secure(now, last) // the station's money may have come since
	}
	if p.owes() {
		return p.pay(now, Batch{})
	}
	effects = append(effects, Send{wire.Claim{Best: p.side.Out().Encode()}})
	if p.record.Phase == PhaseStopping {
		effects = append(effects, p.stopMessage())
	}
	return effects
}

// acceptBack takes the claim of the station's own lane, and gives what stores it when it rose: what this side knows is told to
// the station with the next hello.
func (p *Payer) acceptBack(raw []byte) ([]Effect, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	best, err := channel.DecodeBest(raw)
	if err != nil {
		return nil, err
	}
	rose, err := p.side.Accept(best)
	if err != nil {
		return nil, err
	}
	p.backSince = time.Time{}
	if !rose {
		return nil, nil
	}
	return []Effect{p.saved(Batch{})}, nil
}

// backCertifiedMax is how long a top-up of the station may take to be certified before people are told that its lane seems
// uncovered: two heartbeats of a quiet ledger.
const backCertifiedMax = 10 * time.Second

// backRefused looks at the ledger when the station's own lane seems uncovered: it may have topped up.
func (p *Payer) backRefused(now Instant, err error) []Effect {
	if !errors.Is(err, channel.ErrUncovered) {
		return []Effect{p.report(now, "", err)}
	}
	if p.backSince.IsZero() {
		p.backSince = now.Real
	}
	if now.Real.Sub(p.backSince) < backCertifiedMax {
		return p.look(now)
	}
	return append([]Effect{p.report(now, "", err)}, p.look(now)...)
}

func (p *Payer) started() bool { _, ok := p.chain.Last(); return ok }

// owes tells whether the last reading has no claim yet.
func (p *Payer) owes() bool {
	return p.started() && p.side.Out().Signed.Claim.Reading != channel.Hash(p.chain.Hash())
}

// pay signs a claim for the last reading, stores it with the given records, and sends it. Without cover it asks the
// ledger for a top-up and pays when that is final; when there is no more money, it pays what is covered and stops.
func (p *Payer) pay(now Instant, with Batch) []Effect {
	owed, err := p.due(p.lane(1))
	if err != nil {
		return []Effect{p.saved(with), p.report(now, "", err)}
	}
	draft := channel.Draft{
		Amount: max(owed, p.lane(0)), Quantity: p.record.Quantity, Unit: p.quote.Quote.Unit,
		Reading: p.chain.Hash(), Quote: p.agreed().Hash(), Session: p.record.ID,
	}
	if p.config.Policy.CostMax > 0 && p.record.Cost > p.config.Policy.CostMax {
		draft.Amount = p.lane(0)
	}
	uncovered := draft.Amount > p.lane(0) && draft.Amount-p.lane(0) > p.side.Spendable()
	if uncovered {
		if p.mayTopUp(p.config.Policy.TopUp) {
			missing := draft.Amount - p.lane(0) - p.side.Spendable()
			with.Ops = append(with.Ops, p.topUp(channel.Opener, max(missing, p.config.Policy.TopUp)))
		}
		if p.toppingUp {
			return []Effect{p.saved(with), p.report(now, "waiting for a top-up", nil)}
		}
		draft.Amount = p.lane(0) + max(0, p.side.Spendable()) // as far as the money reaches
	}
	claim, err := p.side.Pay(draft, p.config.ChannelKey)
	if err != nil {
		return []Effect{p.saved(with), p.report(now, "", err)}
	}
	p.record.Claims++
	p.paid()
	p.sentAt = now.Real
	best := channel.Best{Signed: claim}
	effects := []Effect{p.saved(with), Send{wire.Claim{Best: best.Encode()}}, p.report(now, "", nil)}
	if uncovered {
		effects = append(effects, p.report(now, "", fmt.Errorf("%w: %s of %s", channel.ErrUncovered, draft.Amount, owed)))
		return append(effects, p.stop(now, wire.ReasonUncovered)...)
	}
	return append(effects, p.topUpAhead(now)...)
}

// topUpAhead adds money before the deposit runs short: two slices and the end's surcharge must stay covered.
func (p *Payer) topUpAhead(now Instant) []Effect {
	if p.record.Phase != PhaseCharging || !p.mayTopUp(p.config.Policy.TopUp) || p.side.Spendable() >= p.reserve() {
		return nil
	}
	op := p.topUp(channel.Opener, p.config.Policy.TopUp)
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, "topping the channel up", nil)}
}

package session

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
)

// confirm checks a reading against everything that the vehicle knows for itself (I6).
func (p *Payer) confirm(now Instant, s meter.Signed) error {
	if err := s.VerifyWith(p.meter, p.config.Network); err != nil {
		return err
	}
	if err := p.chain.Check(s.Reading); err != nil {
		return err
	}
	q := p.quote.Quote
	if uint8(s.Reading.Unit) != q.Unit || !s.Reading.Attestation.Within(meter.Attestation(q.Attestation)) {
		return fmt.Errorf("%w: unit %s, attested by %s", ErrQuoteChanged, s.Reading.Unit, s.Reading.Attestation)
	}
	if err := p.confirmTime(now, s.Reading); err != nil {
		return err
	}
	if err := p.confirmQuantity(s.Reading); err != nil {
		return err
	}
	if err := p.confirmReturned(s.Reading); err != nil {
		return err
	}
	return p.confirmProof(s)
}

// confirmProof looks at the meter's signature where the quote promised one.
func (p *Payer) confirmProof(s meter.Signed) error {
	last, any := p.chain.Last()
	if !any {
		return nil // a baseline bills nothing
	}
	return p.quote.Quote.CheckProof(s, p.bill.Quantity(s.Reading), p.bill.Quantity(last))
}

// confirmTime accepts no reading from the vehicle's future. One from its past was delayed, which costs it nothing; but the
// baseline, from which time is counted, is none from before the vehicle accepted.
func (p *Payer) confirmTime(now Instant, r meter.Reading) error {
	if r.Sequence == 0 {
		if !p.inTime(now, r.Time, p.since) {
			return fmt.Errorf("%w: baseline of %s, own time %s", ErrClock, r.Time.Format(time.RFC3339), now.Session.UTC().Format(time.RFC3339))
		}
		return nil
	}
	const drift, slack = 200, 2 * time.Second // 0.5 % and 2 s
	own := now.Session.Sub(p.clockFrom)
	claimed := r.Time.Sub(time.UnixMilli(p.record.StartedMs))
	if claimed > own+own/drift+slack {
		return fmt.Errorf("%w: reading %s into the session, own clock %s", ErrClock, claimed, own)
	}
	return nil
}

func (p *Payer) confirmQuantity(r meter.Reading) error {
	if r.Unit == meter.Seconds {
		return p.confirmSeconds(r)
	}
	if !p.sampled {
		return ErrMeasure
	}
	if r.Sequence == 0 {
		return nil
	}
	err := p.config.Comparison.Check(p.bill.Quantity(r), p.sample.Register-p.record.MeasureBase)
	var patience time.Duration
	if r.Unit == meter.Count {
		patience = piecesUnderWayMax
	}
	if err != nil && p.sample.Time.Before(r.Time.Add(patience)) {
		return fmt.Errorf("%w up to the reading yet: %w", ErrMeasure, err)
	}
	return err
}

// piecesUnderWayMax is how long pieces may be under way that a reading names: one that was lost is asked for and sent again.
const piecesUnderWayMax = 10 * time.Second

// confirmSeconds takes no more seconds than passed between the readings, whose times the own clock confirms.
func (p *Payer) confirmSeconds(r meter.Reading) error {
	if r.Sequence == 0 {
		return nil
	}
	const cut = 1 // registers count whole seconds
	passed := (r.Time.UnixMilli()-p.record.StartedMs)/1000 + cut
	if claimed := p.bill.Quantity(r); claimed > passed {
		return fmt.Errorf("%w: claimed %d s, passed %d s", meter.ErrDisagrees, claimed, passed)
	}
	return nil
}

// tryAgain takes up the reading that waited for the own meter.
func (p *Payer) tryAgain(now Instant) []Effect {
	if p.waiting == nil {
		return nil
	}
	return p.demanded(now, *p.waiting)
}

// doubt reacts to a reading that is not signed for: what may pass by itself is waited for, what cannot ends the session.
func (p *Payer) doubt(now Instant, err error) []Effect {
	effects := []Effect{p.report(now, "", err)}
	switch {
	case errors.Is(err, meter.ErrGap), errors.Is(err, ErrMeasure), errors.Is(err, wallet.ErrSignature), errors.Is(err, meter.ErrSession):
		return effects // an earlier reading is on its way, the own meter will speak, or somebody else sent this
	case !p.started():
		return p.fail(now, err)
	case p.record.Phase == PhaseFinal || p.record.Phase == PhaseStopping:
		if p.record.Failure != "" {
			return effects // the first cause is stored, whatever follows from it
		}
		p.record.Failure = err.Error()
		return append(effects, p.saved(Batch{}))
	}
	p.record.Failure = err.Error()
	return append(effects, p.stop(now, wire.ReasonMeter)...)
}

package quote

import (
	"fmt"
	"slices"
	"time"

	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// Estimate is the price, VAT included, of a quantity taken at full power now.
type Estimate struct {
	Quantity int64        `cbor:"1,keyasint"` // in the unit of the quote
	InclVAT  money.Amount `cbor:"2,keyasint"`
	Parts    []Part       `cbor:"3,keyasint,omitempty"` // per component, limits aside
}

// Part is what one component contributes to an estimate.
type Part struct {
	Component uint8        `cbor:"1,keyasint"` // pricing.ComponentType
	InclVAT   money.Amount `cbor:"2,keyasint"`
}

// check bounds an estimate: one part for a component, no component that is none.
func (e Estimate) check() error {
	last := -1
	for _, p := range e.Parts {
		if int(p.Component) <= last || p.Component > uint8(pricing.Flat) {
			return fmt.Errorf("%w: estimate of component %d", ErrQuote, p.Component)
		}
		last = int(p.Component)
	}
	return nil
}

func estimateOf(quantity int64, cost pricing.Cost) (Estimate, error) {
	e := Estimate{Quantity: quantity, InclVAT: cost.Payable()}
	shares, err := cost.Shares()
	for _, s := range shares {
		e.Parts = append(e.Parts, Part{uint8(s.Type), s.Amount})
	}
	return e, err
}

// checkEstimates returns ErrQuote for an estimate below what the tariff asks for, or split otherwise.
func (q Quote) checkEstimates(in Inputs, at time.Time, location *time.Location) error {
	for _, e := range q.Estimates {
		cost, err := price(in, at, location, e.Quantity)
		if err != nil {
			return fmt.Errorf("%w: estimate of %d %s: %w", ErrQuote, e.Quantity, in.Unit, err)
		}
		want, err := estimateOf(e.Quantity, cost)
		if err != nil {
			return fmt.Errorf("%w: estimate of %d %s: %w", ErrQuote, e.Quantity, in.Unit, err)
		}
		if e.InclVAT < want.InclVAT {
			return fmt.Errorf("%w: %s for %d %s, by its tariff %s", ErrQuote, e.InclVAT, e.Quantity, in.Unit, want.InclVAT)
		}
		if len(e.Parts) > 0 && !slices.Equal(e.Parts, want.Parts) {
			return fmt.Errorf("%w: components of %d %s are not those of its tariff", ErrQuote, e.Quantity, in.Unit)
		}
	}
	return nil
}

func estimates(in Inputs, at time.Time, location *time.Location) ([]Estimate, error) {
	quantities := in.Estimates
	if len(quantities) == 0 {
		quantities = usual(in.Unit)
	}
	var out []Estimate
	for _, quantity := range quantities {
		cost, err := price(in, at, location, quantity)
		if err != nil {
			return nil, fmt.Errorf("estimate of %d %s: %w", quantity, in.Unit, err)
		}
		e, err := estimateOf(quantity, cost)
		if err != nil {
			return nil, fmt.Errorf("estimate of %d %s: %w", quantity, in.Unit, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// usual gives the quantities that a price is shown for.
func usual(unit meter.Unit) []int64 {
	switch unit {
	case meter.MilliwattHours:
		return []int64{10_000_000, 20_000_000, 40_000_000}
	case meter.Seconds:
		return []int64{3600, 2 * 3600, 24 * 3600}
	}
	return []int64{1}
}

func price(in Inputs, at time.Time, location *time.Location, quantity int64) (pricing.Cost, error) {
	if in.Unit == meter.MilliwattHours {
		return pricing.Estimate(in.Tariff, at, location, quantity, in.MaxPowerMw)
	}
	begin, sample := pricing.NewRun, pricing.Sample{Time: at}
	if in.Unit == meter.Count {
		begin = pricing.NewCountingRun
		sample.Count = quantity
	} else {
		sample.Time = at.Add(time.Duration(quantity) * time.Second)
	}
	run, err := begin(in.Tariff, at, location)
	if err != nil {
		return pricing.Cost{}, err
	}
	if err := run.Add(pricing.Sample{Time: at, State: pricing.Idle}); err != nil {
		return pricing.Cost{}, err
	}
	sample.State = pricing.Idle
	if err := run.Add(sample); err != nil {
		return pricing.Cost{}, err
	}
	return run.Final()
}

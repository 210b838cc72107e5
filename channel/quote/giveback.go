package quote

import (
	"bytes"
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// giveBackMax bounds the tariff of energy that is given back, in a quote: two days of quarter-hour prices, deflated, fit.
const giveBackMax = 2 << 10

// TakesBack tells whether the station takes energy back, and pays for it.
func (q Quote) TakesBack() bool { return q.MaxReturnMw > 0 }

// ParseGiveBack gives the tariff of energy that is given back; nil where none is taken.
func (q Quote) ParseGiveBack() (*pricing.Tariff, error) {
	if !q.TakesBack() {
		return nil, nil
	}
	plain, err := q.GiveBackJSON()
	if err != nil {
		return nil, err
	}
	tariff, err := pricing.ParseTariff(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: energy that is given back: %w", ErrQuote, err)
	}
	if err := tariff.CheckGiveBack(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrQuote, err)
	}
	if tariff.Currency().String() != q.Currency {
		return nil, fmt.Errorf("%w: energy that is given back is paid in %s, the rest in %s", ErrQuote, tariff.Currency(), q.Currency)
	}
	return tariff, nil
}

// ReturnPrice gives what a kWh that is given back at a time is worth, after tax where that is stated; 0 where none is taken.
func (q Quote) ReturnPrice(at time.Time) (money.Amount, error) {
	tariff, err := q.ParseGiveBack()
	if err != nil || tariff == nil {
		return 0, err
	}
	location, err := q.Location()
	if err != nil {
		return 0, err
	}
	return pricing.EnergyPrice(tariff, at, location, q.MaxReturnMw)
}

func (q Quote) checkGiveBack() error {
	switch {
	case q.MaxReturnMw < 0 || q.ReturnSlice < 0:
		return fmt.Errorf("%w: negative power or amount of energy that is given back", ErrQuote)
	case q.TakesBack() != (len(q.GiveBack) > 0), !q.TakesBack() && (q.ReturnSlice != 0 || q.GiveBackForm != FormPlain):
		return fmt.Errorf("%w: energy that is given back at a price without a power, or a power without a price", ErrQuote)
	case q.TakesBack() && meter.Unit(q.Unit) != meter.MilliwattHours:
		return fmt.Errorf("%w: %s cannot be given back", ErrQuote, meter.Unit(q.Unit))
	case q.TakesBack() && meter.Attestation(q.Attestation) == meter.AttestedOCMF:
		return fmt.Errorf("%w: the records that OCMF promises prove one register, and not what is given back", ErrQuote)
	case len(q.GiveBack) > giveBackMax:
		return fmt.Errorf("%w: tariff of %d bytes for energy that is given back, at most %d", ErrQuote, len(q.GiveBack), giveBackMax)
	}
	return nil
}

// takeBack completes a quote by what a station pays for energy that is given back.
func (in Inputs) takeBack(q *Quote, at time.Time, location *time.Location) error {
	if in.GiveBack == nil || in.MaxReturnMw == 0 {
		return nil
	}
	if err := in.GiveBack.CheckGiveBack(); err != nil {
		return err
	}
	if err := in.GiveBack.ValidAt(at); err != nil {
		return err
	}
	var err error
	if q.GiveBack, q.GiveBackForm, err = packTariff(in.GiveBack.Bytes(), giveBackMax); err != nil {
		return err
	}
	q.MaxReturnMw = in.MaxReturnMw
	q.ReturnSlice, err = returnSlice(in.GiveBack, in.MaxReturnMw, in.ClaimEvery, at, location)
	return err
}

// returnSlice gives what one claim interval of full power back is worth at most: a vehicle's exposure to a station that takes
// energy and does not pay.
func returnSlice(t *pricing.Tariff, powerMilliwatts int64, interval time.Duration, at time.Time, location *time.Location) (money.Amount, error) {
	exposure, err := pricing.ExposureOf(t, powerMilliwatts, interval, at, location)
	return exposure.Slice, err
}

// checkReturnSlice returns ErrQuote when a quote declares less than a station may come to owe.
func (q Quote) checkReturnSlice(at time.Time, location *time.Location) error {
	tariff, err := q.ParseGiveBack()
	if err != nil || tariff == nil {
		return err
	}
	slice, err := returnSlice(tariff, q.MaxReturnMw, q.ClaimEvery(), at, location)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrQuote, err)
	}
	if q.ReturnSlice < slice {
		return fmt.Errorf("%w: declares %s a slice of what is given back; its tariff is worth %s", ErrQuote, q.ReturnSlice, slice)
	}
	return nil
}

// checkReturnFollows returns ErrQuote where bills could not tell two tariffs of energy that is given back apart.
func (q Quote) checkReturnFollows(before Quote) error {
	tariff, err := q.ParseGiveBack()
	if err != nil || tariff == nil {
		return err
	}
	old, err := before.ParseGiveBack()
	if err != nil || old == nil {
		return err
	}
	if tariff.ID() == old.ID() && !bytes.Equal(tariff.Bytes(), old.Bytes()) {
		return fmt.Errorf("%w: its tariff of what is given back has the id of the one before, %.40q", ErrQuote, old.ID())
	}
	return nil
}

package pricing

import (
	"encoding/json"
	"fmt"
	"time"

	"joulepay/wallet/money"
)

// A tariff for energy that a vehicle gives back is an OCPI tariff that prices energy alone: what is credited depends on what
// flowed back, and when, and on nothing else.

// CheckGiveBack returns ErrTariff for a tariff by which energy that is given back cannot be credited: it has a price for
// anything else, a step, a limit, a price below zero, or one that depends on the current.
func (t *Tariff) CheckGiveBack() error {
	for i := range t.components {
		switch c := &t.components[i]; {
		case c.kind != Energy:
			return fmt.Errorf("%w: energy that is given back has no price for %s", ErrTariff, c.kind)
		case c.step > 0:
			return fmt.Errorf("%w: energy that is given back has no step_size but 0", ErrTariff)
		case c.price < 0:
			return fmt.Errorf("%w: energy that is given back costs nothing, and never %s", ErrTariff, c.price)
		}
	}
	switch {
	case t.min.excl.Known() || t.max.excl.Known():
		return fmt.Errorf("%w: energy that is given back has no min_price or max_price", ErrTariff)
	case t.NeedsCurrent():
		return fmt.Errorf("%w: the price of energy that is given back depends on the current, which no reading states", ErrTariff)
	}
	return nil
}

// FlatGiveBack makes the tariff that pays one price, tax included, for every kWh that is given back.
func FlatGiveBack(price string, currency money.Currency) (*Tariff, error) {
	if !json.Valid([]byte(price)) {
		return nil, fmt.Errorf("%w: %.40q is no price", ErrTariff, price)
	}
	t, err := ParseTariff([]byte(fmt.Sprintf(`{"id":"give-back","currency":%q,"tax_included":"YES",`+
		`"elements":[{"price_components":[{"type":"ENERGY","price":%s,"step_size":0}]}],"last_updated":"2026-01-01T00:00:00Z"}`, currency, price)))
	if err != nil {
		return nil, err
	}
	return t, t.CheckGiveBack()
}

// EnergyPrice gives what one kWh costs, or is worth, in a session that begins at a time, at some power: after tax where that is
// stated, of the first watt-hour, rounded down to 10⁻⁶ of the currency.
func EnergyPrice(t *Tariff, at time.Time, location *time.Location, powerMilliwatts int64) (money.Amount, error) {
	const wattHour, wattHours = 1000, 1000
	run, err := NewRun(t, at, location)
	if err != nil {
		return 0, err
	}
	if err := run.Add(Sample{Time: at, EnergyMilliwattHours: wattHour, PowerMilliwatts: powerMilliwatts}); err != nil {
		return 0, err
	}
	cost, err := run.Cost()
	if err != nil {
		return 0, err
	}
	return cost.payable.MulDiv(wattHours, 1)
}

// Less gives what is to be paid of a cost after a credit, below zero when the credit is more: rounded once, as the cost by
// itself is (I10).
func (c Cost) Less(credit Cost) (money.Amount, error) {
	if c.Currency != credit.Currency {
		return 0, fmt.Errorf("%w: a cost in %s, a credit in %s", ErrCurrency, c.Currency, credit.Currency)
	}
	net := Cost{final: c.final}
	err := net.round(c.asked.Sub(credit.asked))
	return net.payable, err
}

package session

import (
	"fmt"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// bill prices the readings of one session under its quote: always the whole session, never a slice. Both sides run it
// on the same readings and so come to the same amounts.
type bill struct {
	tariff   *pricing.Tariff
	location *time.Location
	unit     meter.Unit
	base     int64 // register at the baseline
	run      *pricing.Run
}

func newBill(q quote.Quote) (*bill, error) {
	tariff, err := pricing.ParseTariff(q.Tariff)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	if tariff.Currency().String() != q.Currency {
		return nil, fmt.Errorf("%w: tariff in %s, quote in %s", ErrPolicy, tariff.Currency(), q.Currency)
	}
	location, err := q.Location()
	if err != nil {
		return nil, err
	}
	return &bill{tariff: tariff, location: location, unit: meter.Unit(q.Unit)}, nil
}

// add takes the next reading and gives the net cost of the session up to it, rounded down.
func (b *bill) add(r meter.Reading) (money.Amount, error) {
	if b.run == nil {
		if err := b.begin(r); err != nil {
			return 0, err
		}
	}
	sample := pricing.Sample{Time: r.Time}
	switch b.unit {
	case meter.MilliwattHours:
		sample.EnergyMilliwattHours = b.quantity(r)
	case meter.Count:
		sample.Count = b.quantity(r)
	}
	if r.State == meter.SuspendedVehicle || r.State == meter.Ended || b.unit == meter.Seconds {
		sample.State = pricing.Idle
	}
	if err := b.run.Add(sample); err != nil {
		return 0, err
	}
	cost, err := b.run.Cost()
	if err != nil {
		return 0, err
	}
	return cost.Payable(), nil
}

func (b *bill) begin(r meter.Reading) error {
	begin := pricing.NewRun
	if b.unit == meter.Count {
		begin = pricing.NewCountingRun
	}
	run, err := begin(b.tariff, r.Time, b.location)
	if err != nil {
		return err
	}
	b.run, b.base = run, r.Register
	return nil
}

// final gives the cost of the session as it ends with the last reading, surcharges included.
func (b *bill) final() (money.Amount, error) {
	cost, err := b.run.Final()
	if err != nil {
		return 0, err
	}
	return cost.Payable(), nil
}

// quantity gives what was delivered since the baseline.
func (b *bill) quantity(r meter.Reading) int64 {
	if b.run == nil {
		return 0
	}
	return r.Register - b.base
}

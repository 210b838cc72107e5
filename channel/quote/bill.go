package quote

import (
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// Bill prices the readings of one session under its quote: always the whole session, never a slice. Both sides and every
// receipt run it on the same readings, and so come to the same amounts. It is not safe for concurrent use.
type Bill struct {
	tariff   *pricing.Tariff
	location *time.Location
	unit     meter.Unit
	base     int64 // register at the baseline
	run      *pricing.Run
}

// NewBill waits for the baseline reading. It refuses a tariff that cannot be priced, or is in another currency.
func NewBill(q Quote) (*Bill, error) {
	tariff, err := q.ParseTariff()
	if err != nil {
		return nil, err
	}
	if tariff.Currency().String() != q.Currency {
		return nil, fmt.Errorf("%w: tariff in %s, quote in %s", ErrQuote, tariff.Currency(), q.Currency)
	}
	if tariff.NeedsCurrent() {
		return nil, fmt.Errorf("%w: the tariff asks for a current, which readings do not state", ErrQuote)
	}
	location, err := q.Location()
	if err != nil {
		return nil, err
	}
	return &Bill{tariff: tariff, location: location, unit: meter.Unit(q.Unit)}, nil
}

// Add takes the next reading and gives the net cost of the session up to it, rounded down.
func (b *Bill) Add(r meter.Reading) (money.Amount, error) {
	if b.run == nil {
		if err := b.begin(r); err != nil {
			return 0, err
		}
	}
	sample := pricing.Sample{Time: r.Time}
	switch b.unit {
	case meter.MilliwattHours:
		sample.EnergyMilliwattHours = b.Quantity(r)
	case meter.Count:
		sample.Count = b.Quantity(r)
	}
	if r.State == meter.SuspendedVehicle || r.State == meter.Ended || b.unit == meter.Seconds {
		sample.State = pricing.Idle
	}
	if err := b.run.Add(sample); err != nil {
		return 0, err
	}
	cost, err := b.Cost(false)
	if err != nil {
		return 0, err
	}
	return cost.Payable(), nil
}

func (b *Bill) begin(r meter.Reading) error {
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

// Final gives the cost of the session as it ends with the last reading, surcharges included.
func (b *Bill) Final() (money.Amount, error) {
	cost, err := b.Cost(true)
	if err != nil {
		return 0, err
	}
	return cost.Payable(), nil
}

// Cost gives the exact cost up to the last reading, with the surcharges of the end when ended is set.
func (b *Bill) Cost(ended bool) (pricing.Cost, error) {
	switch {
	case b.run == nil:
		return pricing.Cost{}, fmt.Errorf("%w: no reading to price", ErrQuote)
	case ended:
		return b.run.Final()
	}
	return b.run.Cost()
}

// Quantity gives what was delivered since the baseline.
func (b *Bill) Quantity(r meter.Reading) int64 {
	if b.run == nil {
		return 0
	}
	return r.Register - b.base
}

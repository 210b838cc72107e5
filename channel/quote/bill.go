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
	base     int64     // register at the baseline
	began    time.Time // of the baseline
	run      *pricing.Run
	last     time.Time // of the last reading

	giveBack *pricing.Tariff // of energy that is given back; nil where none is taken
	backBase int64           // register of it at the baseline
	back     *pricing.Run

	following []following // quotes that are not in force yet, in order
	inForce   int         // how many of those that followed the first have come into force
}

// secondsMost bounds what a session may count in seconds, far above what a tariff prices: ten years.
const secondsMost = 10 * 366 * 24 * 3600

// following is a quote that prices from a time on.
type following struct {
	tariff   *pricing.Tariff
	giveBack *pricing.Tariff
	from     time.Time
}

// Follow schedules a quote that was accepted in the middle of the session: it prices what is delivered after the first
// reading at or after its time. The steps of the tariff before it end without a surplus.
func (b *Bill) Follow(q Quote) error {
	tariff, err := q.ParseTariff()
	if err != nil {
		return err
	}
	switch {
	case tariff.Currency() != b.tariff.Currency():
		return fmt.Errorf("%w: tariff in %s, session in %s", ErrQuote, tariff.Currency(), b.tariff.Currency())
	case tariff.NeedsCurrent():
		return fmt.Errorf("%w: the tariff asks for a current, which readings do not state", ErrQuote)
	}
	if err := tariff.ValidAt(q.From()); err != nil {
		return fmt.Errorf("%w: %w", ErrQuote, err)
	}
	giveBack, err := q.ParseGiveBack()
	if err != nil {
		return err
	}
	if (giveBack == nil) != (b.giveBack == nil) {
		return fmt.Errorf("%w: it changes whether energy is taken back", ErrQuote)
	}
	if giveBack != nil {
		if err := giveBack.ValidAt(q.From()); err != nil {
			return fmt.Errorf("%w: %w", ErrQuote, err)
		}
	}
	b.following = append(b.following, following{tariff, giveBack, q.From()})
	return nil
}

// Validity gives the time span of the tariff in force, in which a session may begin under it; a zero time is no bound.
func (b *Bill) Validity() (from, until time.Time) { return b.tariff.Validity() }

// InForce tells how many of the quotes that followed the first have come into force by the last reading that was added.
func (b *Bill) InForce() int { return b.inForce }

// switchTariff brings into force what the reading before this one made due.
func (b *Bill) switchTariff() error {
	for len(b.following) > 0 && !b.last.Before(b.following[0].from) {
		next := b.following[0]
		if err := b.run.Switch(next.tariff, next.from); err != nil {
			return err
		}
		if err := b.switchGiveBack(next); err != nil {
			return err
		}
		b.tariff, b.following = next.tariff, b.following[1:]
		b.inForce++
	}
	return nil
}

// switchGiveBack does so for energy that is given back. Where its tariff stays, there is nothing to do.
func (b *Bill) switchGiveBack(next following) error {
	if b.giveBack == nil || next.giveBack.Hash() == b.giveBack.Hash() {
		return nil
	}
	b.giveBack = next.giveBack
	return b.back.Switch(next.giveBack, next.from)
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
	giveBack, err := q.ParseGiveBack()
	if err != nil {
		return nil, err
	}
	return &Bill{tariff: tariff, location: location, unit: meter.Unit(q.Unit), giveBack: giveBack}, nil
}

// Add takes the next reading and gives the net cost of the session up to it, rounded down: what is given back is credited.
func (b *Bill) Add(r meter.Reading) (money.Amount, error) {
	if b.run == nil {
		if err := b.begin(r); err != nil {
			return 0, err
		}
	} else if err := b.switchTariff(); err != nil {
		return 0, err
	}
	sample := pricing.Sample{Time: r.Time}
	switch b.unit {
	case meter.MilliwattHours:
		sample.EnergyMilliwattHours = b.Quantity(r)
	case meter.Seconds: // how long, the register says; since when, the clock
		stood := b.Quantity(r)
		if stood > secondsMost {
			return 0, fmt.Errorf("%w: %d s in one session", ErrQuote, stood)
		}
		sample.Time = b.began.Add(time.Duration(stood) * time.Second)
	case meter.Count:
		sample.Count = b.Quantity(r)
	}
	if r.State == meter.SuspendedVehicle || r.State == meter.Ended || b.unit == meter.Seconds {
		sample.State = pricing.Idle
	}
	if err := b.run.Add(sample); err != nil {
		return 0, err
	}
	if b.back != nil {
		if err := b.back.Add(pricing.Sample{Time: r.Time, EnergyMilliwattHours: b.Returned(r)}); err != nil {
			return 0, err
		}
	}
	b.last = r.Time
	return b.Net(false)
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
	if b.giveBack != nil {
		if b.back, err = pricing.NewRun(b.giveBack, r.Time, b.location); err != nil {
			return err
		}
	}
	b.run, b.base, b.backBase = run, r.Register, r.Exported
	b.began = r.Time
	return nil
}

// Final gives the net cost of the session as it ends with the last reading, surcharges included.
func (b *Bill) Final() (money.Amount, error) { return b.Net(true) }

// Net gives the cost up to the last reading less the credit for what was given back, rounded once (I10): below zero where the
// station pays.
func (b *Bill) Net(ended bool) (money.Amount, error) {
	cost, err := b.Cost(ended)
	if err != nil {
		return 0, err
	}
	credit, back, err := b.Credit()
	if err != nil || !back {
		return cost.Payable(), err
	}
	return cost.Less(credit)
}

// Credit gives what is due for energy that was given back up to the last reading, exactly; false where none is taken. It has
// no steps, and so no surcharge at the end.
func (b *Bill) Credit() (pricing.Cost, bool, error) {
	if b.back == nil {
		return pricing.Cost{}, false, nil
	}
	credit, err := b.back.Cost()
	return credit, true, err
}

// Cost gives the exact cost of what was taken up to the last reading, with the surcharges of the end when ended is set.
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

// Returned gives what was given back since the baseline, whether it is paid for or not.
func (b *Bill) Returned(r meter.Reading) int64 {
	if b.run == nil {
		return 0
	}
	return r.Exported - b.backBase
}

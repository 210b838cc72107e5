package quote

import (
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Inputs are what a station decides; Build computes the rest of a quote from them.
type Inputs struct {
	Network     wallet.NetworkID
	Station     wallet.DID
	Payout      wallet.DID // zero: the station's own account
	MeterKey    wallet.PublicKey
	Attestation meter.Attestation
	Service     string
	EVSE        string
	Unit        meter.Unit
	Tariff      *pricing.Tariff
	TimeZone    string // IANA name
	MaxPowerMw  int64  // milliwatts
	ClaimEvery  time.Duration
	Window      time.Duration // challenge window asked of a new channel
	ExpiryMin   time.Time     // ledger time; zero: none asked
	SettleAt    money.Amount  // ask for a withdrawal when so much is unsettled; 0 never
	SettleEvery time.Duration // or after this time; 0 never
	Estimates   []int64       // quantities to price beforehand; empty: 10, 20 and 40 kWh (AFIR, article 5), an hour, or one piece
}

// depositSlices is how many slices the channel must cover at the start: one that is unpaid, one that is under way.
const depositSlices = 2

// Build prices and bounds a session that begins at a time: exposure (I5), estimates, least deposit. Session, station key
// and times are left to the machine that signs.
func Build(in Inputs, at time.Time) (Quote, error) {
	location, err := pricing.LoadLocation(in.TimeZone)
	if err != nil {
		return Quote{}, fmt.Errorf("%w: %w", ErrQuote, err)
	}
	if err := in.Tariff.ValidAt(at); err != nil {
		return Quote{}, err
	}
	if size := len(in.Tariff.Bytes()); size > tariffMax {
		return Quote{}, fmt.Errorf("%w: tariff of %d bytes, at most %d fit a quote", ErrQuote, size, tariffMax)
	}
	exposure, err := pricing.ExposureOf(in.Tariff, in.MaxPowerMw, in.ClaimEvery, at, location)
	if err != nil {
		return Quote{}, err
	}
	if in.Payout.IsZero() {
		in.Payout = in.Station
	}
	q := Quote{
		Network: in.Network, Station: in.Station, Payout: in.Payout, MeterKey: in.MeterKey,
		Attestation: uint8(in.Attestation), Service: in.Service, EVSE: in.EVSE, Unit: uint8(in.Unit),
		Tariff: in.Tariff.Bytes(), TimeZone: in.TimeZone, Currency: in.Tariff.Currency().String(),
		ClaimEveryMs: in.ClaimEvery.Milliseconds(), MaxPowerMw: in.MaxPowerMw,
		Slice: exposure.Bound(), Prepaid: exposure.Prepaid, EndSurcharge: exposure.EndSurcharge,
		WindowSeconds: uint32(in.Window / time.Second),
		SettleAmount:  in.SettleAt, SettleEveryMs: in.SettleEvery.Milliseconds(),
	}
	if !in.ExpiryMin.IsZero() {
		q.ExpiryMinMs = in.ExpiryMin.UnixMilli()
	}
	if q.DepositMin, err = money.Sum(q.Prepaid, q.EndSurcharge, depositSlices*q.Slice); err != nil {
		return Quote{}, err
	}
	if q.Estimates, err = estimates(in, at, location); err != nil {
		return Quote{}, err
	}
	if _, err := NewBill(q); err != nil {
		return Quote{}, err // better said by the station that offers it than by every vehicle
	}
	return q, nil
}

// CheckPrices returns ErrQuote when a quote declares less than its own tariff can cost: the vehicle's policy looks at
// exposure and estimates, but what it pays for is the tariff (I5).
func (q Quote) CheckPrices() error {
	tariff, err := pricing.ParseTariff(q.Tariff)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrQuote, err)
	}
	location, err := q.Location()
	if err != nil {
		return err
	}
	at := time.UnixMilli(q.IssuedAtMs).UTC()
	exposure, err := pricing.ExposureOf(tariff, q.MaxPowerMw, q.ClaimEvery(), at, location)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrQuote, err)
	}
	if q.Slice < exposure.Bound() || q.Prepaid < exposure.Prepaid || q.EndSurcharge < exposure.EndSurcharge {
		return fmt.Errorf("%w: declares %s a slice, %s at the start and %s at the end; its tariff can cost %s, %s and %s", ErrQuote,
			q.Slice, q.Prepaid, q.EndSurcharge, exposure.Bound(), exposure.Prepaid, exposure.EndSurcharge)
	}
	in := Inputs{Tariff: tariff, Unit: meter.Unit(q.Unit), MaxPowerMw: q.MaxPowerMw}
	for _, e := range q.Estimates {
		cost, err := price(in, at, location, e.Quantity)
		if err != nil {
			return fmt.Errorf("%w: estimate of %d %s: %w", ErrQuote, e.Quantity, in.Unit, err)
		}
		if e.InclVAT < cost.Payable() {
			return fmt.Errorf("%w: %s for %d %s, by its tariff %s", ErrQuote, e.InclVAT, e.Quantity, in.Unit, cost.Payable())
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
		out = append(out, Estimate{Quantity: quantity, InclVAT: cost.Payable()})
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

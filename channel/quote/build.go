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
	OCMFKey     []byte // of the meter, where the attestation is meter.AttestedOCMF
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
	Credential  []byte        // what others say of the station, as credential.JoinBundle writes it
	UnpaidMax   int64         // of pieces: how many may be unpaid; 0 is one
	Deferred    bool          // sessions' ends are not settled one by one: SettleAt says when
	Patience    time.Duration // beyond the claim interval, for what cannot be held back: a place that stays occupied unpaid
	GiveBack    *pricing.Tariff
	MaxReturnMw int64   // milliwatts; with GiveBack, energy is taken back at its prices
	Estimates   []int64 // quantities to price beforehand; empty: 10, 20 and 40 kWh (AFIR, article 5), an hour, or one piece
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
	packed, form, err := packTariff(in.Tariff.Bytes(), tariffMax)
	if err != nil {
		return Quote{}, err
	}
	exposure, err := in.exposure(at, location)
	if err != nil {
		return Quote{}, err
	}
	if in.Payout.IsZero() {
		in.Payout = in.Station
	}
	q := Quote{
		Network: in.Network, Station: in.Station, Payout: in.Payout, MeterKey: in.MeterKey,
		Attestation: uint8(in.Attestation), OCMFKey: in.OCMFKey, Service: in.Service, EVSE: in.EVSE, Unit: uint8(in.Unit),
		Tariff: packed, TariffForm: form, TimeZone: in.TimeZone, Currency: in.Tariff.Currency().String(),
		ClaimEveryMs: in.ClaimEvery.Milliseconds(), MaxPowerMw: in.MaxPowerMw,
		Slice: exposure.Bound(), Prepaid: exposure.Prepaid, EndSurcharge: exposure.EndSurcharge,
		WindowSeconds: uint32(in.Window / time.Second),
		SettleAmount:  in.SettleAt, SettleEveryMs: in.SettleEvery.Milliseconds(), Credential: in.Credential,
		UnpaidMax: in.UnpaidMax, Deferred: in.Deferred,
	}
	if err := in.takeBack(&q, at, location); err != nil {
		return Quote{}, err
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
	tariff, err := q.ParseTariff()
	if err != nil {
		return err
	}
	location, err := q.Location()
	if err != nil {
		return err
	}
	at := q.begins()
	in := Inputs{Tariff: tariff, Unit: meter.Unit(q.Unit), MaxPowerMw: q.MaxPowerMw, ClaimEvery: q.ClaimEvery(), UnpaidMax: q.UnpaidMax}
	exposure, err := in.exposure(at, location)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrQuote, err)
	}
	if q.Slice < exposure.Bound() || q.Prepaid < exposure.Prepaid || q.EndSurcharge < exposure.EndSurcharge {
		return fmt.Errorf("%w: declares %s a slice, %s at the start and %s at the end; its tariff can cost %s, %s and %s", ErrQuote,
			q.Slice, q.Prepaid, q.EndSurcharge, exposure.Bound(), exposure.Prepaid, exposure.EndSurcharge)
	}
	if err := q.checkReturnSlice(at, location); err != nil {
		return err
	}
	return q.checkEstimates(in, at, location)
}

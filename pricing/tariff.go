package pricing

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"joulepay/wallet/money"
)

// Bounds of a tariff.
const (
	// TariffBytesMax bounds the JSON: a week of quarter-hour prices needs less than half of it.
	TariffBytesMax = 256 << 10
	// elementsMax bounds the elements: three days of quarter-hour prices and their defaults fit, and choosing stays fast.
	elementsMax = 512
	// componentsMax is the number of dimensions: an element with two prices for one would be ambiguous.
	componentsMax = int(componentTypes)
	// ratesMax bounds different VAT rates, so that sums of fractions stay small; no country has more than six.
	ratesMax = 16
	// textsMax bounds alternative texts and energy sources: one for each language of Europe, twice.
	textsMax = 64
	// stepMax bounds step_size: 10 MWh, or 115 days.
	stepMax = 10_000_000
	// vatMax bounds VAT in per cent.
	vatMax = 100 * fixedOne
	// vatUnit is the finest VAT, a millionth of a per cent.
	vatUnit = fixedOne / 1_000_000
)

// ComponentType is a TariffDimensionType of OCPI.
type ComponentType uint8

// The dimensions that a tariff prices.
const (
	Energy      ComponentType = iota // per kWh
	Time                             // per hour of charging, or of reservation
	ParkingTime                      // per hour in which the vehicle does not ask for power
	Flat                             // once
	componentTypes
)

var componentNames = [componentTypes]string{"ENERGY", "TIME", "PARKING_TIME", "FLAT"}

// String gives the name as OCPI spells it.
func (c ComponentType) String() string { return componentNames[c] }

// Reservation is the kind of use that an element prices.
type Reservation uint8

// The contexts of an element: a charging session, a reservation, a reservation that expired.
const (
	NoReservation Reservation = iota
	Reserved
	ReservationExpired
	reservations
)

var reservationNames = [reservations]string{"", "RESERVATION", "RESERVATION_EXPIRES"}

// String gives the name as OCPI spells it, "" for a charging session.
func (r Reservation) String() string { return reservationNames[r] }

// taxMode says what the prices of a tariff contain.
type taxMode uint8

const (
	taxImplied  taxMode = iota // no tax_included (2.2.1): prices before VAT; no vat means no VAT
	taxExcluded                // NO: prices before tax; no vat means that the tax is not stated
	taxIncluded                // YES: prices after tax; no vat means that the tax is not stated
	taxNone                    // N/A: no tax applies
)

// rate is a VAT rate as a factor: tax included = tax excluded × factor / rateScale.
type rate struct {
	stated bool
	factor int64
}

const rateScale = 100 * 1_000_000 // 100 per cent in units of vatUnit

// component is one price of one element.
type component struct {
	kind    ComponentType
	element int
	price   fixed
	step    quantity // 0 is no step
	rate    int      // index into Tariff.rates
}

// none marks a dimension that nothing prices.
const none = -1

type element struct {
	when       restriction
	components [componentTypes]int16 // index into Tariff.components, or none
	types      typeSet
}

// typeSet is a set of component types, one bit each.
type typeSet uint8

func (s typeSet) has(c ComponentType) bool { return s&(1<<c) != 0 }

// limits are min_price or max_price, each sum by itself; not stated means no limit.
type limits struct{ excl, incl Exact }

// Text is a text in one language (OCPI DisplayText).
type Text struct{ Language, Text string }

// EnergyMix says where the energy comes from (OCPI EnergyMix, in short).
type EnergyMix struct {
	Green        bool
	SupplierName string
	ProductName  string
	Sources      []EnergySource
}

// EnergySource is a part of an energy mix.
type EnergySource struct {
	Source  string
	Percent Exact
}

// Tariff is an OCPI tariff that has passed every check of ParseTariff. It is immutable and safe for concurrent use.
type Tariff struct {
	bytes      []byte
	hash       [sha256.Size]byte
	id         string
	party      string
	currency   money.Currency
	kind       string
	altTexts   []Text
	altURL     string
	mix        *EnergyMix
	validFrom  time.Time
	validUntil time.Time

	tax        taxMode
	rates      []rate
	elements   []element
	components []component
	offers     [reservations]typeSet
	min, max   limits
	marks      marks
}

// Bytes gives a copy of the JSON as it was parsed.
func (t *Tariff) Bytes() []byte { return bytes.Clone(t.bytes) }

// Hash is the SHA-256 of the JSON as it was parsed: what a quote names.
func (t *Tariff) Hash() [32]byte { return t.hash }

// ID is the tariff's id within its party.
func (t *Tariff) ID() string { return t.id }

// Party is country code and party id, for example "DE*ALL"; "" when the tariff states none.
func (t *Tariff) Party() string { return t.party }

// Currency of every price.
func (t *Tariff) Currency() money.Currency { return t.currency }

// Type is the TariffType, such as "AD_HOC_PAYMENT"; "" is valid for every session.
func (t *Tariff) Type() string { return t.kind }

// AltTexts are the operator's own words.
func (t *Tariff) AltTexts() []Text { return append([]Text(nil), t.altTexts...) }

// AltURL leads to the operator's own explanation; "" is none. It is untrusted text.
func (t *Tariff) AltURL() string { return t.altURL }

// EnergyMix says where the energy comes from; ok is false when the tariff does not say.
func (t *Tariff) EnergyMix() (mix EnergyMix, ok bool) {
	if t.mix == nil {
		return EnergyMix{}, false
	}
	mix = *t.mix
	mix.Sources = append([]EnergySource(nil), mix.Sources...)
	return mix, true
}

// Validity gives the time span in which a session may start under the tariff; a zero time is no bound.
func (t *Tariff) Validity() (from, until time.Time) { return t.validFrom, t.validUntil }

// ValidAt returns ErrNotValid unless a session may start under the tariff at this time.
func (t *Tariff) ValidAt(at time.Time) error {
	switch {
	case !t.validFrom.IsZero() && at.Before(t.validFrom):
		return fmt.Errorf("%w: %s begins %s", ErrNotValid, t.id, t.validFrom.Format(time.RFC3339))
	case !t.validUntil.IsZero() && !at.Before(t.validUntil):
		return fmt.Errorf("%w: %s ended %s", ErrNotValid, t.id, t.validUntil.Format(time.RFC3339))
	}
	return nil
}

// NeedsCurrent tells whether a price depends on the charging current, so that samples must state it.
func (t *Tariff) NeedsCurrent() bool { return len(t.marks.current) > 0 }

package meter

import (
	"errors"
	"fmt"
	"math"
)

// Errors of comparisons.
var (
	ErrDisagrees  = errors.New("meter: claimed quantity is more than was measured")
	ErrComparison = errors.New("meter: not a usable tolerance")
)

// Side says where both meters look, so that conversion losses are not taken for fraud. The zero value is no side.
type Side byte

// Sides.
const (
	SideAC Side = 1 // alternating current at the vehicle's inlet; the converter and its losses are in the vehicle
	SideDC Side = 2 // direct current in the cable; the converter is in the station
)

// String gives "AC" or "DC".
func (s Side) String() string { return nameOf([]string{"", "AC", "DC"}, byte(s)) }

// Defaults of the tolerance. A station's meter may err by 1 % (class B of EN 50470-3) to 2 % (class A), and
// the sensors of a vehicle by one or two more. The absolute part covers the moments at which the two meters
// look, which differ by up to a few seconds: 2.4 s at 150 kW, 16 s at 22 kW. It counts once for a session,
// since the comparison is cumulative.
const (
	RelativePPMDefault            = 30_000  // 3 %
	AbsoluteMilliwattHoursDefault = 100_000 // 100 Wh
)

// ppmOne is the whole in parts per million: a relative tolerance above it would make the check meaningless.
const ppmOne = 1_000_000

// Comparison decides whether the vehicle's own measurement confirms what the station claims (I6). Both numbers
// are differences of registers since the session's baseline, in one unit: errors do not add up slice by slice.
type Comparison struct {
	side        Side
	relativePPM int64
	absolute    int64
}

// NewComparison sets a tolerance: a share of what was measured (parts per million, up to all of it), and an
// absolute amount in the unit compared. A vehicle that measures behind its on-board charger adds that
// charger's losses to the relative part.
func NewComparison(side Side, relativePPM, absolute int64) (Comparison, error) {
	if side != SideAC && side != SideDC {
		return Comparison{}, fmt.Errorf("%w: side %d", ErrComparison, side)
	}
	if relativePPM < 0 || relativePPM > ppmOne || absolute < 0 {
		return Comparison{}, fmt.Errorf("%w: %d ppm and %d", ErrComparison, relativePPM, absolute)
	}
	return Comparison{side: side, relativePPM: relativePPM, absolute: absolute}, nil
}

// DefaultComparison gives the documented tolerance for energy in mWh.
func DefaultComparison(side Side) (Comparison, error) {
	return NewComparison(side, RelativePPMDefault, AbsoluteMilliwattHoursDefault)
}

// Side tells where the meters look.
func (c Comparison) Side() Side { return c.side }

// Check confirms a claimed quantity, or returns a *Disagreement, which is ErrDisagrees. A claim below what was
// measured is confirmed: it costs the vehicle nothing. Negative quantities are never confirmed.
func (c Comparison) Check(claimedDelta, measuredDelta int64) error {
	if claimedDelta >= 0 && measuredDelta >= 0 && claimedDelta <= c.most(measuredDelta) {
		return nil
	}
	return &Disagreement{Claimed: claimedDelta, Measured: measuredDelta, Side: c.side}
}

// CheckReturned confirms what a station says has flowed back, which it pays for: at least what was measured, less the
// tolerance. More than that costs the vehicle nothing. It returns a *Disagreement or nil.
func (c Comparison) CheckReturned(claimedDelta, measuredDelta int64) error {
	if c.Check(measuredDelta, claimedDelta) == nil {
		return nil
	}
	return &Disagreement{Claimed: claimedDelta, Measured: measuredDelta, Side: c.side, Returned: true}
}

// most is the largest claim that a measurement confirms, rounded down; it saturates instead of overflowing.
func (c Comparison) most(measured int64) int64 {
	relative := measured/ppmOne*c.relativePPM + measured%ppmOne*c.relativePPM/ppmOne // ≤ measured
	if measured > math.MaxInt64-relative || measured+relative > math.MaxInt64-c.absolute {
		return math.MaxInt64
	}
	return measured + relative + c.absolute
}

// Disagreement carries the two numbers of a refused comparison.
type Disagreement struct {
	Claimed  int64 // since the baseline, by the station's readings
	Measured int64 // since the baseline, by the vehicle's own source
	Side     Side
	Returned bool // it is about what flowed back, of which too little is claimed
}

// Error implements error.
func (d *Disagreement) Error() string {
	if d.Returned {
		return fmt.Sprintf("meter: less is credited than was given back: credited %d, measured %d (%v side)", d.Claimed, d.Measured, d.Side)
	}
	return fmt.Sprintf("%v: claimed %d, measured %d (%v side)", ErrDisagrees, d.Claimed, d.Measured, d.Side)
}

// Unwrap makes errors.Is(err, ErrDisagrees) true.
func (d *Disagreement) Unwrap() error { return ErrDisagrees }

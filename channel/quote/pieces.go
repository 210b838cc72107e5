package quote

import (
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/pricing"
)

// UnpaidMaxMost bounds how many pieces a quote lets go unpaid: as many as one session may count.
const UnpaidMaxMost = 10_000

// Unpaid gives how many pieces are given out at most before a claim covers them.
func (q Quote) Unpaid() int64 { return max(1, q.UnpaidMax) }

func (q Quote) checkPieces() error {
	switch {
	case q.UnpaidMax < 0 || q.UnpaidMax > UnpaidMaxMost:
		return fmt.Errorf("%w: %d pieces unpaid, at most %d", ErrQuote, q.UnpaidMax, UnpaidMaxMost)
	case q.UnpaidMax > 0 && meter.Unit(q.Unit) != meter.Count:
		return fmt.Errorf("%w: pieces unpaid of a service that is sold by %s", ErrQuote, meter.Unit(q.Unit))
	}
	return nil
}

// exposure bounds what a session can cost beyond what is claimed (I5): a claim interval at full power, or of time; of pieces, so
// many as may be unpaid, and what their tariff asks for time besides.
func (in Inputs) exposure(at time.Time, location *time.Location) (pricing.Exposure, error) {
	timed, err := pricing.ExposureOf(in.Tariff, in.MaxPowerMw, in.ClaimEvery+in.Patience, at, location)
	if err != nil || in.Unit != meter.Count {
		return timed, err
	}
	counted, err := pricing.ExposureOfCounted(in.Tariff, max(1, in.UnpaidMax), at, location)
	if err != nil {
		return counted, err
	}
	counted.EndSurcharge = max(counted.EndSurcharge, timed.EndSurcharge)
	counted.LargestStep = max(counted.LargestStep, timed.LargestStep)
	counted.Slice, err = counted.Slice.Add(timed.Slice)
	return counted, err
}

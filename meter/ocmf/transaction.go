package ocmf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Transaction is what verified records prove together.
type Transaction struct {
	Meter      Meter
	Gateway    Gateway
	First      Page // of the record with the begin
	Last       Page // of the record with the end
	Register   string
	Begin, End Reading         // of Register
	Imported   decimal.Decimal // Wh to the vehicle, exact
	Exported   decimal.Decimal // Wh to the grid, exact; zero where the meter does not measure it
	TimeUsable bool            // time may be billed too: synchronised, or relative at the end, and not marked as unusable
}

// EnergyMilliwattHours gives the energy to the vehicle in 10⁻³ Wh, rounded down. It returns ErrRegister when it is too large.
func (t Transaction) EnergyMilliwattHours() (int64, error) {
	whole := t.Imported.Shift(3).Floor().BigInt()
	if !whole.IsInt64() {
		return 0, fmt.Errorf("%w: the energy is out of range", ErrRegister)
	}
	return whole.Int64(), nil
}

// Duration gives the time from begin to end; it may only be billed if TimeUsable.
func (t Transaction) Duration() time.Duration { return t.End.Time.Sub(t.Begin.Time) }

// CheckTransaction checks that records make one whole transaction, from the begin to the end, of one meter and under one
// key. It takes them in the order of their pages. It returns one of the verdicts on a transaction.
func CheckTransaction(records []Verified) (Transaction, error) {
	if len(records) == 0 || len(records) > RecordsMax {
		return Transaction{}, fmt.Errorf("%w: %d records, want 1 to %d", ErrBoundary, len(records), RecordsMax)
	}
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b Verified) int {
		return cmp.Compare(a.record.payload.Page.Number, b.record.payload.Page.Number)
	})
	if err := sameMeter(records); err != nil {
		return Transaction{}, err
	}
	if err := pagination(records); err != nil {
		return Transaction{}, err
	}
	var readings []Reading
	for _, v := range records {
		readings = append(readings, v.record.payload.Readings...)
	}
	for _, check := range []func([]Reading) error{usable, countedEvents, lossesGrow} {
		if err := check(readings); err != nil {
			return Transaction{}, err
		}
	}
	if err := sameUserAndCable(records); err != nil {
		return Transaction{}, err
	}
	first, last := records[0].record.payload, records[len(records)-1].record.payload
	return bill(Transaction{Meter: last.Meter, Gateway: last.Gateway, First: first.Page, Last: last.Page}, byRegister(readings))
}

func sameMeter(records []Verified) error {
	first := records[0]
	for _, v := range records {
		p, q := first.record.payload, v.record.payload
		switch {
		case p.MeterSerial() == "":
			return fmt.Errorf("%w: %s names none", ErrMeter, p.Page)
		case p.Meter.Serial != q.Meter.Serial || p.Gateway.Serial != q.Gateway.Serial:
			return fmt.Errorf("%w: %s in %s, %s in %s", ErrMeter, quoted(p.MeterSerial()), p.Page, quoted(q.MeterSerial()), q.Page)
		case first.key.curve != v.key.curve || first.key.point != v.key.point:
			return fmt.Errorf("%w: %s and %s are signed with different keys", ErrMeter, p.Page, q.Page)
		}
	}
	return nil
}

func pagination(records []Verified) error {
	for i, v := range records {
		page := v.record.payload.Page
		if page.Context != Transactional {
			return fmt.Errorf("%w: %s is of no transaction", ErrPagination, page)
		}
		if i == 0 {
			continue
		}
		if before := records[i-1].record.payload.Page; page.Number != before.Number+1 {
			return fmt.Errorf("%w: %s after %s", ErrPagination, page, before)
		}
	}
	return nil
}

// usable refuses what the meter itself marks: an exception, a status that is not good, a flag on energy. It holds for every
// reading, those in between and of other registers too: after them nothing of the transaction can be relied on.
func usable(readings []Reading) error {
	for _, r := range readings {
		switch {
		case r.Event == Exception:
			return fmt.Errorf("%w: an exception at %s", ErrErrorFlag, r.Time.Format(time.RFC3339))
		case r.Status != Good:
			return fmt.Errorf("%w: status %c at %s", ErrStatus, r.Status, r.Time.Format(time.RFC3339))
		case strings.Trim(r.ErrorFlags, "t") != "":
			return fmt.Errorf("%w: flags %s at %s", ErrErrorFlag, quoted(r.ErrorFlags), r.Time.Format(time.RFC3339))
		}
	}
	return nil
}

// countedEvents refuses a counter of events that moved, or that some readings have and others do not.
func countedEvents(readings []Reading) error {
	first := readings[0].Events
	for _, r := range readings {
		if r.Events.Present() != first.Present() || !r.Events.Decimal().Equal(first.Decimal()) {
			return fmt.Errorf("%w: from %s to %s", ErrEvents, quoted(first.String()), quoted(r.Events.String()))
		}
	}
	return nil
}

// lossesGrow checks the cumulated loss: 0 at the begin, growing, and only beside a register.
func lossesGrow(readings []Reading) error {
	before := map[string]decimal.Decimal{}
	for _, r := range readings {
		if !r.Loss.Present() {
			continue
		}
		loss, at := r.Loss.Decimal(), r.Time.Format(time.RFC3339)
		switch {
		case !r.Value.Present():
			return fmt.Errorf("%w: a loss without a register at %s", ErrLoss, at)
		case r.Event == Begin && !loss.IsZero():
			return fmt.Errorf("%w: a loss of %s at the begin", ErrLoss, quoted(r.Loss.String()))
		case loss.LessThan(before[r.Register]):
			return fmt.Errorf("%w: the loss falls at %s", ErrLoss, at)
		}
		before[r.Register] = loss
	}
	return nil
}

// failedLevels are the identification levels that are errors (OCMF 1.x, table 11).
var failedLevels = []string{"MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"}

func sameUserAndCable(records []Verified) error {
	first := records[0].record.payload
	for _, v := range records {
		p := v.record.payload
		if slices.Contains(failedLevels, p.User.Level) {
			return fmt.Errorf("%w: %s says %s", ErrIdentification, p.Page, p.User.Level)
		}
		if !first.Loss.equal(p.Loss) {
			return fmt.Errorf("%w: %s and %s describe different cables", ErrLoss, first.Page, p.Page)
		}
	}
	return nil
}

func (l *LossCompensation) equal(other *LossCompensation) bool {
	if l == nil || other == nil {
		return l == other
	}
	return l.Name == other.Name && l.Unit == other.Unit && l.Resistance.Decimal().Equal(other.Resistance.Decimal()) &&
		l.Identification.String() == other.Identification.String()
}

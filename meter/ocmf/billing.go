package ocmf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// lane is what one register of energy said during a transaction, in the order of the records.
type lane struct {
	register register
	flow     flow
	readings []Reading
}

// byRegister gives the registers of energy that can be billed. Readings of other quantities stay out.
func byRegister(readings []Reading) []lane {
	var lanes []lane
	for _, r := range readings {
		id, ok := parseRegister(r.Register)
		if !ok {
			continue
		}
		flow, ok := id.flow()
		if !ok {
			continue
		}
		i := slices.IndexFunc(lanes, func(l lane) bool { return l.register == id })
		if i < 0 {
			i, lanes = len(lanes), append(lanes, lane{register: id, flow: flow})
		}
		lanes[i].readings = append(lanes[i].readings, r)
	}
	return lanes
}

// bill fills in the energy of both directions. Only one register may count each: two of the same rank are ambiguous.
func bill(t Transaction, lanes []lane) (Transaction, error) {
	imported, err := billed(lanes, false)
	if err != nil {
		return Transaction{}, err
	}
	exported, err := billed(lanes, true)
	if err != nil {
		return Transaction{}, err
	}
	main := cmp.Or(imported, exported)
	if main == nil {
		return Transaction{}, fmt.Errorf("%w: no register of energy", ErrRegister)
	}
	for _, l := range []*lane{imported, exported} {
		if l == nil {
			continue
		}
		energy, err := l.energy()
		if err != nil {
			return Transaction{}, err
		}
		if l.flow.exported {
			t.Exported = energy
		} else {
			t.Imported = energy
		}
	}
	t.Begin, t.End = main.readings[0], main.readings[len(main.readings)-1]
	t.Register = t.Begin.Register
	t.TimeUsable = main.timeUsable()
	return t, nil
}

// billed gives the register of the highest rank in one direction, or nil.
func billed(lanes []lane, exported bool) (*lane, error) {
	var best *lane
	for i := range lanes {
		l := &lanes[i]
		switch {
		case l.flow.exported != exported:
		case best == nil || l.rank() > best.rank():
			best = l
		case l.rank() == best.rank():
			return nil, fmt.Errorf("%w: %s and %s count the same", ErrRegister, quoted(best.readings[0].Register), quoted(l.readings[0].Register))
		}
	}
	return best, nil
}

// rank prefers what flows rank higher, then the total over the register of one tariff.
func (l *lane) rank() int {
	rank := 2 * l.flow.rank
	if strings.Trim(l.register.e, "0E") == "" {
		rank++
	}
	return rank
}

// energy gives the difference of the register from begin to end, in Wh.
func (l *lane) energy() (decimal.Decimal, error) {
	if err := l.bounded(); err != nil {
		return decimal.Decimal{}, err
	}
	first := l.readings[0]
	begin, err := first.EnergyWattHours()
	if err != nil {
		return decimal.Decimal{}, err
	}
	if begin.IsNegative() {
		return decimal.Decimal{}, fmt.Errorf("%w: it is negative", ErrRegister)
	}
	before, wh := first, begin
	for _, r := range l.readings[1:] {
		next, err := r.EnergyWattHours()
		switch {
		case err != nil:
			return decimal.Decimal{}, err
		case r.Unit != first.Unit:
			return decimal.Decimal{}, fmt.Errorf("%w: in %s, then in %s", ErrRegister, first.Unit, r.Unit)
		case r.Current != first.Current:
			return decimal.Decimal{}, fmt.Errorf("%w: of %s, then of %s", ErrRegister, quoted(first.Current), quoted(r.Current))
		case next.LessThan(wh):
			return decimal.Decimal{}, fmt.Errorf("%w: it falls from %s to %s %s", ErrRegister, quoted(before.Value.String()), quoted(r.Value.String()), r.Unit)
		case r.Time.Before(before.Time):
			return decimal.Decimal{}, fmt.Errorf("%w: %s after %s", ErrTime, r.Time.Format(timeLayout), before.Time.Format(timeLayout))
		}
		before, wh = r, next
	}
	if first.Sync == Relative && before.Sync != Relative {
		return decimal.Decimal{}, fmt.Errorf("%w: relative at the begin and not at the end", ErrTime)
	}
	return wh.Sub(begin), nil
}

// bounded checks that the register was read at exactly one begin, first, and one end, last.
func (l *lane) bounded() error {
	for i, r := range l.readings {
		first, last := i == 0, i == len(l.readings)-1
		switch {
		case first != (r.Event == Begin):
			return fmt.Errorf("%w: reading %d of register %s", ErrBoundary, i+1, quoted(r.Register))
		case (last && !first) != r.Event.Ends():
			return fmt.Errorf("%w: reading %d of %d of register %s", ErrBoundary, i+1, len(l.readings), quoted(r.Register))
		}
	}
	if len(l.readings) < 2 {
		return fmt.Errorf("%w: the begin without an end", ErrBoundary)
	}
	return nil
}

func (l *lane) timeUsable() bool {
	for _, r := range l.readings {
		if strings.Contains(r.ErrorFlags, "t") {
			return false
		}
	}
	begin, end := l.readings[0], l.readings[len(l.readings)-1]
	return end.Sync == Relative || begin.Sync == Synchronised && end.Sync == Synchronised
}

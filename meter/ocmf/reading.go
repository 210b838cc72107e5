package ocmf

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Reading is a reading of one register.
type Reading struct {
	Time       time.Time // [TM] milliseconds, in the zone that the meter stated
	Sync       Sync      // [TM] how far the time can be trusted
	Event      Event     // [TX] why the meter was read; 0 without a transaction
	Value      Number    // [RV] absent in pure error events
	Register   string    // [RI] OBIS code as written
	Unit       string    // [RU] as written: kWh, Wh, mOhm, uOhm; some meters have others for other quantities
	Current    string    // [RT] AC, DC or empty
	Loss       Number    // [CL] loss of the cable since the begin, in Unit, already taken off Value; may be absent
	ErrorFlags string    // [EF] E: the energy, t: the time cannot be used for billing
	Status     Status    // [ST]
	Events     Number    // [EI] counter of events of the drafts; may be absent
}

// Event is the reason of a reading.
type Event byte

// Events.
const (
	Begin          Event = 'B'
	Charging       Event = 'C'
	Exception      Event = 'X' // from here on time or energy cannot be used
	End            Event = 'E'
	EndLocally     Event = 'L'
	EndRemotely    Event = 'R'
	EndAborted     Event = 'A'
	EndPowerFailed Event = 'P'
	Suspended      Event = 'S'
	TariffChange   Event = 'T'
)

const events = "BCXELRAPST"

// Ends tells whether the reading ends a transaction.
func (e Event) Ends() bool {
	return e == End || e == EndLocally || e == EndRemotely || e == EndAborted || e == EndPowerFailed
}

// Sync says how far a time can be trusted.
type Sync byte

// States of the clock.
const (
	Unsynchronised Sync = 'U'
	Informative    Sync = 'I'
	Synchronised   Sync = 'S'
	Relative       Sync = 'R' // the time since the begin is exact, that of the begin is informative
)

// Status is the state of the meter.
type Status byte

// Good is the status of a meter that works; the others are N, T, D, R, M, X, I, S, O, E, F (OCMF 1.x, table 10).
const Good Status = 'G'

const statuses = "NGTDRMXISOEF"

// timeLayout is the form of a time: milliseconds after a comma, the zone without a colon.
const timeLayout = "2006-01-02T15:04:05,000-0700"

func parseTime(text string) (time.Time, Sync, error) {
	bad := fmt.Errorf("%w: TM: %s is not a time and its state", ErrFormat, quoted(text))
	if len(text) != len(timeLayout)+2 || text[len(timeLayout)] != ' ' || !strings.Contains("UISR", text[len(text)-1:]) {
		return time.Time{}, 0, bad
	}
	t, err := time.Parse(timeLayout, text[:len(timeLayout)])
	if err != nil || t.Format(timeLayout) != text[:len(timeLayout)] {
		return time.Time{}, 0, bad
	}
	return t, Sync(text[len(text)-1]), nil
}

func parseReadings(v value) ([]Reading, error) {
	if v.kind != array || len(v.items) == 0 || len(v.items) > ReadingsMax {
		return nil, fmt.Errorf("%w: RD: not a list of 1 to %d readings", ErrFormat, ReadingsMax)
	}
	readings := make([]Reading, 0, len(v.items))
	var before Reading
	for i, item := range v.items {
		if item.kind != object {
			return nil, fmt.Errorf("%w: RD %d: not an object", ErrFormat, i)
		}
		r, err := before.next(item.fields)
		if err != nil {
			return nil, fmt.Errorf("RD %d: %w", i, err)
		}
		readings = append(readings, r)
		before = r
	}
	return readings, nil
}

// next reads the reading that follows in the same record: a field that is absent has the value of the reading before.
// A number belongs to its register: it is not inherited by another one, nor by an error event.
func (r Reading) next(of map[string]value) (Reading, error) {
	f, before := &fields{of: of}, r
	f.inherit("RI", &r.Register)
	f.inherit("RU", &r.Unit)
	f.inherit("RT", &r.Current)
	f.inherit("EF", &r.ErrorFlags)
	f.letter("TX", events, (*byte)(&r.Event))
	f.letter("ST", statuses, (*byte)(&r.Status))
	if events := f.number("EI"); events.Present() {
		r.Events = events
	}
	if tm := f.text("TM", textSizeMax); tm != "" && f.err == nil {
		r.Time, r.Sync, f.err = parseTime(tm)
	}
	r.Value, r.Loss = f.number("RV"), f.number("CL")
	if failed := r.Event == Exception || r.Status != Good; r.Register == before.Register && !failed {
		if !r.Value.Present() {
			r.Value = before.Value
		}
		if !r.Loss.Present() {
			r.Loss = before.Loss
		}
	}
	switch {
	case f.err != nil:
		return Reading{}, f.err
	case r.Sync == 0:
		return Reading{}, fmt.Errorf("%w: TM: no time", ErrFormat)
	case r.Status == 0:
		return Reading{}, fmt.Errorf("%w: ST: no status", ErrFormat)
	case r.Value.Present() && (r.Register == "" || r.Unit == ""):
		return Reading{}, fmt.Errorf("%w: RV: without register or unit", ErrFormat)
	}
	return r, nil
}

func (f *fields) inherit(key string, into *string) {
	if f.of[key].kind != null {
		*into = f.text(key, textSizeMax)
	}
}

func (f *fields) letter(key, known string, into *byte) {
	switch t := f.text(key, textSizeMax); {
	case t == "":
	case len(t) != 1 || !strings.Contains(known, t):
		f.fail(key, "%s is none of %s", quoted(t), known)
	default:
		*into = t[0]
	}
}

// wattHours gives the factor from a unit of energy to Wh.
func wattHours(unit string) (decimal.Decimal, bool) {
	switch unit {
	case "kWh":
		return decimal.New(1, 3), true
	case "Wh":
		return decimal.New(1, 0), true
	}
	return decimal.Decimal{}, false
}

// EnergyWattHours gives the register in Wh, exactly. It returns ErrRegister when the reading is none of energy.
func (r Reading) EnergyWattHours() (decimal.Decimal, error) {
	factor, ok := wattHours(r.Unit)
	if !ok || !r.Value.Present() {
		return decimal.Decimal{}, fmt.Errorf("%w: %s in %s is no energy", ErrRegister, quoted(r.Register), quoted(r.Unit))
	}
	return r.Value.Decimal().Mul(factor), nil
}

// EnergyMilliwattHours gives the register in 10⁻³ Wh, rounded down. It returns ErrRegister when it is no energy, negative
// or larger than an int64.
func (r Reading) EnergyMilliwattHours() (int64, error) {
	wh, err := r.EnergyWattHours()
	if err != nil {
		return 0, err
	}
	whole := wh.Shift(3).Floor().BigInt()
	if whole.Sign() < 0 || !whole.IsInt64() {
		return 0, fmt.Errorf("%w: %s %s is out of range", ErrRegister, quoted(r.Value.String()), quoted(r.Unit))
	}
	return whole.Int64(), nil
}

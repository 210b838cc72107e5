package pricing

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// State is what a vehicle does from a reading on, until the next one.
type State uint8

const (
	// Charging: the vehicle takes or asks for power. A charger that throttles or waits is still charging time (TIME).
	Charging State = iota
	// Idle: the vehicle does not ask for power, and only occupies the place (PARKING_TIME).
	Idle
)

// Sample is one reading of a session. Register, power, current and count describe the stretch that ends with it, the state
// describes the stretch that begins.
type Sample struct {
	Time time.Time
	// EnergyMilliwattHours is the register's advance since the session began: cumulative, never falling.
	EnergyMilliwattHours int64
	// PowerMilliwatts is the mean power since the sample before, as the meter states it. Zero is not stated: then it is the
	// register's advance over the time.
	PowerMilliwatts int64
	// CurrentMilliamperes is the sum of the phases since the sample before. Zero is not stated: a tariff that asks for
	// the current while energy flows is then refused with ErrNotMeasured.
	CurrentMilliamperes int64
	// Count is the number of passages or other counted units since the session began, in a counting run only.
	Count int64
	State State
}

// tariffsMax bounds the tariffs of one session: two days of quarter-hour prices, each a quote of its own.
const tariffsMax = 256

// Run prices a session under way. Its cost at any sample equals pricing the whole session again from all samples so far:
// only volumes per component are kept, and they do not depend on when the cost was asked. It is not safe for concurrent use.
type Run struct {
	location *time.Location
	started  int64 // Unix seconds
	counting bool

	tallies []*tally
	feeDue  bool // the FLAT of the session is billed
	box     box

	now     int64 // Unix seconds of the last sample
	energy  int64 // mWh
	count   int64
	state   State
	sampled bool
	power   measured // of the last stretch
}

// NewRun begins a session at start, at a station in location. Times count in whole seconds. Errors wrap ErrNotValid.
func NewRun(t *Tariff, start time.Time, location *time.Location) (*Run, error) {
	if location == nil {
		return nil, fmt.Errorf("%w: no location", ErrSession)
	}
	if err := t.ValidAt(start); err != nil {
		return nil, err
	}
	return &Run{location: location, started: start.Unix(), now: start.Unix(), tallies: []*tally{newTally(t, 1)}}, nil
}

// NewCountingRun begins a session that counts: every unit of Sample.Count is one FLAT, chosen when it is counted, such as a
// toll for each passage or a price for each block of data. There is no start fee then.
func NewCountingRun(t *Tariff, start time.Time, location *time.Location) (*Run, error) {
	r, err := NewRun(t, start, location)
	if err == nil {
		r.counting = true
	}
	return r, err
}

// Switch puts the rest of the session, from the last sample on, under another tariff, which is valid at the time from which it
// was agreed on. The old one ends without a surplus of steps; energy and time since the start go on counting, and a FLAT that
// was due is not due again.
func (r *Run) Switch(t *Tariff, agreed time.Time) error {
	switch {
	case t.currency != r.tariff().currency:
		return fmt.Errorf("%w: %s, the session is in %s", ErrCurrency, t.currency, r.tariff().currency)
	case len(r.tallies) == tariffsMax:
		return fmt.Errorf("%w: %d tariffs in one session", ErrLimit, tariffsMax)
	}
	if err := t.ValidAt(agreed); err != nil {
		return err
	}
	r.tallies, r.box = append(r.tallies, newTally(t, 1)), box{}
	return nil
}

func (r *Run) tally() *tally   { return r.tallies[len(r.tallies)-1] }
func (r *Run) tariff() *Tariff { return r.tally().tariff }

// Add takes the next sample. A sample refused with ErrSample changes nothing. With ErrLimit or ErrNotMeasured, what comes before
// the place that could not be priced stays billed, and nothing after it.
func (r *Run) Add(s Sample) error {
	at := s.Time.Unix()
	if err := r.check(&s, at); err != nil {
		return err
	}
	if !r.sampled {
		r.state, r.sampled = s.State, true
	}
	if err := r.advance(at, s.EnergyMilliwattHours, r.stretch(&s, at)); err != nil {
		return err
	}
	if err := r.addCount(s.Count - r.count); err != nil {
		return err
	}
	r.count = s.Count
	if s.State != r.state {
		r.state, r.box = s.State, box{}
	}
	return nil
}

func (r *Run) check(s *Sample, at int64) error {
	switch {
	case at < r.now:
		return fmt.Errorf("%w: time goes back to %s", ErrSample, s.Time.Format(time.RFC3339))
	case s.EnergyMilliwattHours < r.energy:
		return fmt.Errorf("%w: register goes back from %d to %d mWh", ErrSample, r.energy, s.EnergyMilliwattHours)
	case s.Count < r.count || s.Count != 0 && !r.counting:
		return fmt.Errorf("%w: count %d after %d", ErrSample, s.Count, r.count)
	case s.PowerMilliwatts < 0 || s.CurrentMilliamperes < 0 || s.State > Idle:
		return fmt.Errorf("%w: power, current or state out of range", ErrSample)
	case at-r.started > secondsMax || s.EnergyMilliwattHours > energyMilliwattHourMax || s.Count > countMax,
		s.PowerMilliwatts > powerMilliwattMax || s.CurrentMilliamperes > currentMilliampereMax:
		return fmt.Errorf("%w: sample", ErrLimit)
	}
	return nil
}

const (
	countMax              = 10_000            // counted units a session: FLAT volumes stay within quantityMax
	powerMilliwattMax     = 1_000_000_000_000 // 1 GW
	currentMilliampereMax = 1_000_000_000     // 1 MA
)

// load is the power and current of a stretch.
type load struct{ power, current measured }

func (r *Run) stretch(s *Sample, at int64) load {
	var l load
	seconds, energy := at-r.now, s.EnergyMilliwattHours-r.energy
	switch {
	case s.PowerMilliwatts > 0:
		l.power = level(s.PowerMilliwatts * (fixedOne / 1_000_000))
	case seconds > 0:
		l.power = level(meanPower(energy, seconds))
	case energy == 0:
		l.power = level(0)
	case r.power.known:
		l.power = r.power // energy within one second: the power of the stretch before goes on
	default:
		l.power = level(meanPower(energy, 1))
	}
	switch {
	case s.CurrentMilliamperes > 0:
		l.current = level(s.CurrentMilliamperes * (fixedOne / 1_000))
	case energy == 0 && r.state == Idle:
		l.current = level(0)
	}
	return l
}

func level(v int64) measured { return measured{fixed(v), fixed(v), true} }

// meanPower gives kW in units of 10⁻¹², rounded down: mWh × 3600 / s is mW. It is held below what fixed can carry.
func meanPower(energyMilliwattHours, seconds int64) int64 {
	milliwatts := mulDiv(energyMilliwattHours, 3600, seconds)
	return min(milliwatts, powerMilliwattMax) * (fixedOne / 1_000_000)
}

// mulDiv is a×b/c rounded down, exact in between; all are positive or zero, and the result fits by its callers' bounds.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(quotient, math.MaxInt64))
}

// box is the region of time, energy, power and current in which the choice of components stays the same.
type box struct {
	choice  choice
	time    span // Unix seconds
	energy  span // mWh
	power   span
	current span
}

func (b *box) holds(at, energy int64, l load) bool {
	return b.time.holds(at) && b.energy.holds(energy) && holdsLevel(b.power, l.power) && holdsLevel(b.current, l.current)
}

func holdsLevel(s span, m measured) bool { return s == everything || m.known && s.holds(int64(m.low)) }

// advance bills from the last sample to this one, cut wherever the choice of components changes. Between samples, energy is
// taken to flow evenly; cuts fall on whole seconds and milliwatt-hours.
func (r *Run) advance(until, energy int64, l load) error {
	for r.now < until || r.energy < energy {
		extend := r.box.holds(r.now, r.energy, l)
		if !extend {
			r.box = r.boxAt(l)
		}
		nextTime, nextEnergy := r.cut(until, energy)
		if err := r.bill(nextTime, nextEnergy, l, extend); err != nil {
			r.box = box{}
			return err
		}
		r.now, r.energy = nextTime, nextEnergy
	}
	r.power = l.power
	return nil
}

// cut finds where the way to (until, energy) leaves the box.
func (r *Run) cut(until, energy int64) (int64, int64) {
	seconds, advance := until-r.now, energy-r.energy
	endTime, endEnergy := min(until, r.box.time.until), min(energy, r.box.energy.until)
	if endTime == until && endEnergy == energy {
		return until, energy
	}
	if seconds == 0 {
		return until, endEnergy
	}
	energyAtEnd := r.energy + mulDiv(advance, endTime-r.now, seconds)
	if energyAtEnd <= endEnergy {
		return endTime, energyAtEnd
	}
	return r.now + mulDiv(seconds, endEnergy-r.energy, advance), endEnergy
}

func (r *Run) boxAt(l load) box {
	m, marks := moment{power: l.power, current: l.current}, &r.tariff().marks
	b := box{energy: everything, power: everything, current: everything}
	var steady int64
	m.clock, steady = clockAt(r.now, r.location)
	m.elapsed = r.now - r.started
	m.energy = quantity(r.energy) * quantityMilliwattHour
	b.choice = r.tariff().choose(&m, NoReservation)
	b.time = span{r.now, marks.steadyUntil(r.now, m.clock, steady)}
	if elapsed := around(marks.elapsed, m.elapsed); elapsed.until != everything.until {
		b.time.until = min(b.time.until, r.started+elapsed.until)
	}
	if energy := around(marks.energy, int64(m.energy)); energy.until != everything.until {
		b.energy.until = (energy.until + quantityMilliwattHour - 1) / quantityMilliwattHour
	}
	if l.power.known {
		b.power = around(marks.power, int64(l.power.low))
	}
	if l.current.known {
		b.current = around(marks.current, int64(l.current.low))
	}
	return b
}

func (r *Run) bill(nextTime, nextEnergy int64, l load, extend bool) error {
	p := period{start: r.now, end: nextTime, power: l.power, current: l.current}
	timed, kind := slotTime, Time
	if r.state == Idle {
		timed, kind = slotParking, ParkingTime
	}
	c := &r.box.choice
	p.chosen = [slots]int16{c.components[Energy], none, none, c.components[Flat], none, none}
	p.chosen[timed] = c.components[kind]
	p.volume[slotEnergy] = quantity(nextEnergy-r.energy) * quantityMilliwattHour
	p.volume[timed] = quantity(nextTime-r.now) * quantitySecond
	if c.undecided.has(Energy) && p.volume[slotEnergy] > 0 || c.undecided.has(kind) && p.volume[timed] > 0 ||
		c.undecided.has(Flat) && !r.feeDue && !r.counting {
		return fmt.Errorf("%w: tariff %s", ErrNotMeasured, r.tariff().id)
	}
	fee := !r.feeDue && !r.counting && p.chosen[slotFlat] != none
	if fee {
		p.volume[slotFlat] = quantityOne
	}
	if err := r.tally().add(p, extend); err != nil {
		return err
	}
	r.feeDue = r.feeDue || fee
	return nil
}

// addCount bills counted units at the FLAT of this moment.
func (r *Run) addCount(units int64) error {
	if units == 0 {
		return nil
	}
	b := r.boxAt(load{level(0), level(0)})
	p := period{start: r.now, end: r.now, chosen: [slots]int16{none, none, none, b.choice.components[Flat], none, none}}
	p.volume[slotFlat] = quantity(units) * quantityOne
	r.box = box{} // the next stretch is a period of its own
	return r.tally().add(p, false)
}

// Cost is the cost of the whole session so far: without the surplus of steps and the minimum price, which are due at the
// end, and never above the maximum price. Payable is rounded down.
func (r *Run) Cost() (Cost, error) { return price(r.tallies, false) }

// Final is the cost of the session as it ends with the last sample: with surplus and minimum price. It may be asked at any
// time, and changes nothing.
func (r *Run) Final() (Cost, error) { return price(r.tallies, true) }

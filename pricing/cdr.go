package pricing

import (
	"fmt"
	"time"
)

// Price gives the cost of a finished session. Each period is priced by the state in which it begins: OCPI has a CDR begin a
// new period wherever another price becomes active. A period that names a tariff (tariff_id) is priced by the tariff of that
// id, of those given and those that the session carries; every other one by the first given, or else the first carried.
func (s *Session) Price(given ...*Tariff) (Cost, error) {
	p, err := newCDRPricer(s, given)
	if err != nil {
		return Cost{}, err
	}
	for i := range s.periods {
		if err := p.add(i); err != nil {
			return Cost{}, fmt.Errorf("period %d: %w", i, err)
		}
	}
	return price(p.tallies, true)
}

// CostOfCDR prices a session file or CDR under one tariff; see ParseSession and Session.Price.
func CostOfCDR(t *Tariff, data []byte, fallback *time.Location) (Cost, error) {
	s, err := ParseSession(data, fallback)
	if err != nil {
		return Cost{}, err
	}
	return s.Price(t)
}

// cdrPricer walks the periods of a session.
type cdrPricer struct {
	session *Session
	byID    map[string]*Tariff
	first   *Tariff
	tallies []*tally

	chargingFrom int64    // Unix seconds at which charging, not reservation, began
	charging     bool     // charging has begun
	energy       quantity // since charging began
	feeDue       bool
	reserveDue   bool
}

func newCDRPricer(s *Session, given []*Tariff) (*cdrPricer, error) {
	p := &cdrPricer{session: s, byID: map[string]*Tariff{}}
	for _, t := range append(append([]*Tariff(nil), given...), s.Tariffs...) {
		if p.first == nil {
			p.first = t
		}
		if t.currency != p.first.currency || s.currency != "" && s.currency != t.currency.String() {
			return nil, fmt.Errorf("%w: tariff %s in %s", ErrCurrency, t.id, t.currency)
		}
		if _, earlier := p.byID[t.id]; !earlier {
			p.byID[t.id] = t
		}
	}
	if p.first == nil {
		return nil, fmt.Errorf("%w: no tariff given and none in it", ErrSession)
	}
	return p, p.first.ValidAt(s.Start)
}

// tallyOf gives the tally to go on with; another tariff than before begins a new one.
func (p *cdrPricer) tallyOf(period *cdrPeriod) (*tally, error) {
	t := p.first
	if named, ok := p.byID[period.tariffID]; ok {
		t = named
	}
	if n := len(p.tallies); n > 0 && p.tallies[n-1].tariff == t {
		return p.tallies[n-1], nil
	}
	if len(p.tallies) == tariffsMax {
		return nil, fmt.Errorf("%w: %d changes of tariff", ErrLimit, tariffsMax)
	}
	expected := len(p.session.periods)
	if len(p.tallies) > 0 {
		expected = 1
	}
	p.tallies = append(p.tallies, newTally(t, expected))
	return p.tallies[len(p.tallies)-1], nil
}

func (p *cdrPricer) add(i int) error {
	c := &p.session.periods[i]
	y, err := p.tallyOf(c)
	if err != nil {
		return err
	}
	end := p.session.End
	if i+1 < len(p.session.periods) {
		end = p.session.periods[i+1].start
	}
	q := period{start: c.start.Unix(), end: end.Unix(), volume: c.volume}
	q.power, q.current = c.load(end.Sub(c.start))
	if p.session.Kind == ReservationLapsed || c.isReservation() {
		err = p.reserve(y.tariff, &q)
	} else {
		err = p.charge(y.tariff, &q)
	}
	if err != nil {
		return err
	}
	return y.add(q, false)
}

// load gives power and current of the period: as stated, or the mean that energy and time make, or nothing flowing.
func (c *cdrPeriod) load(lasting time.Duration) (power, current measured) {
	power, current = c.power.measured(), c.current.measured()
	switch energy := c.volume[slotEnergy]; {
	case energy == 0 && c.volume[slotTime] == 0:
		if !power.known {
			power = level(0)
		}
		if !current.known {
			current = level(0)
		}
	case !power.known && energy > 0 && lasting >= time.Second:
		milliwattHours := int64(energy / quantityMilliwattHour)
		power = level(meanPower(milliwattHours, int64(lasting/time.Second)))
	}
	return power, current
}

func (p *cdrPricer) charge(t *Tariff, q *period) error {
	if !p.charging {
		p.charging, p.chargingFrom = true, q.start
		if p.session.Kind == ChargingOnly {
			p.chargingFrom = p.session.Start.Unix()
		}
	}
	m := p.moment(q, p.chargingFrom, p.energy)
	c := t.choose(&m, NoReservation)
	p.energy += q.volume[slotEnergy]
	if p.energy > quantityMax {
		return fmt.Errorf("%w: energy", ErrLimit)
	}
	q.chosen = [slots]int16{
		c.components[Energy], c.components[Time], c.components[ParkingTime], c.components[Flat], none, none,
	}
	p.feeDue = q.addFee(slotFlat, p.feeDue)
	return q.decided(t, c, p.feeDue)
}

func (p *cdrPricer) reserve(t *Tariff, q *period) error {
	m := p.moment(q, p.session.Start.Unix(), 0)
	c := t.chooseReservation(&m, p.session.Kind == ReservationLapsed)
	q.chosen = [slots]int16{none, none, none, none, c.components[Time], c.components[Flat]}
	p.reserveDue = q.addFee(slotReservationFlat, p.reserveDue)
	return q.decided(t, c, p.reserveDue)
}

func (p *cdrPricer) moment(q *period, from int64, energy quantity) moment {
	m := moment{elapsed: max(q.start-from, 0), energy: energy, power: q.power, current: q.current}
	m.clock, _ = clockAt(q.start, p.session.Location)
	return m
}

// addFee makes a FLAT due with this period, if there is one and none was due before.
func (q *period) addFee(s slot, due bool) bool {
	if due || q.chosen[s] == none {
		return due
	}
	q.volume[s] = quantityOne
	return true
}

// decided returns ErrNotMeasured where a volume, or a fee not yet due, is priced by something that the session does not state.
func (q *period) decided(t *Tariff, c choice, feeDue bool) error {
	for s := range slots {
		if q.volume[s] > 0 && c.undecided.has(slotTypes[s]) {
			return fmt.Errorf("%w: tariff %s, %s", ErrNotMeasured, t.id, slotTypes[s])
		}
	}
	if c.undecided.has(Flat) && !feeDue {
		return fmt.Errorf("%w: tariff %s, FLAT", ErrNotMeasured, t.id)
	}
	return nil
}

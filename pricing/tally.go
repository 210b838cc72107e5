package pricing

import "fmt"

// slot is what a volume is billed as: the dimensions of a charging session, and time and fee of a reservation.
type slot uint8

const (
	slotEnergy slot = iota
	slotTime
	slotParking
	slotFlat
	slotReservationTime
	slotReservationFlat
	slots
)

var slotTypes = [slots]ComponentType{Energy, Time, ParkingTime, Flat, Time, Flat}

// periodsMax bounds what is remembered of one session: a month with a change every half a minute.
const periodsMax = 100_000

// period is a stretch of a session in which the choice of prices does not change. A volume of slotFlat is the fee falling due.
type period struct {
	start, end int64 // Unix seconds
	chosen     [slots]int16
	volume     [slots]quantity
	power      measured
	current    measured
}

// tally adds up what one tariff prices of a session. Volumes per component are all that a sum needs: it is the same in
// whatever portions they arrive, so adding a reading and pricing the whole session again are one.
type tally struct {
	tariff  *Tariff
	volumes []quantity // per component
	used    []int16    // components in the order of their first use
	steps   [stepGroups]stepGroup
	periods []period
}

// stepGroup is what one application of step_size looks at.
type stepGroup struct {
	last   int16 // last priced component, or none
	slot   slot
	period int             // in which it was priced last
	totals [slots]quantity // priced volume per slot
}

const (
	groupEnergy = iota
	groupTime   // TIME and PARKING_TIME together
	groupReservation
	stepGroups
)

var slotGroups = [slots]int{groupEnergy, groupTime, groupTime, none, groupReservation, none}

// newTally begins a tally that is going to have about this many periods.
func newTally(t *Tariff, periods int) *tally {
	y := &tally{tariff: t, volumes: make([]quantity, len(t.components)), periods: make([]period, 0, periods)}
	for i := range y.steps {
		y.steps[i].last = none
	}
	return y
}

// add bills a period. With extend it continues the last one, whose choice it shares.
func (y *tally) add(p period, extend bool) error {
	if !extend && len(y.periods) == periodsMax {
		return fmt.Errorf("%w: %d periods", ErrLimit, periodsMax)
	}
	for s := range slots {
		if p.volume[s] == 0 || p.chosen[s] == none {
			continue
		}
		if y.volumes[p.chosen[s]] > quantityMax-p.volume[s] {
			return fmt.Errorf("%w: volume of one price", ErrLimit)
		}
	}
	if extend {
		y.extend(&p)
	} else {
		y.periods = append(y.periods, p)
	}
	for s := range slots {
		if p.volume[s] != 0 && p.chosen[s] != none {
			y.bill(s, p.chosen[s], p.volume[s])
		}
	}
	return nil
}

func (y *tally) extend(p *period) {
	last := &y.periods[len(y.periods)-1]
	last.end = p.end
	for s := range slots {
		last.volume[s] += p.volume[s]
	}
	last.power = last.power.join(p.power)
	last.current = last.current.join(p.current)
}

func (m measured) join(n measured) measured {
	if !m.known || !n.known {
		return measured{}
	}
	return measured{min(m.low, n.low), max(m.high, n.high), true}
}

func (y *tally) bill(s slot, component int16, volume quantity) {
	if y.volumes[component] == 0 {
		y.used = append(y.used, component)
	}
	y.volumes[component] += volume
	if slotGroups[s] == none {
		return
	}
	g := &y.steps[slotGroups[s]]
	g.last, g.slot, g.period = component, s, len(y.periods)-1
	g.totals[s] += volume
}

// surplus is volume that step_size adds at the end, at the price and in the period of the last priced component.
type surplus struct {
	component int16
	slot      slot
	period    int
	volume    quantity
}

// surpluses rounds each group's last priced dimension up to its last step.
func (y *tally) surpluses() []surplus {
	var list []surplus
	for i := range y.steps {
		g := &y.steps[i]
		if g.last == none {
			continue
		}
		step := y.tariff.components[g.last].step
		if step == 0 {
			continue
		}
		if rest := g.totals[g.slot] % step; rest != 0 {
			list = append(list, surplus{g.last, g.slot, g.period, step - rest})
		}
	}
	return list
}

// totalVolumes gives a volume per component, the surpluses added. It may share memory with the tally: read it at once.
func (y *tally) totalVolumes(extra []surplus) []quantity {
	if len(extra) == 0 {
		return y.volumes
	}
	volumes := append([]quantity(nil), y.volumes...)
	for _, s := range extra {
		volumes[s.component] += s.volume
	}
	return volumes
}

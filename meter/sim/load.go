package sim

import (
	"fmt"

	"joulepay/meter"
)

// stepsMax bounds a load: a battery has at most one step a permille, a recording a few dozen.
const stepsMax = 4096

// Step is a stretch of a load: so much energy, taken at that power.
type Step struct {
	EnergyMicrojoules int64
	PowerMilliwatts   int64
}

// Load is what a vehicle asks of a cable: power as a staircase over the energy taken. Since power depends on
// energy and not on time, a pause or a limit only shifts what remains.
type Load struct {
	steps     []Step
	total     int64 // µJ, the sum of the steps
	delivered int64 // µJ taken before this load is plugged in
	socFrom   int16 // permille at the first step, or unknown
	socTo     int16 // permille after the last
}

// NewLoad makes a load of steps of positive energy and power. The states of charge before and after it are
// permille, or both meter.StateOfChargeUnknown; between them the state of charge is linear in energy.
func NewLoad(steps []Step, socFromPermille, socToPermille int16) (Load, error) {
	if len(steps) > stepsMax {
		return Load{}, fmt.Errorf("%w: %d steps, at most %d", ErrConfig, len(steps), stepsMax)
	}
	const energyMax = EnergyMilliwattHoursMax * microjoulesPerMilliwattHour
	load := Load{steps: append([]Step(nil), steps...), socFrom: socFromPermille, socTo: socToPermille}
	for _, s := range steps {
		if s.EnergyMicrojoules <= 0 || s.EnergyMicrojoules > energyMax-load.total {
			return Load{}, fmt.Errorf("%w: a step of %d µJ after %d", ErrConfig, s.EnergyMicrojoules, load.total)
		}
		if s.PowerMilliwatts <= 0 || s.PowerMilliwatts > PowerMilliwattsMax {
			return Load{}, fmt.Errorf("%w: a step of %d mW", ErrConfig, s.PowerMilliwatts)
		}
		load.total += s.EnergyMicrojoules
	}
	unknown := socFromPermille == meter.StateOfChargeUnknown && socToPermille == meter.StateOfChargeUnknown
	rising := 0 <= socFromPermille && socFromPermille <= socToPermille && socToPermille <= meter.StateOfChargeMax
	if !unknown && !rising {
		return Load{}, fmt.Errorf("%w: state of charge from %d to %d permille", ErrConfig, socFromPermille, socToPermille)
	}
	return load, nil
}

// EnergyMilliwattHours gives what the load asks for in all, rounded down.
func (l Load) EnergyMilliwattHours() int64 { return l.total / microjoulesPerMilliwattHour }

// After gives the load of a session that is resumed: so much of it has been delivered before.
func (l Load) After(deliveredMilliwattHours int64) (Load, error) {
	if deliveredMilliwattHours < 0 || deliveredMilliwattHours > EnergyMilliwattHoursMax {
		return Load{}, fmt.Errorf("%w: %d mWh delivered before", ErrConfig, deliveredMilliwattHours)
	}
	l.delivered = min(l.total, deliveredMilliwattHours*microjoulesPerMilliwattHour)
	return l, nil
}

// delivery is a load in progress. It decides the power once a millisecond, at its start; advance computes the
// outcome of that rule without walking it, so that advance(a) then advance(b) equals advance(a+b).
type delivery struct {
	load    Load
	taken   int64 // µJ, at most load.total
	step    int   // index of the step that taken is in; len(steps) when done
	stepEnd int64 // µJ at which that step ends
}

func newDelivery(load Load) delivery {
	d := delivery{load: load, taken: load.delivered}
	if len(load.steps) > 0 {
		d.stepEnd = load.steps[0].EnergyMicrojoules
	}
	d.seek()
	return d
}

// seek moves to the step that the energy taken lies in.
func (d *delivery) seek() {
	for d.step < len(d.load.steps) && d.taken >= d.stepEnd {
		d.step++
		if d.step < len(d.load.steps) {
			d.stepEnd += d.load.steps[d.step].EnergyMicrojoules
		}
	}
}

func (d *delivery) done() bool { return d.step == len(d.load.steps) }

// power gives what flows now under a limit.
func (d *delivery) power(limitMilliwatts int64) int64 {
	if d.done() {
		return 0
	}
	return min(d.load.steps[d.step].PowerMilliwatts, limitMilliwatts)
}

// advance lets so many milliseconds pass under a limit.
func (d *delivery) advance(milliseconds, limitMilliwatts int64) {
	for milliseconds > 0 {
		power := d.power(limitMilliwatts)
		if power <= 0 {
			return
		}
		toEnd := (d.stepEnd - d.taken + power - 1) / power // milliseconds until the step is over
		if toEnd > milliseconds {
			d.taken += power * milliseconds
			return
		}
		d.taken = min(d.load.total, d.taken+power*toEnd)
		milliseconds -= toEnd
		d.seek()
	}
}

// stateOfCharge gives permille, or unknown.
func (d *delivery) stateOfCharge() int16 {
	l := d.load
	if l.socFrom == meter.StateOfChargeUnknown || l.total == 0 {
		return l.socFrom
	}
	// Whole millijoules keep the product within 64 bits: 3.6 × 10¹³ × 1000.
	const microjoulesPerMillijoule = 1000
	total := max(1, l.total/microjoulesPerMillijoule)
	taken := min(total, d.taken/microjoulesPerMillijoule)
	return l.socFrom + int16(int64(l.socTo-l.socFrom)*taken/total)
}

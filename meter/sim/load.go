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
	steps   []Step
	total   int64 // µJ, the sum of the steps
	begin   int64 // µJ of the steps that lie behind when this load is plugged in
	socFrom int16 // permille at the first step, or unknown
	socTo   int16 // permille after the last

	back         int64 // mW, the most that it gives back at the plug
	floor        int64 // µJ of the steps below which it gives nothing
	roundTripPPM int64 // of what is drawn from the battery, what reaches the plug; above 0 where back is
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

// EnergyMilliwattHours gives what the load asks for in all, rounded down, what it gives back in between aside.
func (l Load) EnergyMilliwattHours() int64 {
	return (l.total - l.begin) / microjoulesPerMilliwattHour
}

// MaxReturnMilliwatts is the most that the load gives back; 0 is nothing.
func (l Load) MaxReturnMilliwatts() int64 { return l.back }

// After gives the load of a session that is resumed: so much of it has been delivered before, and stayed there.
func (l Load) After(deliveredMilliwattHours int64) (Load, error) {
	if deliveredMilliwattHours < 0 || deliveredMilliwattHours > EnergyMilliwattHoursMax {
		return Load{}, fmt.Errorf("%w: %d mWh delivered before", ErrConfig, deliveredMilliwattHours)
	}
	l.begin += min(l.total-l.begin, deliveredMilliwattHours*microjoulesPerMilliwattHour)
	return l, nil
}

// delivery is a load in progress. It decides the power once a millisecond, at its start; advance computes the
// outcome of that rule without walking it, so that advance(a) then advance(b) equals advance(a+b).
type delivery struct {
	load    Load
	level   int64 // µJ of the steps that lie behind, at most load.total
	drawn   int64 // µJ drawn from the battery during this visit, losses included
	permit  int64 // mW, the most that the vehicle lets flow back
	step    int   // index of the step that level is in; len(steps) when done
	stepEnd int64 // µJ at which that step ends
}

func newDelivery(load Load) delivery {
	d := delivery{load: load, level: load.begin, permit: load.back}
	if len(load.steps) > 0 {
		d.stepEnd = load.steps[0].EnergyMicrojoules
	}
	d.seek()
	return d
}

// imported gives what flowed toward the vehicle during this visit, in µJ.
func (d *delivery) imported() int64 { return d.level - d.load.begin + d.drawn }

// exported gives what flowed back out of the plug during this visit, in µJ. It depends on what was drawn in all, so that no
// rounding adds up.
func (d *delivery) exported() int64 {
	if d.drawn == 0 {
		return 0
	}
	return scalePPM(d.drawn, d.load.roundTripPPM-ppmOne)
}

// seek moves to the step that the level lies in, which may have risen.
func (d *delivery) seek() {
	for d.step < len(d.load.steps) && d.level >= d.stepEnd {
		d.step++
		if d.step < len(d.load.steps) {
			d.stepEnd += d.load.steps[d.step].EnergyMicrojoules
		}
	}
}

// seekBack moves to the step that the level lies in, which may have fallen.
func (d *delivery) seekBack() {
	if d.done() && d.step > 0 && d.level < d.load.total {
		d.step--
	}
	for d.step > 0 && d.level < d.stepEnd-d.load.steps[d.step].EnergyMicrojoules {
		d.stepEnd -= d.load.steps[d.step].EnergyMicrojoules
		d.step--
	}
}

func (d *delivery) done() bool { return d.step == len(d.load.steps) }

// power gives what flows at the plug now under a limit: below zero it flows back.
func (d *delivery) power(limitMilliwatts int64) int64 {
	switch {
	case limitMilliwatts < 0:
		draw := d.draw(limitMilliwatts)
		if draw == 0 {
			return 0
		}
		return -scalePPM(draw, d.load.roundTripPPM-ppmOne)
	case d.done():
		return 0
	}
	return min(d.load.steps[d.step].PowerMilliwatts, limitMilliwatts)
}

// draw gives the power that is drawn from the battery under a limit below zero, so that no more reaches the plug than that.
func (d *delivery) draw(limitMilliwatts int64) int64 {
	atPlug := min(-limitMilliwatts, d.load.back, d.permit)
	if atPlug <= 0 || d.level <= d.load.floor {
		return 0
	}
	return atPlug * ppmOne / d.load.roundTripPPM
}

// advance lets so many milliseconds pass under a limit.
func (d *delivery) advance(milliseconds, limitMilliwatts int64) {
	if limitMilliwatts < 0 {
		d.discharge(milliseconds, limitMilliwatts)
		return
	}
	for milliseconds > 0 {
		power := d.power(limitMilliwatts)
		if power <= 0 {
			return
		}
		toEnd := (d.stepEnd - d.level + power - 1) / power // milliseconds until the step is over
		if toEnd > milliseconds {
			d.level += power * milliseconds
			return
		}
		d.level = min(d.load.total, d.level+power*toEnd)
		milliseconds -= toEnd
		d.seek()
	}
}

// discharge lets so many milliseconds pass under a limit below zero: one power, down to the floor.
func (d *delivery) discharge(milliseconds, limitMilliwatts int64) {
	draw := d.draw(limitMilliwatts)
	if draw == 0 {
		return
	}
	above := d.level - d.load.floor
	drawn := above
	if toFloor := (above + draw - 1) / draw; toFloor > milliseconds {
		drawn = draw * milliseconds
	}
	d.level, d.drawn = d.level-drawn, d.drawn+drawn
	d.seekBack()
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
	taken := min(total, d.level/microjoulesPerMillijoule)
	return l.socFrom + int16(int64(l.socTo-l.socFrom)*taken/total)
}

package replay

import (
	"fmt"
	"sort"
	"time"

	"joulepay/meter/sim"
)

const (
	// taperSlices is how finely the taper is cut: 1.3 % of the peak power a step.
	taperSlices = 64
	// floorPercent is the power at the end of the taper, as a share of the peak: what fast charging sessions
	// come down to before drivers leave.
	floorPercent = 20
)

// stayMax bounds a stay: the longest in the tables is nine days. The greatest power for ten days is
// 8.7 × 10¹⁸ µJ, which 64 bits still hold.
const stayMax = 10 * 24 * time.Hour

// microjoulesPerMilliwattHour: 1 mWh = 3.6 J. A milliwatt for a millisecond is one microjoule.
const microjoulesPerMilliwattHour = 3_600_000

// shape gives the recording a load that takes its energy, as steps lays it over the stay. If greatest power for
// the whole stay cannot give that much, the load is what it can, and the note says so.
func (r *Recording) shape(steps stepsFunc, socFrom, socTo int16) error {
	milliseconds := r.stay.Milliseconds()
	energy := r.requestedMilliwattHours
	if most := r.maxPowerMilliwatts * milliseconds / microjoulesPerMilliwattHour; most < energy {
		r.note = fmt.Sprintf("row %d asks for %s kWh, but %s kW for %v can give only %s kWh: the replay ends there",
			r.row, kilo(energy), kilo(r.maxPowerMilliwatts), r.stay, kilo(most))
		energy, steps = most, constantShape
	}
	var err error
	r.load, err = sim.NewLoad(steps(energy*microjoulesPerMilliwattHour, r.maxPowerMilliwatts, milliseconds), socFrom, socTo)
	return err
}

// stepsFunc lays an energy over a stay, at no more than a greatest power, which suffices.
type stepsFunc func(energyMicrojoules, powerMilliwatts, stayMilliseconds int64) []sim.Step

// constantShape takes the energy at one power.
func constantShape(energyMicrojoules, powerMilliwatts, _ int64) []sim.Step {
	if energyMicrojoules == 0 {
		return nil
	}
	return []sim.Step{{EnergyMicrojoules: energyMicrojoules, PowerMilliwatts: powerMilliwatts}}
}

// taperShape takes the energy within a stay, beginning at peak power: constant for as long as the energy needs,
// then falling linearly in time to the floor at the end of the stay. Where even a taper from the first moment
// would take too much, it ends before the stay does.
func taperShape(energyMicrojoules, peakMilliwatts, stayMilliseconds int64) []sim.Step {
	if energyMicrojoules == 0 {
		return nil
	}
	all := int(stayMilliseconds)
	if total(taper(peakMilliwatts, 0, stayMilliseconds)) >= energyMicrojoules {
		length := sort.Search(all, func(length int) bool {
			return total(taper(peakMilliwatts, 0, int64(length))) >= energyMicrojoules
		})
		return cut(taper(peakMilliwatts, 0, int64(length)), energyMicrojoules)
	}
	constant := sort.Search(all, func(constant int) bool {
		return total(taper(peakMilliwatts, int64(constant), stayMilliseconds)) >= energyMicrojoules
	})
	return cut(taper(peakMilliwatts, int64(constant), stayMilliseconds), energyMicrojoules)
}

// taper gives the steps of a whole shape: peak power for a time, then slices of falling power until the end.
func taper(peakMilliwatts, constantMilliseconds, endMilliseconds int64) []sim.Step {
	steps := make([]sim.Step, 0, 1+taperSlices)
	add := func(milliseconds, power int64) {
		if milliseconds > 0 && power > 0 {
			steps = append(steps, sim.Step{EnergyMicrojoules: milliseconds * power, PowerMilliwatts: power})
		}
	}
	add(constantMilliseconds, peakMilliwatts)
	falling := endMilliseconds - constantMilliseconds
	for i := int64(0); i < taperSlices; i++ {
		fall := peakMilliwatts * (100 - floorPercent) / 100 * i / (taperSlices - 1)
		add(falling*(i+1)/taperSlices-falling*i/taperSlices, peakMilliwatts-fall)
	}
	return steps
}

func total(steps []sim.Step) int64 {
	var sum int64
	for _, s := range steps {
		sum += s.EnergyMicrojoules
	}
	return sum
}

// cut ends the steps where their sum reaches an energy that they have.
func cut(steps []sim.Step, energyMicrojoules int64) []sim.Step {
	for i := range steps {
		if steps[i].EnergyMicrojoules >= energyMicrojoules {
			steps[i].EnergyMicrojoules = energyMicrojoules
			return steps[:i+1]
		}
		energyMicrojoules -= steps[i].EnergyMicrojoules
	}
	return steps
}

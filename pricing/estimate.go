package pricing

import (
	"fmt"
	"time"
)

// phaseVolts is the voltage at which Estimate takes a power to be a current, summed over the phases: 230 V to neutral.
const phaseVolts = 230

// Estimate is the price shown beforehand (AFIR article 5): what a session that starts at a time would cost in the end if it took
// this energy at constant power and left at once.
func Estimate(t *Tariff, at time.Time, location *time.Location, energyMilliwattHours, powerMilliwatts int64) (Cost, error) {
	if energyMilliwattHours <= 0 || energyMilliwattHours > energyMilliwattHourMax || powerMilliwatts <= 0 || powerMilliwatts > powerMilliwattMax {
		return Cost{}, fmt.Errorf("%w: estimate of %d mWh at %d mW", ErrLimit, energyMilliwattHours, powerMilliwatts)
	}
	run, err := NewRun(t, at, location)
	if err != nil {
		return Cost{}, err
	}
	seconds := mulDiv(energyMilliwattHours, 3600, powerMilliwatts)
	if mulDiv(seconds, powerMilliwatts, 3600) < energyMilliwattHours {
		seconds++
	}
	if seconds > secondsMax {
		return Cost{}, fmt.Errorf("%w: estimate of %d s", ErrLimit, seconds)
	}
	end := Sample{
		Time:                 at.Add(time.Duration(seconds) * time.Second),
		EnergyMilliwattHours: energyMilliwattHours,
		PowerMilliwatts:      powerMilliwatts,
		CurrentMilliamperes:  min(max(powerMilliwatts/phaseVolts, 1), currentMilliampereMax),
	}
	if err := run.Add(end); err != nil {
		return Cost{}, err
	}
	return run.Final()
}

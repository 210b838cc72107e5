package sim

import (
	"fmt"

	"joulepay/meter"
)

// Battery is a simulated traction battery. It takes its greatest power up to the knee, then ever less, linearly
// in state of charge, down to the floor at 100 %: the usual constant-current, constant-voltage shape.
type Battery struct {
	CapacityMilliwattHours int64
	StateOfChargePermille  int16 // on arrival
	TargetPermille         int16 // where the vehicle stops asking
	MaxPowerMilliwatts     int64
	KneePermille           int16 // where the taper begins
	FloorMilliwatts        int64 // power that a full battery would still take
	WantedMilliwattHours   int64 // the most that the vehicle asks for in this visit; 0: up to the target

	// What it gives back. The zero values are a vehicle that gives nothing back.
	MaxReturnMilliwatts int64 // at the plug
	ReturnFloorPermille int16 // below which it gives nothing
	RoundTripPPM        int64 // what comes back out of what went in, parts per million; 0: all of it
}

// DefaultBattery gives a mid-size car at a fast charger: 60 kWh, from 20 % to 90 %, at most 120 kW, tapering
// from 80 % down to 12 kW.
func DefaultBattery() Battery {
	return Battery{
		CapacityMilliwattHours: 60_000_000,
		StateOfChargePermille:  200,
		TargetPermille:         900,
		MaxPowerMilliwatts:     120_000_000,
		KneePermille:           800,
		FloorMilliwatts:        12_000_000,
	}
}

func (b Battery) validate() error {
	switch {
	case b.CapacityMilliwattHours <= 0 || b.CapacityMilliwattHours > EnergyMilliwattHoursMax:
		return fmt.Errorf("%w: capacity of %d mWh", ErrConfig, b.CapacityMilliwattHours)
	case b.MaxPowerMilliwatts <= 0 || b.MaxPowerMilliwatts > PowerMilliwattsMax:
		return fmt.Errorf("%w: power of %d mW", ErrConfig, b.MaxPowerMilliwatts)
	case b.FloorMilliwatts <= 0 || b.FloorMilliwatts > b.MaxPowerMilliwatts:
		return fmt.Errorf("%w: floor of %d mW", ErrConfig, b.FloorMilliwatts)
	case b.KneePermille < 0 || b.KneePermille > meter.StateOfChargeMax:
		return fmt.Errorf("%w: knee at %d permille", ErrConfig, b.KneePermille)
	case b.WantedMilliwattHours < 0 || b.WantedMilliwattHours > EnergyMilliwattHoursMax:
		return fmt.Errorf("%w: %d mWh wanted", ErrConfig, b.WantedMilliwattHours)
	case b.MaxReturnMilliwatts < 0 || b.MaxReturnMilliwatts > PowerMilliwattsMax:
		return fmt.Errorf("%w: %d mW given back", ErrConfig, b.MaxReturnMilliwatts)
	case b.ReturnFloorPermille < 0 || b.ReturnFloorPermille > meter.StateOfChargeMax:
		return fmt.Errorf("%w: gives back down to %d permille", ErrConfig, b.ReturnFloorPermille)
	case b.RoundTripPPM < 0 || b.RoundTripPPM > ppmOne:
		return fmt.Errorf("%w: round trip of %d ppm", ErrConfig, b.RoundTripPPM)
	case b.StateOfChargePermille < 0 || b.StateOfChargePermille > b.TargetPermille || b.TargetPermille > meter.StateOfChargeMax:
		return fmt.Errorf("%w: from %d to %d permille", ErrConfig, b.StateOfChargePermille, b.TargetPermille)
	}
	return nil
}

// Load gives what the battery asks of a cable, a step of the taper for each permille, and what it may give back. All losses
// of a round trip are taken on the way out, so that a register that counts toward the vehicle counts what it stores.
func (b Battery) Load() (Load, error) {
	if err := b.validate(); err != nil {
		return Load{}, err
	}
	steps, target := b.steps(b.StateOfChargePermille), b.TargetPermille
	if b.WantedMilliwattHours > 0 {
		var taken int64
		steps, taken = cut(steps, b.WantedMilliwattHours*microjoulesPerMilliwattHour)
		target = b.StateOfChargePermille + int16(taken/b.permille())
	}
	if b.MaxReturnMilliwatts == 0 || b.ReturnFloorPermille >= target {
		return NewLoad(steps, b.StateOfChargePermille, target)
	}
	lowest := min(b.ReturnFloorPermille, b.StateOfChargePermille)
	below, _ := cut(b.steps(lowest), b.permille()*int64(b.StateOfChargePermille-lowest))
	load, err := NewLoad(append(below, steps...), lowest, target)
	if err != nil {
		return Load{}, err
	}
	load.begin = b.permille() * int64(b.StateOfChargePermille-lowest)
	load.floor = b.permille() * int64(b.ReturnFloorPermille-lowest)
	load.back, load.roundTripPPM = b.MaxReturnMilliwatts, b.RoundTripPPM
	if load.roundTripPPM == 0 {
		load.roundTripPPM = ppmOne
	}
	return load, nil
}

// Drawn gives what was drawn from the battery for so much that reached the plug.
func (b Battery) Drawn(returnedMilliwattHours int64) int64 {
	if b.RoundTripPPM == 0 {
		return returnedMilliwattHours
	}
	return returnedMilliwattHours/b.RoundTripPPM*ppmOne + returnedMilliwattHours%b.RoundTripPPM*ppmOne/b.RoundTripPPM
}

// permille gives a thousandth of the capacity, in µJ.
func (b Battery) permille() int64 {
	return b.CapacityMilliwattHours * (microjoulesPerMilliwattHour / 1000)
}

// cut gives the steps up to some energy, and what they take in all.
func cut(steps []Step, energy int64) (kept []Step, taken int64) {
	for _, s := range steps {
		s.EnergyMicrojoules = min(s.EnergyMicrojoules, energy-taken)
		if s.EnergyMicrojoules == 0 {
			break
		}
		kept, taken = append(kept, s), taken+s.EnergyMicrojoules
	}
	return kept, taken
}

// steps gives the whole way from a state of charge to the target.
func (b Battery) steps(from int16) []Step {
	permille := b.permille()
	var steps []Step
	if knee := min(b.KneePermille, b.TargetPermille); from < knee {
		steps = append(steps, Step{permille * int64(knee-from), b.MaxPowerMilliwatts})
		from = knee
	}
	for ; from < b.TargetPermille; from++ {
		steps = append(steps, Step{permille, b.taper(from)})
	}
	return steps
}

// taper gives the power at a state of charge at or above the knee, and below 100 %.
func (b Battery) taper(permille int16) int64 {
	fall := (b.MaxPowerMilliwatts - b.FloorMilliwatts) * int64(permille-b.KneePermille)
	return b.MaxPowerMilliwatts - fall/int64(meter.StateOfChargeMax-b.KneePermille)
}

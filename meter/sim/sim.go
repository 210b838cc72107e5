// Package sim owns a simulated outlet: the battery that asks for power, the cable through which it flows, the
// connector by which a station controls and meters it, and what a vehicle at the other end measures.
// It leaves to others who pays (channel), what the clock says (every moment is an argument) and how the state
// of a cable reaches another process (CableState is a small JSON value).
// It keeps its part of invariant I10: energy is integrated in whole microjoules and milliseconds, so that the
// same calls give the same registers on every machine, however often a meter is read in between.
//
// Begin with a Battery (or DefaultBattery) and its Load, NewCable, Cable.Plug and NewConnector; a vehicle
// measures with NewMeasurement on the same Cable, or on a RemoteCable that is fed with CableStates. Through a
// NewTwoWayCable a battery that may be discharged gives back under a limit below zero.
package sim

import "errors"

// Errors of this package.
var (
	ErrConfig  = errors.New("sim: not a usable setting")
	ErrPlugged = errors.New("sim: a vehicle is plugged in already")
	ErrState   = errors.New("sim: not the state of a cable")
)

// Bounds, so that no sum of microjoules leaves 64 bits (9.2 × 10¹⁸): also 250 times through the largest battery in one visit.
const (
	// EnergyMilliwattHoursMax is 10 MWh, ten times the battery of an electric truck: 3.6 × 10¹⁶ µJ.
	EnergyMilliwattHoursMax = 10_000_000_000
	// PowerMilliwattsMax is 10 MW, above the Megawatt Charging System's 3.75 MW.
	PowerMilliwattsMax = 10_000_000_000
	// RegisterMilliwattHoursMax is where a register may begin: 10¹² kWh would outlive every meter.
	RegisterMilliwattHoursMax = 1_000_000_000_000_000
)

// microjoulesPerMilliwattHour: 1 mWh = 3.6 J. A milliwatt for a millisecond is one microjoule.
const microjoulesPerMilliwattHour = 3_600_000

// ppmOne is the whole in parts per million.
const ppmOne = 1_000_000

// scalePPM gives value × (1 + ppm/10⁶), rounded down, for value ≥ 0 and ppm > −10⁶. It never falls when value
// rises.
func scalePPM(value, ppm int64) int64 {
	factor := ppmOne + ppm
	return value/ppmOne*factor + value%ppmOne*factor/ppmOne
}

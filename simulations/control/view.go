package control

import (
	"time"

	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

// Unknown stands for a price or a limit of a price that nobody named.
const Unknown = money.Amount(measure.Unknown)

// MillijoulesPerMilliwattHour converts energies. One millijoule is a milliwatt for a second, so energies of whole seconds are exact.
const MillijoulesPerMilliwattHour = 3600

// View is what a controller sees. Who asks owns it, and may use it again after the call; controllers keep nothing of it.
type View struct {
	Now  time.Duration // since the start of the run
	Step time.Duration // until the next decision, more than 0

	Vehicles []Vehicle // plugged in now, at most one a station, in the order of stations
	Storages []Storage // stationary batteries, in a fixed order

	// Ahead is what the surroundings are in this step and, where a forecast exists, in the steps that follow.
	// There is always the first. Controllers that do not plan look at no other.
	Ahead []Period
}

// Period is what nobody controls, in one step. Empty lists stand for: no loads, and the circuits' own limits.
type Period struct {
	Length time.Duration // 0: as the view's step

	Own    []int64 // milliwatts by circuit: other consumers less local generation; without stations, without storage
	Limits []int64 // milliwatts that each circuit may draw; grid.Unlimited: no limit

	Price  money.Amount // of one kWh drawn from the grid; Unknown where there is none
	FeedIn money.Amount // for one kWh fed into it; Unknown: as Price
}

// Vehicle is a vehicle at a station. Powers and energies are those at the station, on its side of the charger's losses, but for
// what the battery holds.
type Vehicle struct {
	Station   int
	Arrival   time.Duration // since the start of the run
	Departure time.Duration // as announced; it may be past

	WantsMillijoules int64 // still to be drawn until the vehicle has what it asked for; 0: it is satisfied
	MaxMilliwatts    int64 // that it can draw now: the least of its own limits, at this state of charge
	MinMilliwatts    int64 // it draws nothing, or so much
	ReturnMilliwatts int64 // that it can give back now; 0: cannot or may not

	StoredMillijoules   int64 // in its battery
	CapacityMillijoules int64 // of its battery; 0: unknown
	TargetMillijoules   int64 // in its battery when it has what it asked for; 0: unknown
	FloorMillijoules    int64 // below which it gives nothing back
	ChargePermille      int64 // of what is drawn, so much reaches the battery; 0: all
	ReturnPermille      int64 // of what leaves the battery, so much is given back; 0: all

	Priority int          // the greater goes first
	MaxPrice money.Amount // of one kWh; Unknown: it pays any
	// Value of one kWh in its battery at departure, beyond what it asked for, to controllers that plan. 0: nothing.
	Value money.Amount
}

// Storage is a stationary battery under a circuit. Powers are those at the circuit.
type Storage struct {
	Circuit             int
	MaxMilliwatts       int64 // that it can draw now
	ReturnMilliwatts    int64 // that it can give now
	StoredMillijoules   int64
	CapacityMillijoules int64
	FloorMillijoules    int64 // below which it gives nothing
	ChargePermille      int64 // 0: no losses
	ReturnPermille      int64
	Value               money.Amount // of one kWh that it holds when the forecast ends, to controllers that plan
}

// Plan is what a controller decides.
type Plan struct {
	Stations []int64 // milliwatts by station: drawn by its vehicle at most; negative: to be given back
	Storages []int64 // milliwatts by storage: drawn; negative: given back
}

// Energy gives what a power is over a time, in millijoules, rounded down to less of either sign.
func Energy(milliwatts int64, over time.Duration) int64 {
	return milliwatts * over.Milliseconds() / 1000
}

// Power gives the power that is an energy over a time, in milliwatts, rounded down to less of either sign.
func Power(millijoules int64, over time.Duration) int64 {
	seconds, rest := int64(over/time.Second), over.Milliseconds()%1000
	if rest == 0 && seconds > 0 {
		return millijoules / seconds
	}
	if milliseconds := over.Milliseconds(); milliseconds > 0 {
		return millijoules / milliseconds * 1000
	}
	return 0
}

// AfterLoss gives what is left of an energy at an efficiency, rounded down; 0 stands for no losses.
func AfterLoss(millijoules, permille int64) int64 {
	if permille == 0 {
		return millijoules
	}
	return millijoules/1000*permille + millijoules%1000*permille/1000
}

// BeforeLoss gives what it takes to have so much left, rounded down.
func BeforeLoss(millijoules, permille int64) int64 {
	if permille == 0 {
		return millijoules
	}
	return millijoules/permille*1000 + millijoules%permille*1000/permille
}

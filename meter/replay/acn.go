package replay

import (
	"fmt"
	"time"

	"joulepay/meter"
)

// acnHeader is the first line of the session table of the ACN-Sim reference.
var acnHeader = []string{
	"arrival_period", "departure_period", "estimated_departure_period", "requested_kwh", "battery_capacity_kwh",
	"battery_init_kwh", "max_power_kw", "station_id", "session_id",
}

// Columns of acnHeader that a replay needs. The battery's columns hold the request once more, not a battery, so
// that no state of charge can be told.
const (
	acnArrival   = 0
	acnDeparture = 1
	acnRequested = 3
	acnMaxPower  = 6
)

const (
	// acnPeriod is the length of a period in the reference.
	acnPeriod = 5 * time.Minute
	// acnPeriodMax bounds a period number: a year of them.
	acnPeriodMax = 366 * 24 * 12
)

// acnRecord reads a row. The vehicle takes the station's power until it has what it asked for.
func acnRecord(row int, fields []string) (*Recording, error) {
	arrival, err := whole(fields[acnArrival], "arrival", acnPeriodMax)
	if err != nil {
		return nil, err
	}
	departure, err := whole(fields[acnDeparture], "departure", acnPeriodMax)
	if err != nil {
		return nil, err
	}
	stay := time.Duration(departure-arrival) * acnPeriod
	if stay < 0 || stay > stayMax {
		return nil, fmt.Errorf("departure in period %d does not fit arrival in %d", departure, arrival)
	}
	requested, err := energy(fields[acnRequested], "requested energy", placesKiloToMilli)
	if err != nil {
		return nil, err
	}
	maxPower, err := power(fields[acnMaxPower], "power", placesKiloToMilli)
	if err != nil {
		return nil, err
	}
	r := &Recording{row: row, requestedMilliwattHours: requested, maxPowerMilliwatts: maxPower, stay: stay}
	return r, r.shape(constantShape, meter.StateOfChargeUnknown, meter.StateOfChargeUnknown)
}

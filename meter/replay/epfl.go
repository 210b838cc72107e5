package replay

import (
	"fmt"
	"time"

	"joulepay/meter"
)

// epflHeader is the first line of EPFL's table of DC fast-charging sessions.
var epflHeader = []string{
	"Session", "CCS", "Arrival", "Departure", "Stay (min)", "Energy (Wh)", "Pmax (W)", "Preq_max (W)",
	"Controlled session (0=False, 1=True)", "TotalCapacity", "BulkCapacity", "SOC arrival", "SOC departure",
	"Energy capacity (Wh)",
}

// Columns of epflHeader that a replay needs.
const (
	epflArrival   = 2
	epflDeparture = 3
	epflStay      = 4
	epflEnergy    = 5
	epflPeak      = 6
	epflSoCFrom   = 11
	epflSoCTo     = 12
)

const epflTimeLayout = "2006-01-02T15:04:05"

// epflRecord reads a row. Arrival and departure are cut to minutes and the stay counts both, so the stay it is
// that bounds the session; every row of the table can take its energy within it at its peak power.
func epflRecord(row int, fields []string) (*Recording, error) {
	arrival, err := epflTime(fields[epflArrival], "arrival")
	if err != nil {
		return nil, err
	}
	departure, err := epflTime(fields[epflDeparture], "departure")
	if err != nil {
		return nil, err
	}
	if departure.Before(arrival) {
		return nil, fmt.Errorf("departure %q is before arrival", fields[epflDeparture])
	}
	stayMinutes, err := whole(fields[epflStay], "stay", int64(stayMax/time.Minute))
	if err != nil {
		return nil, err
	}
	recorded, err := energy(fields[epflEnergy], "energy", placesWattToMilli)
	if err != nil {
		return nil, err
	}
	peak, err := power(fields[epflPeak], "peak power", placesWattToMilli)
	if err != nil {
		return nil, err
	}
	from, to, err := epflStateOfCharge(fields)
	if err != nil {
		return nil, err
	}
	r := &Recording{
		row:                     row,
		requestedMilliwattHours: recorded,
		maxPowerMilliwatts:      peak,
		arrival:                 arrival,
		stay:                    time.Duration(stayMinutes) * time.Minute,
	}
	return r, r.shape(taperShape, from, to)
}

func epflTime(text, name string) (time.Time, error) {
	t, err := time.Parse(epflTimeLayout, text)
	if err != nil || t.Format(epflTimeLayout) != text {
		return time.Time{}, fmt.Errorf("%s %q is not a time like %s", name, clip(text), epflTimeLayout)
	}
	return t, nil
}

func epflStateOfCharge(fields []string) (from, to int16, err error) {
	a, err := scaled(fields[epflSoCFrom], "state of charge", placesPercent, meter.StateOfChargeMax)
	if err != nil {
		return 0, 0, err
	}
	b, err := scaled(fields[epflSoCTo], "state of charge", placesPercent, meter.StateOfChargeMax)
	if err != nil {
		return 0, 0, err
	}
	return int16(a), int16(b), nil
}

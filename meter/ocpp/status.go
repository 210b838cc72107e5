package ocpp

// Status is what a connector says of itself, in the words of OCPP 1.6 (ChargePointStatus). OCPP 2.0.1 knows Available,
// Occupied, Reserved, Unavailable and Faulted only.
type Status string

// States of a connector.
const (
	StatusUnknown       Status = ""
	StatusAvailable     Status = "Available"
	StatusPreparing     Status = "Preparing"
	StatusCharging      Status = "Charging"
	StatusSuspendedEV   Status = "SuspendedEV"
	StatusSuspendedEVSE Status = "SuspendedEVSE"
	StatusFinishing     Status = "Finishing"
	StatusOccupied      Status = "Occupied"
	StatusReserved      Status = "Reserved"
	StatusUnavailable   Status = "Unavailable"
	StatusFaulted       Status = "Faulted"
)

// parseStatus takes a known state; another is unknown.
func parseStatus(text string) Status {
	switch s := Status(text); s {
	case StatusAvailable, StatusPreparing, StatusCharging, StatusSuspendedEV, StatusSuspendedEVSE, StatusFinishing,
		StatusOccupied, StatusReserved, StatusUnavailable, StatusFaulted:
		return s
	}
	return StatusUnknown
}

// plugged tells whether a vehicle is connected.
func (s Status) plugged() bool {
	switch s {
	case StatusPreparing, StatusCharging, StatusSuspendedEV, StatusSuspendedEVSE, StatusFinishing, StatusOccupied:
		return true
	}
	return false
}

// usable tells whether a transaction may be started: a driver may plug in after that.
func (s Status) usable() bool {
	return s != StatusReserved && s != StatusUnavailable && s != StatusFaulted
}

package sim

import (
	"encoding/json"
	"fmt"
	"time"

	"joulepay/meter"
)

// CableStateSizeMax bounds the JSON of a CableState: its seven fields take at most 250 bytes.
const CableStateSizeMax = 512

// CableState is the truth about a cable at one moment: what flows toward the vehicle and back, as the vehicle's own
// sensors would see it. It is a plain value, so that a simulated charger in one process can show it to a
// simulated vehicle in another.
type CableState struct {
	Register              int64       `json:"register_mwh"`
	Exported              int64       `json:"exported_mwh,omitempty"` // what flowed back
	Time                  time.Time   `json:"time"`
	PowerMilliwatts       int64       `json:"power_mw"` // below zero it flows back
	StateOfChargePermille int16       `json:"soc_permille"`
	State                 meter.State `json:"state"`
	Plugged               bool        `json:"plugged"`
}

// Encode gives the state as JSON.
func (s CableState) Encode() ([]byte, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	return b, nil
}

// DecodeCableState reads what Encode wrote.
func DecodeCableState(b []byte) (CableState, error) {
	if len(b) > CableStateSizeMax {
		return CableState{}, fmt.Errorf("%w: %d bytes, at most %d", ErrState, len(b), CableStateSizeMax)
	}
	var s CableState
	if err := json.Unmarshal(b, &s); err != nil {
		return CableState{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	s.Time = time.UnixMilli(s.Time.UnixMilli()).UTC()
	if err := s.validate(); err != nil {
		return CableState{}, err
	}
	return s, nil
}

// validate refuses what no cable can be in. Registers may exceed where a cable may begin, by what flowed since.
func (s CableState) validate() error {
	switch {
	case s.Register < 0 || s.Register > 2*RegisterMilliwattHoursMax:
		return fmt.Errorf("%w: register of %d mWh", ErrState, s.Register)
	case s.Exported < 0 || s.Exported > 2*RegisterMilliwattHoursMax:
		return fmt.Errorf("%w: register of %d mWh that flowed back", ErrState, s.Exported)
	case s.PowerMilliwatts < -PowerMilliwattsMax || s.PowerMilliwatts > PowerMilliwattsMax:
		return fmt.Errorf("%w: power of %d mW", ErrState, s.PowerMilliwatts)
	case s.StateOfChargePermille < meter.StateOfChargeUnknown || s.StateOfChargePermille > meter.StateOfChargeMax:
		return fmt.Errorf("%w: state of charge of %d permille", ErrState, s.StateOfChargePermille)
	case !s.State.Valid():
		return fmt.Errorf("%w: state %d", ErrState, s.State)
	case s.Time.Year() < 1970 || s.Time.Year() > 9999:
		return fmt.Errorf("%w: time is outside 1970…9999", ErrState)
	}
	return nil
}

// sample gives the state as a meter with gain errors, toward the vehicle and back, shows it.
func (s CableState) sample(importPPM, exportPPM int64) meter.Sample {
	power := scalePPM(max(s.PowerMilliwatts, 0), importPPM) - scalePPM(max(-s.PowerMilliwatts, 0), exportPPM)
	return meter.Sample{
		Time:                  s.Time,
		Register:              scalePPM(s.Register, importPPM),
		Exported:              scalePPM(s.Exported, exportPPM),
		Unit:                  meter.MilliwattHours,
		PowerMilliwatts:       power,
		StateOfChargePermille: s.StateOfChargePermille,
		State:                 s.State,
	}
}

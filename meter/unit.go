package meter

import "fmt"

// Unit says what one step of a register is. The zero value is no unit.
type Unit byte

// Units. The numbers are part of the signed bytes.
const (
	MilliwattHours Unit = 1 // energy, 10⁻³ Wh
	Seconds        Unit = 2 // time, for parking and tolls
	Count          Unit = 3 // pieces: bytes, passages, litres, as the quote defines
)

// Attestation says who stands behind a reading. The zero value is nobody.
type Attestation byte

// Attestations. The numbers are part of the signed bytes.
const (
	AttestedByMeter   Attestation = 1 // signed inside the meter, with its own Ed25519 key
	AttestedByStation Attestation = 2 // signed by the station, which read an unsigned meter
	AttestedOCMF      Attestation = 3 // signed by the station around an OCMF record, carried as evidence
)

// State says what goes on at the connector, in the words of OCPP 2.0.1 (ChargingStateEnumType). The zero value
// is no state.
type State byte

// States. The numbers are part of the signed bytes.
const (
	Charging         State = 1 // energy flows, or may flow at once
	SuspendedVehicle State = 2 // the vehicle does not ask for power (OCPP SuspendedEV)
	SuspendedStation State = 3 // the station gives no power (OCPP SuspendedEVSE)
	Ended            State = 4 // the session is over; no reading follows
)

var (
	unitNames        = []string{"", "mWh", "s", "count"}
	attestationNames = []string{"", "meter", "station", "ocmf"}
	stateNames       = []string{"", "charging", "suspended_ev", "suspended_evse", "ended"}
)

// Valid tells whether the unit is one of those listed.
func (u Unit) Valid() bool { return known(unitNames, byte(u)) }

// Valid tells whether the attestation is one of those listed.
func (a Attestation) Valid() bool { return known(attestationNames, byte(a)) }

// Valid tells whether the state is one of those listed.
func (s State) Valid() bool { return known(stateNames, byte(s)) }

// Within tells whether a reading may have this attestation in a session that promised another: the same, or, where
// a meter signs only some readings by OCMF, that of the station for those between.
func (a Attestation) Within(promised Attestation) bool {
	return a == promised || (a == AttestedByStation && promised == AttestedOCMF)
}

// String gives "mWh", "s" or "count".
func (u Unit) String() string { return nameOf(unitNames, byte(u)) }

// String gives "meter", "station" or "ocmf".
func (a Attestation) String() string { return nameOf(attestationNames, byte(a)) }

// String gives "charging", "suspended_ev", "suspended_evse" or "ended".
func (s State) String() string { return nameOf(stateNames, byte(s)) }

// MarshalText implements encoding.TextMarshaler.
func (u Unit) MarshalText() ([]byte, error) { return marshalName(unitNames, byte(u), "unit") }

// MarshalText implements encoding.TextMarshaler.
func (a Attestation) MarshalText() ([]byte, error) {
	return marshalName(attestationNames, byte(a), "attestation")
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return marshalName(stateNames, byte(s), "state") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *Unit) UnmarshalText(text []byte) error {
	code, err := codeOf(unitNames, string(text), "unit")
	if err == nil {
		*u = Unit(code)
	}
	return err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Attestation) UnmarshalText(text []byte) error {
	code, err := codeOf(attestationNames, string(text), "attestation")
	if err == nil {
		*a = Attestation(code)
	}
	return err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(text []byte) error {
	code, err := codeOf(stateNames, string(text), "state")
	if err == nil {
		*s = State(code)
	}
	return err
}

func known(names []string, code byte) bool { return code > 0 && int(code) < len(names) }

func nameOf(names []string, code byte) string {
	if !known(names, code) {
		return fmt.Sprintf("unknown(%d)", code)
	}
	return names[code]
}

func marshalName(names []string, code byte, kind string) ([]byte, error) {
	if !known(names, code) {
		return nil, fmt.Errorf("%w: %s %d", ErrName, kind, code)
	}
	return []byte(names[code]), nil
}

func codeOf(names []string, text, kind string) (byte, error) {
	for code := 1; code < len(names); code++ {
		if names[code] == text {
			return byte(code), nil
		}
	}
	return 0, fmt.Errorf("%w: %s %q", ErrName, kind, clip(text))
}

// clip keeps foreign text in errors short.
func clip(text string) string {
	const shown = 40
	if len(text) > shown {
		return text[:shown] + "…"
	}
	return text
}

package ocpp

import "sort"

// Quirk names a departure from the standards that is accepted where it cannot harm the vehicle.
type Quirk string

// Quirks, and why each is safe where it is accepted.
const (
	// QuirkPage: signed records do not count their pages. Accepted when the record's own time fits its transaction, so that
	// it cannot be one of an earlier transaction.
	QuirkPage Quirk = "page-does-not-count"
	// QuirkRegisterText: the register of a signed record is a text in place of a number. The digits are the same.
	QuirkRegisterText Quirk = "register-as-text"
	// QuirkKWhLabel: a register in Wh is labelled kWh. Read as Wh, a thousandth, when kWh would be more than the outlet
	// can deliver and Wh would not.
	QuirkKWhLabel Quirk = "wh-labelled-kwh"
	// QuirkStopRounded: the register at the stop has less digits than those before. Accepted up to a watt-hour, or what
	// ConnectorConfig.StepMwh says; readings between are rounded down to whole steps, so that nothing is demanded beyond the stop.
	QuirkStopRounded Quirk = "stop-rounded"
	// QuirkKeyText: the public key is base64 of its hexadecimal text.
	QuirkKeyText Quirk = "key-as-base64-of-hex"
	// QuirkSequence: 2.0.1 events do not count. Repetitions are told by what they say.
	QuirkSequence Quirk = "events-do-not-count"
	// QuirkNoEVSE: the stop of a 2.0.1 transaction names no EVSE. Its transaction id does.
	QuirkNoEVSE Quirk = "event-without-evse"
)

// quirks is a set of quirks that were met.
type quirks map[Quirk]bool

func (q quirks) list() []Quirk {
	out := make([]Quirk, 0, len(q))
	for k := range q {
		out = append(out, k)
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

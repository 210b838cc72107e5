// Package meter owns what a meter says: readings of a register with a unit, a time and an attestation, their
// canonical bytes and signatures, the chain that links the readings of one session, and the seams to hardware.
// It leaves to others what a reading costs (pricing), who owes it (channel) and how a device is reached
// (meter/sim, meter/replay, meter/execmeter and meter/ocpp implement Connector; meter/ocmf reads signed records).
// It keeps invariant I6, the comparison of what is claimed with what the vehicle measured, and its share of I9:
// bytes and samples from outside give typed errors.
//
// A station asks its Connector for a Sample, lets its Chain make the next Reading of it, and signs that with
// Sign. A vehicle verifies the Signed reading, lets its own Chain accept it, and asks Comparison whether its
// own Source confirms the quantity. A register counts what flows toward the vehicle; what a battery gives back
// has a second one beside it, for a register never falls.
package meter

import "errors"

// Errors of values that cross a boundary: bytes of a peer, samples of a device, text of a person.
var (
	ErrEncoding = errors.New("meter: not the canonical encoding of a reading")
	ErrReading  = errors.New("meter: reading is not valid")
	ErrName     = errors.New("meter: unknown name")
	ErrEvidence = errors.New("meter: evidence is too large")
)

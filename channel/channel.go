// Package channel owns the rules of a payment channel: its opening and terms, the claims and ticks that pay in
// it, the co-signed withdrawal and close, and who is owed what in the end. It leaves quotes and readings (here
// only hashes), messages, storage and the ledger to others; everything in it is pure.
// It keeps invariants I2 (a lane never falls; the best claim is the join) and I3 (an honest side is never short).
//
// Start with Opening for a new channel, Side for one party's view of it, and Payout for its end.
package channel

import (
	"encoding/hex"
	"errors"
)

// Errors of the rules. Each is a decision that a caller may test for.
var (
	ErrEncoding     = errors.New("channel: malformed bytes")
	ErrTerms        = errors.New("channel: terms not acceptable")
	ErrWrongChannel = errors.New("channel: for another channel")
	ErrWrongLane    = errors.New("channel: for another lane")
	ErrAmount       = errors.New("channel: amount below zero or out of range")
	ErrTick         = errors.New("channel: tick does not lead to the claim's root")
	ErrUncovered    = errors.New("channel: deposit does not cover the claim")
	ErrFrozen       = errors.New("channel: a close is signed, nothing more may be")
	ErrNotOwed      = errors.New("channel: withdrawal above what its party is owed")
	ErrBelowBest    = errors.New("channel: names less than is already claimed")
	ErrAboveBest    = errors.New("channel: names more than was ever signed")
	ErrOrder        = errors.New("channel: withdrawal out of order")
	ErrUnsynced     = errors.New("channel: continued from a copy, and the other side has not shown yet what it knows")
)

// ID names a channel: the hash of its opening.
type ID [32]byte

// String gives the id in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Hash is the SHA-256 hash of a quote or a reading, whose content this package does not know.
type Hash [32]byte

// String gives the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// SessionID names one visit.
type SessionID [16]byte

// String gives the id in hexadecimal.
func (s SessionID) String() string { return hex.EncodeToString(s[:]) }

// Party is one of the two who share a channel.
type Party uint8

// The parties: the Opener deposits when the channel opens (a vehicle), the Partner may join by top-up (a charger).
const (
	Opener  Party = 0
	Partner Party = 1
)

// Other gives the counterparty.
func (p Party) Other() Party { return p ^ 1 }

// Pays gives the lane on which this party pays.
func (p Party) Pays() Lane { return Lane(p) }

// Lane is a one-way counter: lane 0 runs from the Opener to the Partner, lane 1 back.
type Lane uint8

// Payer gives the party who pays on the lane.
func (l Lane) Payer() Party { return Party(l) }

// Valid tells whether the lane exists.
func (l Lane) Valid() bool { return l < 2 }

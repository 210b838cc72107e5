// Package settle owns what goes into the ledger and what comes out of it, as bytes: payloads, vertices, the slots
// of the state, and the verdicts; and all validity that needs no state. It leaves proofs and certificates to
// settle/proof, the rules that need state to settle/dag, and running a ledger to settle/node.
// It keeps the ledger's half of invariants I8 (a vertex is good for one network) and I9 (decoding is strict and
// bounded: what decodes is statically valid and encodes to the same bytes).
//
// Start with Genesis for a new network, Sign for a vertex, and DecodeVertex for one that arrives.
package settle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// Errors of decoding and of static validity. Refusals that depend on the state are Verdicts.
var (
	ErrEncoding = errors.New("settle: malformed bytes")
	ErrPayload  = errors.New("settle: payload can never be valid")
	ErrVertex   = errors.New("settle: vertex can never be valid")
	ErrGenesis  = errors.New("settle: genesis not acceptable")
)

// VertexID names a vertex: the hash of everything in it but its signature.
type VertexID [32]byte

// String gives the id in hexadecimal.
func (id VertexID) String() string { return hex.EncodeToString(id[:]) }

// IsZero tells whether the id names nothing.
func (id VertexID) IsZero() bool { return id == VertexID{} }

// PayloadID names what an issuer asked for, whatever vertex carries it: a retry with other parents has the same.
type PayloadID [32]byte

// String gives the id in hexadecimal.
func (id PayloadID) String() string { return hex.EncodeToString(id[:]) }

// Reference ties a payment to a document outside the ledger: a hash, or zero for none.
type Reference [32]byte

// String gives the reference in hexadecimal.
func (r Reference) String() string { return hex.EncodeToString(r[:]) }

// ReferenceOf hashes a text, such as an invoice number, into a reference.
func ReferenceOf(text string) Reference {
	return sha256.Sum256(append([]byte("joulepay/reference\x00"), text...))
}

// LedgerTime is the time that witnesses certify, in Unix milliseconds. It is not the wall clock of any machine.
type LedgerTime int64

// LedgerTimeOf converts, cutting to milliseconds.
func LedgerTimeOf(t time.Time) LedgerTime { return LedgerTime(t.UnixMilli()) }

// Time gives the same instant, UTC.
func (t LedgerTime) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// WindowTime is the clock of challenge windows, in milliseconds: ledger time less the pauses of the ledger. While
// nobody could answer a close, it stands still.
type WindowTime int64

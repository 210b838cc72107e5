// Package stream owns the contract of the ordered log that all nodes of a ledger read, and its in-memory twin. It
// leaves what bundles contain to settle/dag and the real log to settle/jetstream.
// It keeps the part of invariant I7 that rests on order: every reader gets the same bundles in the same order without
// gaps, or an error; a log that lost something is another incarnation, never silently the same.
//
// A log is no system of record: what it has acknowledged may be lost with it. A node keeps what it applied.
package stream

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// Errors of a Log.
var (
	// ErrUnavailable means that the log cannot be reached now. An append with this outcome may have happened.
	ErrUnavailable = errors.New("stream: the log is not available")
	// ErrIncarnation means that the log is not the one that was named: it is new, or it was started anew.
	ErrIncarnation = errors.New("stream: the log is another incarnation")
	// ErrGap means that the log ends before what was read: it has lost its tail.
	ErrGap = errors.New("stream: bundles are missing from the log")
	// ErrDiscarded means that the log begins after what comes next: it has lost nothing, the reader is too far behind.
	ErrDiscarded = errors.New("stream: the log begins later")
	// ErrTooLarge means that a bundle is above what the log takes.
	ErrTooLarge = errors.New("stream: bundle too large")
)

// BundleSizeMax bounds a bundle in bytes: half of the message size that brokers take by default.
const BundleSizeMax = 512 << 10

// AppendMax bounds the bundles on their way at once, and so what a log that stalls holds of one writer: 4 MiB.
const AppendMax = 8

// Incarnation names one life of a log, from its creation until it loses something: its epoch in eight bytes, then eight
// random ones. The zero value is none; the first epoch is 1.
type Incarnation [16]byte

// Epoch gives its number. Every renewal makes a higher one.
func (i Incarnation) Epoch() uint64 { return binary.BigEndian.Uint64(i[:8]) }

// String gives the incarnation in hexadecimal.
func (i Incarnation) String() string { return hex.EncodeToString(i[:]) }

// Position is a place in a log. Sequences count from 1; they mean nothing in another incarnation.
type Position struct {
	Incarnation Incarnation
	Sequence    uint64
}

// Delivery is a bundle at its place.
type Delivery struct {
	Position Position
	Bundle   []byte
}

// Log is an ordered log of bundles with many writers and many readers.
type Log interface {
	// Head gives the current incarnation and the place of the last bundle; sequence 0 for an empty log. It creates the
	// log when there is none.
	Head(ctx context.Context) (Position, error)
	// Append adds a bundle to the incarnation of the last Head or Renew, and gives its place; ErrIncarnation says that it
	// has ended. After another error the bundle may still have been added, once or, if it was appended again, twice.
	Append(ctx context.Context, bundle []byte) (Position, error)
	// AppendAll adds at most AppendMax bundles in this order, cheaper than one by one, and gives the places of those
	// before the first that failed. From that one on any may have been added: to append them again keeps the order
	// of what each contains, because what comes twice counts where it stood first, unless the log lost one between.
	AppendAll(ctx context.Context, bundles [][]byte) ([]Position, error)
	// Read gives every bundle after a position to deliver, in order and without gaps, and waits for more. It
	// returns when the context ends, when deliver returns an error, or with ErrIncarnation, also when another one
	// begins meanwhile, ErrGap, ErrDiscarded or ErrUnavailable.
	Read(ctx context.Context, after Position, deliver func(Delivery) error) error
	// Renew ends an incarnation, and every one of its epoch or an earlier one, so that also what came back from a backup
	// ends: the log is empty afterwards, in an epoch above the named one's. When the current epoch is above it already,
	// nothing happens; of several who renew the same one, all get the same new one. It gives the position before the
	// first bundle of the current one.
	Renew(ctx context.Context, old Incarnation) (Position, error)
}

// Package node owns one ledger node: a pure core that decides what to store, publish, vote and tell, and a runner that
// does it with a stream, a store and a clock. It leaves the rules to settle/dag, the order to settle/stream, storage to
// settle/store, and HTTP to settle/api.
// It keeps invariants I4 (nothing is acknowledged, voted or told before it is stored) and I7 (the order of the log
// alone decides the state); whatever the stream loses, what was applied stays.
//
// Start a node with Start, give it vertices with Submit or Post, and ask it with the query methods. A simulator drives
// Core.Step itself.
package node

import (
	"errors"
)

// Errors of a node.
var (
	// ErrStopped means that the node has ended or could not go on; what was not answered has an unknown outcome.
	ErrStopped = errors.New("node: stopped")
	// ErrBusy means that too many vertices wait for their place in the log.
	ErrBusy = errors.New("node: too many vertices are waiting")
	// ErrOutcomeUnknown means that the caller gave up waiting: the vertex may yet be applied. Ask for it by
	// payload id, or submit it again.
	ErrOutcomeUnknown = errors.New("node: the outcome is not known yet")
	// ErrNotFound means that the ledger knows no such thing.
	ErrNotFound = errors.New("node: not found")
	// ErrNotFinal means that there is no proof yet: wait until it is final.
	ErrNotFinal = errors.New("node: not final yet")
	// ErrPeer means that peers could not, or would not, lead to where this node has to go.
	ErrPeer = errors.New("node: no peer leads there")
	// ErrForked means that a third of the witnesses' weight contradicted itself: two checkpoints of one number are
	// justified. The node stops rather than choose.
	ErrForked = errors.New("node: witnesses justified two checkpoints of one number")
	// ErrGenesis means that the store belongs to another network, or is empty and no genesis was given.
	ErrGenesis = errors.New("node: no genesis, or another one than stored")
)

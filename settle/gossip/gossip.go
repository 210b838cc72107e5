// Package gossip owns the contract of what nodes tell each other outside the log: votes, how far they are, and entries
// for those who lag; and its in-memory twin. It leaves what these mean to settle/dag and settle/node, and a real carrier to
// settle/natsgossip.
// It keeps the outer part of invariants I7 and I9: nothing that is heard here is believed. Votes and checkpoints carry signatures,
// entries lead to a certified checkpoint or are thrown away, and every message is bounded.
package gossip

import (
	"context"
	"errors"

	"joulepay/settle/proof"
	"joulepay/settle/stream"
)

// Errors of a Bus.
var (
	// ErrUnavailable means that a peer, or all, cannot be reached now.
	ErrUnavailable = errors.New("gossip: the peer does not answer")
	// ErrNothing means that the peer has not what was asked for: not yet, or no longer.
	ErrNothing = errors.New("gossip: the peer does not have it")
	// ErrRequest means that the peer could not read the request.
	ErrRequest = errors.New("gossip: the peer does not understand the request")
	// ErrAnswer means that what the peer said is no answer to the request.
	ErrAnswer = errors.New("gossip: the peer's answer is none")
)

// PageSizeMax bounds the entries of one answer, in bytes: half of the message size that brokers take by default. An
// answer has at least one entry.
const PageSizeMax = 512 << 10

// PageEntriesMax bounds the entries of one answer, so that their lengths take at most another 256 KiB.
const PageEntriesMax = 1 << 16

// Standing says how far a node is: its highest justified checkpoint, what justifies it, and where in the stream one
// reads on from it.
type Standing struct {
	Checkpoint  proof.Checkpoint
	Certificate proof.Certificate // empty for the genesis
	Position    stream.Position   // before the bundle that holds the checkpoint's mark
}

// Source is what a node serves to others. It is safe for concurrent use.
type Source interface {
	// Standing gives how far the node is.
	Standing() Standing
	// Entries gives encoded entries of the log with heights from after+1 on, not above upTo, at most PageSizeMax
	// bytes of them and at least one; or ErrNothing.
	Entries(ctx context.Context, after, upTo uint64) ([][]byte, error)
}

// Bus connects the nodes of one network. It is safe for concurrent use. Peers are named by their place in the witness
// set.
type Bus interface {
	// Broadcast sends a vote of this node to all others, and promises nothing. Another witness's vote is ErrRequest.
	Broadcast(ctx context.Context, vote proof.SignedVote) error
	// Votes hands on what others broadcast, unverified, until the context ends.
	Votes(ctx context.Context, deliver func(proof.SignedVote)) error
	// Serve answers for the witness at a place until the context ends.
	Serve(ctx context.Context, self uint8, from Source) error
	// Standing asks a peer how far it is. The answer is not verified. Whatever is wrong with the peer or the way to it is
	// one of this package's errors.
	Standing(ctx context.Context, peer uint8) (Standing, error)
	// Entries asks a peer for encoded entries as Source.Entries gives them. They are not verified.
	Entries(ctx context.Context, peer uint8, after, upTo uint64) ([][]byte, error)
}

// Package store owns the contract of a node's durable storage and its in-memory twin. It leaves SQL to settle/sqlite
// and the meaning of what is stored to settle/dag.
// It keeps the storage half of invariant I4 for the ledger: a batch is stored whole or not at all, and what Commit
// has returned nil for survives a crash of the process and a cut of the power.
package store

import (
	"context"
	"errors"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// Errors of a Store.
var (
	ErrEmpty    = errors.New("store: nothing is stored yet")
	ErrNotFound = errors.New("store: not found")
	// ErrPruned means that this part of the log was pruned below a final snapshot.
	ErrPruned = errors.New("store: pruned")
	// ErrRollback means that the store cannot go back to a checkpoint: it is below the final one, or unknown.
	ErrRollback = errors.New("store: cannot go back to this checkpoint")
	// ErrNotEmpty means that a store has begun already.
	ErrNotEmpty = errors.New("store: not empty")
)

// Entry is one entry of the log with what was decided. The genesis is the entry at height 0.
type Entry struct {
	Height  uint64
	Kind    dag.EntryKind
	ID      [32]byte
	Verdict settle.Verdict
	Time    settle.LedgerTime // when it was applied
	Raw     []byte            // of a vertex: its canonical bytes; else of the entry

	// Only of a vertex:
	Payload     settle.PayloadID
	PayloadKind settle.Kind
	Issuer      wallet.DID
	Parties     []wallet.DID // accounts that it touches, the issuer among them
	Channels    []dag.ChannelEffect
}

// Vertex decodes the vertex of an entry of that kind.
func (e Entry) Vertex() (*settle.Vertex, error) { return settle.DecodeVertex(e.Raw) }

// Batch is what applying some entries changes.
type Batch struct {
	Genesis      *settle.Vertex // only in the first batch
	Head         dag.Head
	Position     stream.Position // of the last bundle that was applied
	Final        uint64          // number of the last final checkpoint
	Entries      []Entry         // with rising heights
	Slots        []dag.SlotChange
	Undo         []dag.SlotUndo // what slots held at checkpoints that were not final; empty where nothing is ever undone
	Checkpoints  []Marked
	Certificates []proof.Certificate // each justifies a checkpoint of this batch or of an earlier one
	Certified    []uint64            // numbers of checkpoints whose certificates are now in the log
	Vote         *proof.SignedVote   // the last one of this node's witness
}

// Marked is a checkpoint with what a node needs to go back to it.
type Marked struct {
	Checkpoint proof.Checkpoint
	Head       dag.Head        // right after its mark
	Position   stream.Position // before the bundle that holds its mark
}

// Stored is everything that a node needs to go on.
type Stored struct {
	Snapshot dag.Snapshot
	Position stream.Position
	Final    proof.Final         // of the last final checkpoint; without certificate for the genesis
	Pending  []proof.Certificate // of the final checkpoint and of those above
	Vote     *proof.SignedVote
	Pruned   uint64 // height above which the log is kept
}

// Page asks for a part of a list, newest first.
type Page struct {
	Before uint64 // only what is below this cursor; zero begins at the newest
	Limit  int    // at most PageMax
}

// PageMax bounds a page.
const PageMax = 1000

// VertexQuery filters vertices. The cursor is the height.
type VertexQuery struct {
	Page
	From    uint64 // only at this height or above
	Payload *settle.PayloadID
	Kind    settle.Kind   // zero for all
	Kinds   []settle.Kind // any of these; nil for all. Of a party or channel: a long log has no index for several at once
	Issuer  wallet.DID    // zero for all
	Party   wallet.DID    // zero for all
	Channel channel.ID    // zero for all: vertices that changed this channel
	Only    Selection
}

// Selection picks vertices by what was decided.
type Selection uint8

// Selections.
const (
	AllVertices Selection = iota
	AcceptedOnly
	RefusedOnly
)

// ChannelQuery filters channels. The cursor is one above the slot's index.
type ChannelQuery struct {
	Page
	Party wallet.DID    // opener or partner; zero for all
	State channel.State // zero for all
}

// ChannelRow is a channel slot with its place among the slots.
type ChannelRow struct {
	Index   uint32
	ID      channel.ID
	Content []byte
}

// CheckpointRow is a checkpoint and the certificate that justifies it, if there is one.
type CheckpointRow struct {
	Checkpoint  proof.Checkpoint
	Certificate *proof.Certificate
	Certified   bool            // a certificate for it is in the log
	Head        dag.Head        // right after its mark
	Position    stream.Position // before the bundle that holds its mark
}

// Store keeps one node's ledger. It is safe for concurrent use; Commit is called by one goroutine at a time.
//
// Before the first Commit a store is empty: Load gives ErrEmpty, reads give ErrNotFound or nothing. Every Commit adds
// its entries, replaces the slots that it names and replaces head, position, final number and vote. A Commit that
// returns an error may have happened or not; the caller must stop and Load again.
type Store interface {
	// Load gives what the last Commit left.
	Load(ctx context.Context) (Stored, error)
	// Commit stores a batch durably. What Undo holds below the batch's final checkpoint is forgotten.
	Commit(ctx context.Context, b Batch) error
	// Rollback goes back to a checkpoint that is final or later, durably and whole or not at all: entries, slots and
	// checkpoints above it are gone, and Load gives what it gave then, at the new position; the vote stays. It gives the
	// vertices that were undone, in their order.
	Rollback(ctx context.Context, checkpoint uint64, to stream.Position) (undone []*settle.Vertex, err error)
	// Begin begins an empty store from a base instead of a genesis, durably and whole or not at all. The log is kept
	// above the base's height.
	Begin(ctx context.Context, b Base) error
	// Prune deletes a part of the log and of the checkpoints up to a height, but nothing that Load, Rollback or Tail
	// needs, nor the genesis. Each call does so much that no Commit waits long; it is done when there is nothing left
	// to do. Slots stay.
	Prune(ctx context.Context, upTo uint64) (done bool, err error)

	// Slot gives the content of a slot and the height of the log that it belongs to.
	Slot(ctx context.Context, key settle.SlotKey) (content []byte, height uint64, err error)
	// Vertex gives the first entry of a vertex: one that comes back after its parents are forgotten is refused again.
	Vertex(ctx context.Context, id settle.VertexID) (Entry, error)
	// Vertices lists vertices, the genesis among them, newest first.
	Vertices(ctx context.Context, q VertexQuery) ([]Entry, error)
	// Channels lists channels, newest first.
	Channels(ctx context.Context, q ChannelQuery) ([]ChannelRow, error)
	// Checkpoint gives a checkpoint by number.
	Checkpoint(ctx context.Context, number uint64) (CheckpointRow, error)
	// Covering gives the first checkpoint at or above a height of the log.
	Covering(ctx context.Context, height uint64) (CheckpointRow, error)
	// Checkpoints lists checkpoints, newest first. The cursor is one above the number.
	Checkpoints(ctx context.Context, p Page) ([]CheckpointRow, error)
	// Receipts gives the vertices with heights in (after, upTo], in order of the log.
	Receipts(ctx context.Context, after, upTo uint64) ([]dag.Receipt, error)
	// Entries gives the log above a height in order to visit, until visit returns an error. What was pruned is
	// ErrPruned.
	Entries(ctx context.Context, after uint64, visit func(Entry) error) error

	// Tail gives where the log up to a height, that of the final checkpoint or higher, has so many vertices or begins,
	// and the log hash before that entry.
	Tail(ctx context.Context, upTo, vertices uint64) (first uint64, before proof.Hash, err error)
	// Items gives the log from an entry that Tail gave, in order to visit.
	Items(ctx context.Context, first, upTo uint64, visit func(Item) error) error

	// Close releases the store. Nothing may be called after it.
	Close() error
}

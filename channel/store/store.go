// Package store owns the contract of durable session state, and its in-memory twin. It leaves SQLite to
// channel/sqlite and what is stored to channel/session.
// It keeps the storage half of invariant I4: when Commit returns nil the whole batch survives a crash at any instant,
// and when it does not, either all of it does or none.
package store

import (
	"context"
	"errors"

	"joulepay/channel"
	"joulepay/channel/session"
)

// Errors of every store.
var (
	ErrNotFound   = errors.New("store: no such record")
	ErrClosed     = errors.New("store: closed")
	ErrReading    = errors.New("store: reading does not fit those that are stored")
	ErrKeysUsedUp = errors.New("store: no more indices for channel keys")
	// ErrFailed says that a store writes nothing any more until it is opened again. Whether the batch that it first
	// failed for is durable shows then.
	ErrFailed = errors.New("store: it failed and must be opened again")
)

// Store keeps what sessions must not forget. It is safe for concurrent use. Records that it returns are copies, and it
// keeps none of the caller's slices. After Close every method returns ErrClosed.
type Store interface {
	// Commit makes a batch durable, all or none. Records replace those with the same key, except that
	//   - a reading, once written, never changes: the same bytes again are a no-op, others ErrReading;
	//   - a session's readings come by sequence from 0, without a gap, with their session or after it: others are
	//     ErrReading;
	//   - an operation that is final or refused stays as it is: it never becomes pending again;
	//   - an operation's payload, once set, is kept when a later record has none;
	//   - an operation's sequence is given by the store, from 1, when it is first entered.
	// What Commit wrote is seen by every call after it. A batch that is refused leaves others alone. After an error
	// nothing of the batch is stored, unless it is ErrFailed.
	Commit(ctx context.Context, batch session.Batch) error

	// Channel gives one channel, or ErrNotFound.
	Channel(ctx context.Context, id channel.ID) (session.ChannelRecord, error)
	// Channels gives all channels, in the order in which they were first stored.
	Channels(ctx context.Context) ([]session.ChannelRecord, error)
	// Unclosed gives those of them whose state is not channel.Closed. It costs nothing for the others, however many.
	Unclosed(ctx context.Context) ([]session.ChannelRecord, error)

	// Session gives one session, or ErrNotFound.
	Session(ctx context.Context, id channel.SessionID) (session.SessionRecord, error)
	// Sessions gives sessions, newest first: at most limit of them, older than the one with the id before (zero: from
	// the newest; one that is not stored: none).
	Sessions(ctx context.Context, before channel.SessionID, limit int) ([]session.SessionRecord, error)
	// SessionIDs lists sessions, newest first, without reading them. It costs about what it gives, however many there are.
	SessionIDs(ctx context.Context, q SessionQuery) ([]channel.SessionID, error)
	// Unfinished gives the sessions whose phase is not over, oldest first.
	Unfinished(ctx context.Context) ([]session.SessionRecord, error)
	// Readings gives a session's readings by sequence; none when the session is not stored.
	Readings(ctx context.Context, id channel.SessionID) ([]session.ReadingRecord, error)

	// Op gives one ledger operation, or ErrNotFound.
	Op(ctx context.Context, id session.OpID) (session.OpRecord, error)
	// PendingOps gives the outbox, in the order of entry.
	PendingOps(ctx context.Context) ([]session.OpRecord, error)

	// NextKeyIndex hands out an index for a new channel key, from 1 unless the store was told to begin elsewhere. It is
	// durable before it returns: no index comes twice.
	NextKeyIndex(ctx context.Context) (uint32, error)

	// PutReceipt stores a session's receipt in place of an earlier one; Receipt gives it back, or ErrNotFound.
	PutReceipt(ctx context.Context, id channel.SessionID, receipt []byte) error
	Receipt(ctx context.Context, id channel.SessionID) ([]byte, error)

	// Close waits for commits under way and releases the store.
	Close() error
}

// Package sqlite owns the durable store of sessions: the tables in which channels, sessions, readings, the outbox and
// receipts survive. It leaves the file, its safety and its fsync to internal/sqlite, and what records mean to
// channel/session.
// It keeps invariant I4 for them: Commit returns nil only when the whole batch survives a crash at any instant.
//
// Concurrent batches share one transaction. The hot path, one batch a claim, asks SQLite nothing: it writes a row for
// the session, one for the channel and at most one reading, each to the end of its table or over a row of equal size.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"joulepay/channel/store"
	engine "joulepay/internal/sqlite"
)

// Options say what to open.
type Options struct {
	// Path of the database file. Missing folders are created, readable by this user only.
	Path string
	// ReadOnly opens beside the process that writes. Commit, NextKeyIndex and PutReceipt refuse.
	ReadOnly bool
	// KeyIndexFirst is where the indices of channel keys begin in a store that gave none out yet; 0: at 1. A wallet that may
	// have had another store before, which is lost, takes a random one: no key of a channel that this store does not know
	// is given to another channel.
	KeyIndexFirst uint32
}

// Store is a store.Store in a SQLite file. It is safe for concurrent use.
type Store struct {
	db *engine.DB

	mu     sync.RWMutex // guards closed, and keeps queue open while somebody sends
	closed bool
	queue  chan *request
	idle   chan struct{} // closed when the goroutine that commits has ended
}

var _ store.Store = (*Store)(nil)

// Open opens the store and brings its tables up to date. Errors are those of internal/sqlite: ErrLocked when another
// process has it open, ErrNewer when a newer version wrote it, ErrForeign when it is something else.
func Open(ctx context.Context, options Options) (*Store, error) {
	db, err := engine.Open(ctx, engine.Options{
		Path: options.Path, ReadOnly: options.ReadOnly, ApplicationID: applicationID, Migrations: migrations,
	})
	if err != nil {
		return nil, err
	}
	if options.KeyIndexFirst > 0 && !options.ReadOnly {
		if err := beginKeysAt(ctx, db, options.KeyIndexFirst); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	if !options.ReadOnly {
		if err := listOlder(ctx, db); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	s := &Store{db: db, queue: make(chan *request, queueMax), idle: make(chan struct{})}
	go s.commitGroups()
	return s, nil
}

// Work says what the store wrote since it was opened, and how long the disk took.
func (s *Store) Work() engine.Work { return s.db.Work() }

// Close commits what was handed over, waits for reads under way and releases the file. A second call does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	close(s.queue)
	<-s.idle
	return s.db.Close()
}

// read calls fn with one consistent snapshot.
func (s *Store) read(ctx context.Context, fn func(engine.Queryer) error) error {
	return contracted(s.db.Read(ctx, fn))
}

// contracted puts the contract's error in place of the file's, or before it.
func contracted(err error) error {
	switch {
	case errors.Is(err, engine.ErrClosed):
		return store.ErrClosed
	case errors.Is(err, engine.ErrOutcomeUnknown), errors.Is(err, engine.ErrFailed):
		return fmt.Errorf("%w: %w", store.ErrFailed, err)
	}
	return err
}

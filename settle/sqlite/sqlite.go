// Package sqlite owns the durable store of a ledger node: log, slots, checkpoints and votes in one SQLite file. It
// leaves the file's safety and group commit to internal/sqlite, and what is stored to settle/store and settle/dag.
// It keeps invariant I4 for the ledger: a batch is one transaction, and Commit returns nil only when it survives a
// crash at any instant.
//
// The inner nodes of the Merkle tree are not stored: a node hashes the slots when it opens the file, which costs
// about a second for a million of them and finds every slot that the disk has changed.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/store"
)

// Options say what to open.
type Options struct {
	// Path of the database file. Missing folders are created, readable by this user only.
	Path string
	// ReadOnly opens beside the process that writes. Commit refuses.
	ReadOnly bool
}

// Store is a store.Store in a SQLite file.
type Store struct {
	db       *engine.DB
	prunable atomic.Uint64 // height up to which nothing is needed, as far as is known
}

var _ store.Store = (*Store)(nil)

// Open opens the store and brings its tables up to date. Errors are those of internal/sqlite: ErrLocked when another
// process has it open, ErrNewer when a newer version wrote it, ErrForeign when it is something else.
func Open(ctx context.Context, options Options) (*Store, error) {
	db, err := engine.Open(ctx, engine.Options{
		Path: options.Path, ReadOnly: options.ReadOnly, ApplicationID: applicationID, Migrations: migrations,
	})
	if err != nil {
		return nil, damaged(err)
	}
	if !options.ReadOnly {
		if err := widen(ctx, db); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return &Store{db: db}, nil
}

// Widths of the writer, for which a ledger at full load pays in a tenth of its processor time: pages that change in
// many commits are copied from the log to the file once, and those that change often stay in memory.
const (
	checkpointPages = 16_000 // 64 MiB, to which the engine cuts the log when it is empty
	cacheKibibytes  = 64 << 10
)

// widen sets them on the one connection that writes.
func widen(ctx context.Context, db *engine.DB) error {
	err := db.Commit(ctx, func(tx *engine.Tx) error {
		for _, pragma := range []string{
			fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", checkpointPages), fmt.Sprintf("PRAGMA cache_size = -%d", cacheKibibytes),
		} {
			if _, err := tx.Exec(pragma); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sqlite: widths of the writer: %w", err)
	}
	return nil
}

// Work says what the store wrote since it was opened, and how long the disk took.
func (s *Store) Work() engine.Work { return s.db.Work() }

// Close implements store.Store.
func (s *Store) Close() error { return s.db.Close() }

// Check looks through the whole file for damage.
func (s *Store) Check(ctx context.Context) error { return s.db.Check(ctx) }

// one reads a single row; no row is store.ErrNotFound.
func (s *Store) one(ctx context.Context, what string, fn func(engine.Queryer) error) error {
	err := s.db.Read(ctx, fn)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: %s", store.ErrNotFound, what)
	}
	return damaged(err)
}

// Slot implements store.Store.
func (s *Store) Slot(ctx context.Context, key settle.SlotKey) ([]byte, uint64, error) {
	var content []byte
	var height int64
	err := s.one(ctx, "slot "+key.String(), func(q engine.Queryer) error {
		if err := q.QueryRow("SELECT height FROM head").Scan(&height); err != nil {
			return err
		}
		var slot uint32
		var stored sql.NullInt64
		err := q.QueryRow("SELECT slot, content, sum FROM slots WHERE id = ? AND kind = ?", key.ID[:], int64(key.Kind)).Scan(&slot, &content, &stored)
		if err != nil {
			return err
		}
		return slotSum(slot, uint8(key.Kind), key.ID[:], content).check(stored, "slot "+key.String())
	})
	return content, uint64(height), err
}

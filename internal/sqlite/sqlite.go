// Package sqlite owns the one safe way to open a SQLite file: its PRAGMAs, its lock, its migrations, and group
// commit, in which concurrent callers share one fsync. It leaves to its users every table and every query.
// It keeps the storage half of invariant I4: Commit returns nil only when what was written survives a crash of the
// process and a cut of the power, and says so when it cannot know.
//
// Start with Open; write with DB.Commit or DB.CommitAsync, look with DB.Read.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"joulepay/internal/filelock"
)

// readersMax bounds the read pool: reads are short, and each connection costs a file handle and a page cache.
const readersMax = 4

// Options say what to open.
type Options struct {
	// Path of the database file. Missing folders are created, readable by this user only.
	Path string
	// ApplicationID marks the kind of store in the file's header, so that one kind is never opened as another.
	// It may not be zero.
	ApplicationID int32
	// Migrations are SQL scripts in order. The file remembers how many it has seen; each new one is applied in its
	// own transaction. A script that was released never changes.
	Migrations []string
	// ReadOnly opens beside a process that holds the file for writing: no lock, no migrations, Commit refuses.
	ReadOnly bool
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	lock    *filelock.Lock // nil when read-only
	readers *sql.DB
	writers *sql.DB // a pool of the one connection below; nil when read-only
	writer  *writer // nil when read-only

	mu     sync.Mutex // guards closed, and orders it before users.Wait
	closed bool
	users  sync.WaitGroup // reads in progress, and requests on their way into the queue
}

// Open opens, checks and migrates a store. Errors: ErrLocked, ErrPragma, ErrForeign, ErrNewer, ErrCorrupt,
// ErrDiskFull, or what the file system said.
func Open(ctx context.Context, options Options) (*DB, error) {
	if options.ApplicationID == 0 {
		return nil, errors.New("sqlite: no application id")
	}
	path, err := filepath.Abs(options.Path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: path: %w", err)
	}
	db := &DB{}
	if options.ReadOnly {
		err = db.openReadOnly(ctx, path, options)
	} else {
		err = db.openWritable(ctx, path, options)
	}
	if err != nil {
		return nil, errors.Join(err, db.release())
	}
	return db, nil
}

func (db *DB) openReadOnly(ctx context.Context, path string, options Options) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	db.readers = openPool(path, "ro", readerPragmas, readersMax)
	return db.Read(ctx, func(q Queryer) error { return checkHeader(q, options) })
}

func (db *DB) openWritable(ctx context.Context, path string, options Options) error {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	lock, err := filelock.Acquire(path + ".lock")
	if errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	db.lock = lock
	if err := createFile(path); err != nil {
		return err
	}
	db.writers = openPool(path, "rw", writerPragmas, 1)
	conn, err := db.writers.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: open %s: %w", path, mapped(err))
	}
	if err := migrate(ctx, conn, options); err != nil {
		return errors.Join(err, conn.Close())
	}
	// From here on the file's name is durable too: what is committed below it can be found again.
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return errors.Join(err, conn.Close())
	}
	db.readers = openPool(path, "ro", readerPragmas, readersMax)
	db.writer = startWriter(conn)
	return nil
}

// Close commits what is queued, waits for reads in progress and for the writer, and releases the lock.
// A second call does nothing.
func (db *DB) Close() error {
	db.mu.Lock()
	again := db.closed
	db.closed = true
	db.mu.Unlock()
	if again {
		return nil
	}
	db.users.Wait()
	return db.release()
}

// release undoes Open, also one that stopped half way. The lock goes last: no other process may write before the
// last connection here has gone.
func (db *DB) release() error {
	var errs []error
	if db.writer != nil {
		errs = append(errs, db.writer.stop())
	}
	if db.readers != nil {
		errs = append(errs, db.readers.Close())
	}
	if db.writers != nil {
		errs = append(errs, db.writers.Close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Release())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sqlite: close: %w", mapped(err))
	}
	return nil
}

// enter counts a user in, whom Close will wait for; leave counts it out.
func (db *DB) enter() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return ErrClosed
	}
	db.users.Add(1)
	return nil
}

func (db *DB) leave() { db.users.Done() }

// createFile makes an empty file that only this user can read. SQLite gives its mode to the files beside it.
// An existing file is not even opened: closing it would drop the locks that SQLite holds on it in this process.
func createFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sqlite: create: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("sqlite: create: %w", err)
	}
	return nil
}

// makeFolder creates a folder with its parents, each made durable in the one above it.
func makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("sqlite: create folder: %w", err)
	}
	return syncFolder(parent)
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sqlite: sync folder: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("sqlite: sync folder %s: %w", path, err)
	}
	return nil
}

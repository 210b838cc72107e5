package sqlite

import (
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// Errors of a store. They wrap SQLite's own error where there is one.
var (
	ErrLocked     = errors.New("sqlite: the store is open for writing elsewhere")
	ErrPragma     = errors.New("sqlite: a PRAGMA did not take effect")
	ErrForeign    = errors.New("sqlite: the file is not a store of this kind")
	ErrNewer      = errors.New("sqlite: the store was written by a newer version")
	ErrOlder      = errors.New("sqlite: the store needs migrations, which a read-only open does not apply")
	ErrReadOnly   = errors.New("sqlite: the store is open for reading only")
	ErrClosed     = errors.New("sqlite: the store is closed")
	ErrDiskFull   = errors.New("sqlite: the disk is full")
	ErrCorrupt    = errors.New("sqlite: the file is damaged")
	ErrConstraint = errors.New("sqlite: a constraint of the schema was violated")
	ErrTxDone     = errors.New("sqlite: the transaction has ended")
	// ErrOutcomeUnknown says that a commit reached the disk or did not: the sync failed. Open the store again and
	// look. Every other error of Commit says that nothing was committed.
	ErrOutcomeUnknown = errors.New("sqlite: the outcome of the commit is unknown")
	// ErrFailed says that the writer stopped after an error whose outcome it could not know. Nothing was committed.
	// After a failed sync the kernel may have dropped the pages, so a later success would prove nothing: open again.
	ErrFailed = errors.New("sqlite: the store has stopped writing")
)

// mapped puts a sentinel of this package in front of SQLite's error.
func mapped(err error) error {
	var native sqlite3.Error
	if !errors.As(err, &native) {
		return err
	}
	for _, known := range []error{ErrDiskFull, ErrCorrupt, ErrConstraint} {
		if errors.Is(err, known) {
			return err
		}
	}
	switch native.Code {
	case sqlite3.ErrFull:
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	case sqlite3.ErrConstraint:
		return fmt.Errorf("%w: %w", ErrConstraint, err)
	}
	return err
}

// certainlyNotCommitted tells whether a failed COMMIT left nothing on the disk that a recovery could take for a
// commit. A full disk refuses the last frame of the log, and BUSY and CONSTRAINT come before the first: without its
// last frame a transaction is never recovered. An I/O error may have come after that frame.
func certainlyNotCommitted(err error) bool {
	var native sqlite3.Error
	if !errors.As(err, &native) {
		return false
	}
	switch native.Code {
	case sqlite3.ErrFull, sqlite3.ErrBusy, sqlite3.ErrConstraint:
		return true
	}
	return false
}

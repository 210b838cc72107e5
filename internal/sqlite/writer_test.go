package sqlite

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/mattn/go-sqlite3"
)

func openForTest(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{
		Path:          filepath.Join(t.TempDir(), "store.db"),
		ApplicationID: 1,
		Migrations:    []string{"CREATE TABLE t (a INTEGER)"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func insert(tx *Tx) error {
	_, err := tx.Exec("INSERT INTO t (a) VALUES (1)")
	return err
}

func TestI4_APragmaThatDoesNotTakeEffectRefusesToOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if err := createFile(path); err != nil {
		t.Fatal(err)
	}
	tests := map[string]pragma{
		"misspelt, which SQLite ignores": {"synchronus", "FULL", "2"},
		"another value than asked for":   {"synchronous", "NORMAL", "2"},
		"one that SQLite cannot follow":  {"journal_mode", "SIDEWAYS", "sideways"},
	}
	for name, wrong := range tests {
		t.Run(name, func(t *testing.T) {
			pool := openPool(path, "rw", append(writerPragmas[:len(writerPragmas):len(writerPragmas)], wrong), 1)
			defer pool.Close()
			if _, err := pool.Conn(t.Context()); !errors.Is(err, ErrPragma) {
				t.Fatalf("%v, want ErrPragma", err)
			}
		})
	}
}

func TestI4_TheWriterSyncsEachCommit(t *testing.T) {
	db := openForTest(t)
	err := db.Commit(t.Context(), func(tx *Tx) error {
		for name, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
		} {
			var got string
			if err := tx.QueryRow("PRAGMA " + name).Scan(&got); err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestI4_AFailedSyncIsAnUnknownOutcomeAndStopsTheStore(t *testing.T) {
	db := openForTest(t)
	db.writer.commit = func() error { return sqlite3.Error{Code: sqlite3.ErrIoErr} }
	if err := db.Commit(t.Context(), insert); !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("%v, want ErrOutcomeUnknown", err)
	}
	db.writer.commit = nil // not reached any more
	err := db.Commit(t.Context(), insert)
	if !errors.Is(err, ErrFailed) || errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("%v, want ErrFailed", err)
	}
}

func TestACommitThatCertainlyFailedLeavesTheStoreUsable(t *testing.T) {
	db := openForTest(t)
	commit := db.writer.commit
	db.writer.commit = func() error { return sqlite3.Error{Code: sqlite3.ErrFull} }
	err := db.Commit(t.Context(), insert)
	if !errors.Is(err, ErrDiskFull) || errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("%v, want ErrDiskFull", err)
	}
	db.writer.commit = commit
	if err := db.Commit(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	var rows int
	err = db.Read(t.Context(), func(q Queryer) error { return q.QueryRow("SELECT count(*) FROM t").Scan(&rows) })
	if err != nil || rows != 1 {
		t.Fatalf("%d rows, %v; want 1", rows, err)
	}
}

func TestAFunctionThatEndsItsGoroutineHangsNobody(t *testing.T) {
	db := openForTest(t)
	if err := db.Commit(t.Context(), func(*Tx) error { runtime.Goexit(); return nil }); !errors.Is(err, ErrFailed) {
		t.Fatalf("%v, want ErrFailed", err)
	}
	if err := db.Commit(t.Context(), insert); !errors.Is(err, ErrFailed) {
		t.Fatalf("%v, want ErrFailed", err)
	}
}

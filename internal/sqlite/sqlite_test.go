package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"joulepay/internal/sqlite"
)

const applicationID = 0x4a507431

var counters = []string{
	"CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL CHECK (value >= 0)) STRICT, WITHOUT ROWID",
}

func optionsIn(folder string) sqlite.Options {
	return sqlite.Options{Path: filepath.Join(folder, "store.db"), ApplicationID: applicationID, Migrations: counters}
}

func open(t testing.TB, options sqlite.Options) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), options)
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

func put(name string, value int) func(*sqlite.Tx) error {
	return func(tx *sqlite.Tx) error {
		_, err := tx.Exec("INSERT INTO counter (name, value) VALUES (?, ?)", name, value)
		return err
	}
}

func names(t testing.TB, db *sqlite.DB) string {
	t.Helper()
	var all []string
	err := db.Read(t.Context(), func(q sqlite.Queryer) error {
		rows, err := q.Query("SELECT name FROM counter ORDER BY name")
		if err != nil {
			return err
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			all = append(all, name)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestWhatIsCommittedIsReadAndSurvivesReopening(t *testing.T) {
	options := optionsIn(filepath.Join(t.TempDir(), "made", "on the way #?%"))
	db := open(t, options)
	if err := db.Commit(t.Context(), put("a", 1)); err != nil {
		t.Fatal(err)
	}
	if got := names(t, db); got != "a" {
		t.Fatalf("read %q", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, options)
	if got := names(t, db); got != "a" {
		t.Fatalf("after reopening: %q", got)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestTheFilesAreForThisUserOnly(t *testing.T) {
	options := optionsIn(filepath.Join(t.TempDir(), "data"))
	db := open(t, options)
	if err := db.Commit(t.Context(), put("a", 1)); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(options.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", info.Name(), info.Mode())
		}
	}
}

func TestAFailingCallerFailsAlone(t *testing.T) {
	db := open(t, optionsIn(t.TempDir()))
	refusal := errors.New("refused")
	// The first function holds the writer until all three wait behind it: they share its batch.
	started, full := make(chan struct{}), make(chan struct{})
	first := db.CommitAsync(t.Context(), func(tx *sqlite.Tx) error {
		close(started)
		<-full
		return put("first", 1)(tx)
	})
	<-started
	refused := db.CommitAsync(t.Context(), func(tx *sqlite.Tx) error {
		if err := put("refused", 1)(tx); err != nil {
			return err
		}
		return refusal
	})
	negative := db.CommitAsync(t.Context(), func(tx *sqlite.Tx) error {
		if err := put("half", 1)(tx); err != nil {
			return err
		}
		return put("negative", -1)(tx)
	})
	last := db.CommitAsync(t.Context(), func(tx *sqlite.Tx) error {
		var seen int
		if err := tx.QueryRow("SELECT count(*) FROM counter").Scan(&seen); err != nil {
			return err
		}
		return put(fmt.Sprintf("last saw %d", seen), 1)(tx)
	})
	close(full)
	if err := <-first; err != nil {
		t.Errorf("first: %v", err)
	}
	if err := <-refused; !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	if err := <-negative; !errors.Is(err, sqlite.ErrConstraint) {
		t.Errorf("negative: %v, want ErrConstraint", err)
	}
	if err := <-last; err != nil {
		t.Errorf("last: %v", err)
	}
	if got := names(t, db); got != "first last saw 1" {
		t.Errorf("committed %q", got)
	}
	if stats := db.Stats(); stats != (sqlite.Stats{Requests: 4, Commits: 1}) {
		t.Errorf("%+v, want 4 requests in 1 commit", stats)
	}
}

func TestConcurrentCallersEachGetTheirOwnCommit(t *testing.T) {
	db := open(t, optionsIn(t.TempDir()))
	const callers, each = 64, 20
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			for i := range each {
				if err := db.Commit(t.Context(), put(fmt.Sprintf("%d/%d", c, i), i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if got := len(strings.Fields(names(t, db))); got != callers*each {
		t.Errorf("%d rows, want %d", got, callers*each)
	}
	if stats := db.Stats(); stats.Requests != callers*each || stats.Commits >= stats.Requests {
		t.Errorf("%+v: callers did not share commits", stats)
	}
}

func TestAContextWithdrawsWhatWaits(t *testing.T) {
	db := open(t, optionsIn(t.TempDir()))
	started, release := make(chan struct{}), make(chan struct{})
	first := db.CommitAsync(t.Context(), func(tx *sqlite.Tx) error {
		close(started)
		<-release
		return nil
	})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() { waiting <- db.Commit(ctx, put("withdrawn", 1)) }()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting: %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := db.Commit(t.Context(), put("next", 1)); err != nil {
		t.Error(err)
	}
	if got := names(t, db); got != "next" {
		t.Errorf("committed %q", got)
	}
}

func TestCloseCommitsWhatIsQueuedAndRefusesTheRest(t *testing.T) {
	options := optionsIn(t.TempDir())
	db := open(t, options)
	var answers []<-chan error
	for i := range 100 {
		answers = append(answers, db.CommitAsync(t.Context(), put(fmt.Sprintf("%03d", i), i)))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, answer := range answers {
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
	if err := db.Commit(t.Context(), put("late", 1)); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	if err := db.Read(t.Context(), func(sqlite.Queryer) error { return nil }); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	if got := len(strings.Fields(names(t, open(t, options)))); got != 100 {
		t.Errorf("%d rows, want 100", got)
	}
}

func TestASecondWriterIsRefusedAndAReaderIsNot(t *testing.T) {
	options := optionsIn(t.TempDir())
	db := open(t, options)
	if _, err := sqlite.Open(t.Context(), options); !errors.Is(err, sqlite.ErrLocked) {
		t.Fatalf("second writer: %v, want ErrLocked", err)
	}
	if err := db.Commit(t.Context(), put("a", 1)); err != nil {
		t.Fatal(err)
	}
	options.ReadOnly = true
	reader := open(t, options)
	if got := names(t, reader); got != "a" {
		t.Errorf("the reader sees %q", got)
	}
	if err := reader.Commit(t.Context(), put("b", 1)); !errors.Is(err, sqlite.ErrReadOnly) {
		t.Errorf("commit through a reader: %v, want ErrReadOnly", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, open(t, options)); got != "a" {
		t.Errorf("a reader without a writer sees %q", got)
	}
}

func TestAReadSeesOneState(t *testing.T) {
	db := open(t, optionsIn(t.TempDir()))
	count := func(q sqlite.Queryer) (n int) {
		if err := q.QueryRow("SELECT count(*) FROM counter").Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	err := db.Read(t.Context(), func(q sqlite.Queryer) error {
		before := count(q)
		if err := db.Commit(t.Context(), put("a", 1)); err != nil {
			return err
		}
		if after := count(q); after != before {
			t.Errorf("the snapshot moved from %d to %d", before, after)
		}
		err := q.QueryRow("SELECT value FROM counter WHERE name = ?", "none").Scan(new(int))
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("no row: %v", err)
		}
		if _, err := q.Query("INSERT INTO counter (name, value) VALUES ('x', 1) RETURNING value"); err == nil {
			t.Error("a reader wrote")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestATransactionEndsWithItsFunction(t *testing.T) {
	db := open(t, optionsIn(t.TempDir()))
	var kept *sqlite.Tx
	if err := db.Commit(t.Context(), func(tx *sqlite.Tx) error { kept = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := put("late", 1)(kept); !errors.Is(err, sqlite.ErrTxDone) {
		t.Errorf("%v, want ErrTxDone", err)
	}
}

func TestRowsLeftOpenDoNotDisturbTheNext(t *testing.T) {
	db := open(t, optionsIn(t.TempDir()))
	for _, name := range []string{"a", "b", "c"} {
		if err := db.Commit(t.Context(), put(name, 1)); err != nil {
			t.Fatal(err)
		}
	}
	err := db.Commit(t.Context(), func(tx *sqlite.Tx) error {
		outer, err := tx.Query("SELECT name FROM counter ORDER BY name")
		if err != nil {
			return err
		}
		outer.Next()
		inner, err := tx.Query("SELECT name FROM counter ORDER BY name") // the same statement while it is in use
		if err != nil {
			return err
		}
		inner.Next()
		seen := 1
		for outer.Next() {
			seen++
		}
		if seen != 3 {
			t.Errorf("the outer rows ended after %d", seen)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Commit(t.Context(), put("d", 1)); err != nil {
		t.Fatal(err)
	}
}

func TestCloseWaitsForReads(t *testing.T) {
	db := open(t, optionsIn(t.TempDir()))
	closed := make(chan error, 1)
	var reading atomic.Bool
	err := db.Read(t.Context(), func(q sqlite.Queryer) error {
		reading.Store(true)
		defer reading.Store(false)
		go func() {
			err := db.Close()
			if reading.Load() {
				err = errors.New("closed under a reader")
			}
			closed <- err
		}()
		for !errors.Is(db.Commit(t.Context(), put("a", 1)), sqlite.ErrClosed) {
		}
		for range 1000 {
			if err := q.QueryRow("SELECT count(*) FROM counter").Scan(new(int)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, <-closed); err != nil {
		t.Fatal(err)
	}
}

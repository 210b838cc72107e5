package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"joulepay/internal/sqlite"
)

// childFolder tells this test binary that it is the child that writes and kills itself.
const childFolder = "JOULEPAY_TEST_SQLITE_CHILD"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		commitAndDie(folder)
	}
	os.Exit(m.Run())
}

const (
	childCallers = 8
	killAfter    = 60 // acknowledged commits
)

// commitAndDie acknowledges each durable commit on stdout, and kills its own process in the midst of more.
func commitAndDie(folder string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	options := optionsIn(folder)
	db, err := sqlite.Open(context.Background(), options)
	if err != nil {
		fail(err)
	}
	var mu sync.Mutex
	acknowledged := 0
	for c := range childCallers {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), c, i)
				if err := db.Commit(context.Background(), put(name, i)); err != nil {
					fail(err)
				}
				mu.Lock()
				fmt.Println(name)
				if acknowledged++; acknowledged == killAfter {
					_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestI4_NoAcknowledgedCommitIsLostWhenTheProcessIsKilled(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	var acknowledged []string
	for range 5 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childFolder+"="+folder)
		var errorText strings.Builder
		child.Stderr = &errorText
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			acknowledged = append(acknowledged, lines.Text())
		}
		var exit *exec.ExitError
		if err := child.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the child was not killed: %v %s", err, errorText.String())
		}
	}
	if len(acknowledged) != 5*killAfter {
		t.Fatalf("%d acknowledged, want %d", len(acknowledged), 5*killAfter)
	}
	db := open(t, optionsIn(folder))
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := make(map[string]bool)
	for _, name := range strings.Fields(names(t, db)) {
		kept[name] = true
	}
	for _, name := range acknowledged {
		if !kept[name] {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
}

// fillUntilRefused commits until the store refuses, and gives how many commits it took.
func fillUntilRefused(t *testing.T, db *sqlite.DB) (committed int) {
	t.Helper()
	const commitsMax = 10_000
	for i := range commitsMax {
		err := db.Commit(t.Context(), put(fmt.Sprintf("%05d%s", i, strings.Repeat("x", 4000)), i))
		if errors.Is(err, sqlite.ErrDiskFull) && !errors.Is(err, sqlite.ErrOutcomeUnknown) {
			return i
		}
		if err != nil {
			t.Fatalf("commit %d: %v, want ErrDiskFull", i, err)
		}
	}
	t.Fatal("the disk never filled")
	return 0
}

func checkAfterFull(t *testing.T, db *sqlite.DB, committed int) {
	t.Helper()
	if got := len(strings.Fields(names(t, db))); got != committed {
		t.Errorf("%d rows, want the %d that were committed", got, committed)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAFullDatabaseRefusesAndKeepsWhatItHas(t *testing.T) {
	options := optionsIn(t.TempDir())
	db := open(t, options)
	limit := func(pages int) {
		err := db.Commit(t.Context(), func(tx *sqlite.Tx) error {
			_, err := tx.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", pages))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(50)
	committed := fillUntilRefused(t, db)
	checkAfterFull(t, db, committed)

	// A function that overlooks the error cannot go on outside its transaction.
	err := db.Commit(t.Context(), func(tx *sqlite.Tx) error {
		for i := range 10 {
			_ = put(fmt.Sprintf("overlooked%d%s", i, strings.Repeat("x", 4000)), i)(tx)
		}
		_, _ = tx.Exec("UPDATE counter SET value = 0") // needs no room
		return nil
	})
	if !errors.Is(err, sqlite.ErrDiskFull) {
		t.Errorf("overlooked: %v, want ErrDiskFull", err)
	}
	checkAfterFull(t, db, committed)
	var last int
	err = db.Read(t.Context(), func(q sqlite.Queryer) error {
		return q.QueryRow("SELECT max(value) FROM counter").Scan(&last)
	})
	if err != nil || last != committed-1 {
		t.Errorf("a statement escaped its transaction: %d, want %d (%v)", last, committed-1, err)
	}

	// Whoever shares the transaction that is given up hears of it, and whoever comes later gets the next one.
	started, full := make(chan struct{}), make(chan struct{})
	before := db.CommitAsync(t.Context(), func(tx *sqlite.Tx) error {
		close(started)
		<-full
		_, err := tx.Exec("UPDATE counter SET value = 0")
		return err
	})
	<-started
	filling := db.CommitAsync(t.Context(), put("filling"+strings.Repeat("x", 40_000), 1))
	after := db.CommitAsync(t.Context(), func(*sqlite.Tx) error { return nil })
	close(full)
	for name, answer := range map[string]<-chan error{"before": before, "filling": filling} {
		if err := <-answer; !errors.Is(err, sqlite.ErrDiskFull) {
			t.Errorf("%s: %v, want ErrDiskFull", name, err)
		}
	}
	if err := <-after; err != nil {
		t.Errorf("after: %v", err)
	}

	limit(1000)
	if err := db.Commit(t.Context(), put("room again", 1)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestAFullDiskRefusesAndKeepsWhatItHas(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	}()
	options := optionsIn(folder)
	db := open(t, options)
	committed := fillUntilRefused(t, db)
	checkAfterFull(t, db, committed)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, options)
	checkAfterFull(t, db, committed)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

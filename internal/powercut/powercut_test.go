package powercut_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"joulepay/internal/campaign"
	"joulepay/internal/powercut"
)

// childFolder tells this test binary that it is the child that writes; childSynchronous is SQLite's PRAGMA.
const (
	childFolder      = "JOULEPAY_TEST_POWERCUT_CHILD"
	childSynchronous = "JOULEPAY_TEST_POWERCUT_SYNCHRONOUS"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		if err := write(folder, os.Getenv(childSynchronous)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// rows is how many rows the child commits, each in its own transaction. SQLite carries its log over into the database
// some times on the way.
const (
	rows            = 120
	rowSize         = 4_000
	checkpointPages = 50
)

func openDatabase(folder, synchronous string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", filepath.Join(folder, "rows.db")+"?_journal_mode=WAL&_synchronous="+synchronous)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// write commits rows, and marks each when its commit returned. It says so on stdout, and ends when stdin does.
func write(folder, synchronous string) error {
	db, err := openDatabase(folder, synchronous)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx := context.Background()
	if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint=%d", checkpointPages)); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS row (n INTEGER PRIMARY KEY, filler BLOB)"); err != nil {
		return err
	}
	var done int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM row").Scan(&done); err != nil {
		return err
	}
	for n := done; n < done+rows; n++ {
		if _, err := db.ExecContext(ctx, "INSERT INTO row VALUES (?, ?)", n, bytes.Repeat([]byte{byte(n)}, rowSize)); err != nil {
			return err
		}
		if err := powercut.Mark(strconv.Itoa(n)); err != nil {
			return err
		}
	}
	fmt.Println("written")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return nil
}

// record runs the child under the shim, and lets it end or kills it.
func record(t *testing.T, shim, folder, log, synchronous string, kill bool) *powercut.Log {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFolder+"="+folder, childSynchronous+"="+synchronous)
	cmd.Env = append(cmd.Env, powercut.Env(t, shim, folder, log)...)
	var errorText strings.Builder
	cmd.Stderr = &errorText
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "written\n" {
		t.Errorf("the child said %q, %v", line, err)
	}
	if kill {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed, as it should be
	} else {
		if err := input.Close(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("the child: %v %s", err, errorText.String())
		}
	}
	read, err := powercut.Read(log)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestASizeOfTheLogIsAMomentAfterAllThatItTells(t *testing.T) {
	folder, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	recorded := record(t, powercut.Build(t), folder, log, "FULL", true)
	info, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	if first, half, all := recorded.AtSize(0), recorded.AtSize(info.Size()/2), recorded.AtSize(info.Size()); first != 0 || all != recorded.Len() ||
		half <= first || half >= all || recorded.AtSize(info.Size()-1) != all-1 {
		t.Errorf("moments %d, %d and %d of %d", first, half, all, recorded.Len())
	}
}

func filesBelow(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "-shm") {
			return err
		}
		files[name], err = os.ReadFile(filepath.Join(folder, name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTheRecordTellsAllThatSQLiteDid(t *testing.T) {
	shim := powercut.Build(t)
	folder, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	for i, kill := range []bool{false, true, true, false} {
		recorded := record(t, shim, folder, log, "FULL", kill)
		into := t.TempDir()
		if err := recorded.Rebuild(powercut.Moment{At: recorded.Len(), Seed: powercut.AllUnsynced}, folder, into); err != nil {
			t.Fatal(err)
		}
		want, got := filesBelow(t, folder), filesBelow(t, into)
		if len(got) != len(want) {
			t.Errorf("run %d: %d files, want %d", i, len(got), len(want))
		}
		for name, content := range want {
			if !bytes.Equal(got[name], content) {
				t.Errorf("run %d: %s has %d bytes, in truth %d, or others", i, name, len(got[name]), len(content))
			}
		}
		if writes, syncs := recorded.Count(); writes < rows || syncs < rows {
			t.Errorf("run %d: %d writes and %d syncs recorded", i, writes, syncs)
		}
	}
}

// stored opens a rebuilt database and gives how many rows it has; damage is an error.
func stored(t *testing.T, folder string) (count int, err error) {
	t.Helper()
	db, err := openDatabase(folder, "FULL")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var tables int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		return 0, fmt.Errorf("damaged: %s %w", verdict, err)
	}
	err = db.QueryRowContext(t.Context(), "SELECT count(*) FROM row").Scan(&count)
	return count, err
}

// losses cuts the power at moments spread over the record, and tells those after which a marked row was missing.
func losses(t *testing.T, recorded *powercut.Log, folder string, moments int) (lost []string) {
	t.Helper()
	marks := recorded.Marks()
	for i := range moments {
		moment := powercut.Moment{At: recorded.Len() * i / moments, Seed: uint64(i) % 5}
		into := t.TempDir()
		if err := recorded.Rebuild(moment, folder, into); err != nil {
			t.Fatal(err)
		}
		want := 0
		for want < len(marks) && marks[want].At <= moment.At {
			want++
		}
		if got, err := stored(t, into); err != nil || got < want {
			lost = append(lost, fmt.Sprintf("%s: %d rows of %d, %v", moment, got, want, err))
		}
		if err := os.RemoveAll(into); err != nil {
			t.Fatal(err)
		}
	}
	return lost
}

func TestSQLiteLosesNothingWhenItSyncsAndTheTestSeesItWhenItDoesNot(t *testing.T) {
	shim := powercut.Build(t)
	run := campaign.New(t)
	moments := run.Size("sqlite_power_cuts", 50)
	folder := t.TempDir()
	recorded := record(t, shim, folder, filepath.Join(t.TempDir(), "log"), "FULL", true)
	for _, lost := range losses(t, recorded, folder, moments) {
		t.Error(lost)
	}

	ignored := losses(t, recorded.WithoutSyncs(), folder, moments)
	run.Count("losses when the disk ignores syncs", len(ignored))
	folder = t.TempDir()
	unsynced := record(t, shim, folder, filepath.Join(t.TempDir(), "log"), "OFF", true)
	off := losses(t, unsynced, folder, moments)
	run.Count("losses with synchronous=OFF", len(off))
	if len(ignored) == 0 || len(off) == 0 {
		t.Error("a test that finds nothing without syncs finds nothing")
	}
}

package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"joulepay/internal/filelock"
)

func TestALockIsHeldOnceAndNamesItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.lock")
	lock, err := filelock.Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = filelock.Acquire(path)
	if !errors.Is(err, filelock.ErrHeld) {
		t.Fatalf("second Acquire: %v, want ErrHeld", err)
	}
	if !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("%q does not name process %d", err, os.Getpid())
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Errorf("second Release: %v", err)
	}
	again, err := filelock.Acquire(path)
	if err != nil {
		t.Fatalf("Acquire after Release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestForeignTextInALockFileIsHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.lock")
	if err := os.WriteFile(path, []byte("not a process id, and long enough to be cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := filelock.Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

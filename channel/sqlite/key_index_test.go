package sqlite_test

import (
	"errors"
	"path/filepath"
	"testing"

	"joulepay/channel/sqlite"
	"joulepay/channel/store"
)

// A wallet that was restored from its words has an empty store, and channels that were opened with keys of the one before:
// wherever the indices begin, they begin there once, and go on from there.
func TestKeyIndicesBeginWhereANewStoreIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.db")
	next := func(first, want uint32) {
		t.Helper()
		s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, KeyIndexFirst: first})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.NextKeyIndex(t.Context()); err != nil || got != want {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	next(1_000_000, 1_000_000)
	next(7, 1_000_001)
	next(0, 1_000_002)
	path = filepath.Join(t.TempDir(), "sessions.db")
	next(0, 1)
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Path: path + "2", KeyIndexFirst: sqlite.KeyIndexFirstMax + 1}); !errors.Is(err, store.ErrKeysUsedUp) {
		t.Errorf("got %v", err)
	}
}

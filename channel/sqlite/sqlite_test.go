package sqlite_test

import (
	"path/filepath"
	"testing"

	"joulepay/channel/sqlite"
	"joulepay/channel/store"
	"joulepay/channel/store/storetest"
)

func optionsIn(folder string) sqlite.Options {
	return sqlite.Options{Path: filepath.Join(folder, "sessions.db")}
}

func open(t testing.TB, options sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestI4_SQLiteKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, optionsIn(t.TempDir())) })
}

func TestI4_SQLiteKeepsTheContractAcrossReopening(t *testing.T) {
	storetest.RunDurable(t, func(t *testing.T, folder string) store.Store {
		s, err := sqlite.Open(t.Context(), optionsIn(folder))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

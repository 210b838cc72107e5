package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"joulepay/internal/campaign"
	engine "joulepay/internal/sqlite"
	"joulepay/settle/sqlite"
	"joulepay/settle/store"
	"joulepay/settle/store/storetest"
)

func open(t testing.TB, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	histories := campaign.New(t).Size("store_histories", 6)
	paths := map[store.Store]string{}
	storetest.Run(t, histories, func(t testing.TB) store.Store {
		path := filepath.Join(t.TempDir(), "ledger.db")
		s := open(t, path)
		paths[s] = path
		t.Cleanup(func() { _ = s.Close() })
		return s
	}, func(t testing.TB, s store.Store) store.Store {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(t, paths[s])
		paths[again] = paths[s]
		t.Cleanup(func() { _ = again.Close() })
		return again
	})
}

func TestAnotherKindOfFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	other, err := engine.Open(context.Background(), engine.Options{Path: path, ApplicationID: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Path: path}); !errors.Is(err, engine.ErrForeign) {
		t.Error(err)
	}
}

func TestOneWriterAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Path: path}); !errors.Is(err, engine.ErrLocked) {
		t.Error(err)
	}
}

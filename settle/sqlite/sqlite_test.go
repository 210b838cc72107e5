package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/sqlite"
	"joulepay/settle/store"
)

// What a store does with content is tested by settle/node, which fills one as a ledger does.

func TestEmptyStoreSaysSo(t *testing.T) {
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, s := range map[string]store.Store{"file": s, "twin": store.NewMemory()} {
		ctx := t.Context()
		if _, err := s.Load(ctx); !errors.Is(err, store.ErrEmpty) {
			t.Errorf("%s: load: %v", name, err)
		}
		if _, _, err := s.Slot(ctx, settle.TotalsKey()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: slot: %v", name, err)
		}
		if _, err := s.Vertex(ctx, settle.VertexID{1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: vertex: %v", name, err)
		}
		if _, err := s.Covering(ctx, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: covering: %v", name, err)
		}
		if list, err := s.Vertices(ctx, store.VertexQuery{Page: store.Page{Limit: 5}}); err != nil || len(list) != 0 {
			t.Errorf("%s: vertices: %v, %v", name, list, err)
		}
	}
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

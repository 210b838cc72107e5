package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

func TestWorkTellsHowLongCommitsTook(t *testing.T) {
	db, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "work.db"), ApplicationID: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const commits = 3
	for range commits {
		if err := db.Commit(context.Background(), func(*Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	w := db.Work()
	if w.Commits != commits || w.Seconds <= 0 || len(w.Within) != len(commitBounds) {
		t.Errorf("%+v", w)
	}
}

func TestTimesOfCommitsAreCountedInClasses(t *testing.T) {
	w := &writer{}
	for _, took := range []time.Duration{time.Microsecond, time.Millisecond, 2 * time.Millisecond, time.Hour} {
		w.times.note(took)
	}
	got := (&DB{writer: w}).Work().Within
	if got[0.00025] != 1 || got[0.001] != 2 || got[0.004] != 3 || got[4] != 3 {
		t.Errorf("%v", got)
	}
}

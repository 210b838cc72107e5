package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"joulepay/internal/sqlite"
)

func TestMigrationsApplyOnceAndInOrder(t *testing.T) {
	options := optionsIn(t.TempDir())
	if err := open(t, options).Close(); err != nil {
		t.Fatal(err)
	}
	// Each step needs the one before it, and none can run twice.
	options.Migrations = append(options.Migrations[:1:1],
		"ALTER TABLE counter ADD COLUMN unit TEXT; UPDATE counter SET unit = 'mWh'",
		"ALTER TABLE counter RENAME COLUMN unit TO unit_name",
	)
	for range 2 {
		db := open(t, options)
		err := db.Read(t.Context(), func(q sqlite.Queryer) error {
			rows, err := q.Query("SELECT unit_name FROM counter")
			if err != nil {
				return err
			}
			return rows.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFailingMigrationLeavesTheStepsBeforeIt(t *testing.T) {
	options := optionsIn(t.TempDir())
	good := options.Migrations
	options.Migrations = append(good[:1:1], "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1)")
	if _, err := sqlite.Open(t.Context(), options); err == nil {
		t.Fatal("opened with a failing migration")
	}
	options.Migrations = append(good[:1:1], "CREATE TABLE half (b)") // not there: the failed step was undone
	if err := open(t, options).Commit(t.Context(), put("a", 1)); err != nil {
		t.Fatal(err)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(t *testing.T, options *sqlite.Options)
		refuse error
	}{
		{"a newer store", func(_ *testing.T, o *sqlite.Options) { o.Migrations = nil }, sqlite.ErrNewer},
		{"another kind of store", func(_ *testing.T, o *sqlite.Options) { o.ApplicationID++ }, sqlite.ErrForeign},
		{"not a database", func(t *testing.T, o *sqlite.Options) {
			o.Path = filepath.Join(t.TempDir(), "text.db")
			text := make([]byte, 8192)
			copy(text, "certainly no database")
			if err := os.WriteFile(o.Path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}, sqlite.ErrCorrupt},
		{"an older store, read only", func(_ *testing.T, o *sqlite.Options) {
			o.Migrations = append(o.Migrations[:1:1], "CREATE TABLE later (a)")
			o.ReadOnly = true
		}, sqlite.ErrOlder},
		{"no store, read only", func(t *testing.T, o *sqlite.Options) {
			o.Path = filepath.Join(t.TempDir(), "none.db")
			o.ReadOnly = true
		}, os.ErrNotExist},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			options := optionsIn(t.TempDir())
			if err := open(t, options).Close(); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, &options)
			if _, err := sqlite.Open(t.Context(), options); !errors.Is(err, test.refuse) {
				t.Fatalf("%v, want %v", err, test.refuse)
			}
			if err := open(t, optionsIn(filepath.Dir(options.Path)+"-other")).Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestADamagedPageIsFound(t *testing.T) {
	options := optionsIn(t.TempDir())
	if err := open(t, options).Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(options.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	junk := make([]byte, 4096)
	for i := range junk {
		junk[i] = 0xa5
	}
	if _, err := file.WriteAt(junk, 4096); err != nil { // the root page of the only table
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	db := open(t, options)
	if err := db.Check(t.Context()); !errors.Is(err, sqlite.ErrCorrupt) {
		t.Errorf("Check: %v, want ErrCorrupt", err)
	}
	if err := db.Commit(t.Context(), put("a", 1)); !errors.Is(err, sqlite.ErrCorrupt) {
		t.Errorf("Commit: %v, want ErrCorrupt", err)
	}
}

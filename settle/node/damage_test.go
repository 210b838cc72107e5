package node_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"joulepay/internal/campaign"
	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/node"
	"joulepay/settle/sqlite"
	"joulepay/settle/store"
)

// storedLedger gives the file of a ledger that did a little of everything, and has stopped.
func storedLedger(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	net := newNetwork(t, smallWindow())
	net.store = openSQLite(t, path)
	busyLedger(t, net)
	if err := net.store.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// found is all that a ledger says of its state and its log.
type found struct {
	loaded  string
	slots   map[settle.SlotKey]string
	entries []string
}

// look starts from a file as a node does, and reads all of it.
func look(t *testing.T, raw []byte, keys map[settle.SlotKey]string) (f found, err error) {
	t.Helper()
	folder, err := os.MkdirTemp(t.TempDir(), "damaged")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "ledger.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		return f, err
	}
	defer s.Close()
	stored, err := s.Load(ctx)
	if err != nil {
		return f, err
	}
	if _, err := node.LoadCore(stored, time.Now(), node.CoreOptions{}); err != nil {
		return f, err
	}
	f.loaded, f.slots = normal(stored), map[settle.SlotKey]string{}
	if keys == nil {
		keys = map[settle.SlotKey]string{}
		for _, slot := range stored.Snapshot.Slots {
			keys[slot.Key] = ""
		}
	}
	for key := range keys {
		content, height, err := s.Slot(ctx, key)
		if err != nil {
			return f, err
		}
		f.slots[key] = fmt.Sprintf("%x at %d", content, height)
	}
	return f, s.Entries(ctx, 0, func(e store.Entry) error {
		f.entries = append(f.entries, fmt.Sprintf("%+v", e))
		return nil
	})
}

// known tells whether an error says what is wrong with the file.
func known(err error) bool {
	for _, target := range []error{dag.ErrCorrupt, engine.ErrCorrupt, engine.ErrForeign, engine.ErrNewer, engine.ErrPragma} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func TestAFlippedBitInTheFileIsFoundOrChangesNothing(t *testing.T) {
	raw := storedLedger(t)
	want, err := look(t, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	run := campaign.New(t)
	random := rand.New(rand.NewPCG(uint64(run.Size("damage_seed", 1)), 1))
	refused, harmless := 0, 0
	for range run.Size("damage_flips", 150) {
		at, bit := random.IntN(len(raw)), random.IntN(8)
		raw[at] ^= 1 << bit
		got, err := look(t, raw, want.slots)
		raw[at] ^= 1 << bit
		switch {
		case err != nil && !known(err):
			t.Errorf("bit %d of byte %d: an error that does not say what is wrong: %v", bit, at, err)
		case err != nil:
			refused++
		case got.loaded != want.loaded || fmt.Sprint(got.slots) != fmt.Sprint(want.slots) || !slices.Equal(got.entries, want.entries):
			t.Errorf("bit %d of byte %d: another ledger, and no error", bit, at)
		default:
			harmless++ // in a look-up, or where nothing is stored
		}
	}
	run.Count("refused", refused)
	run.Count("harmless", harmless)
	if refused == 0 {
		t.Error("no flip hit anything")
	}
}

func TestATruncatedFileIsRefused(t *testing.T) {
	raw := storedLedger(t)
	for n := len(raw) - 1; n > 0; n -= 1 + len(raw)/40 {
		if _, err := look(t, raw[:n], nil); !known(err) {
			t.Errorf("%d of %d bytes: %v", n, len(raw), err)
		}
	}
}

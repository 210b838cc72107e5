package powercut

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

const seeds = 200 // enough for every fate of the few changes in these tests

// fates gives what each seed makes of one file when the power fails after all events; nil when it is not there.
func fates(t *testing.T, name string, events ...event) [][]byte {
	t.Helper()
	l := &Log{events: events}
	var all [][]byte
	for seed := range uint64(seeds) {
		found, err := l.found(Moment{At: l.Len(), Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		var content []byte
		if f := found[name]; f != nil {
			content = append([]byte{}, f.content...)
		}
		all = append(all, content)
	}
	return all
}

// expectFates checks that each of the contents wanted came, and no other.
func expectFates(t *testing.T, got [][]byte, want ...[]byte) {
	t.Helper()
	came := make([]bool, len(want))
next:
	for _, content := range got {
		for i, w := range want {
			if bytes.Equal(content, w) && (content == nil) == (w == nil) {
				came[i] = true
				continue next
			}
		}
		t.Fatalf("came to %d bytes %.20x…, which is not possible", len(content), content)
	}
	for i, c := range came {
		if !c {
			t.Errorf("possibility %d never came", i)
		}
	}
}

func openedWith(inode uint64, path string, flags uint64, content []byte) event {
	return event{kind: opened, inode: inode, path: path, offset: flags | flagWithContent, extra: 0o600, data: content}
}

func writes(inode, offset uint64, data []byte) event {
	return event{kind: written, inode: inode, offset: offset, data: data}
}

func syncs(number, inode uint64) []event {
	return []event{{kind: syncBegins, inode: inode, extra: number}, {kind: syncEnds, inode: inode, extra: number}}
}

func syncsFolder(number uint64) []event {
	return []event{
		{kind: syncBegins, path: ".", offset: flagDirectory, extra: number},
		{kind: syncEnds, path: ".", offset: flagDirectory, extra: number},
	}
}

func sectors(marks ...byte) []byte {
	var b []byte
	for _, m := range marks {
		b = append(b, bytes.Repeat([]byte{m}, sectorSize)...)
	}
	return b
}

func TestWhatWasSyncedIsThereWhateverTheSeed(t *testing.T) {
	events := []event{openedWith(1, "f", 0, []byte("before")), writes(1, 0, []byte("BE")), writes(1, 6, []byte(" and after"))}
	expectFates(t, fates(t, "f", append(events, syncs(1, 1)...)...), []byte("BEfore and after"))
}

func TestAWriteWithoutSyncIsThereOrNotOrTornBetweenSectors(t *testing.T) {
	events := []event{openedWith(1, "f", 0, sectors(0, 0)), writes(1, 0, sectors(1, 1))}
	expectFates(t, fates(t, "f", events...), sectors(0, 0), sectors(1, 0), sectors(0, 1), sectors(1, 1))
	short := []event{openedWith(1, "f", 0, sectors(0)), writes(1, 10, []byte("within one sector"))}
	whole := sectors(0)
	copy(whole[10:], "within one sector")
	expectFates(t, fates(t, "f", short...), sectors(0), whole)
}

func TestLaterWritesMayBeThereWithoutEarlierOnes(t *testing.T) {
	events := []event{openedWith(1, "f", 0, sectors(0, 0)), writes(1, 0, sectors(1)), writes(1, sectorSize, sectors(2))}
	expectFates(t, fates(t, "f", events...), sectors(0, 0), sectors(1, 0), sectors(0, 2), sectors(1, 2))
}

func TestASyncCoversOnlyWhatWasWrittenBeforeItBegan(t *testing.T) {
	s := syncs(1, 1)
	events := []event{openedWith(1, "f", 0, sectors(0, 0)), writes(1, 0, sectors(1)), s[0], writes(1, sectorSize, sectors(2)), s[1]}
	expectFates(t, fates(t, "f", events...), sectors(1, 0), sectors(1, 2))

	other := syncs(2, 1) // a second sync, which began later and ended sooner
	events = []event{
		openedWith(1, "f", 0, sectors(0, 0)), writes(1, 0, sectors(1)), s[0], writes(1, sectorSize, sectors(2)),
		other[0], other[1], s[1], writes(1, 0, sectors(3)),
	}
	expectFates(t, fates(t, "f", events...), sectors(1, 2), sectors(3, 2))
}

func TestALengthWithoutSyncIsOldOrNew(t *testing.T) {
	events := []event{openedWith(1, "f", 0, sectors(1, 2)), {kind: truncated, inode: 1, offset: sectorSize}}
	expectFates(t, fates(t, "f", events...), sectors(1, 2), sectors(1))
	events = append(append(events, event{kind: truncated, inode: 1, offset: 2 * sectorSize}), syncs(1, 1)...)
	expectFates(t, fates(t, "f", events...), sectors(1, 0)) // what was cut off does not come back
}

func TestANewNameIsSafeWhenItsFolderIsSynced(t *testing.T) {
	events := append([]event{openedWith(1, "f", flagCreated, nil), writes(1, 0, sectors(1))}, syncs(1, 1)...)
	expectFates(t, fates(t, "f", events...), nil, sectors(1))
	expectFates(t, fates(t, "f", append(events, syncsFolder(2)...)...), sectors(1))
}

func TestRemovalsAndRenamesAreSafeWhenTheirFolderIsSynced(t *testing.T) {
	removed := []event{openedWith(1, "f", 0, sectors(1)), {kind: unlinked, path: "f"}}
	expectFates(t, fates(t, "f", removed...), sectors(1), nil)
	expectFates(t, fates(t, "f", append(removed, syncsFolder(1)...)...), nil)

	moved := []event{openedWith(1, "f", 0, sectors(1)), openedWith(2, "g", 0, sectors(2)), {kind: renamed, path: "f", data: []byte("g")}}
	expectFates(t, fates(t, "g", moved...), sectors(1), sectors(2))
	moved = append(moved, syncsFolder(1)...)
	expectFates(t, fates(t, "g", moved...), sectors(1))
	expectFates(t, fates(t, "f", moved...), nil)

	named := append([]event{openedWith(1, "f", 0, sectors(1)), {kind: linked, path: "f", data: []byte("g")}}, syncsFolder(1)...)
	expectFates(t, fates(t, "f", named...), sectors(1))
	expectFates(t, fates(t, "g", named...), sectors(1))
}

func TestAnInodeThatIsUsedAgainIsAnotherFile(t *testing.T) {
	events := []event{openedWith(1, "f", 0, sectors(1)), {kind: unlinked, path: "f"}}
	events = append(events, syncsFolder(1)...)
	events = append(events, openedWith(1, "g", 0, sectors(2))) // made by Go code, unseen
	expectFates(t, fates(t, "g", events...), sectors(2))
	expectFates(t, fates(t, "f", events...), nil)
}

func TestContentThatALaterProcessFindsCountsAsNotSynced(t *testing.T) {
	events := append([]event{openedWith(1, "f", 0, sectors(0)), writes(1, 0, sectors(1))}, syncs(1, 1)...)
	found := append(events, openedWith(1, "f", 0, sectors(2)))
	expectFates(t, fates(t, "f", found...), sectors(1), sectors(2), []byte{}) // empty: cut to no length, then written
}

func TestFilesThatTheLogDoesNotNameAreCopied(t *testing.T) {
	folder, into := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{"keys/key.json": "secret", "a.db": "now", "a.db-shm": "x"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := &Log{events: []event{openedWith(1, "a.db", 0, []byte("then"))}}
	if err := l.Rebuild(Moment{At: 1}, folder, into); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(into, "keys/key.json"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	if content, err := os.ReadFile(filepath.Join(into, "a.db")); err != nil || string(content) != "then" {
		t.Errorf("a.db: %q, %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(into, "a.db-shm")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("shared memory: %v", err)
	}
	if err := l.Rebuild(Moment{At: 2}, folder, t.TempDir()); err == nil {
		t.Error("rebuilt at a moment beyond the log")
	}
}

func TestALogThatNoShimWroteIsRefused(t *testing.T) {
	huge := make([]byte, headSize)
	binary.NativeEndian.PutUint64(huge, uint64(written))
	binary.NativeEndian.PutUint64(huge[5*8:], 1<<63)
	for name, raw := range map[string][]byte{
		"short": make([]byte, headSize-1), "unknown kind": make([]byte, headSize), "long data": huge,
		"cut off": encodeMark("mark")[:headSize+2],
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); !errors.Is(err, ErrLog) {
			t.Errorf("%s: %v, want ErrLog", name, err)
		}
	}
	for name, e := range map[string]event{
		"write to a file that was not opened": writes(1, 0, nil), "sync that did not begin": {kind: syncEnds},
		"rename of a file that was not opened": {kind: renamed, path: "a", data: []byte("b")},
	} {
		if err := (&Log{events: []event{e}}).Rebuild(Moment{At: 1}, t.TempDir(), t.TempDir()); !errors.Is(err, ErrLog) {
			t.Errorf("%s: %v, want ErrLog", name, err)
		}
	}
}

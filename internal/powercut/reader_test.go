package powercut

import (
	"os"
	"path/filepath"
	"testing"
)

// A file that somebody else made again under a name that was just removed is lost with the power until its folder is
// synced, and kept from then on.
func TestAFileMadeAgainBySomebodyElseIsNotTheRemovedOne(t *testing.T) {
	const folder, removed, again = 1, 2, 3
	log := &Log{events: []event{
		{kind: opened, inode: removed, offset: flagCreated | flagWithContent, extra: 0o600, path: "wal"},
		{kind: syncBegins, inode: folder, offset: flagDirectory, extra: 1, path: "."},
		{kind: syncEnds, inode: folder, offset: flagDirectory, extra: 1, path: "."},
		{kind: unlinked, path: "wal"},
		{kind: opened, inode: again, offset: flagWithContent, extra: 0o600, path: "wal"},
		{kind: written, inode: again, data: []byte("kept")},
		{kind: syncBegins, inode: again, extra: 2, path: "wal"},
		{kind: syncEnds, inode: again, extra: 2, path: "wal"},
		{kind: syncBegins, inode: folder, offset: flagDirectory, extra: 3, path: "."},
		{kind: syncEnds, inode: folder, offset: flagDirectory, extra: 3, path: "."},
	}}
	for _, test := range []struct {
		at   int
		want string
	}{{8, ""}, {10, "kept"}} {
		into := t.TempDir()
		if err := log.Rebuild(Moment{At: test.at, Seed: NothingUnsynced}, t.TempDir(), into); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(into, "wal")); string(got) != test.want {
			t.Errorf("after %d events: %q, %v, want %q", test.at, got, err, test.want)
		}
	}
}

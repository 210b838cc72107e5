package powercut

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// sectorSize is what a disk writes whole or not at all, in bytes. SQLite relies on no more.
const sectorSize = 512

// Seeds with a meaning of their own. Every other seed is a different fate of what was not synced.
const (
	NothingUnsynced uint64 = 0 // only what was synced is there
	AllUnsynced     uint64 = 1 // all writes are there: as after a kill of the process
)

// Moment is when the power fails, and the fate of what was not synced by then.
type Moment struct {
	At   int // so many events have happened: 0 to Log.Len
	Seed uint64
}

func (m Moment) String() string { return fmt.Sprintf("event %d, seed %d", m.At, m.Seed) }

// Rebuild makes, in the empty folder into, the files of a recorded folder as a disk could hold them after the power
// failed. What a sync covered is there. Of later changes to a file some are there, as the seed has it: up to one of
// them, or any of them, each whole or torn between sectors. Of names in a folder that changed since its last sync, those
// up to some change. Files that the log does not name are copied from the folder as they are now.
func (l *Log) Rebuild(m Moment, folder, into string) error {
	found, err := l.found(m)
	if err != nil {
		return err
	}
	if err := l.copyUnnamed(folder, into); err != nil {
		return fmt.Errorf("powercut: %w", err)
	}
	for name, f := range found {
		to := filepath.Join(into, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("powercut: %w", err)
		}
		if err := os.WriteFile(to, f.content, fs.FileMode(f.mode)); err != nil {
			return fmt.Errorf("powercut: %w", err)
		}
	}
	return nil
}

// found gives what is found by name after the power failed. All of its content is safe.
func (l *Log) found(m Moment) (names, error) {
	d, err := l.diskAt(m.At)
	if err != nil {
		return nil, err
	}
	fate := rand.New(rand.NewPCG(m.Seed, uint64(m.At)))
	named := d.survivingNames(m.Seed, fate)
	found, fates := names{}, map[*file]*file{} // a file of two names has one fate
	for _, name := range sortedKeys(named) {
		f := named[name]
		if fates[f] == nil {
			fates[f] = &file{mode: f.mode, content: f.surviving(m.Seed, fate)}
		}
		found[name] = fates[f]
	}
	return found, nil
}

// diskAt gives the disk after so many events. Going forward from the last one asked for costs only the way.
func (l *Log) diskAt(at int) (*disk, error) {
	if at < 0 || at > len(l.events) {
		return nil, fmt.Errorf("powercut: no moment %d among %d", at, len(l.events))
	}
	if l.disk == nil || l.disk.events > at {
		l.disk = newDisk()
	}
	for l.disk.events < at {
		if err := l.disk.apply(l.events[l.disk.events]); err != nil {
			l.disk = nil
			return nil, err
		}
	}
	return l.disk, nil
}

// survivingNames gives the names that are found after the power failed.
func (d *disk) survivingNames(seed uint64, fate *rand.Rand) names {
	byFolder := map[string][]naming{}
	for _, c := range d.pending {
		folder := path.Dir(c.path)
		byFolder[folder] = append(byFolder[folder], c)
	}
	named := names{}
	for name, f := range d.named {
		named[name] = f
	}
	for _, folder := range sortedKeys(byFolder) {
		changes := byFolder[folder]
		for _, c := range changes[:survivors(len(changes), seed, fate)] {
			named.apply(c)
		}
	}
	return named
}

// survivors gives how many of n changes in order are there.
func survivors(n int, seed uint64, fate *rand.Rand) int {
	switch seed {
	case NothingUnsynced:
		return 0
	case AllUnsynced:
		return n
	}
	return fate.IntN(n + 1)
}

// surviving gives the content that is found after the power failed.
func (f *file) surviving(seed uint64, fate *rand.Rand) []byte {
	content := slices.Clone(f.content)
	inOrder := survivors(len(f.changes), seed, fate)
	for _, c := range f.changes[:inOrder] {
		content = c.apply(content)
	}
	if seed == NothingUnsynced || seed == AllUnsynced || inOrder == len(f.changes) {
		return content
	}
	content = f.changes[inOrder].torn(content, fate)
	if fate.IntN(2) == 0 {
		return content
	}
	for _, c := range f.changes[inOrder+1:] { // the disk wrote some of the later ones before
		switch fate.IntN(3) {
		case 0:
			content = c.apply(content)
		case 1:
			content = c.torn(content, fate)
		}
	}
	return content
}

// torn applies some sectors of a write: the first ones, or any.
func (c change) torn(content []byte, fate *rand.Rand) []byte {
	if c.truncate {
		return content
	}
	end := c.offset + uint64(len(c.data))
	inOrder, left := fate.IntN(2) == 0, fate.IntN(len(c.data)/sectorSize+2)
	for start := c.offset; start < end; {
		next := min((start/sectorSize+1)*sectorSize, end)
		if inOrder && left == 0 {
			return content
		}
		if inOrder || fate.IntN(2) == 0 {
			content = change{offset: start, data: c.data[start-c.offset : next-c.offset]}.apply(content)
		}
		start, left = next, left-1
	}
	return content
}

// copyUnnamed copies what only Go code wrote. The shared memory of SQLite's log does not outlive the power.
func (l *Log) copyUnnamed(folder, into string) error {
	known := l.knownPaths()
	return filepath.WalkDir(folder, func(from string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, from)
		if err != nil {
			return err
		}
		to := filepath.Join(into, name)
		if entry.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		if known[filepath.ToSlash(name)] || !entry.Type().IsRegular() || strings.HasSuffix(name, "-shm") {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, content, info.Mode().Perm())
	})
}

// knownPaths gives all names that the whole log tells of.
func (l *Log) knownPaths() map[string]bool {
	known := map[string]bool{}
	for _, e := range l.events {
		switch e.kind {
		case opened, unlinked:
			known[e.path] = true
		case renamed, linked:
			known[e.path], known[string(e.data)] = true, true
		}
	}
	return known
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

package powercut

import (
	"bytes"
	"fmt"
	"path"
	"slices"
)

// disk is what a record says of the files up to some event: what is safe, and what was done since.
type disk struct {
	events int // applied
	files  map[uint64]*file
	named  names // safe
	// pending are creations, renames and removals that no sync of their folder has covered, in order.
	pending []naming
	namings int            // how many there ever were
	syncs   map[uint64]int // syncs under way: up to which change they cover
}

// file is an inode. Its content is safe; the changes after it are not.
type file struct {
	mode    uint64
	content []byte
	changes []change
	dropped int // changes that became part of content
}

// change is a write of data at offset or, without data, a new length.
type change struct {
	offset   uint64
	data     []byte
	truncate bool
}

// names maps paths to files.
type names map[string]*file

// naming is a change of names: of becomes the file at path, and the path from is no more.
type naming struct {
	number int
	path   string
	of     *file  // nil: the path is removed
	from   string // of a rename
}

func (n names) apply(c naming) {
	if c.from != "" {
		delete(n, c.from)
	}
	if c.of == nil {
		delete(n, c.path)
		return
	}
	n[c.path] = c.of
}

func newDisk() *disk {
	return &disk{files: map[uint64]*file{}, named: names{}, syncs: map[uint64]int{}}
}

// apply takes the next event.
func (d *disk) apply(e event) error {
	d.events++
	switch e.kind {
	case opened:
		d.open(e)
	case written:
		return d.change(e, change{offset: e.offset, data: e.data})
	case truncated:
		return d.change(e, change{offset: e.offset, truncate: true})
	case syncBegins:
		d.syncs[e.extra] = d.covers(e)
	case syncEnds:
		covered, ok := d.syncs[e.extra]
		if !ok {
			return fmt.Errorf("%w: a sync ends that did not begin", ErrLog)
		}
		delete(d.syncs, e.extra)
		d.sync(e, covered)
	case renamed, linked, unlinked:
		return d.rename(e)
	}
	return nil
}

// open adds a file that is seen for the first time: created now, or there before. When a later process finds other
// content than the record tells, somebody else wrote it: that counts as written and not synced.
func (d *disk) open(e event) {
	f := d.files[e.inode]
	created := e.offset&flagCreated != 0
	// An inode that a process sees for the first time, under a name that it did not have, is another file.
	isNew := f == nil || created || (e.offset&flagWithContent != 0 && d.now()[e.path] != f)
	if isNew {
		f = &file{mode: e.extra}
		d.files[e.inode] = f
	}
	if e.offset&flagWithContent != 0 {
		f.found(e.data, isNew && !created)
	}
	switch {
	case d.now()[e.path] == f:
	case created, d.unsafe(e.path): // or by somebody whom nobody recorded, after what was recorded last
		d.name(naming{path: e.path, of: f})
	default:
		d.named[e.path] = f
	}
}

// unsafe tells whether a name changed since the last sync of its folder.
func (d *disk) unsafe(path string) bool {
	return slices.ContainsFunc(d.pending, func(c naming) bool { return c.path == path || c.from == path })
}

func (d *disk) name(c naming) {
	d.namings++
	c.number = d.namings
	d.pending = append(d.pending, c)
}

func (f *file) found(content []byte, safe bool) {
	if safe {
		f.content = bytes.Clone(content)
		return
	}
	if bytes.Equal(f.now(), content) {
		return
	}
	f.changes = append(f.changes, change{offset: 0, truncate: true})
	if len(content) > 0 {
		f.changes = append(f.changes, change{data: bytes.Clone(content)})
	}
}

func (d *disk) change(e event, c change) error {
	f := d.files[e.inode]
	if f == nil {
		return fmt.Errorf("%w: a file changes that was not opened", ErrLog)
	}
	f.changes = append(f.changes, c)
	return nil
}

func (d *disk) rename(e event) error {
	if e.kind == unlinked {
		d.name(naming{path: e.path})
		return nil
	}
	of := d.now()[e.path]
	if of == nil {
		return fmt.Errorf("%w: a rename of %s, which was not opened", ErrLog, e.path)
	}
	c := naming{path: string(e.data), of: of}
	if e.kind == renamed {
		c.from = e.path
	}
	d.name(c)
	return nil
}

// now gives the names as a running process sees them.
func (d *disk) now() names {
	all := names{}
	for p, f := range d.named {
		all[p] = f
	}
	for _, c := range d.pending {
		all.apply(c)
	}
	return all
}

// covers tells how much a sync that begins now will make safe.
func (d *disk) covers(e event) int {
	if e.offset&flagDirectory != 0 {
		return d.namings
	}
	if f := d.files[e.inode]; f != nil {
		return f.dropped + len(f.changes)
	}
	return 0
}

// sync makes safe what was there when the sync began.
func (d *disk) sync(e event, covered int) {
	if e.offset&flagDirectory != 0 {
		d.syncNames(e.path, covered)
		return
	}
	f := d.files[e.inode]
	if f == nil {
		return
	}
	n := max(covered-f.dropped, 0) // another sync may have covered some meanwhile
	for _, c := range f.changes[:n] {
		f.content = c.apply(f.content)
	}
	f.changes = slices.Clone(f.changes[n:])
	f.dropped += n
}

// syncNames makes safe what changed in one folder, up to a number.
func (d *disk) syncNames(folder string, covered int) {
	var rest []naming
	for _, c := range d.pending {
		if c.number <= covered && path.Dir(c.path) == folder {
			d.named.apply(c)
		} else {
			rest = append(rest, c)
		}
	}
	d.pending = rest
}

func (c change) apply(content []byte) []byte {
	if c.truncate {
		return resized(content, c.offset)
	}
	if end := c.offset + uint64(len(c.data)); end > uint64(len(content)) {
		content = resized(content, end)
	}
	copy(content[c.offset:], c.data)
	return content
}

func resized(content []byte, size uint64) []byte {
	if size <= uint64(len(content)) {
		return content[:size]
	}
	return append(content, make([]byte, size-uint64(len(content)))...)
}

// now gives the content as a running process sees it.
func (f *file) now() []byte {
	content := bytes.Clone(f.content)
	for _, c := range f.changes {
		content = c.apply(content)
	}
	return content
}

package powercut

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sort"
)

// ErrLog is returned for a log that no shim wrote.
var ErrLog = errors.New("powercut: malformed log")

// kind is what a record tells. The first eight are the shim's.
type kind uint64

const (
	opened     kind = 1 + iota // a file was opened; data: its content, when it is first seen by a process
	written                    // data at offset
	truncated                  // to offset bytes
	syncBegins                 // extra: number of the sync
	syncEnds                   // and it succeeded
	renamed                    // path to data
	unlinked                   // path
	linked                     // path also named data
	marked                     // data: a text of Mark
)

// Flags of opened and of syncs.
const (
	flagCreated     = 1 // by this call
	flagWithContent = 2
	flagDirectory   = 4
)

// event is one record.
type event struct {
	kind   kind
	inode  uint64
	offset uint64
	extra  uint64
	path   string // relative to the folder
	data   []byte
}

// headSize is that of struct head in shim.c.
const headSize = 6 * 8

// Log is what happened to the files of a folder, in order.
type Log struct {
	events []event
	ends   []int // size of the log after each
	disk   *disk // after the first disk.events of them; kept to go on from
}

// Read reads a log. Processes that are still writing to it may add more later.
func Read(path string) (*Log, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("powercut: %w", err)
	}
	l, read := &Log{}, 0
	for len(raw) > 0 {
		e, size, err := decode(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: record %d", err, len(l.events))
		}
		raw, read = raw[size:], read+size
		l.events, l.ends = append(l.events, e), append(l.ends, read)
	}
	return l, nil
}

func decode(raw []byte) (event, int, error) {
	if len(raw) < headSize {
		return event{}, 0, ErrLog
	}
	field := func(i int) uint64 { return binary.NativeEndian.Uint64(raw[8*i:]) }
	e := event{kind: kind(field(0)), inode: field(1), offset: field(2), extra: field(3)}
	pathLength, dataLength, room := field(4), field(5), uint64(len(raw)-headSize)
	if e.kind < opened || e.kind > marked || pathLength > room || dataLength > room-pathLength {
		return event{}, 0, ErrLog
	}
	path := raw[headSize : headSize+pathLength]
	e.path = string(path)
	size := headSize + int(pathLength+dataLength)
	e.data = raw[headSize+int(pathLength) : size]
	return e, size, nil
}

func encodeMark(text string) []byte {
	b := make([]byte, headSize, headSize+len(text))
	binary.NativeEndian.PutUint64(b, uint64(marked))
	binary.NativeEndian.PutUint64(b[5*8:], uint64(len(text)))
	return append(b, text...)
}

// Len gives the number of moments after the first: the power may fail after any number of events from 0 to Len.
// Of a log that is still written to, it is a moment after everything that was acknowledged before it was read.
func (l *Log) Len() int { return len(l.events) }

// AtSize gives the first moment after everything that the log told when it had so many bytes: what was acknowledged
// before somebody looked at the size of its file came before that moment.
func (l *Log) AtSize(size int64) int {
	return sort.Search(len(l.ends), func(i int) bool { return int64(l.ends[i]) > size })
}

// Marked is a text of Mark, and the first moment that comes after it.
type Marked struct {
	Text string
	At   int
}

// Marks gives all marks in order.
func (l *Log) Marks() []Marked {
	var marks []Marked
	for i, e := range l.events {
		if e.kind == marked {
			marks = append(marks, Marked{Text: string(e.data), At: i + 1})
		}
	}
	return marks
}

// Count gives how many events were writes and how many syncs that succeeded.
func (l *Log) Count() (writes, syncs int) {
	for _, e := range l.events {
		switch e.kind {
		case written:
			writes++
		case syncEnds:
			syncs++
		}
	}
	return writes, syncs
}

// WithoutSyncs gives the same record from a disk that ignores syncs. Tests that find nothing lost on it find nothing.
func (l *Log) WithoutSyncs() *Log {
	without := &Log{ends: l.ends}
	for _, e := range l.events {
		if e.kind == syncBegins || e.kind == syncEnds {
			e = event{} // nothing, in its place: moments stay the same
		}
		without.events = append(without.events, e)
	}
	return without
}

package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/mattn/go-sqlite3"

	engine "joulepay/internal/sqlite"
	"joulepay/settle/dag"
	"joulepay/settle/store"
)

// Every row has a sum over all that it holds, so that a bit that the disk has changed is found where it is read. SQLite
// finds those in its own structure only, and the state root none between two checkpoints.
type sum uint32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s sum) number(n int64) sum {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sum(crc32.Update(uint32(s), castagnoli, b[:]))
}

// bytes adds a value with its length; a missing one is not an empty one.
func (s sum) bytes(b []byte) sum {
	if b == nil {
		return s.number(-1)
	}
	return sum(crc32.Update(uint32(s.number(int64(len(b)))), castagnoli, b))
}

// row adds the values of a row as they are bound or scanned. A value of a type that no row has is one that was changed.
func (s sum) row(values ...any) sum {
	for _, value := range values {
		switch v := value.(type) {
		case nil:
			s = s.bytes(nil)
		case int64:
			s = s.number(v)
		case []byte:
			s = s.bytes(v)
		default:
			s = s.bytes(fmt.Append(nil, v))
		}
	}
	return s
}

// check compares a sum with the one that was stored. Rows of files from before there were sums have none.
func (s sum) check(stored sql.NullInt64, what string) error {
	if stored.Valid && stored.Int64 != int64(s) {
		return fmt.Errorf("%w: the disk has changed %s", dag.ErrCorrupt, what)
	}
	return nil
}

func slotSum(slot uint32, kind uint8, id, content []byte) sum {
	return sum(0).number(int64(slot)).number(int64(kind)).bytes(id).bytes(content)
}

func undoSum(checkpoint uint64, slot uint32, before []byte) sum {
	return sum(0).number(int64(checkpoint)).number(int64(slot)).bytes(before)
}

func itemSum(height int64, kind, verdict uint8, id []byte) sum {
	return sum(0).number(height).number(int64(kind)).number(int64(verdict)).bytes(id)
}

// certifiedMark is what the column certified holds of a checkpoint of which it is true: no flipped bit makes it of a
// zero, or a zero of it.
func certifiedMark(number uint64) int64 { return int64(number)*7919 + 4093 }

// structural are SQLite's codes for a file that is not one of ours any more.
var structural = []sqlite3.ErrNo{sqlite3.ErrError, sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrFormat}

// damaged puts dag.ErrCorrupt in front of what SQLite says of a file whose rows or schema are not as they were made:
// all statements are constants, so none of them is wrong by itself.
func damaged(err error) error {
	var native sqlite3.Error
	switch {
	case err == nil, errors.Is(err, dag.ErrCorrupt), errors.Is(err, engine.ErrCorrupt), errors.Is(err, store.ErrEmpty),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case strings.HasPrefix(err.Error(), "sql: Scan error"), errors.As(err, &native) && slices.Contains(structural, native.Code):
		return fmt.Errorf("%w: %w", dag.ErrCorrupt, err)
	}
	return err
}

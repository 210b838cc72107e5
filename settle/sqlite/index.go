package sqlite

import (
	"bytes"
	"cmp"
	"database/sql"
	"slices"

	engine "joulepay/internal/sqlite"
	"joulepay/settle/store"
)

// The log is found by id, payload, party and channel along tables of (segment, key, height). Keys are hashes or look
// like it: in one tree each insert would touch another page, and a commit would write them all, the more the longer
// the log. A segment of the log is a part of the tree that stays small enough to be written together, so that an
// entry costs the same at any height; a look-up asks each segment.
const segmentBits = 16

// keySize is how much of a hash is kept: what is found is compared with the whole one.
const keySize = 8

// index is such a table, and the clause on entries that compares the whole key.
type index struct{ table, same string }

var (
	byID      = index{"vertex_heights", "id = ?"}
	byPayload = index{"payload_heights", "payload = ?"}
	byParty   = index{"party_heights", "instr(parties, ?) > 0"}
	byChannel = index{"channel_heights", "instr(effects, ?) > 0"}

	indexes = []index{byID, byPayload, byParty, byChannel}
)

// place is a row of an index.
type place struct {
	key    [keySize]byte
	height uint64
}

func placeOf(key [32]byte, height uint64) place { return place{[keySize]byte(key[:keySize]), height} }

// put adds rows in the order of the tree. Two accounts of one vertex may share a key.
func (x index) put(tx *engine.Tx, places []place) error {
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.height>>segmentBits, b.height>>segmentBits), bytes.Compare(a.key[:], b.key[:]),
			cmp.Compare(a.height, b.height))
	})
	rows := make([][]any, len(places))
	for i := range places {
		p := &places[i]
		rows[i] = []any{int64(p.height >> segmentBits), p.key[:], int64(p.height)}
	}
	return insertRows(tx, "INSERT INTO "+x.table+" VALUES ", rows, " ON CONFLICT DO NOTHING")
}

// join gives the clause that reads entries along the index, with the arguments after the segment.
func (x index) join(list *selection, key [32]byte) {
	list.from, list.order = x.table+" CROSS JOIN entries USING (height)", x.table+".height"
	list.where("segment = ?", int64(0))
	list.where("key = ?", slices.Clone(key[:keySize]))
	list.where(x.same, slices.Clone(key[:]))
}

// newestFirst reads a joined list segment by segment until a page is full.
func (s *selection) newestFirst(q engine.Queryer, p store.Page, from uint64, visit func(scan func(...any) error) error) error {
	var top int64
	if err := q.QueryRow("SELECT coalesce(max(height), -1) FROM head").Scan(&top); err != nil {
		return err
	}
	if p.Before > 0 {
		top = min(top, int64(min(p.Before, 1<<62))-1)
	}
	left := min(p.Limit, store.PageMax)
	clause, args := s.page(p, 0)
	for segment := top >> segmentBits; segment >= int64(min(from, 1<<62)>>segmentBits) && left > 0; segment-- {
		args[0], args[len(args)-1] = segment, left
		err := each(q, func(rows *sql.Rows) error { left--; return visit(rows.Scan) }, entryColumns+clause, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

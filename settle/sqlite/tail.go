package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
)

// Tail implements store.Store.
func (s *Store) Tail(ctx context.Context, upTo, vertices uint64) (first uint64, before proof.Hash, err error) {
	err = s.db.Read(ctx, func(q engine.Queryer) error {
		first, before, err = tail(q, upTo, vertices)
		return err
	})
	return first, before, err
}

func tail(q engine.Queryer, upTo, vertices uint64) (uint64, proof.Hash, error) {
	needed, err := nthVertex(q, upTo, vertices)
	if err != nil {
		return 0, proof.Hash{}, err
	}
	lowest, before, err := lowestItem(q)
	if err != nil {
		return 0, proof.Hash{}, err
	}
	row, err := scanCheckpoint(q.QueryRow(checkpointColumns+"FROM checkpoints WHERE height < ? AND height + 1 >= ? ORDER BY height DESC LIMIT 1",
		int64(needed), int64(lowest)).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return lowest, before, nil
	case err != nil:
		return 0, proof.Hash{}, err
	}
	return row.Checkpoint.Height + 1, row.Checkpoint.Log, nil
}

// nthVertex gives the height of the vertex so many back from a height; zero when fewer are left.
func nthVertex(q engine.Queryer, upTo, n uint64) (height uint64, err error) {
	const found = `SELECT count(*), coalesce(min(height), 0) FROM (SELECT height FROM `
	var count, lowest int64
	err = q.QueryRow(found+`entries WHERE kind = 1 AND height <= ? AND (height > (SELECT pruned FROM head) OR (SELECT pruned FROM head) = 0)
		ORDER BY height DESC LIMIT ?)`, bounded(upTo), bounded(n)).Scan(&count, &lowest)
	if err != nil {
		return 0, err
	}
	if left := bounded(n) - count; left > 0 {
		var more, older int64
		if err := q.QueryRow(found+`window WHERE kind = 1 AND height <= ? ORDER BY height DESC LIMIT ?)`, bounded(upTo), left).Scan(&more, &older); err != nil {
			return 0, err
		}
		if more > 0 {
			lowest = older
		}
		count += more
	}
	switch {
	case count == 0:
		return 0, fmt.Errorf("%w: the log up to height %d", store.ErrNotFound, upTo)
	case count < bounded(n):
		return 0, nil
	}
	return uint64(lowest), nil
}

// lowestItem gives the height of the first entry of which the log hash before it is known, with that hash.
func lowestItem(q engine.Queryer) (height uint64, before proof.Hash, err error) {
	var window sql.NullInt64
	var log []byte
	var pruned int64
	err = q.QueryRow("SELECT pruned, window_before, (SELECT min(height) FROM window) FROM head").Scan(&pruned, &log, &window)
	switch {
	case err != nil:
		return 0, proof.Hash{}, err
	case window.Valid:
		return uint64(window.Int64), before, fixed((*[32]byte)(&before), log, "log hash")
	case pruned == 0:
		return 0, before, nil
	}
	row, err := scanCheckpoint(q.QueryRow(checkpointColumns+"FROM checkpoints WHERE height = ?", pruned).Scan)
	if err != nil {
		return 0, before, fmt.Errorf("%w: no checkpoint where the log begins, at height %d: %w", dag.ErrCorrupt, pruned, err)
	}
	return uint64(pruned) + 1, row.Checkpoint.Log, nil
}

// bounded gives a height as SQLite takes it.
func bounded(height uint64) int64 { return int64(min(height, math.MaxInt64)) }

// Items implements store.Store.
func (s *Store) Items(ctx context.Context, first, upTo uint64, visit func(store.Item) error) error {
	return s.db.Read(ctx, func(q engine.Queryer) error {
		lowest, _, err := lowestItem(q)
		if err != nil {
			return err
		}
		if err := store.Kept(first, lowest); err != nil {
			return err
		}
		pruned, err := prunedTo(q)
		if err != nil {
			return err
		}
		for _, part := range []struct {
			table string
			from  uint64
		}{{"sum FROM window", first}, {"NULL FROM entries", max(first, kept1(pruned))}} {
			err := each(q, func(rows *sql.Rows) error {
				item, err := scanItem(rows)
				if err != nil {
					return err
				}
				return visit(item)
			}, "SELECT height, kind, id, verdict, "+part.table+" WHERE height >= ? AND height <= ? ORDER BY height", bounded(part.from), bounded(upTo))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// kept1 gives the height of the first entry that is kept: the genesis stays, but counts only while nothing was pruned.
func kept1(pruned uint64) uint64 {
	if pruned == 0 {
		return 0
	}
	return pruned + 1
}

func scanItem(rows *sql.Rows) (store.Item, error) {
	var height int64
	var kind, verdict uint8
	var id []byte
	var stored sql.NullInt64
	if err := rows.Scan(&height, &kind, &id, &verdict, &stored); err != nil {
		return store.Item{}, err
	}
	item := store.Item{Height: uint64(height), Kind: dag.EntryKind(kind), Verdict: settle.Verdict(verdict)}
	return item, errors.Join(fixed(&item.ID, id, "id"), itemSum(height, kind, verdict, id).check(stored, "the window"))
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/store"
)

// Bounds of one call of Prune: some ten milliseconds of the writer.
const (
	pruneEntries = 2048
	pruneLookUps = 8192
)

// Prune implements store.Store. Look-ups go when their whole segment has been pruned; until then they lead nowhere.
// The pages that become free are used again before the file grows.
func (s *Store) Prune(ctx context.Context, upTo uint64) (done bool, err error) {
	limit, err := s.pruneLimit(ctx, upTo)
	if err != nil {
		return false, fmt.Errorf("sqlite: prune: %w", err)
	}
	err = s.db.Commit(ctx, func(tx *engine.Tx) error {
		pruned, err := prunedTo(tx)
		if err != nil {
			return err
		}
		if pruned < limit {
			return pruneOnce(tx, pruned, limit)
		}
		done, err = pruneIndexes(tx, pruned)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("sqlite: prune: %w", err)
	}
	return done, nil
}

// pruneLimit gives the height of the last checkpoint that may become the first. It rises only, so one that was found is
// good until it is reached.
func (s *Store) pruneLimit(ctx context.Context, upTo uint64) (limit uint64, err error) {
	err = s.db.Read(ctx, func(q engine.Queryer) error {
		pruned, err := prunedTo(q)
		if err != nil {
			return err
		}
		if s.prunable.Load() <= pruned {
			if err := s.findPrunable(q); err != nil {
				return err
			}
		}
		limit, err = checkpointAtOrBelow(q, min(upTo, s.prunable.Load()))
		return err
	})
	return limit, err
}

// findPrunable finds what neither Load nor Rollback needs, now or later.
func (s *Store) findPrunable(q engine.Queryer) error {
	var genesis []byte
	var final int64
	err := q.QueryRow("SELECT genesis, final FROM head").Scan(&genesis, &final)
	if errors.Is(err, sql.ErrNoRows) || err == nil && final < dag.MarksKept {
		return nil
	}
	if err != nil {
		return err
	}
	g, err := settle.DecodeVertex(genesis)
	if err != nil {
		return fmt.Errorf("%w: genesis: %w", dag.ErrCorrupt, err)
	}
	var height, mark int64
	err = q.QueryRow("SELECT f.height, m.height FROM checkpoints f, checkpoints m WHERE f.number = ? AND m.number = ?", final, final-dag.MarksKept).Scan(&height, &mark)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	first, _, err := tail(q, uint64(height), store.RecentKept(g))
	if err != nil || first == 0 {
		return err
	}
	s.prunable.Store(min(first-1, uint64(mark)))
	return nil
}

func checkpointAtOrBelow(q engine.Queryer, height uint64) (uint64, error) {
	var found int64
	err := q.QueryRow("SELECT coalesce(max(height), 0) FROM checkpoints WHERE height <= ?", bounded(height)).Scan(&found)
	return uint64(found), err
}

// pruneOnce deletes up to the checkpoint so many entries on, or the next one, and the window with which the store began.
func pruneOnce(tx *engine.Tx, pruned, limit uint64) error {
	next, err := checkpointAtOrBelow(tx, min(limit, pruned+pruneEntries))
	if err != nil {
		return err
	}
	if next <= pruned {
		var above int64
		if err := tx.QueryRow("SELECT min(height) FROM checkpoints WHERE height > ?", int64(pruned)).Scan(&above); err != nil {
			return err
		}
		next = uint64(above)
	}
	for _, statement := range []string{
		"DELETE FROM entries WHERE height > 0 AND height <= ?",
		"DELETE FROM checkpoints WHERE height < ?",
		"DELETE FROM window WHERE height <= ?",
		"UPDATE head SET pruned = ?",
	} {
		if _, err := tx.Exec(statement, int64(next)); err != nil {
			return err
		}
	}
	return sealHead(tx)
}

// pruneIndexes deletes look-ups of segments that hold nothing any more, but not that of the genesis.
func pruneIndexes(tx *engine.Tx, pruned uint64) (done bool, err error) {
	segment := int64((pruned + 1) >> segmentBits)
	for _, x := range indexes {
		result, err := tx.Exec("DELETE FROM "+x.table+" WHERE (segment, key, height) IN (SELECT segment, key, height FROM "+x.table+
			" WHERE segment < ? AND height > 0 LIMIT ?)", segment, pruneLookUps)
		if err != nil {
			return false, err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return false, err
		}
	}
	return true, nil
}

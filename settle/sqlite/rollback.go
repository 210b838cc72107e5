package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/store"
	"joulepay/settle/stream"
)

// Rollback implements store.Store. It is one transaction: if we crash before it returns, the node finds the ledger
// before it or after it.
func (s *Store) Rollback(ctx context.Context, checkpoint uint64, to stream.Position) (undone []*settle.Vertex, err error) {
	err = s.db.Commit(ctx, func(tx *engine.Tx) error {
		head, err := headAt(tx, checkpoint)
		if err != nil {
			return err
		}
		if undone, err = verticesAbove(tx, head.Height); err != nil {
			return err
		}
		if err := deleteAbove(tx, checkpoint, head); err != nil {
			return err
		}
		if err := revertSlots(tx, checkpoint); err != nil {
			return err
		}
		if err := setHead(tx, head, to); err != nil {
			return err
		}
		return sealHead(tx)
	})
	if err != nil {
		return nil, fmt.Errorf("sqlite: back to checkpoint %d: %w", checkpoint, err)
	}
	return undone, nil
}

// headAt gives the head right after the mark of a checkpoint that is final or later.
func headAt(tx *engine.Tx, checkpoint uint64) (dag.Head, error) {
	var raw []byte
	err := tx.QueryRow("SELECT head FROM checkpoints WHERE number = ? AND number >= (SELECT final FROM head)", int64(checkpoint)).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) || err == nil && raw == nil {
		return dag.Head{}, store.ErrRollback
	}
	if err != nil {
		return dag.Head{}, err
	}
	return decodeHead(raw)
}

func verticesAbove(tx *engine.Tx, height uint64) ([]*settle.Vertex, error) {
	var out []*settle.Vertex
	err := each(tx, func(rows *sql.Rows) error {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		v, err := settle.DecodeVertex(raw)
		if err != nil {
			return fmt.Errorf("%w: %w", dag.ErrCorrupt, err)
		}
		out = append(out, v)
		return nil
	}, "SELECT raw FROM entries WHERE kind = 1 AND height > ? ORDER BY height", int64(height))
	return out, err
}

// deleteAbove deletes entries, their look-ups and checkpoints. A checkpoint is certified at the head when its number is
// at most that of the last certificate then: their numbers rise.
func deleteAbove(tx *engine.Tx, checkpoint uint64, head dag.Head) error {
	height := int64(head.Height)
	if _, err := tx.Exec("DELETE FROM entries WHERE height > ?", height); err != nil {
		return err
	}
	for _, x := range indexes {
		if _, err := tx.Exec("DELETE FROM "+x.table+" WHERE segment >= ? AND height > ?", height>>segmentBits, height); err != nil {
			return err
		}
	}
	if _, err := tx.Exec("DELETE FROM checkpoints WHERE number > ?", int64(checkpoint)); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE checkpoints SET certified = 0 WHERE number > ?", int64(head.Certified))
	return err
}

// revertSlots gives every slot what it held at a checkpoint: the content before its first change since then.
func revertSlots(tx *engine.Tx, checkpoint uint64) error {
	before := map[uint32][]byte{}
	err := each(tx, func(rows *sql.Rows) error {
		var number int64
		var slot uint32
		var content []byte
		var stored sql.NullInt64
		if err := rows.Scan(&number, &slot, &content, &stored); err != nil {
			return err
		}
		before[slot] = content
		return undoSum(uint64(number), slot, content).check(stored, "what a slot held")
	}, "SELECT checkpoint, slot, before, sum FROM undo WHERE checkpoint >= ? ORDER BY checkpoint DESC", int64(checkpoint))
	if err != nil {
		return err
	}
	for _, slot := range slices.Sorted(maps.Keys(before)) {
		if before[slot] == nil { // slots are made in order: all that follow are younger
			for _, table := range []string{"slots", "channels"} {
				if _, err := tx.Exec("DELETE FROM "+table+" WHERE slot >= ?", int64(slot)); err != nil {
					return err
				}
			}
			break
		}
		if err := revertSlot(tx, slot, before[slot]); err != nil {
			return err
		}
	}
	_, err = tx.Exec("DELETE FROM undo WHERE checkpoint >= ?", int64(checkpoint))
	return err
}

func revertSlot(tx *engine.Tx, slot uint32, content []byte) error {
	var kind settle.SlotKind
	var id []byte
	if err := tx.QueryRow("SELECT kind, id FROM slots WHERE slot = ?", int64(slot)).Scan((*uint8)(&kind), &id); err != nil {
		return err
	}
	const change = "UPDATE slots SET content = ?, sum = ? WHERE slot = ?"
	if _, err := tx.Exec(change, content, int64(slotSum(slot, uint8(kind), id, content)), int64(slot)); err != nil || kind != settle.SlotChannel {
		return err
	}
	c, err := settle.DecodeChannel(content)
	if err != nil {
		return fmt.Errorf("%w: channel in slot %d: %w", dag.ErrCorrupt, slot, err)
	}
	_, err = tx.Exec("UPDATE channels SET state = ? WHERE slot = ?", int64(c.State), int64(slot))
	return err
}

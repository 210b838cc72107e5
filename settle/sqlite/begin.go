package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	engine "joulepay/internal/sqlite"
	"joulepay/settle/dag"
	"joulepay/settle/store"
)

// Begin implements store.Store. It is one transaction: if we crash before it returns, the store is empty or has begun.
func (s *Store) Begin(ctx context.Context, b store.Base) error {
	err := s.db.Commit(ctx, func(tx *engine.Tx) error {
		var one int
		if err := tx.QueryRow("SELECT one FROM head").Scan(&one); !errors.Is(err, sql.ErrNoRows) {
			return errors.Join(store.ErrNotEmpty, err)
		}
		if err := begin(tx, b.Genesis); err != nil {
			return err
		}
		if err := setHead(tx, b.Head, b.Position); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE head SET final = ?, final_certificate = ?, pruned = ?, window_before = ?", int64(b.Final.Checkpoint.Number),
			certificateOf(b), int64(b.Head.Height), b.Before[:])
		if err != nil {
			return err
		}
		if err := putEntries(tx, []store.Entry{store.GenesisEntry(b.Genesis)}); err != nil {
			return err
		}
		if err := putMarks(tx, b); err != nil {
			return err
		}
		if err := putWindow(tx, b.Window); err != nil {
			return err
		}
		if err := inChunks(b.Slots, func(slots []dag.SlotChange) error { return putSlots(tx, slots) }); err != nil {
			return err
		}
		return sealHead(tx)
	})
	if err != nil {
		return fmt.Errorf("sqlite: begin from a base: %w", err)
	}
	return nil
}

// certificateOf gives what makes the base final, encoded; nil for the genesis.
func certificateOf(b store.Base) []byte {
	if b.Final.Certificate.Votes == nil {
		return nil
	}
	return b.Final.Certificate.Encode()
}

func putMarks(tx *engine.Tx, b store.Base) error {
	for i, m := range b.Marks {
		c := m.Checkpoint
		var head, position []byte
		if i == len(b.Marks)-1 {
			head, position = encodeHead(b.Head), encodePosition(b.Position)
		}
		if err := putCheckpoint(tx, c, head, position); err != nil {
			return err
		}
		if i == len(b.Marks)-1 && b.Justified != nil {
			if err := putCertificate(tx, *b.Justified); err != nil {
				return err
			}
		}
		if !m.Certified {
			continue
		}
		if _, err := tx.Exec("UPDATE checkpoints SET certified = ? WHERE number = ?", certifiedMark(c.Number), int64(c.Number)); err != nil {
			return err
		}
	}
	return nil
}

func putWindow(tx *engine.Tx, window iter.Seq2[store.Item, error]) error {
	return inChunks(window, func(items []store.Item) error {
		rows := make([][]any, len(items))
		for i := range items {
			item := &items[i]
			rows[i] = []any{int64(item.Height), int64(item.Kind), item.ID[:], int64(item.Verdict),
				int64(itemSum(int64(item.Height), uint8(item.Kind), uint8(item.Verdict), item.ID[:]))}
		}
		return insertRows(tx, "INSERT INTO window VALUES ", rows, "")
	})
}

// inChunks gives what a sequence has in slices of bounded length, each of which is good until the next.
func inChunks[T any](all iter.Seq2[T, error], put func([]T) error) error {
	chunk := make([]T, 0, 32*rowsAtOnce)
	for one, err := range all {
		if err != nil {
			return err
		}
		if chunk = append(chunk, one); len(chunk) == cap(chunk) {
			if err := put(chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	return put(chunk)
}

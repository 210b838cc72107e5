package sqlite

import (
	"context"
	"fmt"

	"joulepay/channel/store"
	engine "joulepay/internal/sqlite"
)

// keyIndexMax is the last index of SLIP-0010's hardened derivation.
const keyIndexMax = 1<<31 - 1

// KeyIndexFirstMax bounds where the indices of a store begin, so that a million are left.
const KeyIndexFirstMax = keyIndexMax - 1<<20

// beginKeysAt sets the first index of a store that gave none out.
func beginKeysAt(ctx context.Context, db *engine.DB, first uint32) error {
	if first > KeyIndexFirstMax {
		return fmt.Errorf("%w: to begin at %d", store.ErrKeysUsedUp, first)
	}
	return contracted(db.Commit(ctx, func(tx *engine.Tx) error {
		_, err := tx.Exec("UPDATE key_index SET last = ? WHERE last = 0", int64(first)-1)
		return err
	}))
}

// NextKeyIndex implements store.Store. If we crash before it returns, the index may be lost; it is never given twice.
func (s *Store) NextKeyIndex(ctx context.Context) (uint32, error) {
	var last int64
	err := s.db.Commit(ctx, func(tx *engine.Tx) error {
		err := tx.QueryRow("UPDATE key_index SET last = last + 1 RETURNING last").Scan(&last)
		if err == nil && (last <= 0 || last > keyIndexMax) {
			err = fmt.Errorf("%w: %d", store.ErrKeysUsedUp, last)
		}
		return err
	})
	if err != nil {
		return 0, contracted(err)
	}
	return uint32(last), nil
}

package sqlite

import (
	"context"
	"fmt"

	"joulepay/channel/store"
	engine "joulepay/internal/sqlite"
)

// keyIndexMax is the last index of SLIP-0010's hardened derivation.
const keyIndexMax = 1<<31 - 1

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

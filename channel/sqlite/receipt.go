package sqlite

import (
	"context"
	"fmt"

	"joulepay/channel"
	engine "joulepay/internal/sqlite"
)

// receiptSizeMax bounds a stored receipt: 16 MiB hold a week of readings, one every 10 s.
const receiptSizeMax = 16 << 20

// PutReceipt implements store.Store.
func (s *Store) PutReceipt(ctx context.Context, id channel.SessionID, receipt []byte) error {
	if len(receipt) > receiptSizeMax {
		return fmt.Errorf("receipt of session %s: %d bytes, at most %d", id, len(receipt), receiptSizeMax)
	}
	return contracted(s.db.Commit(ctx, func(tx *engine.Tx) error {
		_, err := tx.Exec("INSERT OR REPLACE INTO receipt (session, receipt) VALUES (?, ?)", id[:], blob(receipt))
		return err
	}))
}

// Receipt implements store.Store.
func (s *Store) Receipt(ctx context.Context, id channel.SessionID) ([]byte, error) {
	var receipt []byte
	err := s.read(ctx, func(q engine.Queryer) error {
		return q.QueryRow("SELECT receipt FROM receipt WHERE session = ?", id[:]).Scan(&receipt)
	})
	return receipt, missing(err, "receipt of session %s", id)
}

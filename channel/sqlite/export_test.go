package sqlite

import (
	"context"

	engine "joulepay/internal/sqlite"
)

// Integrity gives SQLite's verdict on the whole file.
func (s *Store) Integrity(ctx context.Context) (verdict string, err error) {
	err = s.read(ctx, func(q engine.Queryer) error { return q.QueryRow("PRAGMA integrity_check").Scan(&verdict) })
	return verdict, err
}

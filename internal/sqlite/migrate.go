package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrate brings a file to the last migration. Each step and its new version number are one transaction: a crash
// between two steps leaves a store that the next open finishes.
func migrate(ctx context.Context, conn *sql.Conn, options Options) error {
	header, err := readHeader(func(query string, dest ...any) error {
		return conn.QueryRowContext(ctx, query).Scan(dest...)
	})
	if err != nil {
		return err
	}
	if header.empty() {
		// The mark and the first migration need not be one transaction: a marked, empty file is a valid start.
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d", options.ApplicationID)); err != nil {
			return fmt.Errorf("sqlite: mark the file: %w", mapped(err))
		}
		header.applicationID = options.ApplicationID
	}
	if err := header.check(options); err != nil {
		return err
	}
	for i, script := range options.Migrations[header.version:] {
		version := header.version + i + 1
		if err := applyMigration(ctx, conn, version, script); err != nil {
			return fmt.Errorf("sqlite: migration %d: %w", version, mapped(err))
		}
	}
	return nil
}

func applyMigration(ctx context.Context, conn *sql.Conn, version int, script string) error {
	steps := []string{"BEGIN IMMEDIATE", script, fmt.Sprintf("PRAGMA user_version=%d", version), "COMMIT"}
	for _, step := range steps {
		if _, err := conn.ExecContext(ctx, step); err != nil {
			// The rollback must run even when the context is what ended the step.
			_, rollbackErr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			return errors.Join(err, rollbackErr)
		}
	}
	return nil
}

// fileHeader is what a SQLite file says about itself.
type fileHeader struct {
	applicationID int32
	version       int // migrations applied
	tables        int
}

func readHeader(scan func(query string, dest ...any) error) (fileHeader, error) {
	var h fileHeader
	for query, dest := range map[string]any{
		"PRAGMA application_id":              &h.applicationID,
		"PRAGMA user_version":                &h.version,
		"SELECT count(*) FROM sqlite_schema": &h.tables,
	} {
		if err := scan(query, dest); err != nil {
			return h, fmt.Errorf("sqlite: read the header: %w", mapped(err))
		}
	}
	return h, nil
}

func (h fileHeader) empty() bool { return h == fileHeader{} }

func (h fileHeader) check(options Options) error {
	if h.applicationID != options.ApplicationID {
		return fmt.Errorf("%w: application id %d, want %d", ErrForeign, h.applicationID, options.ApplicationID)
	}
	if h.version < 0 {
		return fmt.Errorf("%w: version %d", ErrForeign, h.version)
	}
	if h.version > len(options.Migrations) {
		return fmt.Errorf("%w: version %d, this program knows %d", ErrNewer, h.version, len(options.Migrations))
	}
	return nil
}

// checkHeader is the read-only half of migrate.
func checkHeader(q Queryer, options Options) error {
	header, err := readHeader(func(query string, dest ...any) error { return q.QueryRow(query).Scan(dest...) })
	if err != nil {
		return err
	}
	if err := header.check(options); err != nil {
		return err
	}
	if header.version < len(options.Migrations) {
		return fmt.Errorf("%w: version %d of %d", ErrOlder, header.version, len(options.Migrations))
	}
	return nil
}

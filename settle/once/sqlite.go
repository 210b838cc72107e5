package once

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	engine "joulepay/internal/sqlite"
)

// applicationID marks the file: "JPon".
const applicationID = 0x4a506f6e

// migrations build the table. One that was released never changes.
var migrations = []string{`
CREATE TABLE request (
	route        TEXT NOT NULL,
	key          TEXT NOT NULL,
	at           INTEGER NOT NULL, -- Unix milliseconds
	hash         BLOB NOT NULL,
	note         BLOB,
	status       INTEGER, -- NULL: not answered yet
	content_type TEXT,
	location     TEXT,
	body         BLOB,
	PRIMARY KEY (route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_at ON request (at);
`}

// forgetMax is how many old keys one Begin forgets, so that none waits long.
const forgetMax = 100

// SQLite is a Store in a file.
type SQLite struct{ db *engine.DB }

var _ Store = (*SQLite)(nil)

// Open opens or makes a store.
func Open(ctx context.Context, path string) (*SQLite, error) {
	db, err := engine.Open(ctx, engine.Options{Path: path, ApplicationID: applicationID, Migrations: migrations})
	if err != nil {
		return nil, fmt.Errorf("idempotency keys: %w", err)
	}
	return &SQLite{db}, nil
}

// Close implements Store.
func (s *SQLite) Close() error { return s.db.Close() }

// Begin implements Store.
func (s *SQLite) Begin(ctx context.Context, key Key, request [32]byte, at time.Time) (Record, error) {
	var r Record
	err := s.db.Commit(ctx, func(tx *engine.Tx) error {
		const old = "DELETE FROM request WHERE (route, key) IN (SELECT route, key FROM request WHERE at < ? ORDER BY at LIMIT ?)"
		if _, err := tx.Exec(old, at.Add(-Lifetime).UnixMilli(), forgetMax); err != nil {
			return err
		}
		known, err := scan(tx, key)
		if !errors.Is(err, sql.ErrNoRows) {
			r = known
			return err
		}
		var count int
		if err := tx.QueryRow("SELECT count(*) FROM request").Scan(&count); err != nil {
			return err
		}
		if count >= keysMax {
			return ErrFull
		}
		r = Record{Request: request}
		_, err = tx.Exec("INSERT INTO request (route, key, at, hash) VALUES (?, ?, ?, ?)", key.Route, key.Text, at.UnixMilli(), request[:])
		return err
	})
	return r, err
}

func scan(q engine.Queryer, key Key) (Record, error) {
	var r Record
	var hash, body []byte
	var status sql.NullInt64
	var contentType, location sql.NullString
	row := q.QueryRow("SELECT hash, note, status, content_type, location, body FROM request WHERE route = ? AND key = ?", key.Route, key.Text)
	if err := row.Scan(&hash, &r.Note, &status, &contentType, &location, &body); err != nil {
		return r, err
	}
	if len(hash) != len(r.Request) {
		return r, fmt.Errorf("%w: a hash of %d bytes", engine.ErrCorrupt, len(hash))
	}
	copy(r.Request[:], hash)
	if status.Valid {
		r.Answer = &Answer{int(status.Int64), contentType.String, location.String, body}
	}
	return r, nil
}

// Note implements Store.
func (s *SQLite) Note(ctx context.Context, key Key, note []byte) error {
	if len(note) > NoteSizeMax {
		return ErrSize
	}
	return s.change(ctx, "UPDATE request SET note = ? WHERE route = ? AND key = ?", note, key.Route, key.Text)
}

// Finish implements Store.
func (s *SQLite) Finish(ctx context.Context, key Key, a Answer) error {
	if len(a.Body) > AnswerSizeMax {
		return ErrSize
	}
	const once = `UPDATE request SET body = CASE WHEN status IS NULL THEN ? ELSE body END,
		content_type = CASE WHEN status IS NULL THEN ? ELSE content_type END,
		location = CASE WHEN status IS NULL THEN ? ELSE location END, status = coalesce(status, ?) WHERE route = ? AND key = ?`
	return s.change(ctx, once, a.Body, a.ContentType, a.Location, a.Status, key.Route, key.Text)
}

func (s *SQLite) change(ctx context.Context, query string, args ...any) error {
	return s.db.Commit(ctx, func(tx *engine.Tx) error {
		result, err := tx.Exec(query, args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(ErrUnknownKey, err)
		}
		return nil
	})
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	engine "joulepay/internal/sqlite"
)

const (
	selectChannel = "SELECT number, id, terms, progress FROM channel JOIN channel_progress USING (number)"
	selectSession = "SELECT number, last_reading, id, terms, progress FROM session JOIN session_progress USING (number)"
	// selectReadings goes from a session's last reading to its first. Each step goes to a lower number, so it ends.
	selectReadings = `
WITH RECURSIVE chain (number, previous, sequence, signed) AS (
	SELECT number, previous, sequence, signed FROM reading WHERE number = ?
	UNION ALL
	SELECT reading.number, reading.previous, reading.sequence, reading.signed
	FROM chain JOIN reading ON reading.number = chain.previous AND chain.previous < chain.number
) SELECT sequence, signed FROM chain`
)

// scanner is what one row and the rows of a list share.
type scanner interface{ Scan(dest ...any) error }

// list reads all rows of a query.
func list[R any](ctx context.Context, s *Store, scan func(scanner) (R, error), query string, args ...any) ([]R, error) {
	var records []R
	err := s.read(ctx, func(q engine.Queryer) (err error) {
		records, err = scanAll(q, scan, query, args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

func scanAll[R any](q engine.Queryer, scan func(scanner) (R, error), query string, args ...any) ([]R, error) {
	rows, err := q.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var records []R
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

func scanChannel(row scanner, number *int64) (session.ChannelRecord, error) {
	var id channel.ID
	var terms, progress []byte
	if err := row.Scan(number, fixed(id[:]), &terms, &progress); err != nil {
		return session.ChannelRecord{}, err
	}
	return session.DecodeChannelRecord(id, terms, progress)
}

func scanSession(row scanner, number, lastReading *int64) (session.SessionRecord, error) {
	var id channel.SessionID
	var terms, progress []byte
	if err := row.Scan(number, lastReading, fixed(id[:]), &terms, &progress); err != nil {
		return session.SessionRecord{}, err
	}
	r, err := session.DecodeSessionParts(terms, progress)
	if err == nil && r.ID != id {
		err = fmt.Errorf("%w: session %s under the id %s", session.ErrRecord, r.ID, id)
	}
	return r, err
}

func listedChannel(row scanner) (session.ChannelRecord, error) { return scanChannel(row, new(int64)) }

func listedSession(row scanner) (session.SessionRecord, error) {
	return scanSession(row, new(int64), new(int64))
}

// fixed reads a column of exactly its own length.
type fixed []byte

// Scan implements sql.Scanner.
func (f fixed) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok || len(b) != len(f) {
		return fmt.Errorf("%w: %d bytes, want %d", session.ErrRecord, len(b), len(f))
	}
	copy(f, b)
	return nil
}

// Channel implements store.Store.
func (s *Store) Channel(ctx context.Context, id channel.ID) (session.ChannelRecord, error) {
	var r session.ChannelRecord
	err := s.read(ctx, func(q engine.Queryer) (err error) {
		r, err = listedChannel(q.QueryRow(selectChannel+" WHERE id = ?", id[:]))
		return err
	})
	return r, missing(err, "channel %s", id)
}

// Channels implements store.Store.
func (s *Store) Channels(ctx context.Context) ([]session.ChannelRecord, error) {
	return list(ctx, s, listedChannel, selectChannel+" ORDER BY number")
}

// Unclosed implements store.Store.
func (s *Store) Unclosed(ctx context.Context) ([]session.ChannelRecord, error) {
	return list(ctx, s, listedChannel, selectChannel+" JOIN unclosed ON unclosed.channel = number ORDER BY number")
}

// Session implements store.Store.
func (s *Store) Session(ctx context.Context, id channel.SessionID) (session.SessionRecord, error) {
	var r session.SessionRecord
	err := s.read(ctx, func(q engine.Queryer) (err error) {
		r, err = listedSession(q.QueryRow(selectSession+" WHERE id = ?", id[:]))
		return err
	})
	return r, missing(err, "session %s", id)
}

// Sessions implements store.Store.
func (s *Store) Sessions(ctx context.Context, before channel.SessionID, limit int) ([]session.SessionRecord, error) {
	limit = max(limit, 0) // SQLite reads less as "all"
	if before == (channel.SessionID{}) {
		return list(ctx, s, listedSession, selectSession+" ORDER BY number DESC LIMIT ?", limit)
	}
	older := " WHERE number < (SELECT number FROM session WHERE id = ?) ORDER BY number DESC LIMIT ?"
	return list(ctx, s, listedSession, selectSession+older, before[:], limit)
}

// Unfinished implements store.Store.
func (s *Store) Unfinished(ctx context.Context) ([]session.SessionRecord, error) {
	return list(ctx, s, listedSession, selectSession+" JOIN unfinished ON unfinished.session = number ORDER BY number")
}

// Readings implements store.Store.
func (s *Store) Readings(ctx context.Context, id channel.SessionID) ([]session.ReadingRecord, error) {
	var readings []session.ReadingRecord
	err := s.read(ctx, func(q engine.Queryer) error {
		var last int64
		err := q.QueryRow("SELECT last_reading FROM session JOIN session_progress USING (number) WHERE id = ?", id[:]).Scan(&last)
		if err != nil {
			return err
		}
		readings, err = scanAll(q, func(row scanner) (session.ReadingRecord, error) {
			r := session.ReadingRecord{Session: id}
			err := row.Scan(&r.Sequence, &r.Signed)
			return r, err
		}, selectReadings, last)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.Reverse(readings)
	for i, r := range readings {
		if r.Sequence != uint64(i) {
			return nil, fmt.Errorf("%w: reading %d of session %s where %d should be", session.ErrRecord, r.Sequence, id, i)
		}
	}
	return readings, nil
}

// missing puts the contract's error in place of SQLite's, naming what was asked for.
func missing(err error, format string, what any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: "+format, store.ErrNotFound, what)
	}
	return err
}

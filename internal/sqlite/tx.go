package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// Queryer reads: inside a write (Tx) or from a snapshot (Read). A store writes its look-ups against it once.
type Queryer interface {
	// Query gives rows. They are closed at the latest when the surrounding function returns.
	Query(query string, args ...any) (*sql.Rows, error)
	// QueryRow prepares a look-up of one row; it runs in Scan, which gives sql.ErrNoRows when there is none.
	QueryRow(query string, args ...any) Row
}

// Row is the pending answer of QueryRow.
type Row struct {
	queryer Queryer
	query   string
	args    []any
}

// Scan runs the look-up and copies the columns of its first row.
func (r Row) Scan(dest ...any) error {
	rows, err := r.queryer.Query(r.query, r.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return mapped(err)
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return mapped(rows.Close())
}

// Tx is one caller's share of a batch: what it writes is committed whole, or not at all, whatever its neighbours do.
// It sees what callers before it in the batch wrote. It belongs to the function that got it, and ends with it.
type Tx struct {
	conn *sql.Conn
	rows []*sql.Rows // handed out, to be closed at the end
	done bool
	// broken is the error with which SQLite gave up the whole transaction. Statements after it would each commit
	// for themselves, so none is let through.
	broken error
}

// Exec runs a statement; it stays prepared for the next time, so its text should be a constant.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	if err := tx.usable(); err != nil {
		return nil, err
	}
	result, err := tx.conn.ExecContext(context.Background(), query, args...)
	if err != nil {
		return nil, tx.failed(err)
	}
	return result, nil
}

// Query implements Queryer.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	if err := tx.usable(); err != nil {
		return nil, err
	}
	rows, err := tx.conn.QueryContext(context.Background(), query, args...)
	if err != nil {
		return nil, tx.failed(err)
	}
	tx.rows = append(tx.rows, rows)
	return rows, nil
}

// QueryRow implements Queryer.
func (tx *Tx) QueryRow(query string, args ...any) Row {
	return Row{queryer: tx, query: query, args: args}
}

func (tx *Tx) usable() error {
	if tx.done {
		return ErrTxDone
	}
	return tx.broken
}

// failed maps a statement's error, and notes when it took the transaction with it.
func (tx *Tx) failed(err error) error {
	err = mapped(err)
	if ended(tx.conn) {
		tx.broken = err
	}
	return err
}

// end closes what the function left open. No statement goes through afterwards.
func (tx *Tx) end() {
	tx.done = true
	for _, rows := range tx.rows {
		_ = rows.Close() // its error was the reader's to see, in Err
	}
}

// ended tells whether the connection has no transaction any more.
func ended(conn *sql.Conn) bool {
	ended := true
	err := conn.Raw(func(driverConn any) error {
		native, ok := driverConn.(*sqlite3.SQLiteConn)
		if !ok {
			return errors.New("not a SQLite connection")
		}
		ended = native.AutoCommit()
		return nil
	})
	return err != nil || ended
}

// snapshot reads from one state of the store.
type snapshot struct {
	ctx  context.Context
	tx   *sql.Tx
	rows []*sql.Rows
}

func (s *snapshot) Query(query string, args ...any) (*sql.Rows, error) {
	rows, err := s.tx.QueryContext(s.ctx, query, args...)
	if err != nil {
		return nil, mapped(err)
	}
	s.rows = append(s.rows, rows)
	return rows, nil
}

func (s *snapshot) QueryRow(query string, args ...any) Row {
	return Row{queryer: s, query: query, args: args}
}

// Read calls fn with one consistent snapshot: the last commit and everything before it. It does not wait for
// writers. The queryer ends with fn.
func (db *DB) Read(ctx context.Context, fn func(Queryer) error) (err error) {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	tx, err := db.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("sqlite: read: %w", mapped(err))
	}
	s := &snapshot{ctx: ctx, tx: tx}
	defer func() {
		for _, rows := range s.rows {
			_ = rows.Close()
		}
		if rollbackErr := tx.Rollback(); err == nil && rollbackErr != nil && !errors.Is(rollbackErr, sql.ErrTxDone) {
			err = fmt.Errorf("sqlite: end of read: %w", mapped(rollbackErr))
		}
	}()
	return fn(s)
}

// Check looks through the whole file for damage and gives ErrCorrupt with what it found. It takes as long as
// reading the file.
func (db *DB) Check(ctx context.Context) error {
	return db.Read(ctx, func(q Queryer) error {
		var verdict string
		if err := q.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("%w: %s", ErrCorrupt, verdict)
		}
		return nil
	})
}

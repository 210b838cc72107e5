package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/mattn/go-sqlite3"
)

// Limits of a connection.
const (
	busyTimeoutMilliseconds = "5000" // longer than any checkpoint: only a foreign tool can hold the file that long
	statementsMax           = "128"  // prepared statements kept a connection: more than a store has
	journalSizeLimitBytes   = "67108864"
)

// pragma is one setting of a connection: how to ask for it, and what SQLite must answer when it is read back.
type pragma struct {
	name  string
	value string // as set
	read  string // as read back
}

// writerPragmas make a commit durable: with WAL and synchronous=FULL each COMMIT syncs the log.
// fullfsync reaches through the drive's cache on macOS. Temporary pages stay in memory: a savepoint then costs no file.
var writerPragmas = []pragma{
	{"journal_mode", "WAL", "wal"},
	{"synchronous", "FULL", "2"},
	{"fullfsync", "1", "1"},
	{"checkpoint_fullfsync", "1", "1"},
	{"busy_timeout", busyTimeoutMilliseconds, busyTimeoutMilliseconds},
	{"foreign_keys", "1", "1"},
	{"temp_store", "MEMORY", "2"},
	{"journal_size_limit", journalSizeLimitBytes, journalSizeLimitBytes},
	{"query_only", "0", "0"},
}

// readerPragmas keep a reader from writing.
var readerPragmas = []pragma{
	{"busy_timeout", busyTimeoutMilliseconds, busyTimeoutMilliseconds},
	{"temp_store", "MEMORY", "2"},
	{"query_only", "1", "1"},
}

// connector opens connections that carry their PRAGMAs. database/sql asks it for every connection of a pool, so
// none can slip through without them, as it would with a PRAGMA that is executed on the pool.
type connector struct {
	driver  sqlite3.SQLiteDriver
	path    string
	mode    string // of SQLite's URI: "ro" or "rw"; never one that creates
	pragmas []pragma
}

func openPool(path, mode string, pragmas []pragma, connectionsMax int) *sql.DB {
	pool := sql.OpenDB(&connector{path: path, mode: mode, pragmas: pragmas})
	pool.SetMaxOpenConns(connectionsMax)
	pool.SetMaxIdleConns(connectionsMax)
	return pool
}

func (c *connector) Driver() driver.Driver { return &c.driver }

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.dsn())
	if err != nil {
		return nil, mapped(err)
	}
	conn := opened.(*sqlite3.SQLiteConn)
	for _, p := range c.pragmas {
		if err := p.apply(conn); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// dsn names the file; everything that has a PRAGMA is set by apply and read back.
func (c *connector) dsn() string {
	query := url.Values{
		"mode":             {c.mode},
		"_stmt_cache_size": {statementsMax},
	}
	return "file:" + (&url.URL{Path: c.path}).EscapedPath() + "?" + query.Encode()
}

// apply sets the PRAGMA and reads it back. SQLite ignores a PRAGMA that it does not know or cannot follow.
func (p pragma) apply(conn *sqlite3.SQLiteConn) error {
	if _, err := conn.Exec("PRAGMA "+p.name+"="+p.value, nil); err != nil {
		return fmt.Errorf("sqlite: set %s: %w", p.name, mapped(err))
	}
	got, err := readPragma(conn, p.name)
	if err != nil {
		return fmt.Errorf("sqlite: read back %s: %w", p.name, mapped(err))
	}
	if got != p.read {
		return fmt.Errorf("%w: %s is %q, want %q", ErrPragma, p.name, got, p.read)
	}
	return nil
}

func readPragma(conn *sqlite3.SQLiteConn, name string) (string, error) {
	rows, err := conn.Query("PRAGMA "+name, nil)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); errors.Is(err, io.EOF) {
		return "", nil // a PRAGMA that this SQLite does not know answers with no row
	} else if err != nil {
		return "", err
	}
	if text, ok := row[0].([]byte); ok {
		return string(text), nil
	}
	return fmt.Sprint(row[0]), nil
}

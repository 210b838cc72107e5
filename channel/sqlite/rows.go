package sqlite

import (
	"strings"

	engine "joulepay/internal/sqlite"
)

// rowsMany is how many rows share a statement where there are so many: a statement costs as much as two rows.
const rowsMany = 16

// insertion is a statement that inserts rows, prepared for one and for many.
type insertion struct {
	columns   int
	one, many string
}

func newInsertion(head string, columns int, tail string) insertion {
	row := " (" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	rows := strings.TrimSuffix(strings.Repeat(row+",", rowsMany), ",")
	return insertion{columns, head + row + tail, head + rows + tail}
}

var (
	upsertChannel = newInsertion("INSERT INTO channel (number, id, terms) VALUES", 3,
		" ON CONFLICT (number) DO UPDATE SET terms = excluded.terms")
	upsertSession = newInsertion("INSERT INTO session (number, id, terms) VALUES", 3,
		" ON CONFLICT (number) DO UPDATE SET terms = excluded.terms")
	upsertChannelProgress = newInsertion("INSERT OR REPLACE INTO channel_progress (number, progress) VALUES", 2, "")
	upsertSessionProgress = newInsertion("INSERT OR REPLACE INTO session_progress (number, progress, last_reading) VALUES", 3, "")
	insertReading         = newInsertion("INSERT INTO reading (number, previous, sequence, signed) VALUES", 4, "")
)

// insert writes rows whose columns stand one after the other in values.
func (i insertion) insert(tx *engine.Tx, values []any) error {
	for len(values) > 0 {
		statement, n := i.one, i.columns
		if len(values) >= rowsMany*i.columns {
			statement, n = i.many, rowsMany*i.columns
		}
		if _, err := tx.Exec(statement, values[:n]...); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

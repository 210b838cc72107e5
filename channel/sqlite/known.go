package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"joulepay/channel"
	"joulepay/channel/session"
	engine "joulepay/internal/sqlite"
)

// knownMax bounds what is remembered of channels and of sessions: more than are ever under way at once, and at the most
// 4096 sessions with a quote of 14 KiB each. What is forgotten is read again.
const knownMax = 4096

// known is what the writer remembers of rows that it wrote or read, so that it need not ask again. It belongs to one
// goroutine. The zero value knows nothing.
type known struct {
	channels map[channel.ID]*channelRow
	sessions map[channel.SessionID]*sessionRow

	lastChannel, lastSession, lastReading int64 // the highest numbers given
}

type channelRow struct {
	number int64
	terms  session.ChannelRecord // only its terms count
	closed bool
}

type sessionRow struct {
	number      int64
	terms       session.SessionRecord // only its terms count; its slices are the row's own
	over        bool
	listed      listing // zero: not known
	lastReading int64   // number of its row; 0: none
	readings    uint64  // how many there are: the sequence of the next
}

// prepare makes room, and asks for the highest numbers when it does not know them. It is called between groups only:
// what a group has not yet written must not be forgotten.
func (k *known) prepare(q engine.Queryer) error {
	if k.channels != nil {
		forget(k.channels)
		forget(k.sessions)
		return nil
	}
	for table, last := range map[string]*int64{
		"channel": &k.lastChannel, "session": &k.lastSession, "reading": &k.lastReading,
	} {
		if err := q.QueryRow("SELECT ifnull(max(number), 0) FROM " + table).Scan(last); err != nil {
			return fmt.Errorf("last row of %s: %w", table, err)
		}
	}
	k.channels, k.sessions = map[channel.ID]*channelRow{}, map[channel.SessionID]*sessionRow{}
	return nil
}

// channel gives a channel's row, or nil when there is none.
func (k *known) channel(q engine.Queryer, id channel.ID) (*channelRow, error) {
	if row := k.channels[id]; row != nil {
		return row, nil
	}
	row := &channelRow{}
	r, err := scanChannel(q.QueryRow(selectChannel+" WHERE id = ?", id[:]), &row.number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	row.terms, row.closed = r, r.State == channel.Closed
	k.channels[id] = row
	return row, nil
}

// session gives a session's row, or nil when there is none.
func (k *known) session(q engine.Queryer, id channel.SessionID) (*sessionRow, error) {
	if row := k.sessions[id]; row != nil {
		return row, nil
	}
	row := &sessionRow{}
	r, err := scanSession(q.QueryRow(selectSession+" WHERE id = ?", id[:]), &row.number, &row.lastReading)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	row.terms, row.over = r, r.Phase.Over()
	if row.lastReading != 0 {
		var sequence int64
		if err := q.QueryRow("SELECT sequence FROM reading WHERE number = ?", row.lastReading).Scan(&sequence); err != nil {
			return nil, fmt.Errorf("last reading of session %s: %w", id, err)
		}
		row.readings = uint64(sequence) + 1
	}
	k.sessions[id] = row
	return row, nil
}

// forget makes room. Which rows it forgets matters little: each costs a look-up.
func forget[K comparable, V any](rows map[K]V) {
	for key := range rows {
		if len(rows) <= knownMax {
			return
		}
		delete(rows, key)
	}
}

// setTerms keeps a copy: the caller's slices are its own again when Commit returns.
func (r *sessionRow) setTerms(record session.SessionRecord) {
	record.Quote, record.Vertices = bytes.Clone(record.Quote), slices.Clone(record.Vertices)
	r.terms = record
}

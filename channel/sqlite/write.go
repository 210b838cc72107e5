package sqlite

import (
	"bytes"

	"joulepay/channel"
	"joulepay/channel/session"
	engine "joulepay/internal/sqlite"
)

// writing is one group on its way into the file. Rows gather here and go out together in flush; known runs ahead of
// the file by them, and must be dropped when the group fails.
type writing struct {
	tx    *engine.Tx
	known *known

	channels, channelProgress []any // columns, row after row
	sessions, readings        []any
	sessionProgress           []progress
	read                      []*sessionRow // got readings without progress
}

// progress is a row of session_progress, whose last reading is that of the group's end.
type progress struct {
	row   *sessionRow
	bytes []byte
}

// newWriting makes room for what is usual: a session, a channel and a reading in each batch.
func newWriting(tx *engine.Tx, rows *known, batches int) *writing {
	return &writing{
		tx: tx, known: rows,
		channelProgress: make([]any, 0, upsertChannelProgress.columns*batches),
		sessionProgress: make([]progress, 0, batches),
		readings:        make([]any, 0, insertReading.columns*batches),
	}
}

// add takes the records of a batch that was checked.
func (w *writing) add(b session.Batch) error {
	for _, r := range b.Channels {
		if err := w.addChannel(r); err != nil {
			return err
		}
	}
	for _, r := range b.Sessions {
		if err := w.addSession(r); err != nil {
			return err
		}
	}
	for _, r := range b.Readings {
		row, err := w.addReading(r)
		if err != nil {
			return err
		}
		if !holds(b.Sessions, r.Session) {
			w.read = append(w.read, row)
		}
	}
	for _, r := range b.Ops {
		if err := w.addOperation(r); err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) addChannel(r session.ChannelRecord) error {
	row, err := w.known.channel(w.tx, r.ID)
	if err != nil {
		return err
	}
	isNew := row == nil
	if isNew {
		w.known.lastChannel++
		row = &channelRow{number: w.known.lastChannel, closed: true}
		w.known.channels[r.ID] = row
	}
	if isNew || !row.terms.SameTerms(r) {
		row.terms = r
		w.channels = append(w.channels, row.number, bytes.Clone(r.ID[:]), r.EncodeTerms())
	}
	w.channelProgress = append(w.channelProgress, row.number, r.EncodeProgress())
	return w.list("unclosed", "channel", row.number, &row.closed, r.State == channel.Closed)
}

// list keeps a table of the rows that are not done yet.
func (w *writing) list(table, column string, number int64, known *bool, done bool) error {
	if *known == done {
		return nil
	}
	*known = done
	change := "INSERT INTO " + table + " (" + column + ") VALUES (?)"
	if done {
		change = "DELETE FROM " + table + " WHERE " + column + " = ?"
	}
	_, err := w.tx.Exec(change, number)
	return err
}

func (w *writing) addSession(r session.SessionRecord) error {
	row, err := w.known.session(w.tx, r.ID)
	if err != nil {
		return err
	}
	isNew := row == nil
	if isNew {
		w.known.lastSession++
		row = &sessionRow{number: w.known.lastSession, over: true}
		w.known.sessions[r.ID] = row
	}
	if isNew || !row.terms.SameTerms(r) {
		row.setTerms(r)
		w.sessions = append(w.sessions, row.number, bytes.Clone(r.ID[:]), r.EncodeTerms())
	}
	w.sessionProgress = append(w.sessionProgress, progress{row, r.EncodeProgress()})
	if err := w.relist(row, r); err != nil {
		return err
	}
	return w.list("unfinished", "session", row.number, &row.over, r.Phase.Over())
}

func (w *writing) addReading(r session.ReadingRecord) (*sessionRow, error) {
	row, err := w.known.session(w.tx, r.Session)
	if err != nil || r.Sequence < row.readings {
		return row, err // the same bytes are stored already
	}
	w.known.lastReading++
	w.readings = append(w.readings, w.known.lastReading, row.lastReading, int64(r.Sequence), r.Signed)
	row.lastReading, row.readings = w.known.lastReading, r.Sequence+1
	return row, nil
}

// flush writes what gathered.
func (w *writing) flush() error {
	if err := w.flushReadings(); err != nil {
		return err
	}
	sessionProgress := make([]any, 0, upsertSessionProgress.columns*len(w.sessionProgress))
	for _, p := range w.sessionProgress {
		sessionProgress = append(sessionProgress, p.row.number, p.bytes, p.row.lastReading)
	}
	for _, gathered := range []struct {
		into   insertion
		values []any
	}{
		{upsertChannel, w.channels}, {upsertChannelProgress, w.channelProgress},
		{upsertSession, w.sessions}, {upsertSessionProgress, sessionProgress},
	} {
		if err := gathered.into.insert(w.tx, gathered.values); err != nil {
			return err
		}
	}
	for _, row := range w.read {
		_, err := w.tx.Exec("UPDATE session_progress SET last_reading = ? WHERE number = ?", row.lastReading, row.number)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) flushReadings() error {
	err := insertReading.insert(w.tx, w.readings)
	w.readings = nil
	return err
}

package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
)

// Commit implements store.Store. If we crash before it returns, the batch is there whole or not at all; after it
// returned nil, it is there.
func (s *Store) Commit(ctx context.Context, b store.Batch) error {
	return s.db.Commit(ctx, func(tx *engine.Tx) error {
		if err := putHead(tx, b); err != nil {
			return fmt.Errorf("head: %w", err)
		}
		if err := putEntries(tx, b.Entries); err != nil {
			return fmt.Errorf("log: %w", err)
		}
		if err := putSlots(tx, b.Slots); err != nil {
			return fmt.Errorf("slots: %w", err)
		}
		if err := putUndo(tx, b); err != nil {
			return fmt.Errorf("undo: %w", err)
		}
		if err := putCheckpoints(tx, b); err != nil {
			return fmt.Errorf("checkpoints: %w", err)
		}
		if err := putFinal(tx, b); err != nil {
			return fmt.Errorf("final checkpoint: %w", err)
		}
		return sealHead(tx)
	})
}

func putHead(tx *engine.Tx, b store.Batch) error {
	if b.Genesis != nil {
		if err := begin(tx, b.Genesis); err != nil {
			return err
		}
	}
	if err := setHead(tx, b.Head, b.Position); err != nil || b.Vote == nil {
		return err
	}
	_, err := tx.Exec(`UPDATE head SET vote = ?`, b.Vote.Encode())
	return err
}

func begin(tx *engine.Tx, genesis *settle.Vertex) error {
	_, err := tx.Exec(`INSERT INTO head (one, genesis, height, log, decided, accepted, time, paused, certified, changed, incarnation, sequence, final)
		VALUES (1, ?, 0, x'', 0, 0, 0, 0, 0, 0, x'', 0, 0)`, genesis.Encode())
	return err
}

func setHead(tx *engine.Tx, h dag.Head, at stream.Position) error {
	_, err := tx.Exec(`UPDATE head SET height = ?, log = ?, decided = ?, accepted = ?, time = ?, paused = ?, certified = ?, epoch = ?, started = ?,
		changed = ?, incarnation = ?, sequence = ?`,
		int64(h.Height), h.Log[:], int64(h.Decided), int64(h.Accepted), int64(h.Time), h.Paused, int64(h.Certified), int64(h.Epoch), h.Incarnation[:],
		h.Changed, at.Incarnation[:], int64(at.Sequence))
	return err
}

func putEntries(tx *engine.Tx, entries []store.Entry) error {
	rows := make([][]any, 0, len(entries))
	var ids, payloads, parties, channels []place
	for _, e := range entries {
		row := []any{int64(e.Height), int64(e.Kind), e.ID[:], int64(e.Verdict), int64(e.Time), e.Raw, nil, nil, nil, nil, nil}
		if e.Kind == dag.EntryVertex {
			row[6], row[7], row[8] = e.Payload[:], int64(e.PayloadKind), e.Issuer[:]
			row[9], row[10] = encodeParties(e.Parties), encodeEffects(e.Channels)
		}
		rows = append(rows, append(row, int64(sum(0).row(row...))))
		if e.Kind != dag.EntryVertex {
			continue
		}
		ids, payloads = append(ids, placeOf(e.ID, e.Height)), append(payloads, placeOf(e.Payload, e.Height))
		for _, p := range e.Parties {
			parties = append(parties, placeOf(p, e.Height))
		}
		for _, c := range e.Channels {
			channels = append(channels, placeOf(c.Channel, e.Height))
		}
	}
	if err := insertRows(tx, "INSERT INTO entries VALUES ", rows, ""); err != nil {
		return err
	}
	for x, places := range map[index][]place{byID: ids, byPayload: payloads, byParty: parties, byChannel: channels} {
		if err := x.put(tx, places); err != nil {
			return err
		}
	}
	return nil
}

func putSlots(tx *engine.Tx, slots []dag.SlotChange) error {
	slices.SortFunc(slots, func(a, b dag.SlotChange) int { return cmp.Compare(a.Index, b.Index) })
	var rows, channels [][]any
	for _, s := range slots {
		id := slices.Clone(s.Key.ID[:])
		rows = append(rows, []any{int64(s.Index), int64(s.Key.Kind), id, s.Content, int64(slotSum(s.Index, uint8(s.Key.Kind), id, s.Content))})
		if s.Key.Kind != settle.SlotChannel {
			continue
		}
		c, err := settle.DecodeChannel(s.Content)
		if err != nil {
			return err
		}
		channels = append(channels, []any{int64(s.Index), int64(c.State), slices.Clone(c.Opening.Opener[:]), slices.Clone(c.Opening.Partner[:])})
	}
	const replace = " ON CONFLICT (slot) DO UPDATE SET content = excluded.content, sum = excluded.sum"
	if err := insertRows(tx, "INSERT INTO slots VALUES ", rows, replace); err != nil {
		return err
	}
	const move = " ON CONFLICT (slot) DO UPDATE SET state = excluded.state"
	return insertRows(tx, "INSERT INTO channels VALUES ", channels, move)
}

func putCheckpoints(tx *engine.Tx, b store.Batch) error {
	for _, c := range b.Checkpoints {
		if err := putCheckpoint(tx, c.Checkpoint, encodeHead(c.Head), encodePosition(c.Position)); err != nil {
			return err
		}
	}
	for _, c := range b.Certificates {
		if err := putCertificate(tx, c); err != nil {
			return err
		}
	}
	for _, number := range b.Certified {
		if _, err := tx.Exec("UPDATE checkpoints SET certified = ? WHERE number = ?", certifiedMark(number), int64(number)); err != nil {
			return err
		}
	}
	return nil
}

// putCertificate stores what justifies a checkpoint.
func putCertificate(tx *engine.Tx, c proof.Certificate) error {
	raw := c.Encode()
	_, err := tx.Exec("UPDATE checkpoints SET certificate = ?, certificate_sum = ? WHERE number = ?", raw, int64(sum(0).bytes(raw)), int64(c.Target.Number))
	return err
}

func putCheckpoint(tx *engine.Tx, c proof.Checkpoint, head, position []byte) error {
	number, height, body := int64(c.Number), int64(c.Height), c.Encode()
	_, err := tx.Exec("INSERT INTO checkpoints (number, height, body, certified, head, position, sum) VALUES (?, ?, ?, 0, ?, ?, ?)",
		number, height, body, head, position, int64(sum(0).row(number, height, body, head, position)))
	return err
}

// putUndo keeps the first content that is recorded for a slot at a checkpoint, and forgets what lies below the final one.
func putUndo(tx *engine.Tx, b store.Batch) error {
	rows := make([][]any, 0, len(b.Undo))
	for _, u := range b.Undo {
		if u.Checkpoint >= b.Final {
			rows = append(rows, []any{int64(u.Checkpoint), int64(u.Index), u.Before, int64(undoSum(u.Checkpoint, u.Index, u.Before))})
		}
	}
	if err := insertRows(tx, "INSERT INTO undo VALUES ", rows, " ON CONFLICT DO NOTHING"); err != nil {
		return err
	}
	_, err := tx.Exec("DELETE FROM undo WHERE checkpoint < ?", int64(b.Final))
	return err
}

// putFinal keeps the proof of finality beside the head: the child that certifies it may be undone.
func putFinal(tx *engine.Tx, b store.Batch) error {
	var before uint64
	var proven bool
	if err := tx.QueryRow("SELECT final, final_certificate IS NOT NULL FROM head").Scan(&before, &proven); err != nil {
		return err
	}
	if before == b.Final && proven {
		return nil
	}
	certificate, err := finalCertificate(tx, b)
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE head SET final = ?, final_certificate = ?", int64(b.Final), certificate)
	return err
}

// finalCertificate gives the one that makes a batch's final checkpoint final, encoded, or nil.
func finalCertificate(tx *engine.Tx, b store.Batch) ([]byte, error) {
	row, err := scanCheckpoint(tx.QueryRow(checkpointColumns+"FROM checkpoints WHERE number = ?", int64(b.Final)).Scan)
	if errors.Is(err, sql.ErrNoRows) { // of a batch that has none yet
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, c := range b.Certificates {
		if store.Finalises(c, row.Checkpoint) {
			return c.Encode(), nil
		}
	}
	child, err := scanCheckpoint(tx.QueryRow(checkpointColumns+"FROM checkpoints WHERE number = ?", int64(b.Final)+1).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil || child.Certificate == nil || !store.Finalises(*child.Certificate, row.Checkpoint):
		return nil, err
	}
	return child.Certificate.Encode(), nil
}

// rowsAtOnce is how many rows one statement inserts: most of the cost of a small row is the call.
const rowsAtOnce = 32

// insertRows inserts rows of equal length.
func insertRows(tx *engine.Tx, insert string, rows [][]any, onConflict string) error {
	for len(rows) > 0 {
		n := 1
		if len(rows) >= rowsAtOnce {
			n = rowsAtOnce
		}
		place := "(?" + strings.Repeat(", ?", len(rows[0])-1) + ")"
		query := insert + place + strings.Repeat(", "+place, n-1) + onConflict
		if _, err := tx.Exec(query, slices.Concat(rows[:n]...)...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

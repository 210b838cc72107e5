package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/store"
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
		if err := putCheckpoints(tx, b); err != nil {
			return fmt.Errorf("checkpoints: %w", err)
		}
		return nil
	})
}

func putHead(tx *engine.Tx, b store.Batch) error {
	if b.Genesis != nil {
		_, err := tx.Exec(`INSERT INTO head VALUES (1, ?, 0, x'', 0, 0, 0, 0, 0, 0, x'', 0, 0, NULL)`, b.Genesis.Encode())
		if err != nil {
			return err
		}
	}
	h := b.Head
	_, err := tx.Exec(`UPDATE head SET height = ?, log = ?, decided = ?, accepted = ?, time = ?, paused = ?, certified = ?, changed = ?,
		incarnation = ?, sequence = ?, final = ?`,
		int64(h.Height), h.Log[:], int64(h.Decided), int64(h.Accepted), int64(h.Time), h.Paused, int64(h.Certified), h.Changed,
		b.Position.Incarnation[:], int64(b.Position.Sequence), int64(b.Final))
	if err != nil || b.Vote == nil {
		return err
	}
	_, err = tx.Exec(`UPDATE head SET vote = ?`, b.Vote.Encode())
	return err
}

func putEntries(tx *engine.Tx, entries []store.Entry) error {
	rows := make([][]any, 0, len(entries))
	var ids, payloads, parties, channels []place
	for _, e := range entries {
		row := []any{int64(e.Height), int64(e.Kind), e.ID[:], int64(e.Verdict), int64(e.Time), e.Raw, nil, nil, nil, nil, nil}
		rows = append(rows, row)
		if e.Kind != dag.EntryVertex {
			continue
		}
		row[6], row[7], row[8] = e.Payload[:], int64(e.PayloadKind), e.Issuer[:]
		row[9], row[10] = encodeParties(e.Parties), encodeEffects(e.Channels)
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
		rows = append(rows, []any{int64(s.Index), int64(s.Key.Kind), slices.Clone(s.Key.ID[:]), s.Content})
		if s.Key.Kind != settle.SlotChannel {
			continue
		}
		c, err := settle.DecodeChannel(s.Content)
		if err != nil {
			return err
		}
		channels = append(channels, []any{int64(s.Index), int64(c.State), slices.Clone(c.Opening.Opener[:]), slices.Clone(c.Opening.Partner[:])})
	}
	const replace = " ON CONFLICT (slot) DO UPDATE SET content = excluded.content"
	if err := insertRows(tx, "INSERT INTO slots VALUES ", rows, replace); err != nil {
		return err
	}
	const move = " ON CONFLICT (slot) DO UPDATE SET state = excluded.state"
	return insertRows(tx, "INSERT INTO channels VALUES ", channels, move)
}

func putCheckpoints(tx *engine.Tx, b store.Batch) error {
	for _, c := range b.Checkpoints {
		_, err := tx.Exec("INSERT INTO checkpoints VALUES (?, ?, ?, NULL, 0)", int64(c.Number), int64(c.Height), c.Encode())
		if err != nil {
			return err
		}
	}
	for _, c := range b.Certificates {
		_, err := tx.Exec("UPDATE checkpoints SET certificate = ? WHERE number = ?", c.Encode(), int64(c.Target.Number))
		if err != nil {
			return err
		}
	}
	for _, number := range b.Certified {
		if _, err := tx.Exec("UPDATE checkpoints SET certified = 1 WHERE number = ?", int64(number)); err != nil {
			return err
		}
	}
	return nil
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

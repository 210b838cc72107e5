package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	engine "joulepay/internal/sqlite"
	"joulepay/wallet"
)

// listing is a row of listed, without its number.
type listing struct {
	peer  wallet.DID
	phase session.Phase
	began int64
}

// listingOf gives the row of a record. began is looked for in the quote only where no reading has told it.
func listingOf(r session.SessionRecord) listing {
	return listing{r.Peer, r.Phase, store.BeganMs(r)}
}

const upsertListed = "INSERT INTO listed VALUES (?, ?, ?, ?) ON CONFLICT (session) DO UPDATE SET peer = excluded.peer, phase = excluded.phase, began = excluded.began"

func (l listing) put(tx *engine.Tx, number int64) error {
	_, err := tx.Exec(upsertListed, number, bytes.Clone(l.peer[:]), int64(l.phase), l.began)
	return err
}

// relist writes the row of a session whose place in lists has changed.
func (w *writing) relist(row *sessionRow, r session.SessionRecord) error {
	if row.listed != (listing{}) && row.listed.phase == r.Phase && row.listed.peer == r.Peer && (r.StartedMs == 0 || row.listed.began == r.StartedMs) {
		return nil
	}
	row.listed = listingOf(r)
	return row.listed.put(w.tx, row.number)
}

// listTogether is how many sessions of an older file are listed in one transaction.
const listTogether = 1000

// listOlder fills in what a file of before this table lacks. If we crash in between, the next Open goes on.
func listOlder(ctx context.Context, db *engine.DB) error {
	for {
		var count int
		err := db.Commit(ctx, func(tx *engine.Tx) error {
			const unlisted = " WHERE number > (SELECT ifnull(max(session), 0) FROM listed) ORDER BY number LIMIT ?"
			type numbered struct {
				number int64
				record session.SessionRecord
			}
			rows, err := scanAll(tx, func(row scanner) (numbered, error) {
				var n numbered
				var err error
				n.record, err = scanSession(row, &n.number, new(int64))
				return n, err
			}, selectSession+unlisted, listTogether)
			if err != nil {
				return err
			}
			count = len(rows)
			for _, n := range rows {
				if err := listingOf(n.record).put(tx, n.number); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || count < listTogether {
			return err
		}
	}
}

// SessionIDs implements store.Store.
func (s *Store) SessionIDs(ctx context.Context, q store.SessionQuery) ([]channel.SessionID, error) {
	clauses, args := []string{"true"}, []any{}
	where := func(clause string, values ...any) {
		clauses, args = append(clauses, clause), append(args, values...)
	}
	if q.Before != (channel.SessionID{}) {
		where("listed.session < (SELECT number FROM session WHERE id = ?)", q.Before[:])
	}
	if !q.Peer.IsZero() {
		where("peer = ?", q.Peer[:])
	}
	if len(q.Phases) > 0 {
		where("phase IN (" + strings.Trim(strings.Repeat("?,", len(q.Phases)), ",") + ")")
		for _, phase := range q.Phases {
			args = append(args, int64(phase))
		}
	}
	if q.SinceMs != 0 {
		where("began >= ?", q.SinceMs)
	}
	if q.UntilMs != 0 {
		where("began < ?", q.UntilMs)
	}
	query := fmt.Sprintf("SELECT id FROM listed CROSS JOIN session ON session.number = listed.session WHERE %s ORDER BY listed.session DESC LIMIT ?",
		strings.Join(clauses, " AND "))
	return list(ctx, s, func(row scanner) (channel.SessionID, error) {
		var id channel.SessionID
		err := row.Scan(fixed(id[:]))
		return id, err
	}, query, append(args, max(q.Limit, 0))...)
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
)

const entryColumns = `SELECT height, kind, id, verdict, time, raw, payload, payload_kind, issuer, parties, effects, sum `

func nullable(n sql.NullInt64) any {
	if n.Valid {
		return n.Int64
	}
	return nil
}

// scanEntry reads a row of entryColumns.
func scanEntry(scan func(...any) error) (store.Entry, error) {
	var e store.Entry
	var height, at int64
	var kind, verdict uint8
	var id, payload, issuer, parties, effects []byte
	var payloadKind, stored sql.NullInt64
	if err := scan(&height, &kind, &id, &verdict, &at, &e.Raw, &payload, &payloadKind, &issuer, &parties, &effects, &stored); err != nil {
		return e, err
	}
	is := sum(0).row(height, int64(kind), id, int64(verdict), at, e.Raw, payload, nullable(payloadKind), issuer, parties, effects)
	if err := is.check(stored, fmt.Sprintf("entry %d", height)); err != nil {
		return e, err
	}
	e.Height, e.Kind, e.Verdict, e.Time = uint64(height), dag.EntryKind(kind), settle.Verdict(verdict), settle.LedgerTime(at)
	if err := fixed(&e.ID, id, "id"); err != nil || e.Kind != dag.EntryVertex {
		return e, err
	}
	e.PayloadKind = settle.Kind(payloadKind.Int64)
	err := errors.Join(fixed((*[32]byte)(&e.Payload), payload, "payload id"), fixed((*[32]byte)(&e.Issuer), issuer, "issuer"))
	if err != nil {
		return e, err
	}
	if e.Parties, err = decodeParties(parties); err != nil {
		return e, err
	}
	e.Channels, err = decodeEffects(effects)
	return e, err
}

// firstOfID looks into every segment.
const firstOfID = entryColumns + `FROM vertex_heights CROSS JOIN entries USING (height)
	WHERE segment IN (
		WITH RECURSIVE segments(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM segments WHERE n < (SELECT height >> 16 FROM head))
		SELECT n FROM segments
	) AND key = ? AND id = ? ORDER BY height LIMIT 1`

// Vertex implements store.Store.
func (s *Store) Vertex(ctx context.Context, id settle.VertexID) (store.Entry, error) {
	var e store.Entry
	err := s.db.Read(ctx, func(q engine.Queryer) error {
		var err error
		e, err = scanEntry(q.QueryRow(firstOfID, id[:keySize], id[:]).Scan)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		pruned, err := prunedTo(q)
		if err != nil {
			return err
		}
		return store.Unknown(pruned, "vertex "+id.String())
	})
	return e, err
}

// selection is a list that is cut into pages, newest first.
type selection struct {
	from    string
	order   string // column that is the cursor
	clauses []string
	args    []any
}

func (s *selection) where(clause string, args ...any) {
	s.clauses = append(s.clauses, clause)
	s.args = append(s.args, args...)
}

// page gives everything after the columns of a SELECT. Cursors are so much above the column as offset says.
func (s *selection) page(p store.Page, offset int64) (clause string, args []any) {
	if p.Before > 0 {
		s.where(s.order+" < ?", int64(min(p.Before, math.MaxInt64))-offset)
	}
	where := ""
	if len(s.clauses) > 0 {
		where = " WHERE " + strings.Join(s.clauses, " AND ")
	}
	return "FROM " + s.from + where + " ORDER BY " + s.order + " DESC LIMIT ?", append(s.args, min(p.Limit, store.PageMax))
}

// Vertices implements store.Store. A list of one payload's, channel's or party's vertices is read along its index.
func (s *Store) Vertices(ctx context.Context, q store.VertexQuery) ([]store.Entry, error) {
	list := selection{from: "entries", order: "height"}
	party := q.Party
	if party.IsZero() {
		party = q.Issuer
	}
	switch {
	case q.Payload != nil:
		byPayload.join(&list, *q.Payload)
	case q.Channel != [32]byte{}:
		byChannel.join(&list, q.Channel)
	case !party.IsZero():
		byParty.join(&list, party)
	}
	joined := list.from != "entries"
	if joined && q.Channel != [32]byte{} {
		list.where(byChannel.same, q.Channel[:])
	}
	if joined && !party.IsZero() {
		list.where(byParty.same, party[:])
	}
	list.where("kind = 1")
	if q.From > 0 {
		list.where(list.order+" >= ?", int64(min(q.From, math.MaxInt64)))
	}
	if q.Kind != 0 {
		list.where("payload_kind = ?", int64(q.Kind))
	}
	if len(q.Kinds) > 0 {
		list.where("payload_kind IN ("+strings.TrimSuffix(strings.Repeat("?,", len(q.Kinds)), ",")+")", kindArgs(q.Kinds)...)
	}
	if !q.Issuer.IsZero() {
		list.where("issuer = ?", q.Issuer[:])
	}
	switch q.Only {
	case store.AcceptedOnly:
		list.where("verdict < 16")
	case store.RefusedOnly:
		list.where("verdict >= 16")
	}
	var out []store.Entry
	take := func(scan func(...any) error) error {
		e, err := scanEntry(scan)
		out = append(out, e)
		return err
	}
	err := s.db.Read(ctx, func(r engine.Queryer) error {
		if joined {
			return list.newestFirst(r, q.Page, q.From, take)
		}
		clause, args := list.page(q.Page, 0)
		return each(r, func(rows *sql.Rows) error { return take(rows.Scan) }, entryColumns+clause, args...)
	})
	return out, err
}

func kindArgs(kinds []settle.Kind) []any {
	args := make([]any, len(kinds))
	for i, kind := range kinds {
		args[i] = int64(kind)
	}
	return args
}

// each visits every row of a query.
func each(q engine.Queryer, visit func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.Query(query, args...)
	if err != nil {
		return damaged(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return damaged(err)
		}
	}
	return damaged(rows.Err())
}

// channelsPage gives everything after the columns of the query. A party's channels are read along two indexes, a page of each.
func channelsPage(q store.ChannelQuery) (clause string, args []any) {
	part := func(party string) (string, []any) {
		list := selection{from: "channels", order: "slot"}
		if party != "" {
			list.where(party+" = ?", q.Party[:])
		}
		if q.State != 0 {
			list.where("state = ?", int64(q.State))
		}
		clause, args := list.page(q.Page, 1)
		return "SELECT slot " + clause, args
	}
	if q.Party.IsZero() {
		clause, args = part("")
	} else {
		opened, first := part("opener")
		joined, second := part("partner")
		clause, args = "SELECT slot FROM ("+opened+") UNION SELECT slot FROM ("+joined+")", append(first, second...)
	}
	return "FROM (" + clause + ") JOIN slots USING (slot) ORDER BY slot DESC LIMIT ?", append(args, min(q.Limit, store.PageMax))
}

// Channels implements store.Store.
func (s *Store) Channels(ctx context.Context, q store.ChannelQuery) ([]store.ChannelRow, error) {
	clause, args := channelsPage(q)
	var out []store.ChannelRow
	err := s.db.Read(ctx, func(r engine.Queryer) error {
		return each(r, func(rows *sql.Rows) error {
			var row store.ChannelRow
			var id []byte
			var kind uint8
			var stored sql.NullInt64
			if err := rows.Scan(&row.Index, &kind, &id, &row.Content, &stored); err != nil {
				return err
			}
			if err := slotSum(row.Index, kind, id, row.Content).check(stored, "a channel"); err != nil {
				return err
			}
			out = append(out, row)
			return fixed((*[32]byte)(&out[len(out)-1].ID), id, "channel id")
		}, "SELECT slot, kind, id, content, sum "+clause, args...)
	})
	return out, err
}

const checkpointColumns = "SELECT number, height, body, certificate, certified, head, position, sum, certificate_sum "

func scanCheckpoint(scan func(...any) error) (store.CheckpointRow, error) {
	var row store.CheckpointRow
	var body, certificate, head, position []byte
	var number, height, certified int64
	var stored, certificateSum sql.NullInt64
	if err := scan(&number, &height, &body, &certificate, &certified, &head, &position, &stored, &certificateSum); err != nil {
		return row, err
	}
	what := fmt.Sprintf("checkpoint %d", number)
	if row.Certified = certified != 0; row.Certified && certified != certifiedMark(uint64(number)) {
		return row, fmt.Errorf("%w: the disk has changed %s", dag.ErrCorrupt, what)
	}
	err := sum(0).row(number, height, body, head, position).check(stored, what)
	if err == nil && certificate != nil {
		err = sum(0).bytes(certificate).check(certificateSum, "the certificate of "+what)
	}
	if err != nil {
		return row, err
	}
	if row.Checkpoint, err = proof.DecodeCheckpoint(body); err != nil {
		return row, fmt.Errorf("%w: %w", dag.ErrCorrupt, err)
	}
	if certificate != nil {
		c, err := proof.DecodeCertificate(certificate)
		if err != nil {
			return row, fmt.Errorf("%w: %w", dag.ErrCorrupt, err)
		}
		row.Certificate = &c
	}
	if head == nil { // of a file from before nodes could go back
		return row, nil
	}
	if row.Head, err = decodeHead(head); err != nil {
		return row, err
	}
	row.Position, err = decodePosition(position)
	return row, err
}

// Checkpoint implements store.Store.
func (s *Store) Checkpoint(ctx context.Context, number uint64) (store.CheckpointRow, error) {
	var row store.CheckpointRow
	err := s.one(ctx, fmt.Sprintf("checkpoint %d", number), func(q engine.Queryer) error {
		var err error
		row, err = scanCheckpoint(q.QueryRow(checkpointColumns+"FROM checkpoints WHERE number = ?", int64(min(number, math.MaxInt64))).Scan)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var first int64
		if q.QueryRow("SELECT coalesce(min(number), 0) FROM checkpoints").Scan(&first) == nil && number < uint64(first) {
			return fmt.Errorf("%w: checkpoint %d", store.ErrPruned, number)
		}
		return err
	})
	return row, err
}

// Covering implements store.Store.
func (s *Store) Covering(ctx context.Context, height uint64) (store.CheckpointRow, error) {
	var row store.CheckpointRow
	err := s.one(ctx, fmt.Sprintf("checkpoint above height %d", height), func(q engine.Queryer) error {
		if height > 0 {
			if err := kept(q, height-1); err != nil {
				return err
			}
		}
		const covering = checkpointColumns + "FROM checkpoints WHERE height >= ? ORDER BY height LIMIT 1"
		var err error
		row, err = scanCheckpoint(q.QueryRow(covering, int64(min(height, math.MaxInt64))).Scan)
		return err
	})
	return row, err
}

// Checkpoints implements store.Store.
func (s *Store) Checkpoints(ctx context.Context, p store.Page) ([]store.CheckpointRow, error) {
	list := selection{from: "checkpoints", order: "number"}
	clause, args := list.page(p, 1)
	var out []store.CheckpointRow
	err := s.db.Read(ctx, func(r engine.Queryer) error {
		return each(r, func(rows *sql.Rows) error {
			row, err := scanCheckpoint(rows.Scan)
			out = append(out, row)
			return err
		}, checkpointColumns+clause, args...)
	})
	return out, err
}

// Receipts implements store.Store.
func (s *Store) Receipts(ctx context.Context, after, upTo uint64) ([]dag.Receipt, error) {
	var out []dag.Receipt
	err := s.db.Read(ctx, func(q engine.Queryer) error {
		err := kept(q, after)
		if err == nil {
			out, err = readReceipts(q, after, upTo)
		}
		return err
	})
	return out, err
}

func readReceipts(q engine.Queryer, after, upTo uint64) ([]dag.Receipt, error) {
	var out []dag.Receipt
	err := each(q, func(rows *sql.Rows) error {
		var r dag.Receipt
		var id []byte
		if err := rows.Scan(&id, (*uint8)(&r.Verdict)); err != nil {
			return err
		}
		if err := fixed((*[32]byte)(&r.ID), id, "id"); err != nil {
			return err
		}
		out = append(out, r)
		return nil
	}, "SELECT id, verdict FROM entries WHERE kind = 1 AND height > ? AND height <= ? ORDER BY height", int64(after), int64(upTo))
	return out, err
}

// Entries implements store.Store.
func (s *Store) Entries(ctx context.Context, after uint64, visit func(store.Entry) error) error {
	return s.db.Read(ctx, func(q engine.Queryer) error {
		if err := kept(q, after); err != nil {
			return err
		}
		return each(q, func(rows *sql.Rows) error {
			e, err := scanEntry(rows.Scan)
			if err != nil {
				return err
			}
			return visit(e)
		}, entryColumns+"FROM entries WHERE height > ? ORDER BY height", int64(min(after, math.MaxInt64)))
	})
}

// kept gives store.ErrPruned when what follows a height is not all there.
func kept(q engine.Queryer, after uint64) error {
	pruned, err := prunedTo(q)
	if err != nil {
		return err
	}
	return store.Kept(after, pruned)
}

// prunedTo gives the height up to which the log was pruned.
func prunedTo(q engine.Queryer) (uint64, error) {
	var height int64
	err := q.QueryRow("SELECT coalesce(max(pruned), 0) FROM head").Scan(&height)
	return uint64(height), err
}

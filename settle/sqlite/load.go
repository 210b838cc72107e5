package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
)

// Load implements store.Store.
func (s *Store) Load(ctx context.Context) (store.Stored, error) {
	var out store.Stored
	err := s.db.Read(ctx, func(q engine.Queryer) error {
		for _, part := range []func(engine.Queryer, *store.Stored) error{
			loadHead, loadSlots, checkKeys, loadRecent, loadMarks, loadFinality,
		} {
			if err := part(q, &out); err != nil {
				return err
			}
		}
		return nil
	})
	return out, damaged(err)
}

func loadHead(q engine.Queryer, out *store.Stored) error {
	var genesis, log, started, incarnation, vote, certificate []byte
	var changed bool
	var height, decided, accepted, at, paused, certified, epoch, sequence, final, pruned int64
	err := q.QueryRow(`SELECT genesis, height, log, decided, accepted, time, paused, certified, epoch, started, changed, incarnation, sequence,
		final, final_certificate, vote, pruned FROM head`).Scan(&genesis, &height, &log, &decided, &accepted, &at, &paused, &certified, &epoch, &started,
		&changed, &incarnation, &sequence, &final, &certificate, &vote, &pruned)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrEmpty
	}
	if err != nil {
		return err
	}
	is, stored, err := readHeadSum(q)
	if err == nil {
		err = is.check(stored, "the head")
	}
	if err != nil {
		return err
	}
	snap := &out.Snapshot
	if snap.Genesis, err = settle.DecodeVertex(genesis); err != nil {
		return fmt.Errorf("%w: genesis: %w", dag.ErrCorrupt, err)
	}
	snap.Head = dag.Head{
		Height: uint64(height), Decided: uint64(decided), Accepted: uint64(accepted),
		Time: settle.LedgerTime(at), Paused: paused, Certified: uint64(certified), Epoch: uint64(epoch),
		Changed: changed,
	}
	snap.Final, out.Position.Sequence, out.Pruned = uint64(final), uint64(sequence), uint64(pruned)
	for raw, dst := range map[*[]byte]*[16]byte{&incarnation: (*[16]byte)(&out.Position.Incarnation), &started: &snap.Head.Incarnation} {
		if copy(dst[:], *raw) != len(dst) || len(*raw) != len(dst) {
			return fmt.Errorf("%w: incarnation of %d bytes", dag.ErrCorrupt, len(*raw))
		}
	}
	if certificate != nil {
		if out.Final.Certificate, err = proof.DecodeCertificate(certificate); err != nil {
			return fmt.Errorf("%w: final certificate: %w", dag.ErrCorrupt, err)
		}
	}
	if vote != nil {
		v, err := proof.DecodeSignedVote(vote)
		if err != nil {
			return fmt.Errorf("%w: vote: %w", dag.ErrCorrupt, err)
		}
		out.Vote = &v
	}
	return fixed((*[32]byte)(&snap.Head.Log), log, "log hash")
}

func loadSlots(q engine.Queryer, out *store.Stored) error {
	return each(q, func(rows *sql.Rows) error {
		var change dag.SlotChange
		var id sql.RawBytes
		var stored sql.NullInt64
		if err := rows.Scan(&change.Index, (*uint8)(&change.Key.Kind), &id, &change.Content, &stored); err != nil {
			return err
		}
		if err := slotSum(change.Index, uint8(change.Key.Kind), id, change.Content).check(stored, "a slot"); err != nil {
			return err
		}
		if err := fixed(&change.Key.ID, id, "slot id"); err != nil {
			return err
		}
		out.Snapshot.Slots = append(out.Snapshot.Slots, change)
		return nil
	}, "SELECT slot, kind, id, content, sum FROM slots ORDER BY slot")
}

// checkKeys compares the index by which slots are found with the slots: who is not found there has no money.
func checkKeys(q engine.Queryer, out *store.Stored) error {
	slots, count := out.Snapshot.Slots, 0
	err := each(q, func(rows *sql.Rows) error {
		var slot uint32
		var kind uint8
		var id sql.RawBytes
		if err := rows.Scan(&id, &kind, &slot); err != nil {
			return err
		}
		if int(slot) >= len(slots) || slots[slot].Key.Kind != settle.SlotKind(kind) || string(slots[slot].Key.ID[:]) != string(id) {
			return fmt.Errorf("%w: the index of slots", dag.ErrCorrupt)
		}
		count++
		return nil
	}, "SELECT id, kind, slot FROM slots INDEXED BY slots_key")
	if err == nil && count != len(slots) {
		return fmt.Errorf("%w: the index of slots has %d of %d", dag.ErrCorrupt, count, len(slots))
	}
	return err
}

func loadRecent(q engine.Queryer, out *store.Stored) error {
	snap := &out.Snapshot
	limit := store.RecentKept(snap.Genesis)
	err := each(q, func(rows *sql.Rows) error {
		e, err := scanEntry(rows.Scan)
		if err != nil {
			return err
		}
		v, err := e.Vertex()
		if err != nil || v.ID() != settle.VertexID(e.ID) {
			return errors.Join(fmt.Errorf("%w: entry %d", dag.ErrCorrupt, e.Height), err)
		}
		snap.Recent = append(snap.Recent, dag.Recent{ID: e.ID, Accepted: e.Verdict.Accepted(), Parents: v.Parents()})
		return nil
	}, entryColumns+"FROM entries WHERE kind = 1 AND height >= ? ORDER BY height DESC LIMIT ?", int64(kept1(out.Pruned)), int64(limit))
	if err != nil {
		return err
	}
	slices.Reverse(snap.Recent)
	window, err := newestOfWindow(q, limit-uint64(len(snap.Recent)))
	snap.Recent = append(window, snap.Recent...)
	return err
}

// newestOfWindow gives vertices of the window with which the store began, while they are needed.
func newestOfWindow(q engine.Queryer, limit uint64) ([]dag.Recent, error) {
	if limit == 0 {
		return nil, nil
	}
	var items []store.Item
	err := each(q, func(rows *sql.Rows) error {
		item, err := scanItem(rows)
		items = append(items, item)
		return err
	}, "SELECT height, kind, id, verdict, sum FROM window WHERE kind = 1 ORDER BY height DESC LIMIT ?", int64(limit))
	slices.Reverse(items)
	return store.RecentOf(items, limit), err
}

func loadMarks(q engine.Queryer, out *store.Stored) error {
	snap := &out.Snapshot
	err := each(q, func(rows *sql.Rows) error {
		row, err := scanCheckpoint(rows.Scan)
		snap.Marks = append(snap.Marks, dag.StoredMark{Checkpoint: row.Checkpoint, Certified: row.Certified})
		return err
	}, checkpointColumns+"FROM checkpoints ORDER BY number DESC LIMIT ?", dag.MarksKept)
	if err != nil {
		return err
	}
	if len(snap.Marks) == 0 {
		return fmt.Errorf("%w: no checkpoint", dag.ErrCorrupt)
	}
	slices.Reverse(snap.Marks)
	snap.Receipts, err = readReceipts(q, snap.Marks[len(snap.Marks)-1].Checkpoint.Height, snap.Head.Height)
	return err
}

// loadFinality gives the final checkpoint, its certificate and those after it.
func loadFinality(q engine.Queryer, out *store.Stored) error {
	final := int64(out.Snapshot.Final)
	row, err := scanCheckpoint(q.QueryRow(checkpointColumns+"FROM checkpoints WHERE number = ?", final).Scan)
	if err != nil {
		return fmt.Errorf("%w: final checkpoint %d: %w", dag.ErrCorrupt, final, err)
	}
	out.Final.Checkpoint = row.Checkpoint
	return each(q, func(rows *sql.Rows) error {
		row, err := scanCheckpoint(rows.Scan)
		if err != nil {
			return err
		}
		out.Pending = append(out.Pending, *row.Certificate)
		if out.Final.Certificate.Votes == nil && store.Finalises(*row.Certificate, out.Final.Checkpoint) { // of an older file
			out.Final.Certificate = *row.Certificate
		}
		return nil
	}, checkpointColumns+"FROM checkpoints WHERE number >= ? AND certificate IS NOT NULL ORDER BY number", final)
}

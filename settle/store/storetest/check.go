package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/store"
	"joulepay/wallet"
)

// Check reads the whole store, and tells what is not as the model says.
func (m *Model) Check(ctx context.Context, s store.Store) error {
	stored, err := s.Load(ctx)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, differs := range []error{
		m.checkStored(stored),
		m.checkLog(ctx, s),
		m.checkVertices(ctx, s),
		m.checkCheckpoints(ctx, s),
		m.checkSlots(ctx, s),
		m.checkTail(ctx, s),
	} {
		if differs != nil {
			return differs
		}
	}
	return nil
}

// equal takes an empty slice for a missing one.
func equal(what string, got, want any) error {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if g.Kind() == reflect.Slice && w.Kind() == reflect.Slice && g.Len() == 0 && w.Len() == 0 || reflect.DeepEqual(got, want) {
		return nil
	}
	if g.Kind() != reflect.Slice || g.Len() != w.Len() {
		return fmt.Errorf("%s:\ngot  %.1000v\nwant %.1000v", what, got, want)
	}
	for i := range g.Len() {
		if err := equal(fmt.Sprintf("%s: number %d of %d", what, i, g.Len()), g.Index(i).Interface(), w.Index(i).Interface()); err != nil {
			return err
		}
	}
	return nil
}

func (m *Model) checkStored(got store.Stored) error {
	want := m.Stored()
	return errors.Join(
		equal("genesis", got.Snapshot.Genesis.ID(), want.Snapshot.Genesis.ID()),
		equal("head", got.Snapshot.Head, want.Snapshot.Head),
		equal("position", got.Position, want.Position),
		equal("final number", got.Snapshot.Final, want.Snapshot.Final),
		equal("final", got.Final, want.Final),
		equal("pending", got.Pending, want.Pending),
		equal("vote", got.Vote, want.Vote),
		equal("pruned", got.Pruned, want.Pruned),
		equal("slots", got.Snapshot.Slots, want.Snapshot.Slots),
		equal("marks", got.Snapshot.Marks, want.Snapshot.Marks),
		equal("recent", got.Snapshot.Recent, want.Snapshot.Recent),
		equal("receipts", got.Snapshot.Receipts, want.Snapshot.Receipts),
	)
}

func (m *Model) checkLog(ctx context.Context, s store.Store) error {
	var entries []store.Entry
	err := s.Entries(ctx, m.pruned, func(e store.Entry) error { entries = append(entries, e); return nil })
	if err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	if err := equal("entries", normal(entries), normal(m.kept()[1:])); err != nil {
		return err
	}
	if m.pruned > 0 {
		never := func(store.Entry) error { return errors.New("storetest: pruned entries are told") }
		if err := s.Entries(ctx, m.pruned-1, never); !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("entries below what is kept: %w", err)
		}
		if _, err := s.Receipts(ctx, m.pruned-1, m.pruned+1); !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("receipts below what is kept: %w", err)
		}
		if _, err := s.Covering(ctx, m.pruned); !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("covering below what is kept: %w", err)
		}
	}
	receipts, err := s.Receipts(ctx, m.pruned, m.head.Height)
	if err != nil {
		return fmt.Errorf("receipts: %w", err)
	}
	var want []dag.Receipt
	for _, e := range m.kept()[1:] {
		if e.Kind == dag.EntryVertex {
			want = append(want, dag.Receipt{ID: e.ID, Verdict: e.Verdict})
		}
	}
	return equal("receipts", receipts, want)
}

// normal drops the difference between an empty slice and a missing one.
func normal(entries []store.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = fmt.Sprintf("%+v", e)
	}
	return out
}

func (m *Model) checkVertices(ctx context.Context, s store.Store) error {
	party, in := wallet.DID(hash("party", 1)), hash("channel", 1)
	for what, q := range map[string]store.VertexQuery{
		"vertices": {}, "vertices of a party": {Party: party}, "vertices of a channel": {Channel: in}, "refused": {Only: store.RefusedOnly},
		"of a kind": {Kind: settle.KindTransfer}, "of two kinds": {Kinds: []settle.Kind{settle.KindTransfer, settle.KindIssue}}, "of two kinds of a party": {Party: party, Kinds: []settle.Kind{settle.KindTransfer, settle.KindOpen}},
		"within heights": {From: 3, Page: store.Page{Before: 9}}, "of a party within heights": {Party: party, From: 3, Page: store.Page{Before: 9}},
	} {
		q.Limit = store.PageMax
		got, err := s.Vertices(ctx, q)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		var want []store.Entry
		for _, e := range slices.Backward(m.kept()) {
			changes := slices.ContainsFunc(e.Channels, func(c dag.ChannelEffect) bool { return c.Channel == in })
			if e.Kind == dag.EntryVertex && (q.Party.IsZero() || slices.Contains(e.Parties, party)) && (q.Channel == [32]byte{} || changes) &&
				(q.Only == 0 || !e.Verdict.Accepted()) && (q.Kind == 0 || e.PayloadKind == q.Kind) && (q.Kinds == nil || slices.Contains(q.Kinds, e.PayloadKind)) &&
				e.Height >= q.From && (q.Before == 0 || e.Height < q.Before) {
				want = append(want, e)
			}
		}
		if err := equal(what, normal(got), normal(want)); err != nil {
			return err
		}
	}
	for _, e := range m.entries {
		got, err := s.Vertex(ctx, e.ID)
		there := e.Kind == dag.EntryVertex && (e.Height == 0 || e.Height > m.pruned)
		if there != (err == nil) || err != nil && (!errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrPruned) != (m.pruned > 0)) {
			return fmt.Errorf("vertex at height %d, pruned to %d: %w", e.Height, m.pruned, err)
		}
		if there && got.Height != e.Height {
			return fmt.Errorf("vertex at height %d, want %d", got.Height, e.Height)
		}
	}
	return nil
}

func (m *Model) checkCheckpoints(ctx context.Context, s store.Store) error {
	got, err := s.Checkpoints(ctx, store.Page{Limit: store.PageMax})
	if err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	slices.Reverse(got)
	if err := equal("checkpoints", got, m.rows); err != nil {
		return err
	}
	if _, err := s.Checkpoint(ctx, m.last()+1); !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("a checkpoint that is not there: %w", err)
	}
	if first := m.rows[0].Checkpoint.Number; first > 0 {
		if _, err := s.Checkpoint(ctx, first-1); !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("a checkpoint that was pruned: %w", err)
		}
	}
	for _, r := range m.rows[1:] {
		row, err := s.Covering(ctx, r.Checkpoint.Height)
		if err != nil && r.Checkpoint.Height > m.pruned || err == nil && row.Checkpoint != r.Checkpoint {
			return fmt.Errorf("covering %d: checkpoint %d, %w", r.Checkpoint.Height, row.Checkpoint.Number, err)
		}
	}
	return nil
}

func (m *Model) checkSlots(ctx context.Context, s store.Store) error {
	var want []store.ChannelRow
	for _, slot := range m.slots {
		content, height, err := s.Slot(ctx, slot.Key)
		if err != nil || height != m.head.Height || string(content) != string(slot.Content) {
			return fmt.Errorf("slot %d at height %d: %x, want %x: %w", slot.Index, height, content, slot.Content, err)
		}
		if slot.Key.Kind == settle.SlotChannel {
			want = append(want, store.ChannelRow{Index: slot.Index, ID: slot.Key.ID, Content: slot.Content})
		}
	}
	if _, _, err := s.Slot(ctx, settle.SlotKey{Kind: settle.SlotAccount, ID: hash("nobody", 1)}); !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("a slot that is not there: %w", err)
	}
	got, err := s.Channels(ctx, store.ChannelQuery{Page: store.Page{Limit: store.PageMax}})
	if err != nil {
		return fmt.Errorf("channels: %w", err)
	}
	slices.SortFunc(got, func(a, b store.ChannelRow) int { return cmp.Compare(a.Index, b.Index) })
	if err := equal("channels", got, want); err != nil {
		return err
	}
	for _, row := range want {
		c, err := settle.DecodeChannel(row.Content)
		if err != nil {
			return err
		}
		list, err := s.Channels(ctx, store.ChannelQuery{Page: store.Page{Limit: store.PageMax}, State: c.State, Party: c.Opening.Opener})
		if err != nil || !slices.ContainsFunc(list, func(r store.ChannelRow) bool { return r.Index == row.Index }) {
			return fmt.Errorf("channel in slot %d is not listed by state and party: %w", row.Index, err)
		}
	}
	return nil
}

func (m *Model) checkTail(ctx context.Context, s store.Store) error {
	upTo := m.final.Checkpoint.Height
	for _, n := range []int{1, parentWindow, 2 * parentWindow, 1 << 20} {
		if m.verticesIn(m.pruned, upTo) == 0 && m.lowest > upTo {
			continue
		}
		first, before, err := s.Tail(ctx, upTo, uint64(n))
		wantFirst, wantBefore := m.Tail(n)
		if err != nil || first != wantFirst || before != wantBefore {
			return fmt.Errorf("tail of %d: from %d after %s, want from %d after %s: %w", n, first, before, wantFirst, wantBefore, err)
		}
		var got []store.Item
		if err := s.Items(ctx, first, upTo, func(i store.Item) error { got = append(got, i); return nil }); err != nil {
			return fmt.Errorf("items: %w", err)
		}
		if err := equal("items", got, m.items()[first-m.lowest:upTo+1-m.lowest]); err != nil {
			return err
		}
	}
	if m.lowest > 0 {
		if err := s.Items(ctx, m.lowest-1, upTo, func(store.Item) error { return nil }); !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("items below what is known: %w", err)
		}
	}
	return nil
}

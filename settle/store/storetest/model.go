package storetest

import (
	"errors"
	"iter"
	"slices"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
)

// Model is what a store must hold. To go back it keeps a copy of everything at every checkpoint.
type Model struct {
	content
	genesis  *settle.Vertex
	position stream.Position
	final    proof.Final
	vote     *proof.SignedVote
	copies   map[uint64]content
	pruned   uint64     // height above which the log is kept
	lowest   uint64     // height of the first item that the store knows
	before   proof.Hash // of the log before it
}

// content is what a rollback brings back. Its slices are never changed in place.
type content struct {
	head    dag.Head
	entries []store.Entry // all that ever were: entry n has height n
	slots   []dag.SlotChange
	rows    []store.CheckpointRow
}

func (m *Model) last() uint64 { return m.rows[len(m.rows)-1].Checkpoint.Number }

func (m *Model) row(number uint64) store.CheckpointRow {
	return m.rows[number-m.rows[0].Checkpoint.Number]
}

func (m *Model) replace(number uint64, change func(*store.CheckpointRow)) {
	m.rows = slices.Clone(m.rows)
	change(&m.rows[number-m.rows[0].Checkpoint.Number])
}

// Rollback goes back, and gives the vertices that are undone. Certificates of what stays are kept: votes are not undone.
func (m *Model) Rollback(checkpoint uint64, to stream.Position) []settle.VertexID {
	then := m.copies[checkpoint]
	var undone []settle.VertexID
	for _, e := range m.entries[len(then.entries):] {
		if e.Kind == dag.EntryVertex {
			undone = append(undone, e.ID)
		}
	}
	rows := slices.Clone(m.rows[:checkpoint-m.rows[0].Checkpoint.Number+1])
	for i, r := range rows {
		at := slices.IndexFunc(then.rows, func(t store.CheckpointRow) bool { return t.Checkpoint == r.Checkpoint })
		rows[i].Certified = then.rows[at].Certified
	}
	m.content = content{then.head, then.entries, then.slots, rows}
	m.position = to
	return undone
}

// Prune deletes what is not needed up to a height.
func (m *Model) Prune(upTo uint64) {
	final := m.final.Checkpoint
	for i, r := range slices.Backward(m.rows) {
		c := r.Checkpoint
		if c.Height > upTo || c.Height <= m.pruned || c.Number+dag.MarksKept > final.Number || m.verticesIn(c.Height, final.Height) < 2*parentWindow {
			continue
		}
		m.pruned, m.lowest, m.before, m.rows = c.Height, c.Height+1, c.Log, slices.Clone(m.rows[i:])
		return
	}
}

func (m *Model) verticesIn(after, upTo uint64) (n int) {
	for _, e := range m.entries {
		if e.Kind == dag.EntryVertex && e.Height > after && e.Height <= upTo {
			n++
		}
	}
	return n
}

// kept gives the entries that a store has.
func (m *Model) kept() []store.Entry {
	if m.pruned == 0 {
		return m.entries
	}
	return slices.Concat(m.entries[:1], m.entries[m.pruned+1:])
}

// Base gives what another store begins with at the final checkpoint, and turns the model into that of the other.
func (m *Model) Base() store.Base {
	final := m.final
	m.Rollback(final.Checkpoint.Number, m.row(final.Checkpoint.Number).Position)
	first, before := m.Tail(2 * parentWindow)
	m.pruned, m.lowest, m.before, m.vote = final.Checkpoint.Height, first, before, nil
	rows := slices.Clone(m.rows[max(0, len(m.rows)-dag.MarksKept):])
	for i := range rows {
		if i < len(rows)-1 {
			rows[i].Certificate, rows[i].Head, rows[i].Position = nil, dag.Head{}, stream.Position{}
		}
	}
	m.rows, m.copies = rows, map[uint64]content{}
	m.copies[final.Checkpoint.Number] = m.content
	b := store.Base{Genesis: m.genesis, Final: final, Justified: rows[len(rows)-1].Certificate, Head: m.head, Position: m.position, Before: before, Window: sequence(m.items()), Slots: sequence(m.slots)}
	for _, r := range rows {
		b.Marks = append(b.Marks, dag.StoredMark{Checkpoint: r.Checkpoint, Certified: r.Certified})
	}
	return b
}

func sequence[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
	}
}

var errBroken = errors.New("storetest: the sequence breaks off")

// broken gives a part of a sequence, and an error.
func broken[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range all[:len(all)/2] {
			if !yield(one, nil) {
				return
			}
		}
		var zero T
		yield(zero, errBroken)
	}
}

// items gives the log as far as the store knows it.
func (m *Model) items() []store.Item {
	var out []store.Item
	for _, e := range m.entries[m.lowest:] {
		out = append(out, store.Item{Height: e.Height, Kind: e.Kind, ID: e.ID, Verdict: e.Verdict})
	}
	return out
}

// Tail gives where the log up to the final checkpoint has so many vertices or begins, as far as the store knows it.
func (m *Model) Tail(vertices int) (first uint64, before proof.Hash) {
	first, before = m.lowest, m.before
	for _, r := range m.rows {
		c := r.Checkpoint
		if c.Height+1 > first && m.verticesIn(c.Height, m.final.Checkpoint.Height) >= vertices {
			first, before = c.Height+1, c.Log
		}
	}
	return first, before
}

// Stored gives what Load must give.
func (m *Model) Stored() store.Stored {
	final := m.final.Checkpoint.Number
	out := store.Stored{Position: m.position, Final: m.final, Vote: m.vote, Pruned: m.pruned}
	out.Snapshot = dag.Snapshot{Genesis: m.genesis, Head: m.head, Slots: m.slots, Final: final}
	for _, r := range m.rows[max(0, len(m.rows)-dag.MarksKept):] {
		out.Snapshot.Marks = append(out.Snapshot.Marks, dag.StoredMark{Checkpoint: r.Checkpoint, Certified: r.Certified})
	}
	for _, r := range m.rows {
		if r.Checkpoint.Number >= final && r.Certificate != nil {
			out.Pending = append(out.Pending, *r.Certificate)
		}
	}
	var vertices []store.Entry
	for _, e := range m.entries[m.lowest:] {
		if e.Kind == dag.EntryVertex {
			vertices = append(vertices, e)
		}
		if e.Kind == dag.EntryVertex && e.Height > m.row(m.last()).Checkpoint.Height {
			out.Snapshot.Receipts = append(out.Snapshot.Receipts, dag.Receipt{ID: e.ID, Verdict: e.Verdict})
		}
	}
	out.Snapshot.Recent = m.recent(vertices[max(0, len(vertices)-2*parentWindow):])
	return out
}

// recent gives vertices with their parents; of those that were in the base, with the accepted one before.
func (m *Model) recent(vertices []store.Entry) []dag.Recent {
	var out []dag.Recent
	var tip []settle.VertexID
	for _, e := range vertices {
		r := dag.Recent{ID: e.ID, Accepted: e.Verdict.Accepted(), Parents: tip}
		if e.Height > m.pruned || m.pruned == 0 {
			v, err := e.Vertex()
			if err != nil {
				panic(err)
			}
			r.Parents = v.Parents()
		} else if r.Accepted {
			tip = []settle.VertexID{e.ID}
		}
		out = append(out, r)
	}
	return out
}

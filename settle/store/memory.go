package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/stream"
)

// Memory is a Store in memory, for tests and simulations.
type Memory struct {
	mu          sync.Mutex // guards what follows
	genesis     *settle.Vertex
	head        dag.Head
	position    stream.Position
	final       proof.Final
	vote        *proof.SignedVote
	window      []Item // with which the store began; no entries
	before      proof.Hash
	pruned      uint64
	entries     []Entry // with rising heights
	byID        map[settle.VertexID]uint64
	slots       []dag.SlotChange
	byKey       map[settle.SlotKey]uint32
	undo        map[undoKey][]byte
	checkpoints []CheckpointRow // with rising numbers, without gaps
}

type undoKey struct {
	checkpoint uint64
	index      uint32
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{byID: map[settle.VertexID]uint64{}, byKey: map[settle.SlotKey]uint32{}, undo: map[undoKey][]byte{}}
}

// Commit implements Store.
func (m *Memory) Commit(_ context.Context, b Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.Genesis != nil {
		m.genesis = b.Genesis
	}
	for _, e := range b.Entries {
		if next := m.next(); e.Height != next {
			return fmt.Errorf("store: entry of height %d where %d should be", e.Height, next)
		}
		m.entries = append(m.entries, e)
		if _, known := m.byID[e.ID]; e.Kind == dag.EntryVertex && !known {
			m.byID[e.ID] = e.Height
		}
	}
	m.head, m.position = b.Head, b.Position
	if b.Vote != nil {
		m.vote = b.Vote
	}
	m.putSlots(b.Slots)
	m.putUndo(b)
	for _, c := range b.Checkpoints {
		m.checkpoints = append(m.checkpoints, CheckpointRow{Checkpoint: c.Checkpoint, Head: c.Head, Position: c.Position})
	}
	for _, c := range b.Certificates {
		if row := m.checkpoint(c.Target.Number); row != nil {
			row.Certificate = &c
		}
	}
	for _, n := range b.Certified {
		if row := m.checkpoint(n); row != nil {
			row.Certified = true
		}
	}
	m.putFinal(b)
	return nil
}

// putFinal keeps the proof of finality, whatever becomes of the child that certifies it.
func (m *Memory) putFinal(b Batch) {
	row := m.checkpoint(b.Final)
	if row == nil || b.Final == m.final.Checkpoint.Number && len(m.final.Certificate.Votes) > 0 {
		return
	}
	m.final = proof.Final{Checkpoint: row.Checkpoint}
	known := b.Certificates
	if child := m.checkpoint(b.Final + 1); child != nil && child.Certificate != nil {
		known = append(slices.Clip(known), *child.Certificate)
	}
	if i := slices.IndexFunc(known, func(c proof.Certificate) bool { return Finalises(c, row.Checkpoint) }); i >= 0 {
		m.final.Certificate = known[i]
	}
}

// checkpoint gives the row of a checkpoint, or nil.
func (m *Memory) checkpoint(number uint64) *CheckpointRow {
	if len(m.checkpoints) == 0 || number < m.checkpoints[0].Checkpoint.Number {
		return nil
	}
	if n := number - m.checkpoints[0].Checkpoint.Number; n < uint64(len(m.checkpoints)) {
		return &m.checkpoints[n]
	}
	return nil
}

// next gives the height of the next entry.
func (m *Memory) next() uint64 {
	if len(m.entries) == 0 {
		return 0
	}
	return max(m.entries[len(m.entries)-1].Height, m.pruned) + 1
}

// above gives the place of the first entry above a height.
func (m *Memory) above(height uint64) int {
	i, _ := slices.BinarySearchFunc(m.entries, height+1, func(e Entry, h uint64) int { return cmp.Compare(e.Height, h) })
	return i
}

func (m *Memory) putSlots(changes []dag.SlotChange) {
	changes = slices.Clone(changes)
	slices.SortFunc(changes, func(a, b dag.SlotChange) int { return cmp.Compare(a.Index, b.Index) })
	for _, s := range changes {
		if int(s.Index) == len(m.slots) {
			m.slots = append(m.slots, s)
			m.byKey[s.Key] = s.Index
		} else {
			m.slots[s.Index] = s
		}
	}
}

func (m *Memory) putUndo(b Batch) {
	for _, u := range b.Undo {
		at := undoKey{u.Checkpoint, u.Index}
		if _, recorded := m.undo[at]; !recorded {
			m.undo[at] = u.Before
		}
	}
	maps.DeleteFunc(m.undo, func(at undoKey, _ []byte) bool { return at.checkpoint < b.Final })
}

// Rollback implements Store.
func (m *Memory) Rollback(_ context.Context, checkpoint uint64, to stream.Position) ([]*settle.Vertex, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row := m.checkpoint(checkpoint)
	if row == nil || checkpoint < m.final.Checkpoint.Number {
		return nil, fmt.Errorf("%w: checkpoint %d, final is %d", ErrRollback, checkpoint, m.final.Checkpoint.Number)
	}
	keep := m.above(row.Head.Height)
	undone, err := verticesOf(m.entries[keep:])
	if err != nil {
		return nil, err
	}
	for _, e := range m.entries[keep:] {
		if m.byID[e.ID] == e.Height {
			delete(m.byID, e.ID)
		}
	}
	m.entries = slices.Clone(m.entries[:keep])
	m.revertSlots(checkpoint)
	m.checkpoints = slices.Clone(m.checkpoints[:checkpoint-m.checkpoints[0].Checkpoint.Number+1])
	for i := range m.checkpoints {
		c := &m.checkpoints[i]
		c.Certified = c.Certified && c.Checkpoint.Number <= row.Head.Certified
	}
	m.head, m.position = row.Head, to
	return undone, nil
}

func verticesOf(entries []Entry) ([]*settle.Vertex, error) {
	var out []*settle.Vertex
	for _, e := range entries {
		if e.Kind != dag.EntryVertex {
			continue
		}
		v, err := e.Vertex()
		if err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", dag.ErrCorrupt, e.Height, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// revertSlots gives every slot what it held at a checkpoint: the content before its first change since then.
func (m *Memory) revertSlots(checkpoint uint64) {
	at := slices.SortedFunc(maps.Keys(m.undo), func(a, b undoKey) int { return -cmp.Compare(a.checkpoint, b.checkpoint) })
	slots := slices.Clone(m.slots)
	count := len(slots)
	for _, k := range at { // the oldest last
		if k.checkpoint < checkpoint {
			continue
		}
		slots[k.index].Content = m.undo[k]
		if m.undo[k] == nil {
			count = min(count, int(k.index))
		}
		delete(m.undo, k)
	}
	for _, s := range slots[count:] {
		delete(m.byKey, s.Key)
	}
	m.slots = slots[:count]
}

// Load implements Store.
func (m *Memory) Load(context.Context) (Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.genesis == nil {
		return Stored{}, ErrEmpty
	}
	out := Stored{Position: m.position, Vote: m.vote, Final: m.final, Pruned: m.pruned}
	final := m.final.Checkpoint.Number
	out.Snapshot = dag.Snapshot{Genesis: m.genesis, Head: m.head, Slots: slices.Clone(m.slots), Final: final}
	for _, c := range m.checkpoints[max(0, len(m.checkpoints)-dag.MarksKept):] {
		out.Snapshot.Marks = append(out.Snapshot.Marks, dag.StoredMark{Checkpoint: c.Checkpoint, Certified: c.Certified})
	}
	for _, c := range m.checkpoints {
		if c.Certificate != nil && c.Checkpoint.Number >= final {
			out.Pending = append(out.Pending, *c.Certificate)
		}
	}
	last := m.checkpoints[len(m.checkpoints)-1].Checkpoint
	recent, err := m.recent(dag.RecentKept(m.genesis.Payload().(*settle.Genesis).Limits))
	out.Snapshot.Recent = recent
	out.Snapshot.Receipts = m.receipts(last.Height, m.head.Height)
	return out, err
}

func (m *Memory) recent(limit uint64) ([]dag.Recent, error) {
	var out []dag.Recent
	for i := len(m.entries) - 1; i >= 0 && uint64(len(out)) < limit; i-- {
		e := m.entries[i]
		if e.Kind != dag.EntryVertex || e.Height == 0 && m.pruned > 0 {
			continue
		}
		v, err := e.Vertex()
		if err != nil {
			return nil, err
		}
		out = append(out, dag.Recent{ID: e.ID, Accepted: e.Verdict.Accepted(), Parents: v.Parents()})
	}
	slices.Reverse(out)
	return append(RecentOf(m.window, limit-uint64(len(out))), out...), nil
}

// Receipts implements Store.
func (m *Memory) Receipts(_ context.Context, after, upTo uint64) ([]dag.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := Kept(after, m.pruned); err != nil {
		return nil, err
	}
	return m.receipts(after, upTo), nil
}

func (m *Memory) receipts(after, upTo uint64) []dag.Receipt {
	var out []dag.Receipt
	for _, e := range m.entries[m.above(after):] {
		if e.Kind == dag.EntryVertex && e.Height <= upTo {
			out = append(out, dag.Receipt{ID: e.ID, Verdict: e.Verdict})
		}
	}
	return out
}

// Slot implements Store.
func (m *Memory) Slot(_ context.Context, key settle.SlotKey) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.byKey[key]
	if !ok {
		return nil, m.head.Height, fmt.Errorf("%w: slot %s", ErrNotFound, key)
	}
	return m.slots[i].Content, m.head.Height, nil
}

// Vertex implements Store.
func (m *Memory) Vertex(_ context.Context, id settle.VertexID) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.byID[id]
	if !ok {
		return Entry{}, Unknown(m.pruned, "vertex "+id.String())
	}
	return m.entries[m.above(h)-1], nil
}

// Vertices implements Store.
func (m *Memory) Vertices(_ context.Context, q VertexQuery) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Entry
	for i := len(m.entries) - 1; i >= 0 && len(out) < min(q.Limit, PageMax); i-- {
		e := m.entries[i]
		if e.Kind == dag.EntryVertex && (q.Before == 0 || e.Height < q.Before) && q.matches(e) {
			out = append(out, e)
		}
	}
	return out, nil
}

func (q VertexQuery) matches(e Entry) bool {
	inChannel := func(c dag.ChannelEffect) bool { return c.Channel == q.Channel }
	switch {
	case e.Height < q.From,
		q.Payload != nil && e.Payload != *q.Payload,
		q.Kind != 0 && e.PayloadKind != q.Kind,
		q.Kinds != nil && !slices.Contains(q.Kinds, e.PayloadKind),
		!q.Issuer.IsZero() && e.Issuer != q.Issuer,
		!q.Party.IsZero() && !slices.Contains(e.Parties, q.Party),
		q.Channel != [32]byte{} && !slices.ContainsFunc(e.Channels, inChannel),
		q.Only == AcceptedOnly && !e.Verdict.Accepted(),
		q.Only == RefusedOnly && e.Verdict.Accepted():
		return false
	}
	return true
}

// Channels implements Store.
func (m *Memory) Channels(_ context.Context, q ChannelQuery) ([]ChannelRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []ChannelRow
	for i := len(m.slots) - 1; i >= 0 && len(out) < min(q.Limit, PageMax); i-- {
		s := m.slots[i]
		if s.Key.Kind != settle.SlotChannel || q.Before != 0 && uint64(s.Index)+1 >= q.Before {
			continue
		}
		c, err := settle.DecodeChannel(s.Content)
		if err != nil {
			return nil, err
		}
		_, party := c.Opening.PartyOf(q.Party)
		if (q.Party.IsZero() || party) && (q.State == 0 || q.State == c.State) {
			out = append(out, ChannelRow{s.Index, s.Key.ID, bytes.Clone(s.Content)})
		}
	}
	return out, nil
}

// Checkpoint implements Store.
func (m *Memory) Checkpoint(_ context.Context, number uint64) (CheckpointRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if row := m.checkpoint(number); row != nil {
		return *row, nil
	}
	if len(m.checkpoints) > 0 && number < m.checkpoints[0].Checkpoint.Number {
		return CheckpointRow{}, fmt.Errorf("%w: checkpoint %d", ErrPruned, number)
	}
	return CheckpointRow{}, fmt.Errorf("%w: checkpoint %d", ErrNotFound, number)
}

// Covering implements Store.
func (m *Memory) Covering(_ context.Context, height uint64) (CheckpointRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if height > 0 && height <= m.pruned {
		return CheckpointRow{}, Kept(height-1, m.pruned)
	}
	for _, c := range m.checkpoints {
		if c.Checkpoint.Height >= height {
			return c, nil
		}
	}
	return CheckpointRow{}, fmt.Errorf("%w: checkpoint above height %d", ErrNotFound, height)
}

// Checkpoints implements Store.
func (m *Memory) Checkpoints(_ context.Context, p Page) ([]CheckpointRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []CheckpointRow
	for i := len(m.checkpoints) - 1; i >= 0 && len(out) < min(p.Limit, PageMax); i-- {
		if c := m.checkpoints[i]; p.Before == 0 || c.Checkpoint.Number+1 < p.Before {
			out = append(out, c)
		}
	}
	return out, nil
}

// Entries implements Store.
func (m *Memory) Entries(_ context.Context, after uint64, visit func(Entry) error) error {
	m.mu.Lock()
	err := Kept(after, m.pruned)
	entries := slices.Clip(m.entries[m.above(after):])
	m.mu.Unlock()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Store. The content stays, as that of a closed file does.
func (m *Memory) Close() error { return nil }

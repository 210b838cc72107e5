package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
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
	final       uint64
	vote        *proof.SignedVote
	entries     []Entry // entry n has height n
	byID        map[settle.VertexID]uint64
	slots       []dag.SlotChange
	byKey       map[settle.SlotKey]uint32
	checkpoints []memoryCheckpoint // checkpoint n is at n
}

type memoryCheckpoint struct {
	CheckpointRow
	certified bool
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{byID: map[settle.VertexID]uint64{}, byKey: map[settle.SlotKey]uint32{}}
}

// Commit implements Store.
func (m *Memory) Commit(_ context.Context, b Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.Genesis != nil {
		m.genesis = b.Genesis
	}
	m.head, m.position, m.final = b.Head, b.Position, b.Final
	if b.Vote != nil {
		m.vote = b.Vote
	}
	for _, e := range b.Entries {
		if e.Height != uint64(len(m.entries)) {
			return fmt.Errorf("store: entry of height %d where %d should be", e.Height, len(m.entries))
		}
		m.entries = append(m.entries, e)
		if _, known := m.byID[e.ID]; e.Kind == dag.EntryVertex && !known {
			m.byID[e.ID] = e.Height
		}
	}
	m.putSlots(b.Slots)
	for _, c := range b.Checkpoints {
		m.checkpoints = append(m.checkpoints, memoryCheckpoint{CheckpointRow: CheckpointRow{Checkpoint: c}})
	}
	for _, c := range b.Certificates {
		m.checkpoints[c.Target.Number].Certificate = &c
	}
	for _, n := range b.Certified {
		m.checkpoints[n].certified = true
	}
	return nil
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

// Load implements Store.
func (m *Memory) Load(context.Context) (Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.genesis == nil {
		return Stored{}, ErrEmpty
	}
	out := Stored{Position: m.position, Vote: m.vote}
	out.Snapshot = dag.Snapshot{Genesis: m.genesis, Head: m.head, Slots: slices.Clone(m.slots), Final: m.final}
	for _, c := range m.checkpoints[max(0, len(m.checkpoints)-dag.MarksKept):] {
		out.Snapshot.Marks = append(out.Snapshot.Marks, dag.StoredMark{Checkpoint: c.Checkpoint, Certified: c.certified})
	}
	out.Final.Checkpoint = m.checkpoints[m.final].Checkpoint
	for _, c := range m.checkpoints[m.final:] {
		switch {
		case c.Certificate == nil:
		case c.Certificate.Source.Number == m.final && c.Checkpoint.Number == m.final+1:
			out.Final.Certificate = *c.Certificate
			out.Pending = append(out.Pending, *c.Certificate)
		case c.Checkpoint.Number > m.final:
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
		if e.Kind != dag.EntryVertex {
			continue
		}
		v, err := e.Vertex()
		if err != nil {
			return nil, err
		}
		out = append(out, dag.Recent{ID: e.ID, Accepted: e.Verdict.Accepted(), Parents: v.Parents()})
	}
	slices.Reverse(out)
	return out, nil
}

// Receipts implements Store.
func (m *Memory) Receipts(_ context.Context, after, upTo uint64) ([]dag.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.receipts(after, upTo), nil
}

func (m *Memory) receipts(after, upTo uint64) []dag.Receipt {
	var out []dag.Receipt
	for h := after + 1; h <= upTo && h < uint64(len(m.entries)); h++ {
		if e := m.entries[h]; e.Kind == dag.EntryVertex {
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
		return Entry{}, fmt.Errorf("%w: vertex %s", ErrNotFound, id)
	}
	return m.entries[h], nil
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
	case q.Payload != nil && e.Payload != *q.Payload,
		q.Kind != 0 && e.PayloadKind != q.Kind,
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
	if number >= uint64(len(m.checkpoints)) {
		return CheckpointRow{}, fmt.Errorf("%w: checkpoint %d", ErrNotFound, number)
	}
	return m.checkpoints[number].CheckpointRow, nil
}

// Covering implements Store.
func (m *Memory) Covering(_ context.Context, height uint64) (CheckpointRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.checkpoints {
		if c.Checkpoint.Height >= height {
			return c.CheckpointRow, nil
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
		if p.Before == 0 || uint64(i)+1 < p.Before {
			out = append(out, m.checkpoints[i].CheckpointRow)
		}
	}
	return out, nil
}

// Entries implements Store.
func (m *Memory) Entries(_ context.Context, visit func(Entry) error) error {
	m.mu.Lock()
	entries := m.entries[:len(m.entries):len(m.entries)]
	m.mu.Unlock()
	for _, e := range entries {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Store. The content stays, as that of a closed file does.
func (m *Memory) Close() error { return nil }

package store

import (
	"context"
	"fmt"
	"slices"

	"joulepay/settle/dag"
	"joulepay/settle/proof"
)

// Begin implements Store.
func (m *Memory) Begin(_ context.Context, b Base) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.genesis != nil {
		return ErrNotEmpty
	}
	begun := NewMemory()
	for item, err := range b.Window {
		if err != nil {
			return err
		}
		begun.window = append(begun.window, item)
	}
	for slot, err := range b.Slots {
		if err != nil {
			return err
		}
		begun.putSlots([]dag.SlotChange{slot})
	}
	for _, mark := range b.Marks {
		begun.checkpoints = append(begun.checkpoints, CheckpointRow{Checkpoint: mark.Checkpoint, Certified: mark.Certified})
	}
	final := &begun.checkpoints[len(begun.checkpoints)-1]
	final.Head, final.Position, final.Certificate = b.Head, b.Position, b.Justified
	genesis := GenesisEntry(b.Genesis)
	m.genesis, m.head, m.position, m.final, m.before, m.pruned = b.Genesis, b.Head, b.Position, b.Final, b.Before, b.Head.Height
	m.window, m.slots, m.byKey, m.checkpoints = begun.window, begun.slots, begun.byKey, begun.checkpoints
	m.entries, m.byID[genesis.ID] = []Entry{genesis}, 0
	return nil
}

// Prune implements Store. It does everything at once.
func (m *Memory) Prune(_ context.Context, upTo uint64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	final := m.final.Checkpoint
	if m.genesis == nil || final.Number < dag.MarksKept {
		return true, nil
	}
	first, _, err := m.tail(final.Height, RecentKept(m.genesis))
	if err != nil || first == 0 {
		return true, err
	}
	upTo = min(upTo, first-1)
	keep := -1 // place of the last checkpoint that may be the first
	for i, c := range m.checkpoints {
		if c.Checkpoint.Height <= upTo && c.Checkpoint.Number+dag.MarksKept <= final.Number {
			keep = i
		}
	}
	if keep < 0 || m.checkpoints[keep].Checkpoint.Height <= m.pruned {
		return true, nil
	}
	m.checkpoints, m.window = slices.Clone(m.checkpoints[keep:]), nil
	m.pruned = m.checkpoints[0].Checkpoint.Height
	for _, e := range m.entries[1:m.above(m.pruned)] {
		if m.byID[e.ID] == e.Height {
			delete(m.byID, e.ID)
		}
	}
	m.entries = slices.Concat(m.entries[:1], m.entries[m.above(m.pruned):])
	return true, nil
}

// Tail implements Store.
func (m *Memory) Tail(_ context.Context, upTo, vertices uint64) (uint64, proof.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tail(upTo, vertices)
}

func (m *Memory) tail(upTo, vertices uint64) (uint64, proof.Hash, error) {
	items := m.items()
	first, count := len(items), uint64(0)
	for first > 0 && count < vertices {
		first--
		if items[first].Height <= upTo && items[first].Kind == dag.EntryVertex {
			count++
		}
	}
	if first == len(items) {
		return 0, proof.Hash{}, fmt.Errorf("%w: the log up to height %d", ErrNotFound, upTo)
	}
	for _, c := range slices.Backward(m.checkpoints) {
		if c.Checkpoint.Height < items[first].Height {
			if c.Checkpoint.Height+1 < items[0].Height {
				break
			}
			return c.Checkpoint.Height + 1, c.Checkpoint.Log, nil
		}
	}
	return items[0].Height, m.before, nil
}

// items gives the log as far as it is kept.
func (m *Memory) items() []Item {
	items := slices.Clone(m.window)
	for _, e := range m.entries {
		if e.Height > m.pruned || m.pruned == 0 {
			items = append(items, Item{e.Height, e.Kind, e.ID, e.Verdict})
		}
	}
	return items
}

// Items implements Store.
func (m *Memory) Items(_ context.Context, first, upTo uint64, visit func(Item) error) error {
	m.mu.Lock()
	items := m.items()
	m.mu.Unlock()
	if len(items) > 0 && first < items[0].Height {
		return Kept(first, items[0].Height)
	}
	for _, item := range items {
		if item.Height < first || item.Height > upTo {
			continue
		}
		if err := visit(item); err != nil {
			return err
		}
	}
	return nil
}

package dag

import (
	"fmt"

	"joulepay/settle"
)

// SlotsAt gives all slots as they were at a checkpoint, in order, or ErrNotRetained. Their content must not be changed;
// it is shared, so the copy costs some 80 bytes a slot.
func (s *State) SlotsAt(checkpoint uint64) ([]SlotChange, error) {
	past, err := s.history.since(checkpoint)
	if err != nil {
		return nil, err
	}
	slots := s.Slots()
	for n := len(past) - 1; n >= 0; n-- { // the oldest change counts
		for index, before := range past[n].before {
			slots[index].Content = before
		}
	}
	for i, slot := range slots {
		if slot.Content == nil {
			return slots[:i], nil // slots are made in order: the rest is younger
		}
	}
	return slots, nil
}

// Books adds up slots that are given one by one, to check I1 over all of them. The zero value is empty.
type Books struct{ sum worth }

// Add counts a slot; it returns ErrCorrupt when the content does not decode.
func (b *Books) Add(key settle.SlotKey, content []byte) error {
	if err := b.sum.add(key, nil, content); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	b.sum.effects, b.sum.expiring = b.sum.effects[:0], b.sum.expiring[:0]
	return nil
}

// Check returns ErrConservation when what was added does not balance.
func (b *Books) Check() error { return b.sum.check() }

// Slots gives all slots as they are now, in order. Their content must not be changed.
func (s *State) Slots() []SlotChange {
	slots := make([]SlotChange, len(s.slots.keys))
	for i, key := range s.slots.keys {
		slots[i] = SlotChange{Index: uint32(i), Key: key, Content: s.slots.content[i]}
	}
	return slots
}

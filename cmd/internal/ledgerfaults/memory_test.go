package ledgerfaults_test

import (
	"fmt"
	"sync"
	"testing"

	"joulepay/settle/client"
	"joulepay/settle/proof"
)

// mark is what nobody may change of a final checkpoint.
type mark struct {
	id, root [32]byte
	height   uint64
}

// decided is what nobody may change of a final vertex.
type decided struct {
	height  uint64
	verdict string
}

// memory keeps everything that any node showed as final to anybody. It is safe for concurrent use.
type memory struct {
	t *testing.T

	mu       sync.Mutex // guards all below
	marks    map[uint64]mark
	vertices map[client.ID]decided
	height   uint64 // the highest that was shown as final
}

func newMemory(t *testing.T) *memory {
	return &memory{t: t, marks: map[uint64]mark{}, vertices: map[client.ID]decided{}}
}

// checkpoint remembers a final checkpoint, and says when another one had its number.
func (m *memory) checkpoint(number uint64, now mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, known := m.marks[number]; known && before != now {
		m.t.Errorf("I7: checkpoint %d was shown final as %x with state root %x, and then as %x with %x", number, before.id, before.root, now.id, now.root)
	}
	m.marks[number] = now
	m.height = max(m.height, now.height)
}

func (m *memory) final(f proof.Final) {
	c := f.Checkpoint
	m.checkpoint(c.Number, mark{id: c.Hash(), root: c.State, height: c.Height})
}

func (m *memory) resource(c *client.Checkpoint) {
	if c != nil && c.Final {
		m.checkpoint(c.Number, mark{id: c.ID, root: c.StateRoot, height: c.Height})
	}
}

// vertex remembers a final vertex, and says when it had another place or verdict before.
func (m *memory) vertex(id client.ID, now decided) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, known := m.vertices[id]; known && before != now {
		m.t.Errorf("I7: vertex %s was shown final as %+v, and then as %+v", id, before, now)
	}
	m.vertices[id] = now
	m.height = max(m.height, now.height)
}

// highest gives the greatest height that anybody was shown as final.
func (m *memory) highest() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.height
}

// kept checks a vertex and a checkpoint that a node lists against what was shown.
func (m *memory) kept(where string, vertices map[client.ID]decided, checkpoints map[uint64]mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, before := range m.vertices {
		if now, known := vertices[id]; !known || now != before {
			return fmt.Errorf("I7: %s lost vertex %s, which was shown final as %+v, and is %+v", where, id, before, now)
		}
	}
	for number, before := range m.marks {
		if now, known := checkpoints[number]; !known || now != before {
			return fmt.Errorf("I7: %s lost checkpoint %d, which was shown final as %x, and is %x", where, number, before.id, now.id)
		}
	}
	return nil
}

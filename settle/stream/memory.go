package stream

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
)

// Memory is a Log in memory, for tests and simulations. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex // guards what follows
	current Incarnation
	bundles [][]byte
	grown   chan struct{} // closed and replaced when something changes
	down    bool
	lives   uint64
}

// NewMemory makes an empty log.
func NewMemory() *Memory {
	m := &Memory{grown: make(chan struct{})}
	m.begin()
	return m
}

func (m *Memory) begin() {
	m.lives++
	m.current = Incarnation{}
	binary.BigEndian.PutUint64(m.current[:], m.lives)
	m.bundles = nil
	m.wake()
}

func (m *Memory) wake() {
	close(m.grown)
	m.grown = make(chan struct{})
}

// SetDown makes every call fail with ErrUnavailable, or ends that.
func (m *Memory) SetDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
	m.wake()
}

// Lose forgets everything from a sequence on, as a disk that was not synced does; zero loses the whole log, which
// comes back as another incarnation.
func (m *Memory) Lose(from uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if from == 0 {
		m.begin()
		return
	}
	m.bundles = m.bundles[:min(uint64(len(m.bundles)), from-1)]
	m.wake()
}

// Head implements Log.
func (m *Memory) Head(context.Context) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return Position{}, ErrUnavailable
	}
	return m.head(), nil
}

func (m *Memory) head() Position { return Position{m.current, uint64(len(m.bundles))} }

// Append implements Log.
func (m *Memory) Append(ctx context.Context, bundle []byte) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.down:
		return Position{}, ErrUnavailable
	case len(bundle) > BundleSizeMax:
		return Position{}, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(bundle), BundleSizeMax)
	}
	m.bundles = append(m.bundles, bundle)
	m.wake()
	return m.head(), nil
}

// AppendAll implements Log.
func (m *Memory) AppendAll(ctx context.Context, bundles [][]byte) ([]Position, error) {
	var placed []Position
	for _, b := range bundles {
		at, err := m.Append(ctx, b)
		if err != nil {
			return placed, err
		}
		placed = append(placed, at)
	}
	return placed, nil
}

// Read implements Log.
func (m *Memory) Read(ctx context.Context, after Position, deliver func(Delivery) error) error {
	for {
		d, wait, err := m.next(after)
		if err != nil {
			return err
		}
		if wait != nil {
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := deliver(d); err != nil {
			return err
		}
		after = d.Position
	}
}

// next gives the bundle after a position, or a channel to wait for.
func (m *Memory) next(after Position) (Delivery, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch n := uint64(len(m.bundles)); {
	case m.down:
		return Delivery{}, nil, ErrUnavailable
	case after.Incarnation != m.current:
		return Delivery{}, nil, ErrIncarnation
	case after.Sequence > n:
		return Delivery{}, nil, ErrGap
	case after.Sequence == n:
		return Delivery{}, m.grown, nil
	}
	at := Position{m.current, after.Sequence + 1}
	return Delivery{at, m.bundles[after.Sequence]}, nil, nil
}

// Renew implements Log.
func (m *Memory) Renew(_ context.Context, old Incarnation) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return Position{}, ErrUnavailable
	}
	if old == m.current {
		m.begin()
	}
	return Position{Incarnation: m.current}, nil
}

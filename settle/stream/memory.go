package stream

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
)

// Memory is a Log in memory, for tests and simulations. It is safe for concurrent use. Used directly it appends to
// whatever incarnation is current; a Member of it knows only the incarnation that it has seen, as a node does.
type Memory struct {
	mu      sync.Mutex // guards what follows, and the members
	current Incarnation
	first   uint64 // sequence of the first bundle that is left
	bundles [][]byte
	grown   chan struct{} // closed and replaced when something changes
	down    bool
	lives   uint64
}

var _ Log = (*Memory)(nil)

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
	m.first, m.bundles = 1, nil
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
	switch {
	case from == 0:
		m.begin()
		return
	case from <= m.first:
		m.first, m.bundles = from, nil
	case from <= m.last():
		m.bundles = m.bundles[:from-m.first]
	}
	m.wake()
}

// Discard forgets the bundles below a sequence, as a log that is full does with its oldest.
func (m *Memory) Discard(below uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if below = min(below, m.last()+1); below > m.first {
		m.bundles = m.bundles[below-m.first:]
		m.first = below
	}
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

func (m *Memory) last() uint64 { return m.first + uint64(len(m.bundles)) - 1 }

func (m *Memory) head() Position { return Position{m.current, m.last()} }

// Append implements Log.
func (m *Memory) Append(ctx context.Context, bundle []byte) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.append(bundle)
}

func (m *Memory) append(bundle []byte) (Position, error) {
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
	return appendEach(ctx, bundles, m.Append)
}

func appendEach(ctx context.Context, bundles [][]byte, one func(context.Context, []byte) (Position, error)) ([]Position, error) {
	var placed []Position
	for _, b := range bundles {
		at, err := one(ctx, b)
		if err != nil {
			return placed, err
		}
		placed = append(placed, at)
	}
	return placed, nil
}

// Read implements Log.
func (m *Memory) Read(ctx context.Context, after Position, deliver func(Delivery) error) error {
	return m.read(ctx, after, deliver, func() bool { return false })
}

// read hands bundles on while the reader, for whom the lock is held, is not cut off.
func (m *Memory) read(ctx context.Context, after Position, deliver func(Delivery) error, cutOff func() bool) error {
	for {
		d, wait, err := m.next(after, cutOff)
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
func (m *Memory) next(after Position, cutOff func() bool) (Delivery, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch last := m.last(); {
	case m.down || cutOff():
		return Delivery{}, nil, ErrUnavailable
	case after.Incarnation != m.current:
		return Delivery{}, nil, ErrIncarnation
	case after.Sequence > last:
		return Delivery{}, nil, fmt.Errorf("%w: the log ends at %d, before %d", ErrGap, last, after.Sequence)
	case after.Sequence+1 < m.first:
		return Delivery{}, nil, fmt.Errorf("%w: at %d, after %d", ErrDiscarded, m.first, after.Sequence)
	case after.Sequence == last:
		return Delivery{}, m.grown, nil
	}
	at := Position{m.current, after.Sequence + 1}
	return Delivery{at, m.bundles[at.Sequence-m.first]}, nil, nil
}

// Renew implements Log.
func (m *Memory) Renew(_ context.Context, old Incarnation) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.renew(old)
}

func (m *Memory) renew(old Incarnation) (Position, error) {
	if m.down {
		return Position{}, ErrUnavailable
	}
	if m.current.Epoch() <= old.Epoch() {
		m.lives = old.Epoch()
		m.begin()
	}
	return Position{Incarnation: m.current}, nil
}

package store

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"joulepay/channel"
	"joulepay/channel/session"
)

// Memory is the in-memory twin: the same contract, as durable as the process. Simulations and tests run on it.
type Memory struct {
	mu       sync.Mutex // guards everything below
	channels ordered[channel.ID, session.ChannelRecord]
	sessions ordered[channel.SessionID, session.SessionRecord]
	ops      ordered[session.OpID, session.OpRecord]
	readings map[channel.SessionID][]session.ReadingRecord
	receipts map[channel.SessionID][]byte
	keyIndex uint32
	closed   bool
}

var _ Store = (*Memory)(nil)

// ordered is a map that remembers in which order keys came.
type ordered[K comparable, V any] struct {
	keys   []K
	values map[K]V
}

func (o *ordered[K, V]) put(k K, v V) {
	if o.values == nil {
		o.values = map[K]V{}
	}
	if _, ok := o.values[k]; !ok {
		o.keys = append(o.keys, k)
	}
	o.values[k] = v
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{readings: map[channel.SessionID][]session.ReadingRecord{}, receipts: map[channel.SessionID][]byte{}}
}

// Commit implements Store.
func (m *Memory) Commit(_ context.Context, batch session.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	for _, r := range batch.Readings {
		if err := m.checkReading(r); err != nil {
			return err
		}
	}
	for _, r := range batch.Channels {
		m.channels.put(r.ID, r)
	}
	for _, r := range batch.Sessions {
		m.sessions.put(r.ID, r)
	}
	for _, r := range batch.Readings {
		if r.Sequence == uint64(len(m.readings[r.Session])) {
			m.readings[r.Session] = append(m.readings[r.Session], r)
		}
	}
	for _, r := range batch.Ops {
		m.putOp(r)
	}
	return nil
}

func (m *Memory) checkReading(r session.ReadingRecord) error {
	stored := m.readings[r.Session]
	if r.Sequence < uint64(len(stored)) && !bytes.Equal(stored[r.Sequence].Signed, r.Signed) {
		return fmt.Errorf("store: reading %d of session %s is written already, with other bytes", r.Sequence, r.Session)
	}
	return nil
}

func (m *Memory) putOp(r session.OpRecord) {
	old, ok := m.ops.values[r.ID]
	if !ok {
		r.Sequence = uint64(len(m.ops.keys)) + 1
	} else {
		r.Sequence = old.Sequence
		if old.State != session.OpPending {
			return
		}
		if r.Payload == nil {
			r.Payload = old.Payload
		}
	}
	m.ops.put(r.ID, r)
}

// Channel implements Store.
func (m *Memory) Channel(_ context.Context, id channel.ID) (session.ChannelRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.channels.values[id]
	if !ok {
		return r, fmt.Errorf("%w: channel %s", ErrNotFound, id)
	}
	return r, nil
}

// Channels implements Store.
func (m *Memory) Channels(context.Context) ([]session.ChannelRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []session.ChannelRecord
	for _, k := range m.channels.keys {
		all = append(all, m.channels.values[k])
	}
	return all, nil
}

// Session implements Store.
func (m *Memory) Session(_ context.Context, id channel.SessionID) (session.SessionRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.sessions.values[id]
	if !ok {
		return r, fmt.Errorf("%w: session %s", ErrNotFound, id)
	}
	return r, nil
}

// Sessions implements Store.
func (m *Memory) Sessions(_ context.Context, before channel.SessionID, limit int) ([]session.SessionRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var page []session.SessionRecord
	skipping := before != channel.SessionID{}
	for i := len(m.sessions.keys) - 1; i >= 0 && len(page) < limit; i-- {
		key := m.sessions.keys[i]
		if !skipping {
			page = append(page, m.sessions.values[key])
		}
		if key == before {
			skipping = false
		}
	}
	return page, nil
}

// Unfinished implements Store.
func (m *Memory) Unfinished(context.Context) ([]session.SessionRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []session.SessionRecord
	for _, k := range m.sessions.keys {
		if r := m.sessions.values[k]; !r.Phase.Over() {
			open = append(open, r)
		}
	}
	return open, nil
}

// Readings implements Store.
func (m *Memory) Readings(_ context.Context, id channel.SessionID) ([]session.ReadingRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]session.ReadingRecord(nil), m.readings[id]...), nil
}

// Op implements Store.
func (m *Memory) Op(_ context.Context, id session.OpID) (session.OpRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.ops.values[id]
	if !ok {
		return r, fmt.Errorf("%w: operation %x", ErrNotFound, id)
	}
	return r, nil
}

// PendingOps implements Store.
func (m *Memory) PendingOps(context.Context) ([]session.OpRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var pending []session.OpRecord
	for _, k := range m.ops.keys {
		if r := m.ops.values[k]; r.State == session.OpPending {
			pending = append(pending, r)
		}
	}
	return pending, nil
}

// NextKeyIndex implements Store.
func (m *Memory) NextKeyIndex(context.Context) (uint32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, ErrClosed
	}
	m.keyIndex++
	return m.keyIndex, nil
}

// PutReceipt implements Store.
func (m *Memory) PutReceipt(_ context.Context, id channel.SessionID, receipt []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.receipts[id] = append([]byte(nil), receipt...)
	return nil
}

// Receipt implements Store.
func (m *Memory) Receipt(_ context.Context, id channel.SessionID) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.receipts[id]
	if !ok {
		return nil, fmt.Errorf("%w: receipt of session %s", ErrNotFound, id)
	}
	return append([]byte(nil), r...), nil
}

// Close implements Store.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

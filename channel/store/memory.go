package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
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
	fresh, err := m.freshReadings(batch)
	if err != nil {
		return err
	}
	for _, r := range batch.Channels {
		m.channels.put(r.ID, copyChannel(r))
	}
	for _, r := range batch.Sessions {
		m.sessions.put(r.ID, m.keepSession(r))
	}
	for _, r := range fresh {
		m.readings[r.Session] = append(m.readings[r.Session], copyReading(r))
	}
	for _, r := range batch.Ops {
		m.putOp(copyOp(r))
	}
	return nil
}

// freshReadings gives the readings of a batch that are not stored yet, or ErrReading.
func (m *Memory) freshReadings(batch session.Batch) ([]session.ReadingRecord, error) {
	var fresh []session.ReadingRecord
	for _, r := range batch.Readings {
		known := m.readings[r.Session]
		for _, f := range fresh {
			if f.Session == r.Session {
				known = append(known[:len(known):len(known)], f)
			}
		}
		switch next := uint64(len(known)); {
		case !m.holds(batch, r.Session):
			return nil, fmt.Errorf("%w: session %s is not stored", ErrReading, r.Session)
		case r.Sequence > next:
			return nil, fmt.Errorf("%w: %d of session %s, the next is %d", ErrReading, r.Sequence, r.Session, next)
		case r.Sequence == next:
			fresh = append(fresh, r)
		case !bytes.Equal(known[r.Sequence].Signed, r.Signed):
			return nil, fmt.Errorf("%w: %d of session %s is stored with other bytes", ErrReading, r.Sequence, r.Session)
		}
	}
	return fresh, nil
}

func (m *Memory) holds(batch session.Batch, id channel.SessionID) bool {
	_, ok := m.sessions.values[id]
	return ok || slices.ContainsFunc(batch.Sessions, func(s session.SessionRecord) bool { return s.ID == id })
}

// keepSession copies a record, but not a quote of many kilobytes again for every claim.
func (m *Memory) keepSession(r session.SessionRecord) session.SessionRecord {
	if old := m.sessions.values[r.ID]; bytes.Equal(old.Quote, r.Quote) {
		r.Quote, r.Vertices = old.Quote, slices.Clone(r.Vertices)
		return r
	}
	return copySession(r)
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
		if len(r.Payload) == 0 {
			r.Payload = old.Payload
		}
	}
	m.ops.put(r.ID, r)
}

func copyChannel(r session.ChannelRecord) session.ChannelRecord {
	r.Proposal = bytes.Clone(r.Proposal)
	return r
}

func copySession(r session.SessionRecord) session.SessionRecord {
	r.Quote, r.Vertices = bytes.Clone(r.Quote), slices.Clone(r.Vertices)
	return r
}

func copyReading(r session.ReadingRecord) session.ReadingRecord {
	r.Signed = bytes.Clone(r.Signed)
	return r
}

func copyOp(r session.OpRecord) session.OpRecord {
	r.Body, r.Payload = bytes.Clone(r.Body), bytes.Clone(r.Payload)
	return r
}

// one looks one record up and copies it.
func one[K comparable, V any](m *Memory, from *ordered[K, V], what string, id K, clone func(V) V) (V, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var none V
	if m.closed {
		return none, ErrClosed
	}
	r, ok := from.values[id]
	if !ok {
		return none, fmt.Errorf("%w: %s %v", ErrNotFound, what, id)
	}
	return clone(r), nil
}

// list copies the records that are wanted, in order of entry.
func list[K comparable, V any](m *Memory, from *ordered[K, V], clone func(V) V, wanted func(V) bool) ([]V, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	var records []V
	for _, k := range from.keys {
		if r := from.values[k]; wanted(r) {
			records = append(records, clone(r))
		}
	}
	return records, nil
}

// Channel implements Store.
func (m *Memory) Channel(_ context.Context, id channel.ID) (session.ChannelRecord, error) {
	return one(m, &m.channels, "channel", id, copyChannel)
}

// Channels implements Store.
func (m *Memory) Channels(context.Context) ([]session.ChannelRecord, error) {
	return list(m, &m.channels, copyChannel, func(session.ChannelRecord) bool { return true })
}

// Unclosed implements Store.
func (m *Memory) Unclosed(context.Context) ([]session.ChannelRecord, error) {
	return list(m, &m.channels, copyChannel, func(r session.ChannelRecord) bool { return r.State != channel.Closed })
}

// Session implements Store.
func (m *Memory) Session(_ context.Context, id channel.SessionID) (session.SessionRecord, error) {
	return one(m, &m.sessions, "session", id, copySession)
}

// Sessions implements Store.
func (m *Memory) Sessions(_ context.Context, before channel.SessionID, limit int) ([]session.SessionRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	var page []session.SessionRecord
	skipping := before != channel.SessionID{}
	for i := len(m.sessions.keys) - 1; i >= 0 && len(page) < limit; i-- {
		key := m.sessions.keys[i]
		if !skipping {
			page = append(page, copySession(m.sessions.values[key]))
		}
		if key == before {
			skipping = false
		}
	}
	return page, nil
}

// SessionIDs implements Store.
func (m *Memory) SessionIDs(_ context.Context, q SessionQuery) ([]channel.SessionID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	var ids []channel.SessionID
	skipping := q.Before != channel.SessionID{}
	for i := len(m.sessions.keys) - 1; i >= 0 && len(ids) < q.Limit; i-- {
		key := m.sessions.keys[i]
		if !skipping && q.Matches(m.sessions.values[key]) {
			ids = append(ids, key)
		}
		if key == q.Before {
			skipping = false
		}
	}
	return ids, nil
}

// Unfinished implements Store.
func (m *Memory) Unfinished(context.Context) ([]session.SessionRecord, error) {
	return list(m, &m.sessions, copySession, func(r session.SessionRecord) bool { return !r.Phase.Over() })
}

// Readings implements Store.
func (m *Memory) Readings(_ context.Context, id channel.SessionID) ([]session.ReadingRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	var readings []session.ReadingRecord
	for _, r := range m.readings[id] {
		readings = append(readings, copyReading(r))
	}
	return readings, nil
}

// Op implements Store.
func (m *Memory) Op(_ context.Context, id session.OpID) (session.OpRecord, error) {
	return one(m, &m.ops, "operation", id, copyOp)
}

// PendingOps implements Store.
func (m *Memory) PendingOps(context.Context) ([]session.OpRecord, error) {
	return list(m, &m.ops, copyOp, func(r session.OpRecord) bool { return r.State == session.OpPending })
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
	if m.closed {
		return nil, ErrClosed
	}
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

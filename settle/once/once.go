// Package once owns the memory of writes that carry an idempotency key: which request a key was used for, and what it was
// answered with. It leaves what a write does, and when two requests are the same, to the API.
// It keeps the API's share of invariant I4: what Begin, Note and Finish have returned nil for survives a crash, so that a
// request that comes again, after whatever happened, is not carried out twice.
//
// Start with Open, or with NewMemory where a process may forget.
package once

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// Lifetime is for how long a key is remembered at least, from its first use.
	Lifetime = 24 * time.Hour
	// KeySizeMax bounds a key, in bytes: a UUID has 36, and some put a sentence there.
	KeySizeMax = 255
	// keysMax bounds how many keys are remembered: one a second for a day, and as much room on disk as that takes.
	keysMax = 100_000
	// AnswerSizeMax bounds what is remembered of an answer, in bytes; issues and transfers take one kilobyte.
	AnswerSizeMax = 64 << 10
	// NoteSizeMax bounds a note, in bytes: a payload of the ledger that moves money.
	NoteSizeMax = 4 << 10
)

// Errors of a Store.
var (
	ErrUnknownKey = errors.New("once: no request began under this key")
	ErrFull       = errors.New("once: too many keys are remembered already")
	ErrSize       = errors.New("once: larger than is remembered")
)

// Key names a write. The same text is another key on another route.
type Key struct {
	Route string
	Text  string
}

// Answer is what a request was answered with.
type Answer struct {
	Status      int
	ContentType string
	Location    string
	Body        []byte
}

// Record is what is remembered under a key.
type Record struct {
	Request [32]byte // hash of the request that began
	Note    []byte   // of who carried it out, to go on after a crash
	Answer  *Answer  // nil while there is none
}

// Store remembers keys. It is safe for concurrent use; what two requests do at once under one key is for the caller to
// prevent.
type Store interface {
	// Begin remembers a request, and gives what is remembered under its key: the same, or of an earlier request. Keys that
	// began more than Lifetime before at are forgotten.
	Begin(ctx context.Context, key Key, request [32]byte, at time.Time) (Record, error)
	// Note remembers something beside the request, in place of an earlier note.
	Note(ctx context.Context, key Key, note []byte) error
	// Finish remembers the answer. The first one stays.
	Finish(ctx context.Context, key Key, a Answer) error
	// Close releases the store.
	Close() error
}

// Memory is a Store that forgets with the process.
type Memory struct {
	mu      sync.Mutex // guards records
	records map[Key]*remembered
}

type remembered struct {
	Record
	at time.Time
}

var _ Store = (*Memory)(nil)

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{records: map[Key]*remembered{}} }

// Begin implements Store.
func (m *Memory) Begin(_ context.Context, key Key, request [32]byte, at time.Time) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, r := range m.records {
		if r.at.Before(at.Add(-Lifetime)) {
			delete(m.records, k)
		}
	}
	if r := m.records[key]; r != nil {
		return r.Record, nil
	}
	if len(m.records) >= keysMax {
		return Record{}, ErrFull
	}
	m.records[key] = &remembered{Record{Request: request}, at}
	return Record{Request: request}, nil
}

// Note implements Store.
func (m *Memory) Note(_ context.Context, key Key, note []byte) error {
	if len(note) > NoteSizeMax {
		return ErrSize
	}
	return m.change(key, func(r *Record) { r.Note = append([]byte(nil), note...) })
}

// Finish implements Store.
func (m *Memory) Finish(_ context.Context, key Key, a Answer) error {
	if len(a.Body) > AnswerSizeMax {
		return ErrSize
	}
	return m.change(key, func(r *Record) {
		if r.Answer == nil {
			a.Body = append([]byte(nil), a.Body...)
			r.Answer = &a
		}
	})
}

func (m *Memory) change(key Key, change func(*Record)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[key]
	if r == nil {
		return ErrUnknownKey
	}
	change(&r.Record)
	return nil
}

// Close implements Store.
func (m *Memory) Close() error { return nil }

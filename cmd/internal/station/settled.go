package station

import (
	"sync"

	"joulepay/settle/client"
)

// settledMax bounds each of the two generations of remembered sessions, of about 700 bytes each.
const settledMax = 8192

// settledSessions remembers how sessions are shown of which nothing changes any more, in two generations: when the young one
// is full it becomes the old one, and what nobody looks at is forgotten with it. The zero value is ready.
type settledSessions struct {
	mu         sync.Mutex // guards what follows
	young, old map[client.SessionID]client.Session
}

func (m *settledSessions) get(id client.SessionID) (client.Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if shown, ok := m.young[id]; ok {
		return shown, true
	}
	shown, ok := m.old[id]
	if ok {
		m.add(id, shown)
	}
	return shown, ok
}

func (m *settledSessions) put(id client.SessionID, shown client.Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(id, shown)
}

// add remembers; the caller holds the lock.
func (m *settledSessions) add(id client.SessionID, shown client.Session) {
	if m.young == nil || len(m.young) >= settledMax {
		m.old, m.young = m.young, map[client.SessionID]client.Session{}
	}
	m.young[id] = shown
}

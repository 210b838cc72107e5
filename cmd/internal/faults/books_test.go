package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"joulepay/channel"
	"joulepay/channel/session"
	channelsqlite "joulepay/channel/sqlite"
	"joulepay/channel/store"
	"joulepay/internal/sqlite"
)

// storeFile is where charger and vehicle keep their sessions, in their data directory: those of their default wallet.
var storeFile = filepath.Join("parties", "default", "sessions.db")

// books are what the stores of both parties held when they were looked at: nothing in them may ever be undone.
type books struct {
	mu     sync.Mutex // guards below
	bodies map[string]channel.Hash
	pages  map[string]*page
	claims int
}

// page is what one store held when it was looked at last.
type page struct {
	channels map[channel.ID]session.ChannelRecord
	sessions map[channel.SessionID]session.SessionRecord
	readings map[channel.SessionID]int
	ops      map[session.OpID]session.OpRecord // of sessions
	pending  int                               // operations that have no outcome, of sessions or not
}

func newBooks() *books {
	return &books{bodies: map[string]channel.Hash{}, pages: map[string]*page{}}
}

// body sees that one sequence of a lane never has two bodies (I4).
func (b *books) body(w *world, where string, best channel.Best) {
	if best.IsZero() {
		return
	}
	c := best.Signed.Claim
	key := fmt.Sprintf("channel %s, lane %d, sequence %d", c.Channel, c.Lane, c.Sequence)
	b.mu.Lock()
	defer b.mu.Unlock()
	before, known := b.bodies[key]
	if !known {
		b.claims++
		b.bodies[key] = c.Hash()
	} else if before != c.Hash() {
		w.breaks("I4: two claims of %s, one %s", key, where)
	}
}

// audit looks at both stores, and compares them with what was overheard and with what they held before.
func (w *world) audit() {
	w.t.Helper()
	accepted, claimed := w.tap.soFar() // before the stores are read
	charger, vehicle := w.read("charger"), w.read("vehicle")
	for id, amount := range accepted {
		record, known := charger.sessions[id]
		if amount == 0 {
			continue
		}
		if held := charger.channels[record.Channel].Side.In.Owed(); !known || held < amount {
			w.breaks("I4: the charger acknowledged %s in session %s, and holds %s", amount, id, held)
		}
	}
	for id, best := range claimed {
		if held := vehicle.channels[id].Side.Out; best.Above(held) {
			w.breaks("I4: the vehicle claimed %s on channel %s, and holds %s", best.Owed(), id, held.Owed())
		}
	}
	for name, now := range map[string]*page{"charger": charger, "vehicle": vehicle} {
		w.compare(name, now)
	}
	w.check()
}

// compare sees that nothing that a store held before is undone, and keeps what it holds now.
func (w *world) compare(name string, now *page) {
	if before := w.books.pages[name]; before != nil {
		for id, was := range before.channels {
			w.compareChannel(name, was, now.channels[id])
		}
		for id, was := range before.sessions {
			is := now.sessions[id]
			if is.ID != id || is.Sequence < was.Sequence || was.Phase.Over() && is.Phase != was.Phase {
				w.breaks("%s: session %s was %s at reading %d, is %s at %d", name, id, was.Phase, was.Sequence, is.Phase, is.Sequence)
			}
			if now.readings[id] < before.readings[id] {
				w.breaks("%s: session %s had %d readings, has %d", name, id, before.readings[id], now.readings[id])
			}
		}
		for id, was := range before.ops {
			is := now.ops[id]
			if is.State < was.State || was.State != session.OpPending && (is.State != was.State || is.Vertex != was.Vertex) {
				w.breaks("%s: operation %s of channel %s changed its outcome", name, was.Kind, was.Channel)
			}
		}
	}
	w.books.pages[name] = now
	for _, c := range now.channels {
		w.books.body(w, "in the store of the "+name, c.Side.Out)
		w.books.body(w, "in the store of the "+name, c.Side.In)
	}
}

// compareChannel checks I2: no lane falls, and no signature is forgotten (I4).
func (w *world) compareChannel(name string, was, is session.ChannelRecord) {
	switch {
	case is.ID != was.ID:
		w.breaks("%s: channel %s is forgotten", name, was.ID)
	case was.Side.In.Above(is.Side.In), was.Side.Out.Above(is.Side.Out):
		w.breaks("I2, %s: channel %s fell from %s in, %s out to %s, %s", name, was.ID,
			was.Side.In.Owed(), was.Side.Out.Owed(), is.Side.In.Owed(), is.Side.Out.Owed())
	case is.Side.Sequence < was.Side.Sequence, is.Side.Withdrawal < was.Side.Withdrawal, was.Side.Frozen && !is.Side.Frozen:
		w.breaks("I4, %s: a signature on channel %s is forgotten", name, was.ID)
	case is.Settled[0] < was.Settled[0], is.Settled[1] < was.Settled[1]:
		w.breaks("I2, %s: what the ledger holds of channel %s fell", name, was.ID)
	}
}

// read looks at the store of charger or vehicle.
func (w *world) read(name string) *page {
	w.t.Helper()
	p, err := readPage(w.ctx(), w.folder(name))
	if err != nil {
		w.fail("the store of the %s: %v", name, err)
	}
	return p
}

// sessionsMax bounds how many sessions of a test are looked at.
const sessionsMax = 1000

func newPage() *page {
	return &page{
		channels: map[channel.ID]session.ChannelRecord{}, sessions: map[channel.SessionID]session.SessionRecord{},
		readings: map[channel.SessionID]int{}, ops: map[session.OpID]session.OpRecord{},
	}
}

// openPage opens a store as a process does that goes on with it.
func openPage(ctx context.Context, folder string) (*page, error) {
	s, err := channelsqlite.Open(ctx, channelsqlite.Options{Path: filepath.Join(folder, storeFile)})
	if err != nil {
		return nil, err
	}
	p := newPage()
	return p, errors.Join(p.fill(ctx, s), s.Close())
}

// readPage looks at a store beside the process that writes it, if there is one.
func readPage(ctx context.Context, folder string) (*page, error) {
	p := newPage()
	path := filepath.Join(folder, storeFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	s, err := channelsqlite.Open(ctx, channelsqlite.Options{Path: path, ReadOnly: true})
	if errors.Is(err, sqlite.ErrForeign) || errors.Is(err, sqlite.ErrOlder) {
		return p, nil // it is being made; what it held before would be missed
	}
	if err != nil {
		return nil, err
	}
	return p, errors.Join(p.fill(ctx, s), s.Close())
}

// fill reads channels last: they may be newer than the sessions, never older.
func (p *page) fill(ctx context.Context, s store.Store) error {
	sessions, err := s.Sessions(ctx, channel.SessionID{}, sessionsMax)
	if err != nil {
		return err
	}
	for _, r := range sessions {
		p.sessions[r.ID] = r
		readings, err := s.Readings(ctx, r.ID)
		if err != nil {
			return err
		}
		p.readings[r.ID] = len(readings)
		for _, id := range r.Vertices {
			if p.ops[id], err = s.Op(ctx, id); err != nil {
				return err
			}
		}
	}
	pending, err := s.PendingOps(ctx)
	if err != nil {
		return err
	}
	p.pending = len(pending)
	channels, err := s.Channels(ctx)
	for _, c := range channels {
		p.channels[c.ID] = c
	}
	return err
}

// count gives how many different claims were seen.
func (b *books) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.claims
}

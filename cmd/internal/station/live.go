package station

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"joulepay/channel"
	"joulepay/settle/client"
)

// liveEvery is how often a session that changes all the time is told of.
const liveEvery = 200 * time.Millisecond

// live tells those who follow the sessions which ones changed. The zero value is ready.
type live struct {
	mu        sync.Mutex // guards what follows
	followers map[*follower]struct{}
}

// follower is one who follows, with the sessions that changed since it was told last.
type follower struct {
	changed map[channel.SessionID]struct{}
	wake    chan struct{}
}

// note marks a session as changed. It never blocks.
func (l *live) note(id channel.SessionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.followers {
		f.changed[id] = struct{}{}
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

func (l *live) join() *follower {
	f := &follower{changed: map[channel.SessionID]struct{}{}, wake: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.followers == nil {
		l.followers = map[*follower]struct{}{}
	}
	l.followers[f] = struct{}{}
	return f
}

func (l *live) leave(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.followers, f)
}

// take gives the sessions that changed.
func (l *live) take(f *follower) map[channel.SessionID]struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := f.changed
	f.changed = map[channel.SessionID]struct{}{}
	return changed
}

// Events implements api.Events: sessions as they change. Changes that follow each other closely are told of once.
func (s *Station) Events(ctx context.Context) (<-chan client.Event, error) {
	f, out := s.live.join(), make(chan client.Event)
	go func() {
		defer close(out)
		defer s.live.leave(f)
		pause := time.NewTicker(liveEvery)
		defer pause.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-f.wake:
			}
			for id := range s.live.take(f) {
				if !s.tell(ctx, id, out) {
					return
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
		}
	}()
	return out, nil
}

// tell gives one session to a follower; false when there is none any more. One that cannot be read is left out.
func (s *Station) tell(ctx context.Context, id channel.SessionID, out chan<- client.Event) bool {
	shown, err := s.history.Session(ctx, client.SessionID(id))
	if err != nil {
		return ctx.Err() == nil
	}
	data, err := json.Marshal(shown)
	if err != nil {
		return true
	}
	select {
	case out <- client.Event{Type: client.EventSession, Data: data}:
		return true
	case <-ctx.Done():
		return false
	}
}

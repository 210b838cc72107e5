package agent

import (
	"context"
	"sync"

	"joulepay/channel"
	"joulepay/channel/session"
)

// looksMax bounds the questions that wait; more are dropped, for the machines ask again.
const looksMax = 1024

// looksWorkers bounds the questions to the ledger under way at once.
const looksWorkers = 8

// looks answers the machines' questions about channels. A second question of a session while one is under way is dropped:
// the machines ask again.
type looks struct {
	settler Settler
	answer  func(channel.SessionID, session.Viewed)

	queue chan lookRequest
	mu    sync.Mutex // guards asked
	asked map[channel.SessionID]bool
}

type lookRequest struct {
	session channel.SessionID
	channel channel.ID
}

func newLooks(settler Settler, answer func(channel.SessionID, session.Viewed)) *looks {
	return &looks{settler: settler, answer: answer, queue: make(chan lookRequest, looksMax), asked: map[channel.SessionID]bool{}}
}

// ask queues a question; it never blocks.
func (l *looks) ask(id channel.SessionID, ch channel.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked[id] {
		return
	}
	select {
	case l.queue <- lookRequest{id, ch}:
		l.asked[id] = true
	default:
	}
}

// run answers until the context ends.
func (l *looks) run(ctx context.Context) {
	var workers sync.WaitGroup
	for range looksWorkers {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case r := <-l.queue:
					view, err := l.settler.View(ctx, r.channel)
					l.mu.Lock()
					delete(l.asked, r.session)
					l.mu.Unlock()
					l.answer(r.session, session.Viewed{View: view, Err: err})
				}
			}
		})
	}
	workers.Wait()
}

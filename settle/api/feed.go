package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"joulepay/settle/client"
)

// feedSize is how many events are remembered for those who lost their connection or read slowly: minutes of a charger,
// a second of a ledger at full load. Each takes about 1 kB.
const feedSize = 4096

// feed numbers the events of all sources and remembers the last ones, so that each is made once however many follow,
// and who comes back goes on where they were.
type feed struct {
	sources  []Events
	lifetime context.Context // ends the following of sources

	mu      sync.Mutex // guards what follows
	current *run       // nil before the first follower, and after the sources ended
}

// run is the time for which sources are followed without a break. Its id is part of every event's: what happened between
// two runs nobody knows.
type run struct {
	id string

	mu    sync.Mutex // guards what follows
	ring  [feedSize]numbered
	last  uint64        // number of the newest event; 0 before the first
	more  chan struct{} // closed and replaced when there is more, or the end
	ended bool
}

// numbered is an event as it is sent.
type numbered struct {
	number  uint64
	kind    string
	message []byte // with its id, ready to write
}

// cursor is a follower's place in a run: the number of the event that they got last.
type cursor struct {
	run  *run
	last uint64
}

// follow gives a place in the run under way, which it starts when there is none: after the event with an id, or now when
// after is empty. missed says that events since that id are gone.
func (f *feed) follow(after string) (at cursor, missed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	begins := f.current == nil || f.current.over()
	if begins {
		if f.current, err = f.start(); err != nil {
			return cursor{}, false, err
		}
	}
	r := f.current
	r.mu.Lock()
	defer r.mu.Unlock()
	at = cursor{run: r, last: r.last}
	if begins {
		at.last = 0 // all of it is from now on
	}
	if after == "" {
		return at, false, nil
	}
	id, number, err := parseEventID(after)
	if err != nil {
		return cursor{}, false, err
	}
	if id != r.id || number > r.last || number < r.oldest()-1 {
		return at, true, nil
	}
	return cursor{run: r, last: number}, false, nil
}

// parseEventID reads what eventID gives.
func parseEventID(text string) (run string, number uint64, err error) {
	run, count, ok := strings.Cut(text, "-")
	number, err = strconv.ParseUint(count, 10, 63)
	if !ok || err != nil || len(run) != runIDSize {
		return "", 0, badRequest("Last-Event-ID", errEventID)
	}
	return run, number, nil
}

// runIDSize is the length of a run's id, in characters.
const runIDSize = 16

func eventID(run string, number uint64) string { return run + "-" + strconv.FormatUint(number, 10) }

// start follows the sources until one of them ends.
func (f *feed) start() (*run, error) {
	var id [runIDSize / 2]byte
	_, _ = rand.Read(id[:]) // never fails
	r := &run{id: hex.EncodeToString(id[:]), more: make(chan struct{})}
	ctx, cancel := context.WithCancel(f.lifetime)
	merged, err := merge(ctx, cancel, f.sources)
	if err != nil {
		cancel()
		return nil, err
	}
	go func() {
		defer r.end()
		for e := range merged {
			r.add(e)
		}
	}()
	return r, nil
}

// merge gives the events of all sources in one channel, which is closed when the context ends or any source does: one that
// fell behind has missed something.
func merge(ctx context.Context, cancel context.CancelFunc, sources []Events) (<-chan client.Event, error) {
	merged := make(chan client.Event)
	var all sync.WaitGroup
	for _, source := range sources {
		stream, err := source.Events(ctx)
		if err != nil {
			return nil, err
		}
		all.Go(func() {
			defer cancel()
			forward(ctx, stream, merged)
		})
	}
	go func() {
		all.Wait()
		cancel()
		close(merged)
	}()
	return merged, nil
}

func forward(ctx context.Context, from <-chan client.Event, to chan<- client.Event) {
	for e := range from {
		select {
		case to <- e:
		case <-ctx.Done():
			return
		}
	}
}

func (r *run) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// oldest gives the number of the oldest event that is remembered; the caller holds the lock.
func (r *run) oldest() uint64 {
	if r.last < feedSize {
		return 1
	}
	return r.last - feedSize + 1
}

func (r *run) add(e client.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.ring[r.last%feedSize] = numbered{r.last, e.Type, message(e.Type, eventID(r.id, r.last), e.Data)}
	close(r.more)
	r.more = make(chan struct{})
}

func (r *run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	close(r.more)
}

// message writes an event (WHATWG HTML, section 9.2.5).
func message(kind, id string, data []byte) []byte {
	// JSON in one line: its only line breaks are between values.
	line := strings.NewReplacer("\r", "", "\n", "").Replace(string(data))
	return fmt.Appendf(nil, "event: %s\nid: %s\ndata: %s\n\n", kind, id, line)
}

// next gives what came since the last call, at most max events. missed says that the follower was so slow that events are
// gone. Without events, more tells when to ask again; it is nil when there will be none.
func (c *cursor) next(max int) (events []numbered, missed bool, more <-chan struct{}) {
	r := c.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if oldest := r.oldest(); c.last+1 < oldest {
		c.last, missed = oldest-1, true
	}
	for c.last < r.last && len(events) < max {
		c.last++
		events = append(events, r.ring[c.last%feedSize])
	}
	if len(events) == 0 && r.ended {
		return nil, missed, nil
	}
	return events, missed, r.more
}

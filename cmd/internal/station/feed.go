package station

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"joulepay/channel/agent"
	"joulepay/meter"
	"joulepay/meter/counter"
)

// Feed gives out the messages of a source, each counted before it is sent and kept until it is paid. It implements agent.Feed.
type Feed struct {
	*counter.Connector
	source  Source
	unpaid  int64 // messages that may be unpaid
	now     func() time.Time
	log     *slog.Logger
	resumes bool  // the first session to serve was interrupted
	base    int64 // register at the beginning of the session

	work sync.WaitGroup
	wake chan struct{} // there may be room; capacity 1

	mu      sync.Mutex // guards below
	stream  *stream    // that gives out now; nil: none
	againAt time.Time
}

var _ agent.Feed = (*Feed)(nil)

// stream is the giving out to one session.
type stream struct {
	feed   *Feed
	give   func(number int64, payload []byte)
	wanted int64
	end    context.CancelFunc

	// Guarded by the feed's lock:
	number int64   // of the last message that was counted
	kept   []piece // counted and not known to be paid, oldest first
	over   bool    // the source has no more
}

type piece struct {
	number  int64
	payload []byte
}

// newFeed makes a feed of a connector whose register is at a count. With resumes the first session goes on from base.
func newFeed(c *counter.Connector, source Source, unpaid, base int64, resumes bool, now func() time.Time, log *slog.Logger) *Feed {
	return &Feed{Connector: c, source: source, unpaid: unpaid, now: now, log: log, resumes: resumes, base: base, wake: make(chan struct{}, 1)}
}

// Close ends what gives out messages, and waits for it.
func (f *Feed) Close() error {
	f.Serve(0, nil)
	f.work.Wait()
	return nil
}

// Serve implements agent.Feed.
func (f *Feed) Serve(wanted int64, give func(number int64, payload []byte)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stream != nil {
		f.stream.end()
		f.stream = nil
	}
	if give == nil {
		return
	}
	register := f.register()
	if !f.resumes {
		f.base = register
	}
	f.resumes = false
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{feed: f, give: give, wanted: wanted, end: cancel, number: register - f.base}
	f.stream = s
	f.work.Go(func() { s.run(ctx, s.number) })
}

// register gives what is counted by now.
func (f *Feed) register() int64 {
	sample, _ := f.Connector.Sample(f.now()) // it never fails
	return sample.Register
}

// Start implements meter.Connector.
func (f *Feed) Start(now time.Time, limit int64) error {
	defer f.room(limit)
	return f.Connector.Start(now, limit)
}

// SetLimit implements meter.Connector. That more may be counted shows that what came before is paid.
func (f *Feed) SetLimit(now time.Time, limit int64) error {
	defer f.room(limit)
	return f.Connector.SetLimit(now, limit)
}

// room forgets what is paid, and lets the stream look.
func (f *Feed) room(limit int64) {
	f.mu.Lock()
	if s := f.stream; s != nil && limit > 0 {
		paid := limit - f.unpaid - f.base
		for len(s.kept) > 0 && s.kept[0].number <= paid {
			s.kept = s.kept[1:]
		}
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// againEvery bounds how often a vehicle is given again what it lacks.
const againEvery = 50 * time.Millisecond

// Again implements agent.Feed.
func (f *Feed) Again(from int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.stream == nil || now.Sub(f.againAt) < againEvery {
		return
	}
	f.againAt = now
	for _, p := range f.stream.kept {
		if p.number >= from {
			f.stream.give(p.number, p.payload)
		}
	}
}

// Sample implements meter.Source: the session ends with its source.
func (f *Feed) Sample(now time.Time) (meter.Sample, error) {
	sample, err := f.Connector.Sample(now)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && sample.State == meter.Charging && f.stream != nil && f.stream.over {
		sample.State = meter.Ended
	}
	return sample, err
}

// run gives out until the session, the source or what is wanted is over. skip messages were given out before.
func (s *stream) run(ctx context.Context, skip int64) {
	if err := s.pump(ctx, skip); err != nil && ctx.Err() == nil {
		if !errors.Is(err, io.EOF) {
			s.feed.log.Error("messages", "error", err)
		}
		s.feed.mu.Lock()
		s.over = true
		s.feed.mu.Unlock()
	}
}

func (s *stream) pump(ctx context.Context, skip int64) error {
	if err := s.wait(ctx); err != nil { // a program is not started for a vehicle that only asks
		return err
	}
	from, err := s.feed.source.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = from.close() }()
	if len(s.feed.source.Command) > 0 {
		skip = 0 // a program begins anew
	}
	for n := int64(0); ; n++ {
		payload, err := from.next()
		if err != nil {
			return err
		}
		if n < skip {
			continue
		}
		for given := false; !given; {
			if err := s.wait(ctx); err != nil {
				return err
			}
			if given, err = s.out(ctx, payload); err != nil {
				return err
			}
		}
	}
}

// wait returns when there is room, or the stream has ended.
func (s *stream) wait(ctx context.Context) error {
	for {
		if s.wanted > 0 && s.done() >= s.wanted {
			<-ctx.Done() // the vehicle has all: it ends the session
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.feed.Room() > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-s.feed.wake:
		}
	}
}

func (s *stream) done() int64 {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.number
}

// out counts a message and gives it out; false when there was no room.
func (s *stream) out(ctx context.Context, payload []byte) (bool, error) {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil || f.stream != s {
		return false, context.Canceled // another session's room
	}
	n, err := f.Take(f.now(), 1)
	if err != nil || n == 0 {
		return false, err
	}
	s.number++
	s.kept = append(s.kept, piece{s.number, payload})
	s.give(s.number, payload)
	return true, nil
}

package agent

import (
	"context"
	"sync"
	"time"

	"joulepay/channel/session"
)

// startPulses lets time pass at a steady pace of real time, for each outlet by itself: one that does not answer must not
// keep the others from being paused in time.
func (s *Station) startPulses(ctx context.Context, all *sync.WaitGroup) {
	if s.deps.PulseEvery <= 0 {
		return
	}
	for _, o := range s.outlets {
		all.Go(func() {
			pulseEvery(ctx, s.deps.PulseEvery, changed(o.Connector), o.wake, func(ctx context.Context) { s.pulseOutlet(ctx, o) })
		})
	}
	all.Go(func() { pulseEvery(ctx, s.deps.PulseEvery, nil, nil, s.pulseRest) })
}

// pulseEvery calls pulse at a steady pace of real time, and between whenever something changed or somebody asks.
func pulseEvery(ctx context.Context, every time.Duration, changed, asked <-chan struct{}, pulse func(context.Context)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			pulse(ctx)
		case <-changed:
			pulse(ctx)
		case <-asked:
			pulse(ctx)
		}
	}
}

// Pulse samples the outlets in use and lets time pass for every session. It returns when all have taken it in.
func (s *Station) Pulse(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, o := range s.outlets {
		all.Go(func() { s.pulseOutlet(ctx, o) })
	}
	s.pulseRest(ctx)
}

// pulseRest lets time pass for the sessions that use no outlet any more, or one that is gone.
func (s *Station) pulseRest(ctx context.Context) {
	var waits []func()
	for v, event := range s.rest() {
		waits = append(waits, v.hand(ctx, event))
	}
	for _, wait := range waits {
		wait()
	}
}

func (s *Station) rest() map[*visit]session.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := map[*visit]session.Event{}
	for _, v := range s.visits {
		events[v] = session.Tick{}
	}
	for outlet, id := range s.using {
		switch v := s.visits[id]; {
		case v == nil:
		case outlet.gone():
			events[v] = session.Sampled{Err: ErrNoOutlet}
		default:
			delete(events, v)
		}
	}
	return events
}

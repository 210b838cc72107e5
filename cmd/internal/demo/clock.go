package demo

import (
	"context"
	"sync"
	"time"

	"joulepay/channel/agent"
	"joulepay/channel/session"
)

// stepEvery is how far the session clock goes at once, so that meters are sampled as often as at normal speed.
const stepEvery = time.Second

// frame is how often the pacer looks at the real clock.
const frame = 10 * time.Millisecond

// clock gives a session clock that runs faster than the real one, and stands still while a claim is outstanding: speed
// never makes a charger wait for money.
type clock struct {
	mu      sync.Mutex // guards session
	session time.Time
}

var _ agent.Clock = (*clock)(nil)

func newClock(start time.Time) *clock { return &clock{session: start} }

// Now implements agent.Clock.
func (c *clock) Now() session.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return session.Instant{Session: c.session, Real: time.Now()}
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = c.session.Add(d)
}

// paced is an agent whose meters are sampled by its owner.
type paced interface{ Pulse(context.Context) }

// pace moves the clock at speed times the real one until the context ends, a step at a time, as long as ready allows it.
func (c *clock) pace(ctx context.Context, speed float64, ready func() bool, agents ...paced) {
	ticker := time.NewTicker(frame)
	defer ticker.Stop()
	var owed time.Duration
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		owed = min(owed+time.Duration(float64(frame)*speed), time.Duration(float64(time.Second)*speed)+stepEvery)
		pulse(ctx, agents)
		for owed >= stepEvery && ready() && ctx.Err() == nil {
			c.advance(stepEvery)
			owed -= stepEvery
			pulse(ctx, agents)
		}
	}
}

func pulse(ctx context.Context, agents []paced) {
	for _, a := range agents {
		a.Pulse(ctx)
	}
}

package agent

import (
	"context"
	"fmt"
	"time"

	"joulepay/channel/session"
	"joulepay/channel/wire"
)

// drainEvery is how often Drain looks whether the last session is over, real time.
const drainEvery = 50 * time.Millisecond

// Drain takes no vehicle any more, asks every session to end politely, and returns once all are settled, while Run goes
// on. When the context ends first it returns ErrStopped: the rest is stored, and the next run resumes it.
func (s *Station) Drain(ctx context.Context) error {
	asked := map[*visit]bool{}
	ticker := time.NewTicker(drainEvery)
	defer ticker.Stop()
	for {
		left := s.drained()
		if len(left) == 0 {
			return nil
		}
		for _, v := range left {
			if !asked[v] {
				asked[v] = true
				v.deliver(ctx, session.StopAsked{Reason: wire.ReasonStation})
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %d not settled", ErrStopped, len(left))
		case <-ticker.C:
		}
	}
}

// drained lets no outlet be free, and gives the sessions that are not over.
func (s *Station) drained() []*visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	var left []*visit
	for _, v := range s.visits {
		left = append(left, v)
	}
	return left
}

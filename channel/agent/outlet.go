package agent

import (
	"context"
	"errors"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/meter"
)

// Outlet is one connector of a station with what it offers.
type Outlet struct {
	EVSE      string
	Connector meter.Connector
	// Offer gives the quote for a session that begins now; session, station key and times are filled in by the machine.
	Offer func(session.Instant) (quote.Quote, error)
	// Next gives the quote whose prices follow from a time on, when the tariff of a running session ends; nil: sessions go on
	// under the tariff that they began with.
	Next func(now session.Instant, from time.Time) (quote.Quote, error)
	// Steer gives what a controller wants of the outlet now: the most that may flow toward the vehicle, or, below zero, back from it,
	// in milliwatts; false for nothing in particular. Nil: nobody steers it.
	Steer  func(now session.Instant) (limitMilliwatts int64, ok bool)
	Policy session.PayeePolicy

	drive     *Drive
	wake      chan struct{} // a session wants a sample before the next pulse; capacity 1
	requoteAt time.Time     // real clock, of the outlet's pulses only: when Next is asked again
}

// ErrNoOutlet says that a session was begun at an outlet that the station has no more.
var ErrNoOutlet = errors.New("agent: the station has no such outlet any more")

// goneOutlet stands for an outlet that the station has no more. Its sessions end with the last that is known of them.
func goneOutlet(evse string) *Outlet {
	o := &Outlet{EVSE: evse, Connector: goneConnector{}, Policy: session.DefaultPayeePolicy()}
	o.drive, o.wake = NewDrive(o.Connector), make(chan struct{}, 1)
	return o
}

// hold tells a connector that wants to know who is charged.
func (o *Outlet) hold(did string) {
	if h, ok := o.Connector.(meter.Holder); ok {
		h.Hold(did)
	}
}

func (o *Outlet) gone() bool { return o.Connector == goneConnector{} }

// nudge has the outlet sampled before the next pulse.
func (o *Outlet) nudge() {
	select {
	case o.wake <- struct{}{}:
	default: // it is about to be
	}
}

// sample takes the outlet's word, after bringing it to what was asked for.
func (o *Outlet) sample(now session.Instant) session.Sampled {
	if err := o.drive.Retry(now); err != nil && !o.drive.Stopping() {
		return session.Sampled{Err: err}
	}
	sample, err := o.Connector.Sample(now.Session)
	return session.Sampled{Sample: sample, Err: err}
}

// pulseOutlet samples an outlet for the session that uses it. Without one it only sees that the outlet is off, when it was
// told to be.
func (s *Station) pulseOutlet(ctx context.Context, o *Outlet) {
	now := s.deps.Clock.Now()
	if v := s.at(o); v != nil {
		if o.Steer != nil {
			if limit, ok := o.Steer(now); ok {
				v.hand(ctx, session.Steered{LimitMilliwatts: limit})()
			}
		}
		v.hand(ctx, o.sample(now))()
		s.requoteOutlet(ctx, o, v, now)
		return
	}
	if err := o.drive.Retry(now); err != nil {
		s.deps.Log.Error("the outlet does not stop", "evse", o.EVSE, "error", err)
	}
}

// at gives the session whose energy flows at an outlet, or may flow; nil without one.
func (s *Station) at(o *Outlet) *visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.visits[s.using[o]]
}

// off stops an outlet. One that cannot be reached is told again with every pulse, and takes no vehicle before it is off.
func (s *Station) off(o *Outlet) {
	if err := o.drive.Off(s.deps.Clock.Now()); err != nil {
		s.deps.Log.Error("the outlet does not stop", "evse", o.EVSE, "error", err)
	}
}

// actuate does what a session asks of its outlet. A failure is not the session's: the outlet is told again with every
// pulse, and a session that it does not serve ends for want of samples.
func (s *Station) actuate(o *Outlet, a session.Actuate) error {
	if err := o.drive.Actuate(s.deps.Clock.Now(), a); err != nil {
		s.deps.Log.Error("the outlet does not do as it is told", "evse", o.EVSE, "error", err)
	}
	return nil
}

package agent

import (
	"context"
	"errors"
	"sync/atomic"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
)

// machine is a Payer or a Payee.
type machine interface {
	Step(now session.Instant, event session.Event) []session.Effect
	Record() session.SessionRecord
}

// inboxMax bounds the events that wait for one session; a flooding peer loses its own messages.
const inboxMax = 256

// stepsMax bounds how many events are taken before their records are stored together.
const stepsMax = 64

// envelope is an event for a visit; done, when set, is closed after its effects are executed.
type envelope struct {
	event session.Event
	from  link.Addr
	done  chan struct{}
}

// visit runs one machine: one goroutine takes its events, steps, and executes.
type visit struct {
	id          channel.SessionID
	deps        Deps
	machine     machine
	ports       Ports
	peer        atomic.Value // link.Addr where the peer was last heard
	outstanding atomic.Bool
	channelID   atomic.Value // channel.ID, once known
	inbox       chan envelope
	over        chan struct{} // closed when the goroutine ended
	err         error         // why, read after over
	restore     func(context.Context) (machine, error)
	each        func() // after every batch of steps, in the visit's goroutine
}

func newVisit(id channel.SessionID, deps Deps, peer link.Addr) *visit {
	v := &visit{id: id, deps: deps, inbox: make(chan envelope, inboxMax), over: make(chan struct{})}
	v.peer.Store(peer)
	return v
}

// channel gives the channel that the session uses; zero while none is named.
func (v *visit) channel() channel.ID {
	id, _ := v.channelID.Load().(channel.ID)
	return id
}

func (v *visit) addr() link.Addr { return v.peer.Load().(link.Addr) }

// post hands over an event, or drops it when the inbox is full: every message is repeated by its sender.
func (v *visit) post(e envelope) bool {
	select {
	case v.inbox <- e:
		return true
	default:
		return false
	}
}

// deliver hands over an event that nobody repeats, waiting if it must.
func (v *visit) deliver(ctx context.Context, event session.Event) {
	select {
	case v.inbox <- envelope{event: event}:
	case <-v.over:
	case <-ctx.Done():
	}
}

// hand hands over an event and gives the function that waits until its effects are executed.
func (v *visit) hand(ctx context.Context, event session.Event) (wait func()) {
	done := make(chan struct{})
	select {
	case v.inbox <- envelope{event: event, done: done}:
	case <-v.over:
		return func() {}
	case <-ctx.Done():
		return func() {}
	}
	return func() {
		select {
		case <-done:
		case <-v.over:
		case <-ctx.Done():
		}
	}
}

// run takes events until the session is over or the context ends.
func (v *visit) run(ctx context.Context, begin []session.Effect, isOver func(session.SessionRecord) bool) {
	defer close(v.over)
	if !v.execute(ctx, begin) {
		return
	}
	for !isOver(v.machine.Record()) {
		select {
		case <-ctx.Done():
			v.err = ErrStopped
			return
		case first := <-v.inbox:
			if !v.take(ctx, first) {
				return
			}
		}
	}
}

// take steps through the waiting events, then executes what they ask for, with one commit for all.
func (v *visit) take(ctx context.Context, first envelope) bool {
	var effects []session.Effect
	var waiters []chan struct{}
	next, more := first, true
	for n := 0; more && n < stepsMax; n++ {
		if next.from != "" {
			v.peer.Store(next.from)
		}
		effects = append(effects, v.machine.Step(v.deps.Clock.Now(), next.event)...)
		if next.done != nil {
			waiters = append(waiters, next.done)
		}
		select {
		case next = <-v.inbox:
		default:
			more = false
		}
	}
	if more {
		v.requeue(next)
	}
	ok := v.execute(ctx, effects)
	for _, w := range waiters {
		close(w)
	}
	return ok
}

func (v *visit) requeue(e envelope) {
	if !v.post(e) && e.done != nil {
		close(e.done)
	}
}

// execute carries out effects. What cannot be stored ends the visit; when an outlet does not do as it is told, the machine
// is taken back to what is stored, and goes on.
func (v *visit) execute(ctx context.Context, effects []session.Effect) bool {
	err := Execute(ctx, v.id, effects, v.ports)
	switch {
	case err == nil:
		v.channelID.Store(v.machine.Record().Channel)
		if v.each != nil {
			v.each()
		}
		return true
	case ctx.Err() != nil:
		v.err = ErrStopped
		return false
	case errors.Is(err, ErrStoring):
		v.err = err
		return false
	}
	v.deps.Log.Error("session step failed; going back to what is stored", "session", v.id.String(), "error", err)
	restored, rerr := v.restore(ctx)
	if rerr != nil {
		v.err = err
		return false
	}
	v.machine = restored
	return true
}

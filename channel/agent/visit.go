package agent

import (
	"context"
	"errors"
	"sync/atomic"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
)

// machine is a Payer or a Payee.
type machine interface {
	Step(now session.Instant, event session.Event) []session.Effect
	Record() session.SessionRecord
	Phase() session.Phase
}

const (
	// messagesMax bounds the messages that wait for one session; a flooding peer loses its own.
	messagesMax = 256
	// eventsMax is the room for what nobody repeats, beside the messages: a pulse, an answer of the ledger, the outcomes of
	// the few operations that a session has under way, a wish to stop.
	eventsMax = 64
	// stepsMax bounds how many events are taken before their records are stored together.
	stepsMax = 64
)

// envelope is an event for a visit; done, when set, is closed after its effects are executed.
type envelope struct {
	event session.Event
	from  link.Addr // of a message
	done  chan struct{}
}

// visit runs one machine: one goroutine takes its events, steps, and executes.
type visit struct {
	id          channel.SessionID
	deps        Deps
	machine     machine
	begin       []session.Effect // what the machine begins with
	before      []session.Event  // what happened before, while it was not running
	ports       Ports
	peer        atomic.Value // link.Addr where the peer was last heard
	outstanding atomic.Bool
	tariffEnds  atomic.Int64 // Unix milliseconds: when a station may offer another tariff; 0 never
	settling    atomic.Bool  // paid: it waits for the ledger only
	inbox       chan envelope
	over        chan struct{} // closed when the goroutine ended
	err         error         // why, read after over
	each        func()        // after every batch of steps, in the visit's goroutine
	// hears tells whether to take a message from an address, and is where a peer that moved is noticed; nil takes all.
	hears  func(m wire.Message, from link.Addr) bool
	pieces func(wire.Piece) // of a vehicle: takes the pieces that are messages; nil drops them

	// Of the visit's goroutine only:
	proven  link.Addr  // an address that is the peer's, as far as the link can tell
	batch   []envelope // kept for their memory, as the next
	effects []session.Effect
}

func newVisit(id channel.SessionID, deps Deps, peer link.Addr) *visit {
	v := &visit{id: id, deps: deps, inbox: make(chan envelope, messagesMax+eventsMax), over: make(chan struct{})}
	v.peer.Store(peer)
	return v
}

func (v *visit) addr() link.Addr { return v.peer.Load().(link.Addr) }

// post hands over a message, or drops it when too many wait: every message is repeated by its sender.
func (v *visit) post(m wire.Message, from link.Addr) {
	if len(v.inbox) >= messagesMax {
		return
	}
	select {
	case v.inbox <- envelope{event: session.Received{Message: m}, from: from}:
	default:
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

// run executes what the machine begins with, then what it makes of the events that came before, then takes events until the
// session is over or the context ends.
func (v *visit) run(ctx context.Context) {
	defer close(v.over)
	begin := v.begin
	for _, event := range v.before {
		begin = append(begin, v.machine.Step(v.deps.Clock.Now(), event)...)
	}
	v.begin, v.before = nil, nil
	if !v.execute(ctx, begin) {
		return
	}
	for !v.machine.Phase().Over() {
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
	v.gather(first)
	v.effects = v.effects[:0]
	for _, e := range v.batch {
		if m, ok := e.event.(session.Received); ok && v.hears != nil && !v.hears(m.Message, e.from) {
			continue
		}
		v.effects = append(v.effects, v.machine.Step(v.deps.Clock.Now(), e.event)...)
	}
	ok := v.execute(ctx, v.effects)
	for _, e := range v.batch {
		if e.done != nil {
			close(e.done)
		}
	}
	return ok
}

// gather takes the events that wait, as many as may share a commit.
func (v *visit) gather(first envelope) {
	v.batch = append(v.batch[:0], first)
	for len(v.batch) < stepsMax {
		select {
		case e := <-v.inbox:
			v.batch = append(v.batch, e)
		default:
			return
		}
	}
}

// execute carries out effects. What cannot be stored ends the visit.
func (v *visit) execute(ctx context.Context, effects []session.Effect) bool {
	err := Execute(ctx, v.id, effects, v.ports)
	switch {
	case err == nil:
		if v.each != nil {
			v.each()
		}
		return true
	case ctx.Err() != nil && !errors.Is(err, store.ErrFailed):
		err = ErrStopped
	}
	v.err = err
	return false
}

// endsAll tells whether an error that ended a visit is one of the store, which ends the whole agent, and not of the records
// of that visit alone.
func endsAll(err error) bool {
	return errors.Is(err, ErrStoring) && !errors.Is(err, store.ErrReading) && !errors.Is(err, session.ErrRecord) &&
		!errors.Is(err, session.ErrChannel) && !errors.Is(err, ErrBusy)
}

package secure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/channel/link"
)

// checksMax bounds the questions to Admit under way at once.
const checksMax = 16

// machine is a Dialer or a Listener.
type machine interface {
	Send(now time.Time, to link.Addr, payload []byte) (Effects, error)
	Receive(now time.Time, in link.Datagram) Effects
	Admitted(now time.Time, id ID, refusal error) Effects
	Tick(now time.Time) Effects
	Deadline() time.Time
}

var (
	_ machine   = (*Dialer)(nil)
	_ machine   = (*Listener)(nil)
	_ link.Link = (*Link)(nil)
)

// Options of a link. The zero value is ready.
type Options struct {
	// Admit says whether a peer's key is still its DID's; nil is InceptionOnly.
	Admit Admit
	// OnDrop hears why a datagram or a handshake was dropped; nil for nobody. Anybody can cause it, so it must be short and
	// should not fill a log.
	OnDrop func(error)
	// Now gives the real time; nil is time.Now.
	Now func() time.Time
}

// Link is a secure end over a carrier, which it owns. It implements link.Link; its addresses are DIDs.
type Link struct {
	carrier link.Link
	local   link.Addr
	options Options
	arrived chan link.Datagram
	wake    chan struct{} // a deadline may have changed; room for one
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	checks  chan struct{} // room for those under way
	decided chan decision // what Admit said
	close   func() error

	mu      sync.Mutex // guards below
	machine machine
	counts  Counts
}

// decision is an answer of Admit.
type decision struct {
	id      ID
	refusal error
}

// Dial makes the end of a vehicle. It sends to the DIDs of stations, by which the carrier must reach them; whom it has not
// met it shakes hands with first.
func Dial(carrier link.Link, identity Identity, options Options) *Link {
	return open(carrier, identity, NewDialer(identity), options)
}

// Listen makes the end of a station.
func Listen(carrier link.Link, identity Identity, options Options) *Link {
	return open(carrier, identity, NewListener(identity), options)
}

func open(carrier link.Link, identity Identity, m machine, options Options) *Link {
	if options.Admit == nil {
		options.Admit = InceptionOnly
	}
	if options.OnDrop == nil {
		options.OnDrop = func(error) {}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	l := &Link{
		carrier: carrier, local: AddrOf(identity.did), options: options, machine: m,
		arrived: make(chan link.Datagram, link.QueueMax), wake: make(chan struct{}, 1), checks: make(chan struct{}, checksMax), decided: make(chan decision),
		counts: Counts{Dropped: map[error]int{}},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.close = sync.OnceValue(func() error {
		l.cancel()
		err := carrier.Close()
		l.work.Wait()
		return err
	})
	l.work.Go(l.run)
	return l
}

// Local implements link.Link: the DID of this end.
func (l *Link) Local() link.Addr { return l.local }

// Receive implements link.Link. What arrives was sealed by the peer whose DID is its address.
func (l *Link) Receive() <-chan link.Datagram { return l.arrived }

// Send implements link.Link, for at most PayloadMax bytes. A station fails with link.ErrDown while the vehicle is not
// connected.
func (l *Link) Send(to link.Addr, payload []byte) error {
	if l.ctx.Err() != nil {
		return link.ErrClosed
	}
	l.mu.Lock()
	effects, err := l.machine.Send(l.options.Now(), to, payload)
	l.mu.Unlock()
	if err == nil {
		err = l.execute(effects)
		l.rouse()
	}
	if errors.Is(err, ErrNoConnection) || errors.Is(err, ErrExhausted) {
		err = fmt.Errorf("%w: %w", link.ErrDown, err)
	}
	return err
}

// Close implements link.Link: the carrier is closed, and every goroutine gone.
func (l *Link) Close() error { return l.close() }

// Peer gives who proved itself at the other end, with the key of then: a vehicle that is connected for long asks again whether
// that key is still the station's. It tells false where there is no connection, and at a station's end.
func (l *Link) Peer(station link.Addr) (Peer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, dials := l.machine.(*Dialer)
	if !dials {
		return Peer{}, false
	}
	return d.Peer(station)
}

// run takes datagrams and deadlines until the carrier is closed.
func (l *Link) run() {
	defer close(l.arrived)
	defer l.cancel()
	for {
		timer := l.timer()
		select {
		case d, ok := <-l.carrier.Receive():
			if !ok {
				return
			}
			l.step(func(now time.Time) Effects { return l.machine.Receive(now, d) })
		case d := <-l.decided:
			l.step(func(now time.Time) Effects { return l.machine.Admitted(now, d.id, d.refusal) })
		case <-timer:
			l.step(l.machine.Tick)
		case <-l.wake:
		}
	}
}

// timer fires at the machine's deadline; nil when it has none.
func (l *Link) timer() <-chan time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.machine.Deadline()
	if next.IsZero() {
		return nil
	}
	return time.After(next.Sub(l.options.Now()))
}

func (l *Link) rouse() {
	select {
	case l.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// step lets the machine take something in, and does what it asks for. What the carrier does not take is repeated by whoever
// waits for an answer.
func (l *Link) step(take func(time.Time) Effects) {
	l.mu.Lock()
	effects := take(l.options.Now())
	l.mu.Unlock()
	_ = l.execute(effects)
}

func (l *Link) execute(e Effects) error {
	var failed error
	for _, t := range e.Transmit {
		failed = errors.Join(failed, l.carrier.Send(t.To, t.Payload))
	}
	for _, d := range e.Deliver {
		l.deliver(d)
	}
	if e.Check != nil {
		check := *e.Check
		l.work.Go(func() { l.check(check) })
	}
	if e.Dropped != nil {
		l.drop(e.Dropped)
	}
	return failed
}

// deliver runs in the goroutine of run only, which closes arrived.
func (l *Link) deliver(d link.Datagram) {
	select {
	case l.arrived <- d:
		l.mu.Lock()
		l.counts.Delivered++
		l.mu.Unlock()
	default:
		l.drop(ErrOverrun)
	}
}

// check asks whether a peer is admitted, and tells the goroutine of run, which alone delivers.
func (l *Link) check(c Check) {
	select {
	case l.checks <- struct{}{}:
		defer func() { <-l.checks }()
	case <-l.ctx.Done():
		return
	}
	ctx, cancel := context.WithTimeout(l.ctx, attemptMax)
	defer cancel()
	refusal := l.options.Admit(ctx, c.Peer)
	select {
	case l.decided <- decision{c.ID, refusal}:
	case <-l.ctx.Done():
	}
}

func (l *Link) drop(err error) {
	for _, reason := range reasons {
		if errors.Is(err, reason.err) {
			l.mu.Lock()
			l.counts.Dropped[reason.err]++
			l.mu.Unlock()
			break
		}
	}
	l.options.OnDrop(err)
}

// Package natslink owns the carriage of datagrams and of announcements over NATS core: the subjects, and who is
// reached by which. It leaves connections to internal/natsd, secrecy to channel/secure, and to channel/quote what an
// announcement says and whether it is signed. It keeps this invariant: an address from a peer is checked before it
// becomes part of a subject, so that no text widens a subscription or misdirects an answer; and a link never queues
// more than it declares.
//
// A station calls ListenStation and NewAnnouncer; a vehicle calls Discover, then DialPeer.
package natslink

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/channel/link"
	"joulepay/wallet"
)

// subscribeTimeout bounds the one round trip after which a new subscription is known to be in place.
const subscribeTimeout = 5 * time.Second

// Link is one end of a NATS link: a station's, or a peer's. It implements link.Link.
type Link struct {
	conn    *nats.Conn
	sub     *nats.Subscription
	local   link.Addr
	naming  naming
	onError func(error)

	mu      sync.RWMutex // guards closed, and arrived against a send after its close
	closed  bool
	arrived chan link.Datagram

	// Of the subscription's goroutine alone.
	overrun bool // datagrams were lost, and the queues have not been calm since
	dropped int  // datagrams that the client library dropped so far, before they reached receive
}

// naming maps addresses and subjects of one kind of end.
type naming struct {
	subscribe string                                         // what this end listens to
	subject   func(to link.Addr) (subject string, ok bool)   // where a datagram goes
	sender    func(subject string) (from link.Addr, ok bool) // whom a subject names as its publisher
}

// ListenStation opens the link of a station. Its addresses are the tokens of peers. onError, which may be nil, hears
// of link.ErrOverrun once for each time that datagrams begin to be lost; it must be short.
func ListenStation(conn *nats.Conn, did wallet.DID, onError func(error)) (*Link, error) {
	station := stationOf(did)
	inbox := stationPrefix + station + stationInfix
	return open(conn, StationAddr(did), onError, naming{
		subscribe: inbox + "*",
		subject: func(to link.Addr) (string, bool) {
			return peerPrefix + string(to) + "." + station, isToken(string(to))
		},
		sender: func(subject string) (link.Addr, bool) {
			peer, ok := strings.CutPrefix(subject, inbox)
			return link.Addr(peer), ok && isToken(peer)
		},
	})
}

// DialPeer opens the link of a vehicle, or of whoever else wants to reach stations. Its addresses are the DIDs of
// stations. Where the broker has a policy, the token is the TokenOf the connection's key.
func DialPeer(conn *nats.Conn, token Token, onError func(error)) (*Link, error) {
	inbox := peerPrefix + token.String() + "."
	suffix := stationInfix + token.String()
	return open(conn, PeerAddr(token), onError, naming{
		subscribe: inbox + "*",
		subject: func(to link.Addr) (string, bool) {
			station, ok := strings.CutPrefix(string(to), didPrefix)
			return stationPrefix + station + suffix, ok && isStation(station)
		},
		sender: func(subject string) (link.Addr, bool) {
			station, ok := strings.CutPrefix(subject, inbox)
			return link.Addr(didPrefix + station), ok && isStation(station)
		},
	})
}

func open(conn *nats.Conn, local link.Addr, onError func(error), naming naming) (*Link, error) {
	if onError == nil {
		onError = func(error) {}
	}
	l := &Link{
		conn:    conn,
		local:   local,
		naming:  naming,
		onError: onError,
		arrived: make(chan link.Datagram, link.QueueMax),
	}
	sub, err := conn.Subscribe(naming.subscribe, l.receive)
	if err != nil {
		return nil, carrierError(err)
	}
	l.sub = sub
	sub.SetClosedHandler(func(string) { _ = l.Close() }) // when the connection is closed for good
	if err := sub.SetPendingLimits(link.QueueMax, link.QueueMax*link.PayloadMax); err != nil {
		return nil, errors.Join(carrierError(err), l.Close())
	}
	if err := conn.FlushTimeout(subscribeTimeout); err != nil {
		return nil, errors.Join(carrierError(err), l.Close())
	}
	return l, nil
}

// Local implements link.Link.
func (l *Link) Local() link.Addr { return l.local }

// Receive implements link.Link.
func (l *Link) Receive() <-chan link.Datagram { return l.arrived }

// Send implements link.Link.
func (l *Link) Send(to link.Addr, payload []byte) error {
	if err := link.CheckSize(payload); err != nil {
		return err
	}
	subject, ok := l.naming.subject(to)
	if !ok {
		return fmt.Errorf("%w: %q", link.ErrAddress, truncated(to))
	}
	l.mu.RLock()
	closed := l.closed
	l.mu.RUnlock()
	if closed {
		return link.ErrClosed
	}
	if err := l.conn.Publish(subject, payload); err != nil {
		return carrierError(err)
	}
	return nil
}

// Close implements link.Link. The connection stays open.
func (l *Link) Close() error {
	l.mu.Lock()
	again := l.closed
	if !again {
		l.closed = true
		close(l.arrived)
	}
	l.mu.Unlock()
	if again {
		return nil
	}
	err := l.sub.Unsubscribe()
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
		return fmt.Errorf("natslink: unsubscribe: %w", err)
	}
	return nil
}

// receive runs on the subscription's goroutine and never waits: a datagram that finds the queue full is lost, as
// the contract of a link allows.
func (l *Link) receive(msg *nats.Msg) {
	from, ok := l.naming.sender(msg.Subject)
	if !ok || len(msg.Data) > link.PayloadMax {
		return // not from a link of ours
	}
	queued := l.queue(link.Datagram{From: from, Payload: msg.Data})
	switch lost := l.newlyDropped(msg.Sub) || !queued; {
	case lost && !l.overrun:
		l.overrun = true
		l.onError(fmt.Errorf("%w: %s", link.ErrOverrun, l.naming.subscribe))
	case !lost && l.overrun && l.calm(msg.Sub):
		l.overrun = false
	}
}

// newlyDropped tells whether the client library lost datagrams since the last call: it keeps a queue of its own in
// front of receive, which fills when this goroutine gets no processor.
func (l *Link) newlyDropped(sub *nats.Subscription) bool {
	dropped, err := sub.Dropped()
	if err != nil || dropped == l.dropped {
		return false // an error: the subscription has ended
	}
	l.dropped = dropped
	return true
}

// calm tells whether both queues have room enough that an overrun is over, rather than between two losses.
func (l *Link) calm(sub *nats.Subscription) bool {
	waiting, _, err := sub.Pending()
	return err == nil && waiting == 0 && len(l.arrived) <= link.QueueMax/2
}

// queue tells whether there was room, or no need because the link is closed.
func (l *Link) queue(d link.Datagram) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return true
	}
	select {
	case l.arrived <- d:
		return true
	default:
		return false
	}
}

// carrierError says in the words of link what NATS could not do.
func carrierError(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: for this server: %w", link.ErrTooLarge, err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining),
		errors.Is(err, nats.ErrBadSubscription):
		return fmt.Errorf("%w: %w", link.ErrClosed, err)
	}
	return fmt.Errorf("%w: %w", link.ErrDown, err)
}

// truncated keeps foreign text out of logs beyond the length of an address.
func truncated(addr link.Addr) link.Addr {
	const shown = len(didPrefix) + multibaseLength
	if len(addr) > shown {
		return addr[:shown] + "…"
	}
	return addr
}

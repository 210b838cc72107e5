package natslink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/channel/link"
	"joulepay/wallet"
)

// announcementsMax bounds what one Discover keeps: more stations than anybody would choose among.
const announcementsMax = 4096

// Announcement is what came under a station's name. It proves nothing until its content's signature is verified,
// and there may be more than one, of which some are forged.
type Announcement struct {
	Station wallet.DID
	Payload []byte
}

// Announcer makes one station known: to those who listen, whenever Publish is called, and to those who ask, at once.
type Announcer struct {
	conn    *nats.Conn
	station string
	sub     *nats.Subscription

	mu     sync.Mutex // guards latest
	latest []byte     // nil before the first Publish
}

// NewAnnouncer starts to answer for a station; it stays silent until the first Publish.
func NewAnnouncer(conn *nats.Conn, did wallet.DID) (*Announcer, error) {
	a := &Announcer{conn: conn, station: stationOf(did)}
	sub, err := conn.Subscribe(discoverPrefix+"*", a.answer)
	if err != nil {
		return nil, carrierError(err)
	}
	a.sub = sub
	if err := conn.FlushTimeout(subscribeTimeout); err != nil {
		return nil, errors.Join(carrierError(err), a.Close())
	}
	return a, nil
}

// Publish makes an announcement known, and keeps it as the answer to those who ask. Repeat it from time to time:
// like a datagram it may be lost. Errors: link.ErrTooLarge, link.ErrDown, link.ErrClosed.
func (a *Announcer) Publish(payload []byte) error {
	if err := link.CheckSize(payload); err != nil {
		return err
	}
	kept := append([]byte{}, payload...)
	a.mu.Lock()
	a.latest = kept
	a.mu.Unlock()
	if err := a.conn.Publish(announcePrefix+a.station, kept); err != nil {
		return carrierError(err)
	}
	return nil
}

// Close ends the answers. The connection stays open.
func (a *Announcer) Close() error {
	err := a.sub.Unsubscribe()
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
		return fmt.Errorf("natslink: unsubscribe: %w", err)
	}
	return nil
}

// answer replies to the token in the subject, never to a reply subject that the asker chose: it could be anybody's.
func (a *Announcer) answer(question *nats.Msg) {
	asker, ok := strings.CutPrefix(question.Subject, discoverPrefix)
	if !ok || !isToken(asker) {
		return
	}
	a.mu.Lock()
	latest := a.latest
	a.mu.Unlock()
	if latest != nil {
		_ = a.conn.Publish(foundPrefix+asker+"."+a.station, latest) // lost like any datagram; the asker asks again
	}
}

// Discover asks all stations to make themselves known and gives what comes within wait, or until enough, which may
// be nil, says that an announcement is the one. Errors: link.ErrDown, link.ErrClosed, or that of ctx.
func Discover(
	ctx context.Context, conn *nats.Conn, token Token, wait time.Duration, enough func(Announcement) bool,
) ([]Announcement, error) {
	inbox := foundPrefix + token.String() + "."
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var found []Announcement
	err := listen(waiting, conn, inbox, func() error {
		return conn.Publish(discoverPrefix+token.String(), nil)
	}, func(a Announcement) bool {
		found = append(found, a)
		return len(found) >= announcementsMax || enough != nil && enough(a)
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return found, nil
	}
	return found, err
}

// WatchAnnouncements calls heard, on this goroutine, with what stations publish until ctx ends, whose error it
// returns, or the connection is closed. ready, which may be nil, is called when nothing published from then on is missed.
func WatchAnnouncements(ctx context.Context, conn *nats.Conn, ready func(), heard func(Announcement)) error {
	return listen(ctx, conn, announcePrefix, func() error {
		if ready != nil {
			ready()
		}
		return nil
	}, func(a Announcement) bool {
		heard(a)
		return false
	})
}

// listen hears announcements below a prefix, from a moment before it calls start, until done says so or ctx ends.
func listen(
	ctx context.Context, conn *nats.Conn, prefix string, start func() error, done func(Announcement) bool,
) error {
	sub, err := conn.SubscribeSync(prefix + "*")
	if err != nil {
		return carrierError(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a connection that is closed, which ends it too
	if err := sub.SetPendingLimits(announcementsMax, link.QueueMax*link.PayloadMax); err != nil {
		return carrierError(err)
	}
	if err := conn.FlushTimeout(subscribeTimeout); err != nil {
		return carrierError(err)
	}
	if err := start(); err != nil {
		return carrierError(err)
	}
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrSlowConsumer) {
			continue // some were lost; they come again
		}
		if err != nil {
			return endOfListening(ctx, err)
		}
		if a, ok := announcement(msg, prefix); ok && done(a) {
			return nil
		}
	}
}

func endOfListening(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return carrierError(err)
}

func announcement(msg *nats.Msg, prefix string) (Announcement, bool) {
	station, ok := strings.CutPrefix(msg.Subject, prefix)
	if !ok || len(msg.Data) > link.PayloadMax {
		return Announcement{}, false
	}
	did, err := wallet.ParseDID(didPrefix + station)
	return Announcement{Station: did, Payload: msg.Data}, err == nil
}

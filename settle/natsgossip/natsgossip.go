// Package natsgossip owns what the nodes of a ledger tell each other over NATS outside the log: votes as broadcasts, and
// requests with answers. It leaves what they mean to settle/node, their bytes and their contract to settle/gossip, and the
// connection to its callers.
// It keeps the outer part of invariants I7 and I9: what comes is bounded, read strictly and not believed, and a
// subscription that ends or drops something is an error that its owner sees.
//
// The subjects, <network> being 16 hexadecimal digits of its id and <i> a place in the witness set:
//
//	joule.ledger.<network>.vote.<i>            a vote of that witness, to all
//	joule.ledger.<network>.peer.<i>.standing   asks that witness how far it is
//	joule.ledger.<network>.peer.<i>.entries    asks it for entries of the log
//	joule.ledger.<network>.inbox.<key>.>       answers to the node whose connection has that key
//
// Each subject names who may use it, so that a broker can enforce it: see Policy.
package natsgossip

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/settle/gossip"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// Bounds of a node's conversations.
const (
	// askTimeout is how long a peer may take to answer: a page is a read of its database, and half a megabyte.
	askTimeout = 5 * time.Second
	// askingMax and servingMax bound the requests of one node that are under way at once, and those that it works on for
	// others: a page takes memory, and a disk that is busy with the log.
	askingMax  = 4
	servingMax = 4
	// waitingMax is how many votes or requests wait for this node before more are dropped: a hundred witnesses may vote
	// at once, several times.
	waitingMax = 1024
	// waitingSizeMax bounds them in bytes: votes are below 200.
	waitingSizeMax = 1 << 20
	// subscribeTimeout is how long a broker may take to confirm a subscription.
	subscribeTimeout = 10 * time.Second
)

// Follower is the place of a node that is no witness: it hears votes and asks, and neither votes nor serves.
const Follower = -1

// Options say whose bus it is.
type Options struct {
	Network wallet.NetworkID
	Place   int // of this node in the witness set, or Follower
	// OnError hears of subscriptions that drop messages because this node is too slow. It must be short; nil for nobody.
	OnError func(error)
}

// Bus is a gossip.Bus over a NATS connection, which it does not close. It is safe for concurrent use.
type Bus struct {
	conn    *nats.Conn
	prefix  string
	onError func(error)
	place   int
	asking  chan struct{}
}

var _ gossip.Bus = (*Bus)(nil)

// New makes a bus.
func New(conn *nats.Conn, o Options) *Bus {
	b := &Bus{conn: conn, prefix: prefix(o.Network), onError: o.OnError, place: o.Place, asking: make(chan struct{}, askingMax)}
	if b.onError == nil {
		b.onError = func(error) {}
	}
	return b
}

// Broadcast implements gossip.Bus.
func (b *Bus) Broadcast(ctx context.Context, vote proof.SignedVote) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if int(vote.Witness) != b.place {
		return fmt.Errorf("%w: a vote of witness %d", gossip.ErrRequest, vote.Witness)
	}
	if err := b.conn.Publish(b.voteSubject(vote.Witness), vote.Encode()); err != nil {
		return carrierError(err)
	}
	return nil
}

// Votes implements gossip.Bus. A vote counts only on the subject of its own witness.
func (b *Bus) Votes(ctx context.Context, deliver func(proof.SignedVote)) error {
	return b.listen(ctx, b.prefix+"vote.*", func(m *nats.Msg) {
		v, err := proof.DecodeSignedVote(m.Data)
		if err == nil && m.Subject == b.voteSubject(v.Witness) && int(v.Witness) != b.place {
			deliver(v)
		}
	})
}

func (b *Bus) voteSubject(witness uint8) string {
	return b.prefix + "vote." + strconv.Itoa(int(witness))
}

// Standing implements gossip.Bus.
func (b *Bus) Standing(ctx context.Context, peer uint8) (gossip.Standing, error) {
	raw, err := b.ask(ctx, peer, gossip.Request{Kind: gossip.AskStanding})
	if err != nil {
		return gossip.Standing{}, err
	}
	return gossip.ReadStanding(raw)
}

// Entries implements gossip.Bus.
func (b *Bus) Entries(ctx context.Context, peer uint8, after, upTo uint64) ([][]byte, error) {
	raw, err := b.ask(ctx, peer, gossip.Request{Kind: gossip.AskEntries, After: after, UpTo: upTo})
	if err != nil {
		return nil, err
	}
	return gossip.ReadEntries(raw)
}

// ask sends a request when its turn comes, and waits for the answer.
func (b *Bus) ask(ctx context.Context, peer uint8, q gossip.Request) ([]byte, error) {
	select {
	case b.asking <- struct{}{}:
		defer func() { <-b.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := b.conn.RequestWithContext(limited, b.peerPrefix(peer)+topics[q.Kind], q.Encode())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w: witness %d: %w", gossip.ErrUnavailable, peer, err)
	}
	return answer.Data, nil
}

// topics name the subjects of requests.
var topics = map[gossip.RequestKind]string{gossip.AskStanding: "standing", gossip.AskEntries: "entries"}

func (b *Bus) peerPrefix(peer uint8) string {
	return b.prefix + "peer." + strconv.Itoa(int(peer)) + "."
}

// Serve implements gossip.Bus. Requests beyond servingMax are told that the peer is busy.
func (b *Bus) Serve(ctx context.Context, self uint8, from gossip.Source) error {
	if int(self) != b.place {
		return fmt.Errorf("%w: place %d", gossip.ErrRequest, self)
	}
	working := make(chan struct{}, servingMax)
	defer func() { // waits for those who still work
		for range servingMax {
			working <- struct{}{}
		}
	}()
	return b.listen(ctx, b.peerPrefix(self)+"*", func(m *nats.Msg) {
		if !b.isInbox(m.Reply) {
			return
		}
		select {
		case working <- struct{}{}:
		default:
			b.respond(m, gossip.Busy())
			return
		}
		go func() {
			defer func() { <-working }()
			limited, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			b.respond(m, gossip.Answer(limited, b.requestOf(m, self), from))
		}()
	})
}

// requestOf gives the bytes of a request, and none for one that came on the subject of another kind.
func (b *Bus) requestOf(m *nats.Msg, self uint8) []byte {
	if q, err := gossip.DecodeRequest(m.Data); err == nil && m.Subject != b.peerPrefix(self)+topics[q.Kind] {
		return nil
	}
	return m.Data
}

// isInbox tells whether an answer would go to a node of this network: nobody may choose another subject, which could be
// anybody's.
func (b *Bus) isInbox(reply string) bool { return strings.HasPrefix(reply, b.prefix+inboxTopic) }

// respond answers; an answer that is lost is asked for again.
func (b *Bus) respond(m *nats.Msg, answer []byte) {
	if err := m.Respond(answer); err != nil {
		b.onError(carrierError(err))
	}
}

// listen hands on what comes on a subject until the context ends, whose error it returns, or the subscription does.
func (b *Bus) listen(ctx context.Context, subject string, handle func(*nats.Msg)) error {
	sub, err := b.conn.SubscribeSync(subject)
	if err != nil {
		return carrierError(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a connection that is closed, which ends it too
	if err := sub.SetPendingLimits(waitingMax, waitingSizeMax); err != nil {
		return carrierError(err)
	}
	if err := b.conn.FlushTimeout(subscribeTimeout); err != nil && !isPassing(err) {
		return carrierError(err)
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, nats.ErrSlowConsumer):
			b.onError(carrierError(err)) // some were dropped; they come again
		case err != nil:
			return carrierError(err)
		default:
			handle(m)
		}
	}
}

// isPassing tells whether a connection is only away: its subscriptions come back with it.
func isPassing(err error) bool {
	return errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrConnectionReconnecting)
}

func carrierError(err error) error { return fmt.Errorf("%w: %w", gossip.ErrUnavailable, err) }

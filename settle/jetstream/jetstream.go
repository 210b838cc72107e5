// Package jetstream owns the ordered log of a ledger as one NATS JetStream stream. It leaves what bundles contain to
// settle/dag, and starting or reaching a NATS server to its callers.
// It keeps the contract of settle/stream: order without gaps, and a stream that was created anew is another
// incarnation, because the incarnation is part of the subject of every message.
//
// The stream is bounded: old bundles leave it, since every node keeps what it applied.
package jetstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"joulepay/settle/stream"
	"joulepay/wallet"
)

// Bounds of the stream.
const (
	// SizeMaxDefault is how much of the log the server keeps: hours at full load, for nodes that lag.
	SizeMaxDefault = 256 << 20
	// appendTimeout is how long the server may take to acknowledge a bundle before its outcome is unknown.
	appendTimeout = 5 * time.Second
	// readAhead is how many bundles a reader holds.
	readAhead = 16
	// A reader hears from the server at least every pullHeartbeat, or knows after two that it is gone.
	pullHeartbeat = 2 * time.Second
	pullExpiry    = 20 * time.Second
	// consumerIdleMax is when the server forgets a reader that is gone.
	consumerIdleMax = time.Minute
)

const incarnationKey = "joulepay-incarnation" // of the stream's metadata

// ErrServer means that the server cannot hold a ledger's log.
var ErrServer = errors.New("jetstream: the NATS server is not fit for the log")

// Options say which log to use.
type Options struct {
	Network  wallet.NetworkID
	Replicas int   // servers that keep a copy; zero for one
	SizeMax  int64 // bytes that the server keeps; zero for SizeMaxDefault
}

// Log is a stream.Log over a NATS connection. It is safe for concurrent use.
type Log struct {
	js      jetstream.JetStream
	options Options
	name    string

	mu      sync.Mutex // guards current
	current stream.Incarnation
}

var _ stream.Log = (*Log)(nil)

// New uses a connection that it does not close. It refuses a server whose messages are too small with ErrServer.
func New(conn *nats.Conn, o Options) (*Log, error) {
	if most := conn.MaxPayload(); most < stream.BundleSizeMax {
		return nil, fmt.Errorf("%w: it takes messages of %d bytes, bundles have up to %d", ErrServer, most, stream.BundleSizeMax)
	}
	js, err := jetstream.New(conn,
		jetstream.WithPublishAsyncMaxPending(stream.AppendMax), jetstream.WithPublishAsyncTimeout(appendTimeout))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.SizeMax == 0 {
		o.SizeMax = SizeMaxDefault
	}
	return &Log{js: js, options: o, name: "LEDGER_" + short(o.Network)}, nil
}

// short names a network in subjects: 16 hexadecimal characters are enough to tell networks apart.
func short(n wallet.NetworkID) string { return hex.EncodeToString(n[:8]) }

// Subjects gives the subjects that nodes publish to, for a broker's permissions.
func Subjects(n wallet.NetworkID) string { return subjectPrefix(n) + "*" }

func subjectPrefix(n wallet.NetworkID) string { return "joule.ledger." + short(n) + ".log." }

func (l *Log) subject(i stream.Incarnation) string {
	return subjectPrefix(l.options.Network) + i.String()
}

func (l *Log) config(i stream.Incarnation) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: l.name, Subjects: []string{l.subject(i)}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardOld, MaxBytes: l.options.SizeMax, MaxMsgSize: stream.BundleSizeMax,
		Replicas: l.options.Replicas, Metadata: map[string]string{incarnationKey: i.String()},
	}
}

// Head implements stream.Log.
func (l *Log) Head(ctx context.Context) (stream.Position, error) {
	at, _, err := l.head(ctx)
	return at, err
}

// head gives also the first sequence that the server still has.
func (l *Log) head(ctx context.Context) (at stream.Position, first uint64, err error) {
	s, err := l.js.Stream(ctx, l.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = l.create(ctx)
	}
	if err != nil {
		return stream.Position{}, 0, unavailable(err)
	}
	info := s.CachedInfo()
	if at, err = position(info); err != nil {
		return stream.Position{}, 0, err
	}
	l.remember(at.Incarnation)
	return at, info.State.FirstSeq, nil
}

func (l *Log) create(ctx context.Context) (jetstream.Stream, error) {
	var fresh stream.Incarnation
	_, _ = rand.Read(fresh[:]) // never fails since Go 1.24
	s, err := l.js.CreateStream(ctx, l.config(fresh))
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return l.js.Stream(ctx, l.name) // somebody was faster
	}
	return s, err
}

// position reads what the server says of the stream.
func position(info *jetstream.StreamInfo) (stream.Position, error) {
	i, err := parseIncarnation(info.Config.Metadata[incarnationKey])
	if err != nil {
		return stream.Position{}, fmt.Errorf("%w: stream %s is not a ledger's log: %w", ErrServer, info.Config.Name, err)
	}
	return stream.Position{Incarnation: i, Sequence: info.State.LastSeq}, nil
}

func parseIncarnation(text string) (stream.Incarnation, error) {
	var i stream.Incarnation
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(i) {
		return i, fmt.Errorf("incarnation %.40q", text)
	}
	return stream.Incarnation(raw), nil
}

func (l *Log) remember(i stream.Incarnation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = i
}

func (l *Log) incarnation() stream.Incarnation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// Read implements stream.Log.
func (l *Log) Read(ctx context.Context, after stream.Position, deliver func(stream.Delivery) error) error {
	if err := l.checkReadable(ctx, after); err != nil {
		return err
	}
	// Not an ordered consumer of the library: it looks for a vanished stream for ever, deaf to the context.
	consumer, err := l.js.CreateConsumer(ctx, l.name, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after.Sequence + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: consumerIdleMax, Replicas: 1,
	})
	if err != nil {
		return unavailable(err)
	}
	messages, err := consumer.Messages(
		jetstream.PullMaxMessages(readAhead), jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat))
	if err != nil {
		return unavailable(err)
	}
	defer messages.Stop()
	return l.follow(ctx, messages, after, deliver)
}

// checkReadable tells whether the log is the one that was read, and goes on where the reader stands.
func (l *Log) checkReadable(ctx context.Context, after stream.Position) error {
	head, first, err := l.head(ctx)
	switch {
	case err != nil:
		return err
	case head.Incarnation != after.Incarnation:
		return fmt.Errorf("%w: %s, want %s", stream.ErrIncarnation, head.Incarnation, after.Incarnation)
	case head.Sequence < after.Sequence:
		return fmt.Errorf("%w: the log ends at %d, before %d", stream.ErrGap, head.Sequence, after.Sequence)
	case first > after.Sequence+1:
		return fmt.Errorf("%w: the log begins at %d, after %d", stream.ErrGap, first, after.Sequence)
	}
	return nil
}

// follow hands messages on. When one is missing, the next read finds out whether the log or the way lost it.
func (l *Log) follow(ctx context.Context, messages jetstream.MessagesContext, at stream.Position, deliver func(stream.Delivery) error) error {
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return unavailable(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return unavailable(err)
		}
		if i, _ := strings.CutPrefix(m.Subject(), subjectPrefix(l.options.Network)); i != at.Incarnation.String() {
			return fmt.Errorf("%w: a bundle of %.40s", stream.ErrIncarnation, i)
		}
		if meta.Sequence.Stream != at.Sequence+1 {
			return fmt.Errorf("%w: bundle %d came after %d", stream.ErrUnavailable, meta.Sequence.Stream, at.Sequence)
		}
		at.Sequence = meta.Sequence.Stream
		if err := deliver(stream.Delivery{Position: at, Bundle: m.Data()}); err != nil {
			return err
		}
	}
}

// Renew implements stream.Log.
func (l *Log) Renew(ctx context.Context, old stream.Incarnation) (stream.Position, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return stream.Position{}, err
	}
	if head.Incarnation != old {
		return stream.Position{Incarnation: head.Incarnation}, nil
	}
	if err := l.js.DeleteStream(ctx, l.name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return stream.Position{}, unavailable(err)
	}
	head, err = l.Head(ctx)
	return stream.Position{Incarnation: head.Incarnation}, err
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", stream.ErrUnavailable, err) }

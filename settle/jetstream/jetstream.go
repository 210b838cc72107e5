// Package jetstream owns the ordered log of a ledger as NATS JetStream streams, one for each incarnation. It leaves what
// bundles contain to settle/dag, and starting or reaching a NATS server to its callers.
// It keeps the contract of settle/stream: order without gaps, and a stream that was created anew is another
// incarnation, because the incarnation is part of the subject of every message.
//
// Streams are named by a rising epoch, LEDGER_<network>_<epoch>. Creating the next one succeeds once, so several nodes
// that renew at the same time get one stream, and nobody deletes one that somebody still wants: only those below the
// highest go. A stream is bounded: old bundles leave it, since every node keeps what it applied.
package jetstream

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
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
	// headerSizeMax is for what the client library says with a bundle; the server counts it as part of the message.
	headerSizeMax = 1 << 10
	// replicasDefault is how many servers of a cluster keep a copy: one may fail without a word, and two without loss.
	replicasDefault = 3
	// apiTimeout is how long servers may take to answer about streams; those that elect a leader say nothing.
	apiTimeout = 5 * time.Second
	// appendTimeout is how long the server may take to acknowledge a bundle before its outcome is unknown.
	appendTimeout = 5 * time.Second
)

// ErrServer means that the server cannot hold a ledger's log.
var ErrServer = errors.New("jetstream: the NATS server is not fit for the log")

// Options say which log to use.
type Options struct {
	Network  wallet.NetworkID
	Replicas int   // servers that keep a copy of a stream that this node makes; zero for 3 in a cluster, else 1
	SizeMax  int64 // bytes that the server keeps; zero for SizeMaxDefault

	appendTimeout time.Duration // zero for appendTimeout
}

// Log is a stream.Log over a NATS connection. It is safe for concurrent use.
type Log struct {
	js      jetstream.JetStream
	options Options

	mu      sync.Mutex // guards current
	current life
}

var _ stream.Log = (*Log)(nil)

// New uses a connection that it does not close. It refuses a server whose messages are too small with ErrServer.
func New(conn *nats.Conn, o Options) (*Log, error) {
	if most := conn.MaxPayload(); most < stream.BundleSizeMax {
		return nil, fmt.Errorf("%w: it takes messages of %d bytes, bundles have up to %d", ErrServer, most, stream.BundleSizeMax)
	}
	if o.appendTimeout == 0 {
		o.appendTimeout = appendTimeout
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(apiTimeout),
		jetstream.WithPublishAsyncMaxPending(stream.AppendMax), jetstream.WithPublishAsyncTimeout(o.appendTimeout))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	if o.Replicas == 0 {
		o.Replicas = 1
		if conn.ConnectedClusterName() != "" {
			o.Replicas = replicasDefault
		}
	}
	if o.SizeMax == 0 {
		o.SizeMax = SizeMaxDefault
	}
	return &Log{js: js, options: o}, nil
}

// short names a network in subjects: 16 hexadecimal characters are enough to tell networks apart.
func short(n wallet.NetworkID) string { return hex.EncodeToString(n[:8]) }

// Subjects gives the subjects of bundles.
func Subjects(n wallet.NetworkID) string { return subjectPrefix(n) + "*" }

// Publishes gives all subjects that a Log publishes to, for a broker's permissions: bundles, and requests about
// streams, whose names no permission can tell apart. Answers come to the connection's inbox.
func Publishes(n wallet.NetworkID) []string {
	return []string{
		Subjects(n), "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*",
		"$JS.API.STREAM.DELETE.*",
		"$JS.API.CONSUMER.CREATE.*.*", "$JS.API.CONSUMER.MSG.NEXT.*.*",
	}
}

func subjectPrefix(n wallet.NetworkID) string { return "joule.ledger." + short(n) + ".log." }

func (l *Log) subject(i stream.Incarnation) string {
	return subjectPrefix(l.options.Network) + i.String()
}

func (l *Log) config(at life) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: l.name(at.epoch), Subjects: []string{l.subject(at.incarnation)}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxBytes: l.options.SizeMax, MaxMsgSize: stream.BundleSizeMax + headerSizeMax,
		Replicas: l.options.Replicas, Metadata: map[string]string{incarnationKey: at.incarnation.String()},
	}
}

func (l *Log) remember(at life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = at
}

func (l *Log) known() life {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// limited gives a context in which the servers must answer about streams.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, apiTimeout)
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", stream.ErrUnavailable, err) }

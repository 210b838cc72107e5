package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"joulepay/settle/stream"
)

// Bounds of a reader.
const (
	// readAheadMax is how many bytes of bundles a reader holds: four full ones, and less than servers let wait for one
	// client before they cut it off.
	readAheadMax = 4 * stream.BundleSizeMax
	// A reader hears from the server at least every pullHeartbeat, or knows after two that it is gone.
	pullHeartbeat = time.Second
	pullExpiry    = 20 * time.Second
	// consumerIdleMax is when the server forgets a reader that is gone.
	consumerIdleMax = time.Minute
	// pollEvery is how often a reader asks whether its stream is still the current one, should nobody have deleted it.
	pollEvery = 2 * time.Second
)

// Read implements stream.Log.
func (l *Log) Read(ctx context.Context, after stream.Position, deliver func(stream.Delivery) error) error {
	h, err := l.checkReadable(ctx, after)
	if err != nil {
		return err
	}
	messages, err := l.consume(ctx, h.epoch, after.Sequence)
	if err != nil {
		return unavailable(err)
	}
	defer messages.Stop()
	ctx, stop := context.WithCancelCause(ctx)
	polled := make(chan struct{})
	go func() { defer close(polled); l.poll(ctx, h.life, stop) }()
	defer func() { stop(nil); <-polled }()
	err = l.follow(ctx, messages, after, deliver)
	if cause := context.Cause(ctx); errors.Is(cause, stream.ErrIncarnation) {
		return cause
	}
	return err
}

// consume begins to pull. It is not an ordered consumer of the library: that looks for a vanished stream for ever, deaf
// to the context.
func (l *Log) consume(ctx context.Context, epoch, after uint64) (jetstream.MessagesContext, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	consumer, err := l.js.CreateConsumer(ctx, l.name(epoch), jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: consumerIdleMax, Replicas: 1,
	})
	if err != nil {
		return nil, err
	}
	return consumer.Messages(
		jetstream.PullMaxBytes(readAheadMax), jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat))
}

// checkReadable tells whether the log is the one that was read, and goes on where the reader stands.
func (l *Log) checkReadable(ctx context.Context, after stream.Position) (head, error) {
	h, err := l.head(ctx)
	switch {
	case err != nil:
	case h.incarnation != after.Incarnation:
		err = fmt.Errorf("%w: %s, want %s", stream.ErrIncarnation, h.incarnation, after.Incarnation)
	case h.last < after.Sequence:
		err = fmt.Errorf("%w: the log ends at %d, before %d", stream.ErrGap, h.last, after.Sequence)
	case h.first > after.Sequence+1:
		err = fmt.Errorf("%w: at %d, after %d", stream.ErrDiscarded, h.first, after.Sequence)
	}
	return h, err
}

// poll ends a read when another incarnation is the current one.
func (l *Log) poll(ctx context.Context, reading life, end context.CancelCauseFunc) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if epoch, err := l.highest(ctx); err == nil && epoch != reading.epoch {
			end(fmt.Errorf("%w: epoch %d, want %d", stream.ErrIncarnation, epoch, reading.epoch))
			return
		}
	}
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

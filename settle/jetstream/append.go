package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"joulepay/settle/stream"
)

// Append implements stream.Log.
func (l *Log) Append(ctx context.Context, bundle []byte) (stream.Position, error) {
	to, err := l.target(ctx, bundle)
	if err != nil {
		return stream.Position{}, err
	}
	limit, cancel := context.WithTimeout(ctx, l.options.appendTimeout)
	defer cancel()
	ack, err := l.js.Publish(limit, l.subject(to.incarnation), bundle, jetstream.WithExpectStream(l.name(to.epoch)))
	if err != nil {
		return stream.Position{}, l.notAppended(ctx, to, err)
	}
	return stream.Position{Incarnation: to.incarnation, Sequence: ack.Sequence}, nil
}

// AppendAll implements stream.Log. One connection keeps the order. The server stores each bundle durably for itself,
// but they do not wait for each other's way. A server that takes no more is an error, as for one bundle.
func (l *Log) AppendAll(ctx context.Context, bundles [][]byte) ([]stream.Position, error) {
	if len(bundles) == 1 {
		at, err := l.Append(ctx, bundles[0])
		if err != nil {
			return nil, err
		}
		return []stream.Position{at}, nil
	}
	to, err := l.target(ctx, bundles...)
	if err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, l.options.appendTimeout)
	defer cancel()
	pending, failed := l.publish(to, bundles)
	placed := make([]stream.Position, 0, len(pending))
	for _, future := range pending {
		select {
		case ack := <-future.Ok():
			placed = append(placed, stream.Position{Incarnation: to.incarnation, Sequence: ack.Sequence})
			continue
		case failed = <-future.Err():
		case <-limit.Done():
			failed = limit.Err()
		}
		break
	}
	if failed != nil {
		failed = l.notAppended(ctx, to, failed)
	}
	return placed, failed
}

// publish sends bundles until one fails. Those of an earlier call that the server has not acknowledged count among what
// it may have before it, so a server that stalls is an error and holds no more than AppendMax.
func (l *Log) publish(to life, bundles [][]byte) (pending []jetstream.PubAckFuture, err error) {
	for _, bundle := range bundles {
		// The library's own repetitions would change the order.
		future, err := l.js.PublishAsync(l.subject(to.incarnation), bundle,
			jetstream.WithExpectStream(l.name(to.epoch)), jetstream.WithRetryAttempts(0))
		if err != nil {
			return pending, err
		}
		pending = append(pending, future)
	}
	return pending, nil
}

// target gives the stream to append to.
func (l *Log) target(ctx context.Context, bundles ...[]byte) (life, error) {
	for _, b := range bundles {
		if len(b) > stream.BundleSizeMax {
			return life{}, fmt.Errorf("%w: %d bytes, at most %d", stream.ErrTooLarge, len(b), stream.BundleSizeMax)
		}
	}
	if to := l.known(); to.epoch > 0 {
		return to, nil
	}
	h, err := l.head(ctx)
	return h.life, err
}

// notAppended says why a bundle has no place. Where nobody takes it, the stream has ended, or is about to elect a leader.
func (l *Log) notAppended(ctx context.Context, to life, err error) error {
	if errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) {
		if epoch, failed := l.highest(ctx); failed == nil && epoch != to.epoch {
			return fmt.Errorf("%w: nobody takes bundles of %s", stream.ErrIncarnation, to.incarnation)
		}
	}
	return unavailable(err)
}

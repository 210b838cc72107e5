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
	i, err := l.target(ctx, bundle)
	if err != nil {
		return stream.Position{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	ack, err := l.js.Publish(ctx, l.subject(i), bundle, jetstream.WithExpectStream(l.name))
	if err != nil {
		return stream.Position{}, notAppended(i, err)
	}
	return stream.Position{Incarnation: i, Sequence: ack.Sequence}, nil
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
	i, err := l.target(ctx, bundles...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	var pending []jetstream.PubAckFuture
	var failed error
	for _, bundle := range bundles {
		// The library's own repetitions would change the order.
		future, err := l.js.PublishAsync(l.subject(i), bundle, jetstream.WithExpectStream(l.name), jetstream.WithRetryAttempts(0))
		if failed = err; err != nil {
			break
		}
		pending = append(pending, future)
	}
	placed := make([]stream.Position, 0, len(pending))
	for _, future := range pending {
		select {
		case ack := <-future.Ok():
			placed = append(placed, stream.Position{Incarnation: i, Sequence: ack.Sequence})
			continue
		case failed = <-future.Err():
		case <-ctx.Done():
			failed = ctx.Err()
		}
		break
	}
	if failed != nil {
		failed = notAppended(i, failed)
	}
	return placed, failed
}

// target gives the incarnation to append to.
func (l *Log) target(ctx context.Context, bundles ...[]byte) (stream.Incarnation, error) {
	for _, b := range bundles {
		if len(b) > stream.BundleSizeMax {
			return stream.Incarnation{}, fmt.Errorf("%w: %d bytes, at most %d", stream.ErrTooLarge, len(b), stream.BundleSizeMax)
		}
	}
	if i := l.incarnation(); i != (stream.Incarnation{}) {
		return i, nil
	}
	at, err := l.Head(ctx)
	return at.Incarnation, err
}

func notAppended(i stream.Incarnation, err error) error {
	if errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("%w: nobody takes bundles of %s", stream.ErrIncarnation, i)
	}
	return unavailable(err)
}

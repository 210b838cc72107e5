package jetstream

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"joulepay/settle/stream"
)

const (
	incarnationKey = "joulepay-incarnation" // of the stream's metadata
	// epochMax ends what renewing can do; above it streams are not ours. A renewal a second lasts a century.
	epochMax = 1 << 32
	// findMax is how often a stream that vanishes between two requests is looked for again.
	findMax = 3
)

// life is one stream: its place among all, and what names it in positions.
type life struct {
	epoch       uint64
	incarnation stream.Incarnation
}

func (l *Log) namePrefix() string { return "LEDGER_" + short(l.options.Network) + "_" }

func (l *Log) name(epoch uint64) string { return l.namePrefix() + strconv.FormatUint(epoch, 10) }

// epochOf reads a stream's name; zero for a stream that is none of this log.
func (l *Log) epochOf(name string) uint64 {
	number, ours := strings.CutPrefix(name, l.namePrefix())
	epoch, err := strconv.ParseUint(number, 10, 64)
	if !ours || err != nil || epoch > epochMax || strconv.FormatUint(epoch, 10) != number {
		return 0
	}
	return epoch
}

// epochs gives the epochs that have a stream, rising.
func (l *Log) epochs(ctx context.Context) ([]uint64, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	var epochs []uint64
	names := l.js.StreamNames(ctx, jetstream.WithStreamListSubject(Subjects(l.options.Network)))
	for name := range names.Name() {
		if epoch := l.epochOf(name); epoch > 0 {
			epochs = append(epochs, epoch)
		}
	}
	if err := names.Err(); err != nil {
		return nil, unavailable(err)
	}
	slices.Sort(epochs)
	return epochs, nil
}

// highest gives the current epoch; zero when there is no stream.
func (l *Log) highest(ctx context.Context) (uint64, error) {
	epochs, err := l.epochs(ctx)
	if err != nil || len(epochs) == 0 {
		return 0, err
	}
	return epochs[len(epochs)-1], nil
}

// Head implements stream.Log.
func (l *Log) Head(ctx context.Context) (stream.Position, error) {
	h, err := l.head(ctx)
	return h.position(), err
}

// head is what the servers say of the current stream.
type head struct {
	life
	first, last uint64 // sequences that are there; first is one above last in an empty stream
}

func (h head) position() stream.Position {
	return stream.Position{Incarnation: h.incarnation, Sequence: h.last}
}

// head finds the current stream, or makes the first.
func (l *Log) head(ctx context.Context) (head, error) {
	for try := 1; ; try++ {
		epoch, err := l.highest(ctx)
		if err != nil {
			return head{}, err
		}
		s, err := l.open(ctx, epoch)
		if errors.Is(err, jetstream.ErrStreamNotFound) && try < findMax {
			continue // a higher one has taken its place
		}
		if err != nil {
			return head{}, unavailable(err)
		}
		h, err := l.read(s.CachedInfo())
		if err == nil {
			l.remember(h.life)
		}
		return h, err
	}
}

// open gives the stream of an epoch, and makes the first where there is none.
func (l *Log) open(ctx context.Context, epoch uint64) (jetstream.Stream, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	if epoch == 0 {
		return l.create(ctx, 1)
	}
	return l.js.Stream(ctx, l.name(epoch))
}

// create makes the stream of an epoch, or gives the one that somebody else made first.
func (l *Log) create(ctx context.Context, epoch uint64) (jetstream.Stream, error) {
	fresh := life{epoch: epoch}
	binary.BigEndian.PutUint64(fresh.incarnation[:], epoch)
	_, _ = rand.Read(fresh.incarnation[8:]) // never fails since Go 1.24
	s, err := l.js.CreateStream(ctx, l.config(fresh))
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return l.js.Stream(ctx, l.name(epoch))
	}
	return s, err
}

// read reads what the server says of a stream.
func (l *Log) read(info *jetstream.StreamInfo) (head, error) {
	i, err := parseIncarnation(info.Config.Metadata[incarnationKey])
	if err != nil {
		return head{}, fmt.Errorf("%w: stream %s is not a ledger's log: %w", ErrServer, info.Config.Name, err)
	}
	epoch := l.epochOf(info.Config.Name)
	if i.Epoch() != epoch {
		return head{}, fmt.Errorf("%w: stream %s says that its epoch is %d", ErrServer, info.Config.Name, i.Epoch())
	}
	return head{life{epoch, i}, info.State.FirstSeq, info.State.LastSeq}, nil
}

func parseIncarnation(text string) (stream.Incarnation, error) {
	var i stream.Incarnation
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(i) {
		return i, fmt.Errorf("incarnation %.40q", text)
	}
	return stream.Incarnation(raw), nil
}

// Renew implements stream.Log. If we crash before the old streams are deleted, the next renewal deletes them: nobody
// reads them any more.
func (l *Log) Renew(ctx context.Context, old stream.Incarnation) (stream.Position, error) {
	h, err := l.head(ctx)
	if err != nil {
		return stream.Position{}, err
	}
	last := old.Epoch()
	if h.epoch > last {
		return stream.Position{Incarnation: h.incarnation}, nil
	}
	if last >= epochMax {
		return stream.Position{}, fmt.Errorf("%w: %s is the last stream that a log can have; an operator must delete it", ErrServer, l.name(last))
	}
	err = l.begin(ctx, last+1)
	if isNoRoom(err) {
		l.shrink(ctx, h)
		err = l.begin(ctx, last+1)
	}
	if err != nil {
		return stream.Position{}, unavailable(err)
	}
	l.deleteBelow(ctx, last+1)
	h, err = l.head(ctx)
	return stream.Position{Incarnation: h.incarnation}, err
}

// begin makes the stream of an epoch, or finds that somebody has.
func (l *Log) begin(ctx context.Context, epoch uint64) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	_, err := l.create(ctx, epoch)
	return err
}

// storageExceeded is the code of JSStorageResourcesExceededErr in the errors of nats-server, noPeers that of
// JSClusterNoPeersErrF, with which a cluster says the same.
const (
	storageExceeded jetstream.ErrorCode = 10047
	noPeers         jetstream.ErrorCode = 10005
)

// isNoRoom tells whether servers cannot reserve what a stream may grow to.
func isNoRoom(err error) bool {
	var refusal *jetstream.APIError
	return errors.As(err, &refusal) && (refusal.ErrorCode == storageExceeded || refusal.ErrorCode == noPeers)
}

// shrink gives back what is reserved for a stream that is about to end, where the disk has no room for two. It is not
// deleted before its successor is there: whoever found no stream at all would begin with the first epoch again.
func (l *Log) shrink(ctx context.Context, old head) {
	ctx, cancel := limited(ctx)
	defer cancel()
	config := l.config(old.life)
	config.MaxBytes = 2 * stream.BundleSizeMax
	_, _ = l.js.UpdateStream(ctx, config) // the renewal says what is wrong
}

// deleteBelow frees the room of streams that have ended, as far as the servers can now.
func (l *Log) deleteBelow(ctx context.Context, epoch uint64) {
	epochs, err := l.epochs(ctx)
	if err != nil {
		return
	}
	for _, e := range epochs {
		if e < epoch {
			limit, cancel := limited(ctx)
			_ = l.js.DeleteStream(limit, l.name(e)) // the next renewal tries again
			cancel()
		}
	}
}

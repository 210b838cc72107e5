package vehicle

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"joulepay/channel/wire"
	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/meter/counter"
)

// ErrInbox is returned for a file into which messages cannot be written.
var ErrInbox = errors.New("vehicle: the messages cannot be kept")

const (
	// lacksAfter is how long a vehicle hears no message before it asks whether one was lost.
	lacksAfter = 500 * time.Millisecond
	// lacksEvery bounds how often it asks about a gap.
	lacksEvery = 100 * time.Millisecond
)

// inbox takes messages in their order, keeps them, and counts them: what the vehicle signs for is on its disk. It implements
// meter.Source and agent.Notifier.
type inbox struct {
	*counter.Tally
	lacks  func(from int64)
	kept   *party.Register // count, and length of the file with so many messages
	wanted int64           // 0: as many as come
	file   *os.File        // nil: none to bring to the disk
	to     io.Writer

	mu      sync.Mutex // guards below
	length  int64
	dirty   bool
	heardAt time.Time
	askedAt time.Time
}

var _ meter.Source = (*inbox)(nil)

// openInbox begins a session's messages, or goes on with those of the one that was interrupted.
func openInbox(b Buying, wanted int64, resumes bool) (*inbox, error) {
	kept, counts, err := party.OpenRegister(filepath.Join(b.Dir, "messages"), 2)
	if err != nil {
		return nil, err
	}
	if !resumes {
		counts = []int64{0, 0}
	}
	i := &inbox{kept: kept, wanted: wanted, length: counts[1], heardAt: time.Now()}
	if err := i.open(b, resumes); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrInbox, err), kept.Close())
	}
	if i.Tally, err = counter.NewTally(counts[0], func(n int64) error { return kept.Keep(n, i.length) }); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, errors.Join(kept.Keep(counts[0], i.length), kept.Sync())
}

// open opens where messages go. A session that goes on goes on with its file, without what was not counted before it was
// interrupted.
func (i *inbox) open(b Buying, resumes bool) error {
	note := filepath.Join(b.Dir, "messages-to")
	if resumes {
		name, err := os.ReadFile(note)
		if err != nil {
			return err
		}
		b.Out = strings.TrimSpace(string(name))
	} else if b.Out != "" && b.Out != OutNone {
		var err error
		if b.Out, err = filepath.Abs(b.Out); err != nil {
			return err
		}
	}
	if err := os.WriteFile(note, []byte(b.Out+"\n"), 0o600); err != nil {
		return err
	}
	switch b.Out {
	case "":
		i.to = os.Stdout
		return nil
	case OutNone:
		i.to = io.Discard
		return nil
	}
	flags := os.O_WRONLY | os.O_CREATE
	if !resumes {
		flags |= os.O_EXCL
	}
	file, err := os.OpenFile(b.Out, flags, 0o600)
	if err != nil {
		return err
	}
	i.file, i.to = file, file
	if err := file.Truncate(i.length); err != nil {
		return errors.Join(err, file.Close())
	}
	if _, err := file.Seek(i.length, io.SeekStart); err != nil {
		return errors.Join(err, file.Close())
	}
	return nil
}

// Close implements io.Closer.
func (i *inbox) Close() error {
	err := i.kept.Close()
	if i.file != nil {
		err = errors.Join(err, i.file.Close())
	}
	return err
}

// take keeps and counts the next message, and asks again for what is missing before one that came too early.
func (i *inbox) take(p wire.Piece) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, have := time.Now(), i.Count()
	switch {
	case p.Number <= have || i.wanted > 0 && p.Number > i.wanted:
		return
	case p.Number > have+1:
		if now.Sub(i.askedAt) >= lacksEvery {
			i.askedAt = now
			i.lacks(have + 1)
		}
		return
	}
	n, err := i.to.Write(append(p.Payload, '\n'))
	if err != nil {
		if i.file != nil && i.file.Truncate(i.length) == nil {
			_, _ = i.file.Seek(i.length, io.SeekStart) // what fails here fails the next write, too
		}
		return // not counted, so not paid: it is asked for again
	}
	i.length += int64(n)
	if i.Add(1) != nil {
		return
	}
	i.heardAt, i.dirty = now, true
}

// Sample implements meter.Source: it tells of nothing that is not on the disk.
func (i *inbox) Sample(now time.Time) (meter.Sample, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.dirty && i.file != nil {
		if err := joined(i.file.Sync, i.kept.Sync); err != nil {
			return meter.Sample{}, fmt.Errorf("%w: %w", ErrInbox, err)
		}
	}
	i.dirty = false
	have, real := i.Count(), time.Now()
	if real.Sub(i.heardAt) >= lacksAfter && real.Sub(i.askedAt) >= lacksAfter && (i.wanted == 0 || have < i.wanted) {
		i.askedAt = real
		i.lacks(have + 1)
	}
	return i.Tally.Sample(now)
}

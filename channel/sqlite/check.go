package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/meter"
)

// check tells whether a batch fits the contract. It writes nothing. The first error refuses this batch; the second is
// of the file.
func (w *writing) check(b session.Batch) (refusal, failure error) {
	for _, r := range b.Channels {
		refusal = errors.Join(refusal, r.CheckSize())
	}
	for _, r := range b.Sessions {
		refusal = errors.Join(refusal, r.CheckSize())
	}
	for _, r := range b.Ops {
		refusal = errors.Join(refusal, checkOperationSize(r))
	}
	for i := 0; i < len(b.Readings) && refusal == nil; i++ {
		refusal, failure = w.checkReading(b, i)
		if failure != nil {
			return nil, failure
		}
	}
	return refusal, nil
}

// checkReading looks at one reading in the light of those that are stored and those before it in the batch.
func (w *writing) checkReading(b session.Batch, i int) (refusal, failure error) {
	r := b.Readings[i]
	if len(r.Signed) > meter.SignedSizeMax {
		return fmt.Errorf("%w: %d bytes, at most %d", store.ErrReading, len(r.Signed), meter.SignedSizeMax), nil
	}
	row, err := w.known.session(w.tx, r.Session)
	if err != nil {
		return nil, err
	}
	var next uint64
	switch {
	case row != nil:
		next = row.readings
	case !holds(b.Sessions, r.Session):
		return fmt.Errorf("%w: session %s is not stored", store.ErrReading, r.Session), nil
	}
	if r.Sequence < next {
		stored, err := w.storedReading(row, r.Sequence)
		if err != nil {
			return nil, err
		}
		return sameReading(r, stored), nil
	}
	for _, earlier := range b.Readings[:i] {
		switch {
		case earlier.Session != r.Session:
		case earlier.Sequence == r.Sequence:
			return sameReading(r, earlier.Signed), nil
		case earlier.Sequence == next:
			next++
		}
	}
	if r.Sequence != next {
		return fmt.Errorf("%w: %d of session %s, the next is %d", store.ErrReading, r.Sequence, r.Session, next), nil
	}
	return nil, nil
}

func holds(sessions []session.SessionRecord, id channel.SessionID) bool {
	return slices.ContainsFunc(sessions, func(s session.SessionRecord) bool { return s.ID == id })
}

func sameReading(r session.ReadingRecord, stored []byte) error {
	if !bytes.Equal(stored, r.Signed) {
		return fmt.Errorf("%w: %d of session %s is stored with other bytes", store.ErrReading, r.Sequence, r.Session)
	}
	return nil
}

func (w *writing) storedReading(row *sessionRow, sequence uint64) ([]byte, error) {
	if err := w.flushReadings(); err != nil {
		return nil, err
	}
	var signed []byte
	err := w.tx.QueryRow(selectReadings+" WHERE sequence = ?", row.lastReading, int64(sequence)).Scan(new(int64), &signed)
	if err != nil {
		return nil, fmt.Errorf("reading %d: %w", sequence, err)
	}
	return signed, nil
}

package world

import (
	"context"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

// disk is a party's store, which can fail at an instant. Readings it keeps while their session goes on, no longer: nobody asks
// for them then, and months would fill the memory.
type disk struct {
	*store.Memory
	party    *party
	readings map[channel.SessionID][]session.ReadingRecord
}

func newDisk(p *party) *disk {
	return &disk{store.NewMemory(), p, map[channel.SessionID][]session.ReadingRecord{}}
}

// Commit implements store.Store.
func (d *disk) Commit(ctx context.Context, b session.Batch) error {
	stored, heard := d.party.committing()
	if stored {
		if err := d.store(ctx, b); err != nil {
			return err
		}
		d.party.world.oracle.stored(d.party, b)
	}
	if !heard {
		return errDied
	}
	return nil
}

func (d *disk) store(ctx context.Context, b session.Batch) error {
	readings := b.Readings
	b.Readings = nil
	if err := d.Memory.Commit(ctx, b); err != nil {
		return err
	}
	for _, r := range readings {
		d.readings[r.Session] = append(d.readings[r.Session], r)
	}
	for _, r := range b.Sessions {
		if r.Phase.Over() {
			delete(d.readings, r.ID)
		}
	}
	return nil
}

// Readings implements store.Store.
func (d *disk) Readings(_ context.Context, id channel.SessionID) ([]session.ReadingRecord, error) {
	return append([]session.ReadingRecord(nil), d.readings[id]...), nil
}

package world

import (
	"context"
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
)

const (
	// closeEvery is how often a vehicle that is home looks after its open channels, and asks for a counter-signature.
	closeEvery = 5 * time.Second
	// closeAloneAfter is how long it asks before it closes alone.
	closeAloneAfter = time.Minute
)

// deps are what the agents' ways to close a channel need.
func (p *party) deps() agent.Deps {
	return agent.Deps{Identity: agent.Identity{Wallet: p.wallet, Network: p.world.ledger.trusted.ID}, Store: p.disk}
}

// closeLater closes the channels of a vehicle that is home, when it means to.
func (v *vehicle) closeLater() {
	if !v.spec.Closes || v.cheat != nil || v.closing || !v.home() {
		return
	}
	v.closing = true
	v.after(closeEvery, func() {
		v.closing = false
		records, err := v.disk.Channels(context.Background())
		v.world.fail(err)
		for _, r := range records {
			if r.State != channel.Closed && v.session() == nil && !v.closeChannel(r) {
				return
			}
		}
		if v.session() == nil && len(v.openChannels()) > 0 {
			v.closeLater()
		}
	})
}

// openChannels gives the ids of the channels that the ledger has opened and not closed.
func (v *vehicle) openChannels() []channel.ID {
	records, err := v.disk.Channels(context.Background())
	v.world.fail(err)
	var open []channel.ID
	for _, r := range records {
		if r.State == channel.Open || r.State == channel.Closing {
			open = append(open, r.ID)
		}
	}
	return open
}

// closeChannel moves one channel toward its end. It tells whether the process lives on.
func (v *vehicle) closeChannel(r session.ChannelRecord) bool {
	if r.State != channel.Open || v.hasCloseUnderWay(r.ID) {
		return true
	}
	if since := v.closeSince(r.ID); v.world.clock.Now().Sub(since) > closeAloneAfter {
		_, err := agent.CloseAlone(context.Background(), v.deps(), r.ID)
		v.outbox.notify()
		return v.closed(err)
	}
	v.ask(func(l *ledger, answer func(func())) {
		at := l.core.Finality().Final().Checkpoint.Time.Time()
		answer(func() { v.proposeClose(r.ID, later(at, v.world.clock.Now())) })
	})
	return true
}

// later gives the ledger's time, or that of an own clock where the ledger's last checkpoint is old.
func later(ledger, clock time.Time) time.Time {
	if clock.After(ledger) {
		return clock
	}
	return ledger
}

// closeSince gives the time at which the vehicle first wanted to close a channel.
func (v *vehicle) closeSince(id channel.ID) time.Time {
	since, known := v.wanted[id]
	if !known {
		since = v.world.clock.Now()
		v.wanted[id] = since
	}
	return since
}

func (v *vehicle) proposeClose(id channel.ID, ledgerTime time.Time) {
	if v.session() != nil || v.hasCloseUnderWay(id) {
		return
	}
	proposed, err := agent.ProposeClose(context.Background(), v.deps(), id, ledgerTime)
	if !v.closed(err) {
		return
	}
	record, err := v.disk.Channel(context.Background(), id)
	v.world.fail(err)
	var pseudo channel.SessionID
	copy(pseudo[:], id[:])
	v.send(v.stationOf(session.SessionRecord{Peer: record.Peer}).addr, wire.Frame{Session: pseudo, Message: wire.Close{Close: proposed.Encode()}})
}

// closed ends a step that stored something. It tells whether the process lives on.
func (v *vehicle) closed(err error) bool {
	if err != nil && !errors.Is(err, errDied) {
		v.world.fail(fmt.Errorf("%s: %w", v.name, err))
	}
	return v.survived(err)
}

// closeAgreed takes the station's signature and brings the close to the ledger.
func (v *vehicle) closeAgreed(m wire.Close) {
	signed, err := channel.DecodeSignedClose(m.Close)
	if err != nil {
		v.world.fail(fmt.Errorf("%s: %w", v.name, err))
		return
	}
	record, err := v.disk.Channel(context.Background(), signed.Close.Channel)
	if err != nil || signed.Verify(record.Side.Opening) != nil || v.hasCloseUnderWay(record.ID) {
		return
	}
	if _, err = agent.EnterClose(context.Background(), v.deps(), signed); v.closed(err) {
		v.outbox.notify()
	}
}

// hasCloseUnderWay tells whether an operation that ends a channel waits for its outcome.
func (v *vehicle) hasCloseUnderWay(id channel.ID) bool {
	pending, err := v.disk.PendingOps(context.Background())
	v.world.fail(err)
	for _, op := range pending {
		if op.Channel == id && (op.Kind == session.OpClose || op.Kind == session.OpCloseRequest || op.Kind == session.OpFinalise) {
			return true
		}
	}
	return false
}

// cosignClose agrees to end a channel that no session uses, as agent.Station does.
func (s *station) cosignClose(from link.Addr, id channel.SessionID, m wire.Close) error {
	proposed, err := channel.DecodeSignedClose(m.Close)
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrChannel, err)
	}
	record, err := s.disk.Channel(context.Background(), proposed.Close.Channel)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: unknown", session.ErrChannel)
	case err != nil:
		return err
	case s.inUse(record.ID):
		return fmt.Errorf("%w: %s", agent.ErrBusy, record.ID)
	}
	signed, err := session.Countersign(&record, proposed, s.wallet.Channel(record.KeyIndex))
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrChannel, err)
	}
	// If we crash before this is stored, nothing is signed; after it, the same close is signed again when asked.
	if s.commit(session.Batch{Channels: []session.ChannelRecord{record}}) {
		s.send(from, wire.Frame{Session: id, Message: wire.Close{Close: signed.Encode()}})
	}
	return nil
}

package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
)

// admit begins a session for a vehicle that says hello, on the first outlet that is free and offers the service.
func (s *Station) admit(ctx context.Context, all *sync.WaitGroup, from link.Addr, id channel.SessionID, h wire.Hello) error {
	if _, err := s.deps.Store.Session(ctx, id); err == nil {
		return s.answerOver(ctx, from, wire.Frame{Session: id, Message: h})
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if h.Resume {
		return fmt.Errorf("%w: nothing is known of session %s", session.ErrUnexpected, id)
	}
	outlet := s.freeOutlet()
	if outlet == nil {
		return fmt.Errorf("%w: every outlet is in use", ErrBusy)
	}
	offer, err := outlet.Offer(s.deps.Clock.Now())
	if err != nil {
		return err
	}
	if h.Service != offer.Service {
		return fmt.Errorf("%w: %q is not offered here", session.ErrChannel, h.Service)
	}
	known, err := s.knownChannel(ctx, h, offer)
	if err != nil {
		return err
	}
	config, err := s.newConfig(ctx, outlet, known, offer)
	if err != nil {
		return err
	}
	v := newVisit(id, s.deps, from)
	payee, effects, err := session.NewPayee(config, s.deps.Clock.Now(), id, h, known)
	if err != nil {
		return err
	}
	v.machine = payee
	s.start(ctx, all, v, outlet, effects)
	return nil
}

func (s *Station) freeOutlet() *Outlet {
	for _, o := range s.outlets {
		if s.Free(o) {
			return o
		}
	}
	return nil
}

// knownChannel gives the channel that a hello names, when it is ours with this vehicle and serves under the offer; nil
// otherwise.
func (s *Station) knownChannel(ctx context.Context, h wire.Hello, offer quote.Quote) (*session.ChannelRecord, error) {
	record, err := channelOf(ctx, s.deps.Store, h.Channel)
	if err != nil || record == nil {
		return nil, err
	}
	if record.Peer != h.Vehicle || !record.Serves(offer) {
		return nil, nil
	}
	if s.channelInUse(record.ID) {
		return nil, fmt.Errorf("%w: %s", ErrBusy, record.ID)
	}
	return record, nil
}

// newConfig chooses the station's channel key: that of the known channel, or one that no channel has.
func (s *Station) newConfig(ctx context.Context, outlet *Outlet, known *session.ChannelRecord, offer quote.Quote) (session.PayeeConfig, error) {
	var index uint32
	var err error
	if known != nil {
		index = known.KeyIndex
	} else if index, err = s.deps.Store.NextKeyIndex(ctx); err != nil {
		return session.PayeeConfig{}, err
	}
	config := s.config(outlet, index)
	config.Offer = offer
	return config, nil
}

// answerOver answers a message of a session that ended: the vehicle may not know it yet.
func (s *Station) answerOver(ctx context.Context, from link.Addr, f wire.Frame) error {
	st, err := Load(ctx, s.deps.Store, f.Session)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: nothing is known of session %s", session.ErrUnexpected, f.Session)
	}
	if err != nil {
		return err
	}
	if st.Record.Role != session.RolePayee {
		return fmt.Errorf("%w: session %s", session.ErrUnexpected, f.Session)
	}
	payee, _, err := s.restored(ctx, f.Session, s.outletFor(st.Record))
	if err != nil {
		return err
	}
	effects := payee.Step(s.deps.Clock.Now(), session.Received{Message: f.Message})
	return Execute(ctx, f.Session, effects, Ports{
		Store: s.deps.Store, Submit: s.outbox.Notify, Report: s.deps.report, Look: s.looks.ask,
		Send:    sendOn(s.deps.Link, func() link.Addr { return from }),
		Actuate: func(session.Actuate) error { return nil },
	})
}

// cosignClose agrees to end a channel that no session uses.
func (s *Station) cosignClose(ctx context.Context, from link.Addr, id channel.SessionID, m wire.Close) error {
	proposed, err := channel.DecodeSignedClose(m.Close)
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrChannel, err)
	}
	record, err := channelOf(ctx, s.deps.Store, proposed.Close.Channel)
	if err != nil {
		return err
	}
	if record == nil {
		return fmt.Errorf("%w: unknown", session.ErrChannel)
	}
	if s.channelInUse(record.ID) {
		return fmt.Errorf("%w: %s", ErrBusy, record.ID)
	}
	signed, err := session.Countersign(record, proposed, s.deps.Identity.Wallet.Channel(record.KeyIndex))
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrChannel, err)
	}
	// If we crash before this is stored, nothing is signed; after it, the same close is signed again when asked.
	if err := s.deps.Store.Commit(ctx, session.Batch{Channels: []session.ChannelRecord{*record}}); err != nil {
		return err
	}
	s.send(from, id, wire.Close{Close: signed.Encode()})
	return nil
}

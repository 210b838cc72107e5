package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
)

// errLater says that a vehicle is not answered yet: it asks again in a moment.
var errLater = errors.New("agent: not yet")

// admit begins a session for a vehicle that says hello, at an outlet that is free and offers the service. What anybody can
// send is checked before anything is spent on it; what is stored of strangers is bounded by the outlets, each of which a
// vehicle that goes no further holds for the policy's GoneAfter.
func (s *Station) admit(ctx context.Context, all *sync.WaitGroup, from link.Addr, id channel.SessionID, h wire.Hello) error {
	if _, err := s.deps.Store.Session(ctx, id); err == nil {
		return s.answerOver(ctx, from, wire.Frame{Session: id, Message: h})
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := s.checkHello(h, id); err != nil {
		return err
	}
	if h.Resume {
		return fmt.Errorf("%w: nothing is known of session %s", session.ErrUnexpected, id)
	}
	outlet, offer, err := s.outletAndOffer(h.Service, h.EVSE)
	if err != nil {
		return err
	}
	v := newVisit(id, s.deps, from)
	if err := s.prepare(ctx, v, outlet, offer, h); err != nil {
		s.usage.end(id)
		return err
	}
	s.serve(ctx, all, v, outlet)
	return nil
}

func (s *Station) checkHello(h wire.Hello, id channel.SessionID) error {
	own := s.deps.Identity
	return session.CheckHello(h, id, own.Wallet.DID(), own.Network, s.deps.Keys)
}

// outletAndOffer chooses a free outlet that offers a service: the one that the vehicle names, else one where something is
// plugged in rather than another.
func (s *Station) outletAndOffer(service, evse string) (*Outlet, quote.Quote, error) {
	err := fmt.Errorf("%w: every outlet is in use", ErrBusy)
	if evse != "" && !slices.ContainsFunc(s.outlets, func(o *Outlet) bool { return o.EVSE == evse }) {
		err = fmt.Errorf("%w: there is no EVSE %q here", session.ErrChannel, evse)
	}
	for _, plugged := range [...]bool{true, false} {
		for _, o := range s.outlets {
			if evse != "" && o.EVSE != evse || !s.Free(o) || o.Connector.Plugged() != plugged {
				continue
			}
			offer, offerErr := o.Offer(s.deps.Clock.Now())
			switch {
			case offerErr != nil:
				err = offerErr
			case offer.Service != service:
				err = fmt.Errorf("%w: %q is not offered here", session.ErrChannel, service)
			default:
				return o, offer, nil
			}
		}
	}
	return nil, quote.Quote{}, err
}

// prepare makes a visit's machine and enters it, unless the station stops taking vehicles meanwhile.
func (s *Station) prepare(ctx context.Context, v *visit, outlet *Outlet, offer quote.Quote, h wire.Hello) error {
	known, err := s.knownChannel(ctx, v.id, h, offer)
	if err != nil {
		return err
	}
	config, err := s.newConfig(ctx, outlet, known, offer)
	if err != nil {
		return err
	}
	payee, effects, err := session.NewPayee(config, s.deps.Clock.Now(), v.id, h, known)
	if err != nil {
		return err
	}
	v.machine, v.begin = payee, effects
	if !s.enter(v, outlet, false) {
		return fmt.Errorf("%w: the station takes no vehicle any more", ErrBusy)
	}
	return nil
}

// knownChannel gives the channel that a hello names to the session, when it is ours with this vehicle and serves under the
// offer; nil otherwise.
func (s *Station) knownChannel(ctx context.Context, id channel.SessionID, h wire.Hello, offer quote.Quote) (*session.ChannelRecord, error) {
	record, err := channelOf(ctx, s.deps.Store, h.Channel)
	if err != nil || record == nil || record.Peer != h.Vehicle || !record.Serves(offer) {
		return nil, err
	}
	if err := s.usage.begin(record.ID, id); err != nil {
		return nil, s.inUse(record.ID, err)
	}
	// From here on nobody else writes the record; what was read before may be old.
	record, err = channelOf(ctx, s.deps.Store, h.Channel)
	if err != nil || record == nil || !record.Serves(offer) {
		s.usage.end(id)
		return nil, err
	}
	return record, nil
}

// inUse refuses a vehicle whose channel another session has, unless that one only waits for the ledger: the vehicle may know
// before this station that it is over, and begin the next visit at once.
func (s *Station) inUse(id channel.ID, busy error) error {
	if user, used := s.usage.user(id); !used {
		return errLater
	} else if v := s.find(user); v == nil || v.settling.Load() {
		return errLater
	}
	return busy
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

// evseOf gives the outlet that a stored session was begun at; empty when its quote says none.
func evseOf(record session.SessionRecord) string {
	q, err := quote.Parse(record.Quote, quote.AnyKey)
	if err != nil {
		return ""
	}
	return q.Quote.EVSE
}

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
)

// strangersMax bounds the datagrams that wait although no session that runs is theirs; more are lost, as on any link.
const strangersMax = 64

// stranger is a datagram that belongs to no session that runs: a new vehicle's, or one of a session that is over. Looking
// these up costs reads of the store, so it keeps them from nobody else: one goroutine takes them in turn.
type stranger struct {
	from  link.Addr
	frame wire.Frame
}

// receive routes one datagram to its session.
func (s *Station) receive(d link.Datagram) {
	frame, err := wire.Decode(d.Payload)
	if err != nil {
		s.deps.Log.Debug("datagram refused", "error", err)
		return
	}
	if v := s.find(frame.Session); v != nil {
		v.post(frame.Message, d.From)
		return
	}
	switch frame.Message.(type) {
	case wire.Hello, wire.Accept, wire.Claim, wire.Stop, wire.Withdraw, wire.Close:
	default:
		return // a station's own messages: two stations must not answer each other for ever
	}
	select {
	case s.strangers <- stranger{d.From, frame}:
	default:
	}
}

func (s *Station) receiveStrangers(ctx context.Context, all *sync.WaitGroup) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-s.strangers:
			s.receiveStranger(ctx, all, d)
		}
	}
}

func (s *Station) receiveStranger(ctx context.Context, all *sync.WaitGroup, d stranger) {
	if v := s.find(d.frame.Session); v != nil {
		v.post(d.frame.Message, d.from) // it was admitted meanwhile
		return
	}
	var err error
	switch m := d.frame.Message.(type) {
	case wire.Hello:
		if err = checkPeer(d.from, m.Vehicle); err == nil {
			err = s.admit(ctx, all, d.from, d.frame.Session, m)
		}
	case wire.Close:
		err = s.cosignClose(ctx, d.from, d.frame.Session, m)
	default:
		err = s.answerOver(ctx, d.from, d.frame)
	}
	switch {
	case err == nil, errors.Is(err, errLater), errors.Is(err, session.ErrUndecided), ctx.Err() != nil:
	case errors.Is(err, store.ErrFailed):
		s.fail(fmt.Errorf("%w: %w", ErrStoring, err))
	default:
		level := slog.LevelDebug // anybody can send anything
		if d.frame.Message.Kind() == wire.KindHello {
			level = slog.LevelInfo
		}
		s.deps.Log.Log(ctx, level, "vehicle refused", "session", d.frame.Session.String(), "error", err)
		s.send(d.from, d.frame.Session, Refusal(err))
	}
}

func (s *Station) send(to link.Addr, id channel.SessionID, m wire.Message) {
	_ = s.deps.Link.Send(to, wire.Frame{Session: id, Message: m}.Encode())
}

// Refusal maps an error of a station to what the vehicle is told.
func Refusal(err error) wire.Refuse {
	code := wire.CodeInternal
	switch {
	case errors.Is(err, ErrBusy):
		code = wire.CodeBusy
	case errors.Is(err, session.ErrIdentity):
		code = wire.CodeIdentity
	case errors.Is(err, session.ErrChannel):
		code = wire.CodeChannel
	case errors.Is(err, session.ErrUnexpected):
		code = wire.CodeUnknownSession
	}
	return wire.NewRefuse(code, err)
}

// answerOver answers a message of a session that ended: the vehicle may not know it yet.
func (s *Station) answerOver(ctx context.Context, from link.Addr, f wire.Frame) error {
	record, err := s.deps.Store.Session(ctx, f.Session)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && record.Role != session.RolePayee:
		return fmt.Errorf("%w: nothing is known of session %s", session.ErrUnexpected, f.Session)
	case err != nil:
		return err
	case checkPeer(from, record.Peer) != nil:
		return fmt.Errorf("%w: nothing is known of session %s", session.ErrUnexpected, f.Session) // it is another vehicle's
	case !record.Phase.Over():
		return fmt.Errorf("session %s cannot go on before the station is started again", f.Session)
	}
	if _, counterSigned := f.Message.(wire.Withdraw); !counterSigned {
		return s.sayOver(ctx, from, record, f)
	}
	if user, used := s.usage.user(record.Channel); used {
		if v := s.find(user); v != nil { // the session that has the channel now goes on with the proposal, too
			v.post(f.Message, from)
		}
		return nil
	}
	return s.usage.without(record.Channel, func() error { return s.sayOver(ctx, from, record, f) })
}

// sayOver lets the machine of a session that ended answer, from its records alone.
func (s *Station) sayOver(ctx context.Context, from link.Addr, record session.SessionRecord, f wire.Frame) error {
	ch, err := channelOf(ctx, s.deps.Store, record.Channel)
	if err != nil {
		return err
	}
	payee, err := session.RestorePayee(session.PayeeConfig{}, s.deps.Clock.Now(), record, ch, nil, nil)
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
	var signed channel.SignedClose
	err = s.usage.without(proposed.Close.Channel, func() error {
		signed, err = s.cosigned(ctx, from, proposed)
		return err
	})
	if err != nil {
		return err
	}
	s.outbox.Notify()
	s.send(from, id, wire.Close{Close: signed.Encode()})
	return nil
}

// cosigned signs a close and stores that it did, with the close for the ledger: who has both signatures may bring it there,
// and a vehicle that asks for a close and then keeps it to itself must not keep the channel frozen.
func (s *Station) cosigned(ctx context.Context, from link.Addr, proposed channel.SignedClose) (channel.SignedClose, error) {
	record, err := channelOf(ctx, s.deps.Store, proposed.Close.Channel)
	switch {
	case err != nil:
		return proposed, err
	case record == nil:
		return proposed, fmt.Errorf("%w: unknown", session.ErrChannel)
	}
	if err := checkPeer(from, record.Peer); err != nil {
		return proposed, err
	}
	frozen := record.Side.Frozen
	signed, err := session.Countersign(record, proposed, s.deps.Identity.Wallet.Channel(record.KeyIndex))
	if err != nil {
		return proposed, fmt.Errorf("%w: %w", session.ErrChannel, err)
	}
	if frozen {
		return signed, nil // asked again, or the first was not submitted in time: for the vehicle to bring to the ledger
	}
	op := session.NewOp(session.OpClose, record.ID, channel.SessionID{}, signed.Encode())
	// If we crash before this is stored, nothing is signed; after it, a close is signed again when asked.
	batch := session.Batch{Channels: []session.ChannelRecord{*record}, Ops: []session.OpRecord{op}}
	return signed, s.deps.Store.Commit(ctx, batch)
}

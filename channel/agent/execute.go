package agent

import (
	"context"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
)

// Ports are where the effects of one machine go. Each is called in the order of the effects, from one goroutine.
type Ports struct {
	Store   store.Store
	Send    func(wire.Frame)
	Actuate func(session.Actuate) error
	Permit  func(session.Permit)                // tells the vehicle's battery; nil where there is none to tell
	Look    func(channel.SessionID, channel.ID) // answered later by a session.Viewed
	Submit  func()                              // says that the outbox has entries
	Report  func(session.Progress)
}

// Execute carries out the effects of one or several steps of a session. All records are stored first, in one batch, and
// nothing else happens unless that succeeded, else it is ErrStoring: storing earlier than asked is always safe, sending
// earlier never is. After an error the machine knows more than the store, and must be restored from it.
func Execute(ctx context.Context, id channel.SessionID, effects []session.Effect, ports Ports) error {
	var batch session.Batch
	for _, e := range effects {
		if p, ok := e.(session.Persist); ok {
			batch.Merge(p.Batch)
		}
	}
	if !batch.Empty() {
		// If we crash before this returns, nothing of the step has left the machine.
		if err := ports.Store.Commit(ctx, batch); err != nil {
			return fmt.Errorf("%w: session %s: %w", ErrStoring, id, err)
		}
	}
	if len(batch.Ops) > 0 {
		ports.Submit()
	}
	for _, effect := range effects {
		switch e := effect.(type) {
		case session.Send:
			ports.Send(wire.Frame{Session: id, Message: e.Message})
		case session.Actuate:
			if err := ports.Actuate(e); err != nil {
				return fmt.Errorf("commanding the outlet: %w", err)
			}
		case session.Permit:
			if ports.Permit != nil {
				ports.Permit(e)
			}
		case session.Look:
			ports.Look(id, e.Channel)
		case session.Report:
			ports.Report(e.Event)
		}
	}
	return nil
}

// sendOn gives a sender that encodes frames and hands them to a link. What is lost there is asked for again by the
// machines, so errors are not passed on.
func sendOn(l link.Link, to func() link.Addr) func(wire.Frame) {
	return func(f wire.Frame) {
		if addr := to(); addr != "" {
			_ = l.Send(addr, f.Encode())
		}
	}
}

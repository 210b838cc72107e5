package agent

import (
	"joulepay/channel/link"
	"joulepay/channel/wire"
	"joulepay/meter"
)

// Notifier is a connector, or a vehicle's source, that tells when it is worth a look before the next pulse.
type Notifier interface {
	// Changed has a value when there is something to sample; one value stands for all that came since the last look.
	Changed() <-chan struct{}
}

// changed gives the channel of a notifier; nil, on which nothing ever comes, for all else.
func changed(device any) <-chan struct{} {
	if n, ok := device.(Notifier); ok {
		return n.Changed()
	}
	return nil
}

// Feed is a Connector whose pieces are messages: what it counts goes to the vehicle whose session it is. What is lost on the way
// is asked for again, so a feed keeps what is not paid for yet.
type Feed interface {
	meter.Connector
	// Serve says where pieces go from now on, each with its number in the session, and how many are wanted; 0: as many as there
	// are. Without give they go nowhere, and what was kept is forgotten. It must not wait.
	Serve(wanted int64, give func(number int64, payload []byte))
	// Again gives out again what was counted from a number on.
	Again(from int64)
}

// feed lets a feed serve the visit that has its outlet, or nobody.
func (s *Station) feed(o *Outlet, v *visit) {
	f, ok := o.Connector.(Feed)
	switch {
	case !ok:
	case v == nil:
		f.Serve(0, nil)
	default:
		f.Serve(v.machine.Record().Wanted, func(number int64, payload []byte) {
			if to := v.addr(); to != "" { // else the vehicle asks once it is heard
				_ = s.deps.Link.Send(to, wire.Frame{Session: v.id, Message: wire.Piece{Number: number, Payload: payload}}.Encode())
			}
		})
	}
}

// lacks answers a vehicle that lacks pieces.
func (s *Station) lacks(v *visit, from int64) {
	s.mu.Lock()
	var feed Feed
	for o, id := range s.using {
		if f, ok := o.Connector.(Feed); ok && id == v.id {
			feed = f
		}
	}
	s.mu.Unlock()
	if feed != nil {
		feed.Again(from)
	}
}

// Lacks asks the station of the running session for pieces from a number on. Without a session it does nothing.
func (v *Vehicle) Lacks(from int64) {
	current := v.running()
	if current == nil {
		return
	}
	to := func() link.Addr { return current.addr() }
	sendOn(v.deps.Link, to)(wire.Frame{Session: current.id, Message: wire.Missing{From: from}})
}

package faults_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"joulepay/channel"
	"joulepay/channel/natslink"
	"joulepay/channel/wire"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// tap overhears what charger and vehicle say to each other: what is acknowledged or signed for others to see must be in
// the speaker's store from then on, whatever happens to its process.
type tap struct {
	w *world

	mu       sync.Mutex // guards below
	accepted map[channel.SessionID]money.Amount
	claimed  map[channel.ID]channel.Best
	awaited  map[string]chan struct{} // closed at the next message of that kind
}

// newTap listens on the broker, and again whenever it is back.
func newTap(w *world) *tap {
	w.t.Helper()
	p := &tap{w: w, accepted: map[channel.SessionID]money.Amount{}, claimed: map[channel.ID]channel.Best{}, awaited: map[string]chan struct{}{}}
	var conn *nats.Conn
	w.eventually("the broker lets the test listen", func() bool { // it gives a client two seconds to prove its key
		var err error
		conn, err = natslink.Connect(w.natsURL(), "tap", wallet.Generate().NATS(), nil)
		return err == nil
	})
	w.t.Cleanup(conn.Close)
	for subject, heard := range map[string]func(wire.Frame){"joulepay.v1.station.>": p.heardVehicle, "joulepay.v1.peer.>": p.heardStation} {
		if _, err := conn.Subscribe(subject, func(m *nats.Msg) { p.heard(m, heard) }); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (p *tap) heard(m *nats.Msg, take func(wire.Frame)) {
	frame, err := wire.Decode(m.Data)
	if err != nil {
		p.w.breaks("a message on %s does not decode: %v", strings.SplitN(m.Subject, ".", 4)[2], err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := kindOf(frame.Message)
	if heard := p.awaited[kind]; heard != nil {
		close(heard)
		delete(p.awaited, kind)
	}
	take(frame)
}

// kinds are the messages between charger and vehicle, by the names that next knows.
var kinds = []string{"hello", "offer", "accept", "demand", "claim", "stop", "final demand", "done", "withdraw"}

func kindOf(m wire.Message) string {
	if d, ok := m.(wire.Demand); ok && d.Final {
		return "final demand"
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", m), "wire."))
}

// next gives a channel that is closed when the next message of a kind is heard.
func (p *tap) next(kind string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.awaited[kind] == nil {
		p.awaited[kind] = make(chan struct{})
	}
	return p.awaited[kind]
}

func (p *tap) heardStation(f wire.Frame) {
	accepted := money.Amount(0)
	switch m := f.Message.(type) {
	case wire.Demand:
		accepted = m.Accepted
	case wire.Done:
		accepted = m.Accepted
	}
	if accepted > p.accepted[f.Session] {
		p.accepted[f.Session] = accepted
		p.w.recorders["charger"].heard(promise{session: f.Session, accepted: accepted})
	}
}

func (p *tap) heardVehicle(f wire.Frame) {
	m, ok := f.Message.(wire.Claim)
	if !ok {
		return
	}
	best, err := channel.DecodeBest(m.Best)
	if err != nil {
		p.w.breaks("the vehicle sends a claim that does not decode: %v", err)
		return
	}
	p.w.books.body(p.w, "sent by the vehicle", best)
	p.w.recorders["vehicle"].heard(promise{claim: best})
	p.claimed[best.Signed.Claim.Channel] = channel.Join(p.claimed[best.Signed.Claim.Channel], best)
}

// soFar gives what was acknowledged and claimed up to now.
func (p *tap) soFar() (accepted map[channel.SessionID]money.Amount, claimed map[channel.ID]channel.Best) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.accepted), maps.Clone(p.claimed)
}

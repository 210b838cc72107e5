package agent

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"joulepay/channel/link"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/internal/campaign"
)

// TestI4_InSecretABadDayIsOnlyLaterToo is the bad day over secure links: every process that starts again shakes hands again,
// and the session resumes inside.
func TestI4_InSecretABadDayIsOnlyLaterToo(t *testing.T) {
	run := campaign.New(t)
	for seed := range uint64(run.Size("secret_seeds", 15)) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			inWorld(t, link.Faults{Loss: 0.1, Duplicate: 0.1, Reorder: 0.1}, func(w *world) {
				w.secret = true
				w.badDay(seed, map[fate]int{})
			})
		})
	}
}

// hostile is a broker that repeats, changes and invents datagrams, and knows every session's id.
type hostile struct {
	w *world

	mu       sync.Mutex // guards below
	dice     *rand.Rand
	heard    []link.Delivery
	injected map[string]int
}

// end is what the broker has of one process: what it sends, and where it can put something in its name.
type end struct {
	link.Link
	broker *hostile
}

func (e end) Send(to link.Addr, payload []byte) error {
	err := e.Link.Send(to, payload)
	b := e.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, link.Delivery{From: e.Local(), To: to, Payload: bytes.Clone(payload)})
	for range 3 {
		what, forged := b.invent()
		b.injected[what]++
		_ = e.Link.Send(to, forged)
	}
	return err
}

func (b *hostile) invent() (what string, payload []byte) {
	old := b.heard[b.dice.IntN(len(b.heard))].Payload
	switch b.dice.IntN(4) {
	case 0:
		return "replayed, by whoever sealed it", old
	case 1:
		forged := bytes.Clone(old)
		forged[b.dice.IntN(len(forged))] ^= 1 << b.dice.IntN(8)
		return "changed", forged
	case 2:
		return "unknown connection", append([]byte{secure.Version, 5}, old[2:10]...)
	}
	var id [16]byte
	if all := b.w.vehicle.sessions(); len(all) > 0 {
		id = all[len(all)-1].ID
	}
	messages := []wire.Message{
		wire.Refuse{Code: wire.CodeInternal, Detail: "go away"}, wire.Done{Reason: wire.ReasonStation}, wire.Stop{Reason: wire.ReasonUser},
	}
	m := messages[b.dice.IntN(len(messages))]
	return fmt.Sprintf("%T", m), wire.Frame{Session: id, Message: m}.Encode()
}

func TestI9_NothingThatABrokerInjectsEndsASession(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		broker := &hostile{w: w, dice: rand.New(rand.NewPCG(1, 9)), injected: map[string]int{}}
		w.secret, w.broker = true, func(port link.Link) link.Link { return end{port, broker} }
		var record session.SessionRecord
		w.run(func(ctx context.Context) { record = w.charge(ctx) })
		w.checkSettled(record)
		w.checkAllPaid(record)
		if len(broker.injected) != 6 {
			t.Errorf("the broker did only %v", broker.injected)
		}
	})
}

// secretCaller is a vehicle that proves who it is.
func (w *world) secretCaller(name string) *caller {
	c := w.caller("at " + name)
	c.wallet = testWallet(name)
	c.link = secure.Dial(c.link, secure.NewIdentity(c.wallet, benchNetwork), secure.Options{})
	c.to = secure.AddrOf(w.station.wallet.DID())
	w.t.Cleanup(func() { _ = c.link.Close() })
	return c
}

func inSecret(w *world) { w.secret = true }

func TestAHelloMustComeFromTheDIDThatTheHandshakeProved(t *testing.T) {
	atStation(t, inSecret, func(w *world, s *Station, _ *life) {
		a, mallory := w.secretCaller("a"), w.secretCaller("b")
		stolen := a.hello(id(1), nil) // a signed it, and mallory heard of it
		mallory.send(id(1), stolen)
		mallory.refused(wire.CodeIdentity)
		if s.find(id(1)) != nil {
			t.Error("a session begins for a hello that somebody else brings")
		}
		a.send(id(1), stolen)
		a.offered()
		mallory.send(id(1), stolen)
		mallory.nothing("the hello of a session of another vehicle")
	})
}

func TestNobodyButItsVehicleSpeaksInASession(t *testing.T) {
	atStation(t, inSecret, func(w *world, s *Station, _ *life) {
		a, mallory := w.secretCaller("a"), w.secretCaller("b")
		a.send(id(1), a.hello(id(1), nil))
		a.offered()
		for _, m := range []wire.Message{
			wire.Stop{Reason: wire.ReasonUser}, wire.Claim{}, wire.Accept{}, wire.Withdraw{}, wire.Refuse{Code: wire.CodeInternal},
		} {
			mallory.send(id(1), m)
			mallory.nothing(fmt.Sprintf("%T of another", m))
		}
		if v := s.find(id(1)); v == nil {
			t.Fatal("another vehicle ended the session")
		}
		a.send(id(1), wire.Stop{Reason: wire.ReasonUser}) // the vehicle itself may
		a.hear()
		if v := s.find(id(1)); v != nil && !v.machine.Phase().Over() {
			t.Error("the vehicle cannot end its own session")
		}
		mallory.send(id(1), wire.Claim{})
		mallory.refused(wire.CodeUnknownSession) // as for a session that never was
	})
}

func TestAStationDoesNotBelieveAnAddressThatNobodyProved(t *testing.T) {
	peer := testWallet("a").DID()
	for addr, good := range map[link.Addr]bool{
		secure.AddrOf(peer): true, secure.AddrOf(testWallet("b").DID()): false, "some token": true,
	} {
		if err := checkPeer(addr, peer); (err == nil) != good {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

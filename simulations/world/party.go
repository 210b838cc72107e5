package world

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"slices"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
	"joulepay/settle"
	"joulepay/settle/operation"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// party is a process that has sessions: what stations and vehicles have in common.
type party struct {
	process
	wallet  *wallet.Wallet
	did     wallet.DID
	addr    link.Addr
	disk    *disk
	link    link.Link
	receive func(link.Datagram)
	permit  func(session.Permit)                 // tells a battery what may flow back; nil where there is none
	stepped func(v *visit, before session.Phase) // a session has made a step
	cheat   *attacker                            // nil: it is honest

	// What follows is memory of the process: it dies with it.
	visits  []*visit // sessions under way, oldest first
	outbox  *outbox
	watched map[channel.ID]bool
}

func (p *party) init(w *World, name string) {
	p.process = newProcess(w, name)
	p.wallet = wallet.FromSeed(sha512.Sum512(fmt.Appendf(nil, "joulepay/simulation/%d/%s", w.options.Seed, name)))
	p.did, p.addr = p.wallet.DID(), link.Addr(name)
	p.disk = newDisk(p)
}

// wake is what every new life begins with.
func (p *party) wake() {
	p.world.network.join(p)
	p.outbox = newOutbox(p)
	p.visits, p.watched = nil, map[channel.ID]bool{}
	records, err := p.disk.Channels(context.Background())
	p.world.fail(err)
	for _, r := range records {
		p.watch(r.ID)
	}
	p.outbox.notify()
}

// sleep is what every life ends with.
func (p *party) sleep() { p.world.fail(p.link.Close()) }

// commit stores records outside of a session's step. It tells whether the process lives on.
func (p *party) commit(b session.Batch) bool {
	err := p.disk.Commit(context.Background(), b)
	if err != nil && !errors.Is(err, errDied) {
		p.world.fail(fmt.Errorf("%s: %w", p.name, err))
	}
	return p.survived(err)
}

// sessions counts the sessions of the store that go on and that are over.
func (p *party) sessions() (running, over int, err error) {
	unfinished, err := p.disk.Unfinished(context.Background())
	if err != nil {
		return 0, 0, err
	}
	all, err := p.disk.Sessions(context.Background(), channel.SessionID{}, sessionsMax)
	return len(unfinished), len(all) - len(unfinished), err
}

// sessionsMax bounds how many sessions of one store a report lists.
const sessionsMax = 1 << 20

// busyWith names what this party still has to do with the ledger.
func (p *party) busyWith() string {
	pending, err := p.disk.PendingOps(context.Background())
	p.world.fail(err)
	if len(pending) > 0 {
		return fmt.Sprintf("the %s of channel %.8s", pending[0].Kind, pending[0].Channel)
	}
	records, err := p.disk.Channels(context.Background())
	p.world.fail(err)
	for _, r := range records {
		if closing := r.State == channel.Closing || r.Side.Frozen; closing && r.State != channel.Closed {
			return fmt.Sprintf("closing channel %.8s", r.ID)
		}
	}
	return ""
}

// visit is a session with the machine that runs it.
type visit struct {
	id      channel.SessionID
	machine machine
	peer    link.Addr
	actuate func(session.Actuate) error
	looked  bool // the ledger has just said something of its channel
}

// machine is a session.Payer or session.Payee.
type machine interface {
	Step(now session.Instant, e session.Event) []session.Effect
	Record() session.SessionRecord
}

// step gives a session's machine an event and executes what it asks for. It tells whether the process lives on.
func (p *party) step(v *visit, e session.Event) bool {
	before := v.machine.Record().Phase
	lives := p.execute(v, v.machine.Step(p.world.now(), e))
	if lives {
		p.stepped(v, before)
	}
	return lives
}

// execute is agent.Execute over the in-memory twins.
func (p *party) execute(v *visit, effects []session.Effect) bool {
	err := agent.Execute(context.Background(), v.id, effects, agent.Ports{
		Store:  p.disk,
		Submit: func() { p.outbox.notify() },
		Report: func(e session.Progress) { p.report(e) },
		Send: func(f wire.Frame) {
			if p.mayAct() {
				p.send(v.peer, f)
			}
		},
		Actuate: func(a session.Actuate) error {
			if !p.mayAct() || v.actuate == nil {
				return nil
			}
			return v.actuate(a)
		},
		Permit: func(e session.Permit) {
			if p.mayAct() && p.permit != nil {
				p.permit(e)
			}
		},
		Look: func(_ channel.SessionID, id channel.ID) {
			if p.mayAct() {
				p.look(v, id)
			}
		},
	})
	if err != nil && !errors.Is(err, errDied) {
		p.world.fail(fmt.Errorf("%s: %w", p.name, err))
	}
	return p.survived(err)
}

func (p *party) send(to link.Addr, f wire.Frame) {
	if p.cheat != nil {
		p.cheat.send(to, f)
		return
	}
	p.world.oracle.sent(p, f)
	p.world.network.send(p, to, f.Encode())
}

func (p *party) report(e session.Progress) {
	switch {
	case e.Err != nil:
		p.world.trace(p.name, "%s: %v", e.Phase, e.Err)
	case e.Note != "":
		p.world.trace(p.name, "%s: %s", e.Phase, e.Note)
	}
}

// ask brings a question to the ledger node and its answer back, each after a while. Either may be lost: who asks waits
// for no longer than it can bear.
func (p *party) ask(question func(l *ledger, answer func(then func()))) {
	w := p.world
	severed := func() bool { return w.severed(&p.process, &w.ledger.process) }
	if severed() || w.network.losesLedger() {
		return
	}
	w.clock.After(w.network.delay(), func() {
		if !w.ledger.up || severed() {
			w.fired["question to an unreachable ledger"]++
			return
		}
		question(w.ledger, func(then func()) {
			if w.network.losesLedger() {
				return
			}
			life := p.life
			w.clock.After(w.network.delay(), func() {
				if p.up && p.life == life && !severed() {
					then()
				}
			})
		})
	})
}

// view asks for a channel as the witnesses certify it.
func (p *party) view(id channel.ID, then func(session.View, error)) {
	p.ask(func(l *ledger, answer func(func())) {
		slot, err := l.prove(id)
		answer(func() {
			if err != nil {
				then(session.View{}, fmt.Errorf("%w: %w", store.ErrNotFound, err))
				return
			}
			view, err := l.believe(id, slot)
			p.world.fail(err) // in this world a proof that does not hold is a fault of ours
			then(view, err)
		})
	})
}

// believe verifies a proof and gives what it proves. Everybody verifies the certificate of a checkpoint for himself; that the same
// bytes have held before is not computed again.
func (l *ledger) believe(id channel.ID, slot proof.Slot) (session.View, error) {
	if l.believed.Checkpoint != slot.Final.Checkpoint || !slices.Equal(l.believed.Certificate.Votes, slot.Final.Certificate.Votes) {
		if err := slot.Final.Verify(l.trusted); err != nil {
			return session.View{}, err
		}
		l.believed = slot.Final
	}
	if err := slot.Inclusion.Verify(slot.Final.Checkpoint.State, proof.SlotLeaf(slot.Key, slot.Content)); err != nil {
		return session.View{}, err
	}
	c, err := settle.DecodeChannel(slot.Content)
	if err != nil {
		return session.View{}, err
	}
	if c.Opening.ID() != id {
		return session.View{}, fmt.Errorf("%w: the slot of channel %s has another opening", errNotCertified, id)
	}
	view := operation.View(c, slot.Final.Checkpoint)
	view.At = slot.Final.CertifiedAt(l.trusted)
	return view, nil
}

// look answers a machine's question about its channel.
func (p *party) look(v *visit, id channel.ID) {
	p.view(id, func(view session.View, err error) {
		if p.find(v.id) == v {
			v.looked = err == nil
			p.step(v, session.Viewed{View: view, Err: err})
		}
	})
}

// concluded tells a session the outcome of its operation.
func (p *party) concluded(c session.Concluded) {
	if v := p.find(c.Op.Session); v != nil {
		p.step(v, c)
	}
}

// inUse tells whether a running session owns a channel.
func (p *party) inUse(id channel.ID) bool {
	return slices.ContainsFunc(p.visits, func(v *visit) bool { return v.machine.Record().Channel == id })
}

// find gives the running session of an id, or nil.
func (p *party) find(id channel.SessionID) *visit {
	i := slices.IndexFunc(p.visits, func(v *visit) bool { return v.id == id })
	if i < 0 {
		return nil
	}
	return p.visits[i]
}

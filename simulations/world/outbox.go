package world

import (
	"context"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/session"
	"joulepay/settle"
	"joulepay/settle/operation"
)

const (
	// answerMax is how long an answer of the ledger is waited for, before the outcome counts as unknown.
	answerMax = 5 * time.Second
	// retryFirst and retryMax bound the pause before an operation is submitted again, as in package agent.
	retryFirst = 200 * time.Millisecond
	retryMax   = 10 * time.Second
)

// outbox brings a party's operations to the ledger, as agent.Outbox does: entries are in the store, payloads are fixed
// before they are sent, and a retry sends the same payload. Here a wait is an event of the timeline.
type outbox struct {
	party    *party
	woken    bool
	busy     map[channel.ID]bool // operations of one channel keep their order
	spending bool                // one that carries the account's sequence at a time
}

func newOutbox(p *party) *outbox { return &outbox{party: p, busy: map[channel.ID]bool{}} }

// notify says that the store has new entries. They are looked at when the present step is over.
func (o *outbox) notify() {
	if !o.woken {
		o.woken = true
		o.party.after(0, o.run)
	}
}

func (o *outbox) run() {
	o.woken = false
	pending, err := o.party.disk.PendingOps(context.Background())
	o.party.world.fail(err)
	for _, op := range pending {
		spends := operation.Spends(op.Kind)
		if o.busy[op.Channel] || spends && o.spending {
			continue
		}
		o.busy[op.Channel] = true
		o.spending = o.spending || spends
		e := &errand{outbox: o, op: op, pause: retryFirst, began: o.party.world.clock.Now(), sentBefore: op.Payload != nil}
		e.attempt()
		if !o.party.up {
			return
		}
	}
}

// errand is one operation on its way.
type errand struct {
	outbox     *outbox
	op         session.OpRecord
	pause      time.Duration
	began      time.Time
	number     int  // of the attempt; answers to an earlier one come too late
	sentBefore bool // a vertex with the payload may be on the ledger
}

// attempt tries once; when no answer comes in time it tries again.
func (e *errand) attempt() {
	e.number++
	number := e.number
	e.outbox.party.after(answerMax, func() {
		if number == e.number {
			e.outbox.party.world.fired["outcome unknown"]++
			e.again()
		}
	})
	switch {
	case e.op.Payload == nil && operation.Spends(e.op.Kind):
		e.ask(func(l *ledger, answer func(func())) {
			a := l.account(e.outbox.party.did)
			answer(func() { e.prepare(a.Sequence + 1) })
		})
	case e.op.Payload == nil:
		e.prepare(0)
	case e.sentBefore:
		e.resolve()
	default:
		e.post()
	}
}

// ask is party.ask for this attempt only.
func (e *errand) ask(question func(l *ledger, answer func(func()))) {
	number := e.number
	e.outbox.party.ask(func(l *ledger, answer func(func())) {
		question(l, func(then func()) {
			answer(func() {
				if number == e.number {
					then()
				}
			})
		})
	})
}

// again tries the same after a pause.
func (e *errand) again() {
	e.number++
	e.outbox.party.after(e.pause, e.attempt)
	e.pause = min(2*e.pause, retryMax)
}

// prepare fixes the payload and stores it before it is sent.
func (e *errand) prepare(sequence uint64) {
	payload, err := operation.Payload(e.op)
	if err != nil {
		e.finish(err)
		return
	}
	operation.Sequenced(payload, sequence)
	e.op.Payload = settle.EncodePayload(payload)
	if e.outbox.party.commit(session.Batch{Ops: []session.OpRecord{e.op}}) {
		e.post()
	}
}

// resolve looks whether the ledger has the payload already.
func (e *errand) resolve() {
	payload, err := settle.DecodePayload(e.op.Payload)
	if err != nil {
		e.finish(err)
		return
	}
	e.ask(func(l *ledger, answer func(func())) {
		d, found := l.find(settle.PayloadIDOf(l.trusted.ID, e.outbox.party.did, payload))
		answer(func() {
			if found {
				e.outbox.party.world.fired["outcome resolved by payload"]++
				e.decided(d)
				return
			}
			e.post()
		})
	})
}

// post signs the payload into a vertex with the tips of now, and submits it.
func (e *errand) post() {
	e.sentBefore = true
	p := e.outbox.party
	payload, err := settle.DecodePayload(e.op.Payload)
	if err != nil {
		e.finish(err)
		return
	}
	p.cheat.posts(payload)
	e.ask(func(l *ledger, answer func(func())) {
		tips := l.tips()
		answer(func() {
			v, err := settle.Sign(settle.Draft{
				Network: l.trusted.ID, Issuer: p.did, Parents: tips, Nonce: p.random.Uint64(), Payload: payload,
			}, p.wallet.Account())
			if err != nil {
				e.finish(err)
				return
			}
			e.ask(func(l *ledger, answer func(func())) {
				l.submit(v, func(d decision) { answer(func() { e.decided(d) }) })
			})
		})
	})
}

// decided goes on with the ledger's word.
func (e *errand) decided(d decision) {
	switch {
	case d.verdict.Accepted():
		e.op.Vertex = d.vertex
		e.ask(func(l *ledger, answer func(func())) {
			l.awaitFinal(d.height, func() { answer(func() { e.finish(nil) }) })
		})
	case d.verdict.Reparent():
		e.post()
	case d.verdict == settle.WrongSequence:
		e.op.Payload, e.sentBefore = nil, false // made anew with the account's present sequence
		e.attempt()
	case d.verdict == settle.WindowOpen, d.verdict == settle.CreditSpent:
		e.again()
	default:
		e.finish(fmt.Errorf("%w: %w", agent.ErrLedgerRefused, d.verdict.Err()))
	}
}

// finish stores the outcome, then tells the session. If the process dies in between, the session asks the ledger.
func (e *errand) finish(refused error) {
	o, p := e.outbox, e.outbox.party
	e.number++
	e.op.State = session.OpFinal
	if refused != nil {
		e.op.State, e.op.Failure = session.OpRefused, refused.Error()
		p.world.trace(p.name, "%s refused: %v", e.op.Kind, refused)
	} else {
		p.world.trace(p.name, "%s is final", e.op.Kind)
		p.world.electric.recorder.AddFinal(p.world.clock.Now().Sub(e.began))
	}
	if !p.commit(session.Batch{Ops: []session.OpRecord{e.op}}) {
		return
	}
	delete(o.busy, e.op.Channel)
	if operation.Spends(e.op.Kind) {
		o.spending = false
	}
	if ends := e.op.Kind == session.OpClose || e.op.Kind == session.OpFinalise; ends && refused == nil {
		p.keep(e.op.Channel)
	}
	p.concluded(session.Concluded{Op: e.op, Err: refused})
	if p.up {
		o.notify()
	}
}

package world

import (
	"joulepay/settle"
	"joulepay/simulations/scenario"
	"joulepay/wallet"
)

// doubleSpend sends the money that it is about to lock to an accomplice, in a vertex with the same sequence.
func doubleSpend(v *vehicle) *attacker {
	a := &attacker{attack: "spends what its channel locks a second time, with the same sequence"}
	accomplice := wallet.DIDOf(keyOf(v.world, "accomplice of "+v.name).Public())
	a.posting = func(payload settle.Payload) {
		spend, spends := payload.(interface{ SpendSequence() uint64 })
		if !spends {
			return
		}
		a.try(scenario.AttackDoubleSpend)
		v.submit(func(l *ledger) settle.Payload {
			const half = 2 // so that there would be enough for both
			return &settle.Transfer{Sequence: spend.SpendSequence(), To: accomplice, Amount: max(1, l.account(v.did).Balance/half)}
		}, func(d decision) {
			if d.verdict == settle.WrongSequence {
				v.world.fired["second spend refused"]++
			}
		})
	}
	return a
}

// submit brings a payload to the ledger past the outbox: nobody repeats it.
func (p *party) submit(draft func(*ledger) settle.Payload, then func(decision)) {
	p.ask(func(l *ledger, answer func(func())) {
		payload, tips := draft(l), l.tips()
		answer(func() {
			v, err := settle.Sign(settle.Draft{
				Network: l.trusted.ID, Issuer: p.did, Parents: tips, Nonce: p.random.Uint64(), Payload: payload,
			}, p.wallet.Account())
			if err != nil {
				p.world.fail(err)
				return
			}
			p.ask(func(l *ledger, answer func(func())) {
				l.submit(v, func(d decision) { answer(func() { then(d) }) })
			})
		})
	})
}

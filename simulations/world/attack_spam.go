package world

import (
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/settle"
	"joulepay/simulations/scenario"
)

// spam floods all stations with hellos under new session ids and with noise, and the ledger with hashes of nothing, far
// beyond its credit.
func spam(v *vehicle) *attacker {
	const (
		rounds   = 10
		every    = time.Second
		vertices = 8 // a round
	)
	a := &attacker{attack: "floods stations with hellos and noise, and the ledger beyond its credit"}
	a.arriving = func() {
		for round := range rounds {
			v.after(time.Duration(round)*every, func() {
				for _, s := range v.world.stations {
					a.greet(v, s)
					a.rustle(v, s)
				}
				a.flood(v, vertices)
			})
		}
	}
	return a
}

// greet says hello to a station in the name of a session that will never be.
func (a *attacker) greet(v *vehicle, s *station) {
	var id channel.SessionID
	for i := range id {
		id[i] = byte(v.random.Uint32())
	}
	_, effects, err := session.NewPayer(v.config(0, v.world.scenario.Start), v.world.now(), id, s.did, nil)
	if err != nil {
		v.world.fail(err)
		return
	}
	for _, effect := range effects {
		if send, says := effect.(session.Send); says {
			a.try(scenario.AttackSpam)
			a.send(s.addr, wire.Frame{Session: id, Message: send.Message})
		}
	}
}

// rustle sends noise.
func (a *attacker) rustle(v *vehicle, s *station) {
	const sizeMax = 200
	noise := make([]byte, 1+v.random.IntN(sizeMax))
	for i := range noise {
		noise[i] = byte(v.random.Uint32())
	}
	v.world.network.send(&v.party, s.addr, noise)
}

// flood has the ledger anchor one hash after the other.
func (a *attacker) flood(v *vehicle, vertices int) {
	for range vertices {
		anchor := &settle.Anchor{}
		for i := range anchor.Hash {
			anchor.Hash[i] = byte(v.random.Uint32())
		}
		v.submit(func(*ledger) settle.Payload { return anchor }, func(d decision) {
			if d.verdict == settle.CreditSpent {
				v.world.fired["vertex beyond credit"]++
			}
		})
	}
}

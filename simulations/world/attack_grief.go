package world

import (
	"joulepay/channel/link"
	"joulepay/channel/wire"
	"joulepay/simulations/scenario"
)

// grief opens one channel after the other, so that the outlet is taken while nothing is paid, and closes none.
func grief(*vehicle) *attacker {
	a := &attacker{attack: "opens channels, and neither pays nor closes", fresh: true}
	var last wire.Accept
	a.sending = func(_ link.Addr, f wire.Frame) []wire.Frame {
		m, accepts := f.Message.(wire.Accept)
		if !accepts {
			return []wire.Frame{f}
		}
		if string(m.Opening) != string(last.Opening) {
			a.try(scenario.AttackGrief)
			last = m
		}
		return nil
	}
	return a
}

// halfOpen says hello, and takes no notice of the offer.
func halfOpen(*vehicle) *attacker {
	a := &attacker{attack: "says hello again and again, and never goes on"}
	a.sending = func(_ link.Addr, f wire.Frame) []wire.Frame {
		if _, hello := f.Message.(wire.Hello); hello {
			a.try(scenario.AttackHalfOpen)
		}
		return []wire.Frame{f}
	}
	a.receiving = func(f wire.Frame) bool {
		_, offer := f.Message.(wire.Offer)
		return offer
	}
	return a
}

package world

import (
	"fmt"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// stopDelivering lets energy flow until the second claim has come, then opens the contactor and goes on asking for claims.
func stopDelivering(s *station) *attacker {
	a := &attacker{attack: "stops delivering once it is paid"}
	var seen tally
	a.receiving = func(f wire.Frame) bool {
		m, pays := f.Message.(wire.Claim)
		if !pays || s.using == nil || s.using.id != f.Session {
			return false
		}
		if n, _ := seen.count(f, m); n > claimsHonest && a.betrayed != f.Session {
			a.betrayed = f.Session
			a.try(scenario.AttackStopDelivering)
			_ = s.connector.SetLimit(s.world.clock.Now(), 0) // one that has not started delivers nothing either
		}
		return false
	}
	a.actuating = func(c session.Actuate) bool {
		return s.using != nil && a.betrayed == s.using.id && c.Command != session.CommandStop
	}
	return a
}

// overAsk asks for more than its readings cost.
func overAsk(*station) *attacker {
	const share = 5 // of what is asked comes on top
	a := &attacker{attack: "asks for a fifth more than its readings cost"}
	var last money.Amount
	a.sending = func(_ link.Addr, f wire.Frame) []wire.Frame {
		m, asks := f.Message.(wire.Demand)
		if !asks || m.Required == 0 {
			return []wire.Frame{f}
		}
		if m.Required != last {
			last = m.Required
			a.try(scenario.AttackOverAsk)
		}
		m.Required += m.Required / share
		return []wire.Frame{{Session: f.Session, Message: m}}
	}
	return a
}

// inflate is a station whose meter lies: its connector does that by itself.
func inflate(s *station) *attacker {
	const percent = 10_000
	a := &attacker{attack: fmt.Sprintf("its meter shows %g %% too much", float64(s.spec.InflatePPM)/percent)}
	var seen channel.SessionID
	a.sending = func(_ link.Addr, f wire.Frame) []wire.Frame {
		if _, asks := f.Message.(wire.Demand); asks && seen != f.Session {
			seen = f.Session
			a.try("inflate")
		}
		return []wire.Frame{f}
	}
	return a
}

package world

import (
	"joulepay/channel/link"
	"joulepay/channel/wire"
	"joulepay/simulations/scenario"
)

// stopSigning takes energy and signs nothing for it after its second claim.
func stopSigning(*vehicle) *attacker {
	a := &attacker{attack: "signs two claims, then takes energy and signs nothing"}
	var seen tally
	a.sending = func(_ link.Addr, f wire.Frame) []wire.Frame {
		switch m := f.Message.(type) {
		case wire.Claim:
			before := seen.claims
			n, _ := seen.count(f, m)
			if n == claimsHonest+1 && before == claimsHonest {
				a.try(scenario.AttackStopSigning)
			}
			if n > claimsHonest {
				return nil
			}
		case wire.Withdraw:
			return nil
		}
		return []wire.Frame{f}
	}
	return a
}

package world

import (
	"context"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/wire"
	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// overClaim signs claims that its deposit does not cover, in the hope that energy flows on.
func overClaim(v *vehicle) *attacker {
	const beyond = 10_000 * money.Nano // more than any deposit
	a := &attacker{attack: "signs claims far beyond its deposit"}
	var seen tally
	a.sending = func(_ link.Addr, f wire.Frame) []wire.Frame {
		m, pays := f.Message.(wire.Claim)
		if !pays {
			return []wire.Frame{f}
		}
		n, best := seen.count(f, m)
		if n <= claimsHonest {
			return []wire.Frame{f}
		}
		a.try(scenario.AttackOverClaim)
		claim := best.Signed.Claim
		claim.Amount += beyond
		r, err := v.disk.Channel(context.Background(), claim.Channel)
		if err != nil {
			return nil
		}
		forged := channel.Best{Signed: channel.SignClaim(claim, r.Side.Opening.Network, v.wallet.Channel(r.KeyIndex))}
		return []wire.Frame{{Session: f.Session, Message: wire.Claim{Best: forged.Encode()}}}
	}
	return a
}

package world

import (
	"context"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/simulations/scenario"
)

// staleClose pays as it should, and in the middle of it closes the channel alone with its first claim.
func staleClose(v *vehicle) *attacker {
	a := &attacker{attack: "closes alone with its first claim while it charges"}
	const closesAt = 5 // claims
	var seen tally
	var first channel.Best
	var closed channel.ID
	a.sending = func(_ link.Addr, f wire.Frame) []wire.Frame {
		switch m := f.Message.(type) {
		case wire.Claim:
			n, best := seen.count(f, m)
			id := best.Signed.Claim.Channel
			if first.Signed.Claim.Channel != id {
				first = best
			}
			if n >= closesAt && closed != id {
				closed = id
				v.after(0, func() { a.closeWith(v, id, first) })
			}
		case wire.Withdraw:
			return nil // it would bring the claims to the ledger
		}
		return []wire.Frame{f}
	}
	return a
}

// closeWith asks the ledger to close a channel with a claim of long ago.
func (a *attacker) closeWith(v *vehicle, id channel.ID, old channel.Best) {
	r, err := v.disk.Channel(context.Background(), id)
	if err != nil {
		return
	}
	side, err := channel.Restore(r.Side)
	if err != nil {
		v.world.fail(err)
		return
	}
	a.try(scenario.AttackStaleClose)
	body := append(side.RequestClose(v.wallet.Channel(r.KeyIndex)).Encode(), session.EncodeBests(old)...)
	if v.commit(session.Batch{Ops: []session.OpRecord{session.NewOp(session.OpCloseRequest, id, channel.SessionID{}, body)}}) {
		v.outbox.notify()
	}
}

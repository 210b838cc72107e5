package world

import (
	"context"
	"slices"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/simulations/scenario"
)

// staleClose pays as it should, and in the middle of it, or else when it drives off, closes the channel alone with its first
// claim.
func staleClose(v *vehicle) *attacker {
	a := &attacker{attack: "closes alone with its first claim, while it is served or when it leaves"}
	const closesAt = 5 // claims
	var seen tally
	var first channel.Best
	var closed channel.ID
	closing := func() {
		if id := first.Signed.Claim.Channel; id != closed {
			closed = id
			a.closeWith(v, id, first)
		}
	}
	a.leaving = closing
	a.sending = func(_ link.Addr, f wire.Frame) []wire.Frame {
		switch m := f.Message.(type) {
		case wire.Claim:
			n, best := seen.count(f, m)
			if first.Signed.Claim.Channel != best.Signed.Claim.Channel {
				first = best
			}
			if n >= closesAt {
				v.after(0, closing)
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

// closes tells whether a request to close alone is under way.
func (p *party) closes() bool {
	pending, err := p.disk.PendingOps(context.Background())
	p.world.fail(err)
	return slices.ContainsFunc(pending, func(op session.OpRecord) bool { return op.Kind == session.OpCloseRequest })
}

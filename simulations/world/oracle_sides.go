package world

import (
	"context"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/wallet"
)

// side gives what a party last stored of a channel, nil when nothing.
func (o *oracle) side(id channel.ID, opening channel.Opening, who channel.Party) *session.ChannelRecord {
	did := opening.Opener
	if who == channel.Partner {
		did = opening.Partner
	}
	p := o.party(did)
	if r, ok := o.sides[sideKey{p, id}]; ok {
		return &r
	}
	return nil
}

func (o *oracle) party(did wallet.DID) *party { return o.world.byDID[did] }

// checkSide is I2 and I3 for one side of a channel, from what it stored.
func (o *oracle) checkSide(key sideKey) {
	r, err := key.party.disk.Channel(context.Background(), key.channel)
	if err != nil {
		o.world.fail(err)
		return
	}
	before, side, who := o.sides[key], r.Side, fmt.Sprintf("%s, channel %.8s", key.party.name, key.channel)
	o.hold("I2", !before.Side.Out.Above(side.Out) && !before.Side.In.Above(side.In) && side.Sequence >= before.Side.Sequence,
		"%s: a lane fell from %s and %s to %s and %s", who, before.Side.Out.Owed(), before.Side.In.Owed(), side.Out.Owed(), side.In.Owed())
	o.hold("I3", !before.Side.Frozen || side.Frozen && side.Out == before.Side.Out && side.In == before.Side.In,
		"%s: signed or accepted after a close was signed", who)
	o.sides[key] = r

	lanes := channel.PerLane{}
	lanes[side.Me.Pays()], lanes[side.Me.Other().Pays()] = side.Out.Owed(), side.In.Owed()
	mine, theirs := channel.Due(side.Funds, lanes, side.Me), channel.Due(side.Funds, lanes, side.Me.Other())
	o.hold("I3", mine >= 0, "%s: signed %s more than it has", who, -mine)
	o.hold("I3", theirs >= 0, "%s: accepted %s more than is there", who, -theirs)
	if share, err := channel.Payout(side.Funds, lanes); o.world.failure == nil {
		o.hold("I3", err == nil && share[side.Me] == mine, "%s: is due %s, would be paid %s (%v)", who, mine, share[side.Me], err)
	}
	if peer := o.side(r.ID, side.Opening, side.Me.Other()); peer != nil && !o.cheats(side.Opening, side.Me.Other()) {
		o.hold("I2", !side.In.Above(peer.Side.Out), "%s: accepted %s, the peer has stored %s", who, side.In.Owed(), peer.Side.Out.Owed())
	}
	o.checkFunds(who, r)
}

// checkFunds is the premise of I3: a side counts on no money that the ledger does not have.
func (o *oracle) checkFunds(who string, r session.ChannelRecord) {
	c, ok := o.books.channels[r.ID]
	if !ok {
		return
	}
	for p := range c.Funds.Deposited {
		o.hold("I3", r.Side.Funds.Deposited[p] <= c.Funds.Deposited[p], "%s: counts on %s, deposited are %s",
			who, r.Side.Funds.Deposited[p], c.Funds.Deposited[p])
	}
	o.hold("I3", r.Side.Funds.Withdrawn[r.Side.Me.Other()] >= c.Funds.Withdrawn[r.Side.Me.Other()],
		"%s: the peer took out %s, agreed were %s", who, c.Funds.Withdrawn[r.Side.Me.Other()], r.Side.Funds.Withdrawn[r.Side.Me.Other()])
}

package world

import (
	"context"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle"
	"joulepay/wallet/money"
)

// atEnd checks what holds once everything is over: claims are on the ledger, nobody honest was short, and nothing was
// billed that did not flow.
func (o *oracle) atEnd() {
	o.checkMoney(true)
	for _, id := range o.channels {
		if c, ok := o.books.channels[id]; ok {
			o.checkOutcome(id, c)
		}
	}
	for _, s := range o.world.stations {
		o.checkBilled(s)
	}
	o.checkAttackers()
}

func (o *oracle) checkOutcome(id channel.ID, c settle.Channel) {
	for _, who := range []channel.Party{channel.Opener, channel.Partner} {
		r := o.side(id, c.Opening, who)
		if r == nil || o.cheats(c.Opening, who) {
			continue
		}
		in, out := r.Side.In.Owed(), r.Side.Out.Owed()
		o.hold("settled", c.Lanes[who.Other().Pays()].Maximum >= in || o.later(c), "party %d of channel %.8s accepted %s, the ledger knows %s",
			who, id, in, c.Lanes[who.Other().Pays()].Maximum)
		meant := o.paidIn(c.Opening, who)
		o.hold("I4", c.Funds.Deposited[who] == meant, "party %d of channel %.8s paid in %s, meant were %s",
			who, id, c.Funds.Deposited[who], meant)
		if c.State != channel.Closed {
			continue
		}
		got, due := c.Funds.Withdrawn[who]+c.Payout[who], c.Funds.Deposited[who]+in-out
		o.hold("I3", got >= due, "party %d of channel %.8s got %s, was due %s", who, id, got, due)
	}
}

// later tells whether what was claimed stays in an open channel, as the station's quotes say.
func (o *oracle) later(c settle.Channel) bool {
	s := o.world.stationAt(o.party(c.Opening.Partner))
	return c.State == channel.Open && s != nil && services[s.spec.Service].deferred
}

// paidIn gives what a party's stored operations put into a channel: each takes effect once.
func (o *oracle) paidIn(opening channel.Opening, who channel.Party) money.Amount {
	p, sum := o.party(opening.Opener), opening.Deposit
	if who == channel.Partner {
		p, sum = o.party(opening.Partner), 0
	}
	all, err := p.disk.Sessions(context.Background(), channel.SessionID{}, sessionsMax)
	o.world.fail(err)
	for _, r := range all {
		for _, id := range r.Vertices {
			op, err := p.disk.Op(context.Background(), id)
			o.world.fail(err)
			if op.Kind == session.OpTopUp && op.Channel == opening.ID() && op.State == session.OpFinal {
				t, err := session.DecodeTopUp(op.Body)
				o.world.fail(err)
				sum += t.Amount
			}
		}
	}
	return sum
}

// checkBilled compares what a station billed with what flowed through its cable.
func (o *oracle) checkBilled(s *station) {
	all, err := s.disk.Sessions(context.Background(), channel.SessionID{}, sessionsMax)
	o.world.fail(err)
	var billed int64
	for _, r := range all {
		billed += r.Quantity
	}
	delivered, _ := s.goods.registers(o.world.clock.Now())
	if s.cheat == nil {
		o.hold("I6", billed <= delivered+services[s.spec.Service].unpaidMax, "%s billed %d, delivered were %d", s.name, billed, delivered)
	}
}

package world

import (
	"cmp"
	"maps"
	"slices"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle"
	"joulepay/simulations/report"
	"joulepay/wallet/money"
)

// taking is what an attacker had of honest parties, in sessions that are over.
type taking struct {
	value    money.Amount // of what flowed, by the tariff
	exposure money.Amount // what quotes declared, and what a vehicle's comparison lets pass
}

func (o *oracle) taking(a *attacker) *taking {
	t, known := o.takings[a]
	if !known {
		t = &taking{}
		o.takings[a] = t
	}
	return t
}

// checkAttackers is I5 over a whole run, from the ledger and the outlets: what an attacker gained at the cost of honest
// parties is at most what the quotes of its sessions declared.
func (o *oracle) checkAttackers() {
	for _, id := range slices.SortedFunc(maps.Keys(o.tickets), func(a, b channel.SessionID) int { return cmp.Compare(string(a[:]), string(b[:])) }) {
		o.closeTicket(id, o.tickets[id], session.PhaseEnded, 0) // of a station that cheats: it ends nothing
	}
	for _, p := range o.world.parties() {
		if p.cheat != nil {
			row := o.attacker(p)
			o.hold("I5", row.Held(), "%s (%s) gained %s, declared were %s", row.Name, row.Attack, row.Gained, row.Exposure)
		}
	}
}

// attacker gives what an attacker came to.
func (o *oracle) attacker(p *party) report.Attacker {
	t, moved := o.taking(p.cheat), o.moneyFrom(p)
	gained := t.value - moved
	if o.world.stationAt(p) != nil {
		gained = -moved - t.value
	}
	if t.exposure == 0 && moved == 0 {
		gained = 0
	}
	return report.Attacker{
		Name: p.name, Attack: p.cheat.attack, Tries: p.cheat.tries, Gained: o.world.money(gained), Exposure: o.world.money(t.exposure),
	}
}

// moneyFrom gives what honest parties have in their channels with an attacker beyond what they put in: what they were paid, and
// what the ledger pays them at the claims that they hold.
func (o *oracle) moneyFrom(p *party) money.Amount {
	var sum money.Amount
	for _, id := range o.channels {
		c, ok := o.books.channels[id]
		if !ok {
			continue
		}
		me, mine := c.Opening.PartyOf(p.did)
		if !mine {
			continue
		}
		honest := me.Other()
		if peer := o.partyOf(c.Opening, honest); peer == nil || peer.cheat != nil {
			continue
		}
		sum += o.held(id, c, honest) - c.Funds.Deposited[honest]
	}
	return sum
}

// held gives what a party has taken out of a channel, and would get if it ended with the claims that it holds.
func (o *oracle) held(id channel.ID, c settle.Channel, who channel.Party) money.Amount {
	if c.State == channel.Closed {
		return c.Funds.Withdrawn[who] + c.Payout[who]
	}
	lanes := c.Maxima()
	if r := o.side(id, c.Opening, who); r != nil {
		in, out := who.Other().Pays(), who.Pays()
		lanes[in], lanes[out] = max(lanes[in], r.Side.In.Owed()), max(lanes[out], r.Side.Out.Owed())
	}
	shares, err := channel.Payout(c.Funds, lanes)
	o.world.fail(err)
	return c.Funds.Withdrawn[who] + shares[who]
}

func (o *oracle) partyOf(opening channel.Opening, who channel.Party) *party {
	if who == channel.Opener {
		return o.party(opening.Opener)
	}
	return o.party(opening.Partner)
}

// cheats tells whether a party of a channel is an attacker.
func (o *oracle) cheats(opening channel.Opening, who channel.Party) bool {
	p := o.partyOf(opening, who)
	return p != nil && p.cheat != nil
}

// closing tells whether the window of a channel runs.
func (o *oracle) closing() bool {
	return slices.ContainsFunc(o.channels, func(id channel.ID) bool { return o.books.channels[id].State == channel.Closing })
}

package dag

import (
	"slices"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
)

// ChannelEffect is what one vertex did to one channel.
type ChannelEffect struct {
	Channel   channel.ID
	Parties   [2]wallet.DID
	State     channel.State    // afterwards
	Maxima    channel.PerLane  // afterwards
	Deposited channel.PerParty // by this vertex
	Paid      channel.PerParty // out, by this vertex
}

func effectOf(id channel.ID, before, after settle.Channel) ChannelEffect {
	e := ChannelEffect{
		Channel: id, Parties: [2]wallet.DID{after.Opening.Opener, after.Opening.Partner},
		State: after.State, Maxima: after.Maxima(),
	}
	for p := range e.Paid {
		e.Deposited[p] = after.Funds.Deposited[p] - before.Funds.Deposited[p]
		e.Paid[p] = after.Funds.Withdrawn[p] - before.Funds.Withdrawn[p] + after.Payout[p] - before.Payout[p]
	}
	return e
}

// parties gives every account that an entry concerns, once.
func (g *stage) parties(issuer wallet.DID) []wallet.DID {
	out := []wallet.DID{issuer}
	add := func(d wallet.DID) {
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	for _, key := range g.order {
		if key.Kind == settle.SlotAccount || key.Kind == settle.SlotDID {
			add(key.ID)
		}
	}
	for _, e := range g.effects {
		add(e.Parties[0])
		add(e.Parties[1])
	}
	return out
}

package dag

import (
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// sequencesAhead is how far a spend may run ahead of those of its account that a node knows: some may come by another
// way.
const sequencesAhead = 16

// Outlook is what the state of now says about a vertex that is not verified and has no place in the log yet.
type Outlook struct {
	Verdict settle.Verdict // Applied, or the refusal that it would meet, whatever comes before it
	Wait    time.Duration  // after CreditSpent: for how much ledger time, or zero when time does not help
}

// Outlook looks at a vertex before any work is done for it, so that nobody orders what is refused anyway. waiting is the
// number of its issuer's vertices that have no place yet. It decides nothing, and reads slots only.
func (s *State) Outlook(v *settle.Vertex, waiting int) Outlook {
	g, by := s.newStage(), v.Issuer()
	_, exists := g.get(settle.AccountKey(by))
	a := g.account(by)
	if a.Status == settle.AccountDeactivated {
		return Outlook{Verdict: settle.Deactivated}
	}
	if spend, ok := v.Payload().(settle.Spend); ok {
		if verdict := judgeSequence(spend.SpendSequence(), a.Sequence, waiting); !verdict.Accepted() {
			return Outlook{Verdict: verdict}
		}
		if !exists {
			return Outlook{Verdict: settle.Overspend}
		}
	}
	if s.limits().CreditInterval == 0 {
		return Outlook{}
	}
	g.price(by, v.Payload())
	if g.work == 0 && len(g.covered) == 0 && !exists && !g.concerns(by, v.Payload()) {
		return Outlook{Verdict: settle.CreditSpent} // a stranger who repeats what others have done already
	}
	if g.affords(g.payerOf(by, v.Payload()), g.work) {
		return Outlook{}
	}
	if amountOf(v.Payload()) > a.Balance {
		return Outlook{Verdict: settle.Overspend} // which says more, and time alone does not mend
	}
	wait, _ := a.Credit.Wait(g.work, g.wealth(by, a), s.limits())
	return Outlook{settle.CreditSpent, wait}
}

// amountOf gives what a spend takes.
func amountOf(p settle.Payload) money.Amount {
	switch p := p.(type) {
	case *settle.Transfer:
		return p.Amount
	case *settle.Redeem:
		return p.Amount
	case *settle.Open:
		return p.Opening.Deposit
	case *settle.TopUp:
		return p.Amount
	}
	return 0
}

func judgeSequence(sequence, last uint64, waiting int) settle.Verdict {
	if sequence <= last || sequence-last > uint64(waiting)+sequencesAhead {
		return settle.WrongSequence
	}
	return settle.Applied
}

// concerns tells whether an account is a party of a channel that a payload names.
func (g *stage) concerns(d wallet.DID, p settle.Payload) bool {
	for _, id := range channelsOf(p) {
		if c, ok := g.channel(id); ok && (d == c.Opening.Opener || d == c.Opening.Partner || d == c.Opening.Payout) {
			return true
		}
	}
	return false
}

// channelsOf gives the channels that a payload settles, pays out or ends.
func channelsOf(p settle.Payload) []channel.ID {
	switch p := p.(type) {
	case *settle.Settle:
		ids := make([]channel.ID, len(p.Claims))
		for i, c := range p.Claims {
			ids[i] = c.Signed.Claim.Channel
		}
		return ids
	case *settle.Withdraw:
		return []channel.ID{p.Signed.Withdrawal.Channel}
	case *settle.CooperativeClose:
		return []channel.ID{p.Signed.Close.Channel}
	case *settle.CloseRequest:
		return []channel.ID{p.Signed.Request.Channel}
	case *settle.Finalise:
		return []channel.ID{p.Channel}
	}
	return nil
}

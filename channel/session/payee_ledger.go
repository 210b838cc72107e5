package session

import (
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/wire"
)

// viewed takes in the ledger's word: it starts a session that waited for its channel, and ends one whose channel closes.
func (p *Payee) viewed(now Instant, e Viewed) []Effect {
	p.lookAt = now.Real.Add(lookEvery)
	if p.side == nil {
		return nil // nothing was asked
	}
	if e.Err != nil {
		if p.record.Phase < PhaseCharging {
			return nil // looked at again until the vehicle gives up
		}
		return []Effect{p.report(now, "", fmt.Errorf("ledger: %w", e.Err))}
	}
	before := p.side.Snapshot().Funds
	p.seen(now, e.View)
	if !e.View.Final {
		return nil
	}
	if p.record.Phase >= PhaseCharging {
		p.lookAt = now.Real.Add(p.window() / 8)
	}
	if p.record.Phase <= PhaseStopping && (e.View.State != channel.Open || p.expiring()) {
		return append([]Effect{p.saved(Batch{})}, p.stop(now, wire.ReasonStation)...)
	}
	p.seeTopUp(channel.Partner, before)
	if p.record.Phase == PhaseFinal && len(p.unpaid) == 0 && !p.toppingUp {
		return p.afterClaim(now) // all is claimed: only what the station owes was waited for
	}
	if p.side.Snapshot().Funds == before {
		return nil
	}
	return append([]Effect{p.saved(Batch{})}, p.resend(now, true)...)
}

func (p *Payee) window() time.Duration { return p.side.Opening().Terms.Window }

// expiring tells whether the channel ends too soon for a claim to be settled: no accepting after expiry minus margin.
func (p *Payee) expiring() bool {
	margin := max(p.window()/4, 5*time.Second)
	return !p.view.Time.Before(p.view.Expiry.Add(-margin))
}

// certain tells whether the channel was seen, certified and open, less than a quarter of its window ago; and whether what
// was seen was itself that new, for a ledger that stands still shows the past.
func (p *Payee) certain(now Instant) bool {
	quarter := p.window() / 4
	seen := p.view.Final && p.view.State == channel.Open && !p.viewAt.IsZero() && now.Real.Sub(p.viewAt) <= quarter
	return seen && (p.view.At.IsZero() || now.Real.Sub(p.view.At) <= quarter+certifiedSlack)
}

// covers tells whether the channel's money reaches what the quote asks for at the start.
func (p *Payee) covers() bool {
	return p.side.Coverage()-p.lane(0) >= p.quote.Quote.DepositMin
}

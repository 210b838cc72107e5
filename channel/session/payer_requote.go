package session

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/wire"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// requoted agrees to other prices, or ends the session under those that it has.
func (p *Payer) requoted(now Instant, m wire.Requote) []Effect {
	if p.record.Phase != PhaseCharging {
		return nil
	}
	next, err := quote.Parse(m.Quote, p.stationKeys)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	if hash := next.Hash(); hash == p.agreed().Hash() {
		return []Effect{Send{wire.Claim{Best: p.side.Out().Encode()}}} // a repetition: the claim was lost
	}
	switch err := p.checkNext(now, next); {
	case errors.Is(err, ErrPolicy):
		p.record.Failure = err.Error()
		return append([]Effect{p.report(now, "", err)}, p.stop(now, wire.ReasonTariff)...)
	case err != nil:
		return []Effect{p.report(now, "", err)} // not the station's word, or too late: the session ends when its time comes
	case p.owes():
		return nil // what is owed comes first; the station asks again
	}
	if err := p.agree(next); err != nil {
		return []Effect{p.report(now, "", err)}
	}
	return append(p.pay(now, Batch{}), p.report(now, "agreed to the new tariff", nil))
}

// stationKeys takes the key under which the session was agreed on to its end, and otherwise the station's current one.
func (p *Payer) stationKeys(d wallet.DID, key wallet.PublicKey) error {
	if d == p.record.Peer && key == p.quote.Signer() {
		return nil
	}
	return p.config.Keys.Check(d, key)
}

// checkNext tells whether a quote may follow the session's; ErrPolicy says that the vehicle does not want it.
func (p *Payer) checkNext(now Instant, next quote.Signed) error {
	if len(p.following) > 0 {
		return fmt.Errorf("%w: another quote is agreed on", ErrQuoteChanged)
	}
	if err := p.checkFollowing(next); err != nil {
		return err
	}
	if !p.inTime(now, time.UnixMilli(next.Quote.IssuedAtMs), p.since) {
		return fmt.Errorf("%w: quote of %s, own time %s", ErrClock, next.Quote.From(), now.Session.Format(time.RFC3339))
	}
	return p.config.Policy.check(next.Quote)
}

// reserve gives what must stay covered while energy flows: a slice that is unpaid, one that is under way, and the surcharges
// of the end, under the dearer of the quotes that were agreed on.
func (p *Payer) reserve() money.Amount {
	most := money.Amount(0)
	for _, q := range []quote.Quote{p.quote.Quote, p.agreed().Quote} {
		most = max(most, 2*q.Slice+q.EndSurcharge)
	}
	return most
}

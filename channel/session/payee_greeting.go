package session

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/wire"
)

// over answers a vehicle that does not know yet that the session ended.
func (p *Payee) over(event Event) []Effect {
	switch e := event.(type) {
	case Received:
		switch m := e.Message.(type) {
		case wire.Hello, wire.Claim, wire.Stop:
			if p.record.Claims == 0 {
				return []Effect{Send{wire.Refuse{Code: wire.CodeUnknownSession, Detail: "the session ended before it began"}}}
			}
			return []Effect{Send{p.done()}}
		case wire.Withdraw:
			_, effects := p.cosigned(m)
			return effects
		}
	case Concluded:
		return nil
	}
	return nil
}

func (p *Payee) checkHello(id channel.SessionID, h wire.Hello) error {
	return CheckHello(h, id, p.config.DID, p.network, p.config.Keys)
}

// greeted answers a repeated Hello, or one that resumes.
func (p *Payee) greeted(now Instant, h wire.Hello) []Effect {
	switch err := p.checkHello(p.record.ID, h); {
	case errors.Is(err, ErrUndecided):
		return nil // the vehicle says it again
	case err != nil, !sameSession(h, p.record):
		return p.refuse(now, wire.CodeIdentity, fmt.Errorf("%w: hello of %s", ErrIdentity, h.Vehicle.Short()))
	}
	if p.record.Phase <= PhaseAccepting && !p.sentBaseline() {
		return []Effect{p.offer()}
	}
	var effects []Effect
	if rose, err := resync(p.side, h.Known); err != nil {
		return p.refuse(now, wire.CodeClaim, err)
	} else if rose {
		p.record.Claims++
		effects = append(effects, p.afterClaim(now)...)
	}
	return append(effects, p.resend(now, true)...)
}

func (p *Payee) offer() Send {
	return Send{wire.Offer{Quote: p.quote.Bytes(), Known: known(p.side)}}
}

func (p *Payee) sentBaseline() bool {
	_, started := p.chain.Last()
	return started
}

// accepted binds the channel that the vehicle names and waits to see it certified.
func (p *Payee) accepted(now Instant, a wire.Accept) []Effect {
	if p.record.Phase != PhaseGreeting {
		if p.sentBaseline() {
			return p.resend(now, true)
		}
		return nil // a repetition
	}
	if a.Quote != p.quote.Hash() {
		return p.refuse(now, wire.CodeQuote, fmt.Errorf("%w: accepted another quote", ErrQuoteChanged))
	}
	if now.Session.UnixMilli() > p.quote.Quote.ValidUntilMs {
		return p.refuse(now, wire.CodeQuote, fmt.Errorf("%w: the quote is no longer good", ErrQuoteChanged))
	}
	if err := p.bindChannel(a); err != nil {
		return p.refuse(now, wire.CodeChannel, err)
	}
	p.record.Base, p.record.Phase = a.Base, PhaseAccepting
	p.record.ReturnMw = min(max(a.ReturnMw, 0), p.quote.Quote.MaxReturnMw)
	p.progressAt = now.Real
	return []Effect{p.saved(Batch{}), Look{p.record.Channel}, p.report(now, "offer accepted", nil)}
}

func (p *Payee) bindChannel(a wire.Accept) error {
	opening, err := channel.DecodeOpening(a.Opening)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChannel, err)
	}
	if p.side != nil && p.side.ID() != opening.ID() {
		// Under the key of a known channel there may be others, whose claims a new Side would forget.
		return fmt.Errorf("%w: another one than the hello named", ErrChannel)
	}
	if p.side == nil {
		if err := p.checkOpening(opening); err != nil {
			return err
		}
		side, err := channel.NewSide(opening, channel.Partner)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrChannel, err)
		}
		p.bindSide(ChannelRecord{ID: side.ID(), Peer: opening.Opener, KeyIndex: p.config.KeyIndex}, side)
	}
	if p.side.Frozen() {
		return fmt.Errorf("%w: it is closing", ErrChannel)
	}
	return lanesAgree(a.Base, p.side)
}

func (p *Payee) checkOpening(o channel.Opening) error {
	q := p.quote.Quote
	switch {
	case o.Network != p.network, o.Partner != q.Station, o.Opener != p.record.Peer, o.Payout != q.Payout:
		return fmt.Errorf("%w: opened for other parties", ErrChannel)
	case o.PartnerKey != q.StationKey:
		return fmt.Errorf("%w: opened for another key than the quote's", ErrChannel)
	case o.Terms.Currency.String() != q.Currency, o.Terms.Window < time.Duration(q.WindowSeconds)*time.Second:
		return fmt.Errorf("%w: other terms than the quote's", ErrChannel)
	case o.Terms.Expiry.UnixMilli() < q.ExpiryMinMs:
		return fmt.Errorf("%w: expires %s, too early", ErrChannel, o.Terms.Expiry.Format(time.RFC3339))
	}
	return nil
}

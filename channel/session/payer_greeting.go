package session

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/wire"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func (p *Payer) hello(now Instant, resume bool) Send {
	h := wire.Hello{
		Vehicle: p.config.DID, Station: p.record.Peer, AtMs: now.Session.UnixMilli(),
		Service: p.record.Service, EVSE: p.config.Policy.EVSE, Quantity: p.record.Wanted, Resume: resume, Known: known(p.side),
		Key: wallet.StateKey(p.config.DID, p.config.Account.Public()),
	}
	if p.side != nil {
		h.Channel = p.side.ID()
	}
	h.Signature = p.config.Account.Sign(wallet.DomainHello, p.config.Network, h.SigningBytes(p.record.ID))
	return Send{h}
}

// offered checks a quote and finds the channel to pay with.
func (p *Payer) offered(now Instant, o wire.Offer) []Effect {
	if p.record.Phase != PhaseGreeting {
		return nil // a repetition
	}
	signed, err := quote.Parse(o.Quote, p.config.Keys)
	switch {
	case errors.Is(err, ErrUndecided):
		return p.undecided(now, err)
	case err != nil:
		p.waits = err // the station may have signed another one when it is asked again
		return []Effect{p.report(now, "", err)}
	}
	if q := signed.Quote; q.Station != p.record.Peer || q.Session != p.record.ID || q.Network != p.config.Network {
		return []Effect{p.report(now, "", fmt.Errorf("%w: for another station, session or network", ErrQuoteChanged))}
	}
	switch err := p.checkQuote(now, signed.Quote); {
	case errors.Is(err, ErrUndecided):
		return p.undecided(now, err)
	case err != nil:
		return p.fail(now, err)
	}
	if err := p.bindQuote(signed); err != nil {
		return p.fail(now, err)
	}
	if p.side != nil && p.usable(signed.Quote) {
		if _, err := resync(p.side, o.Known); err != nil {
			return p.fail(now, fmt.Errorf("%w: %w", ErrChannel, err))
		}
		if p.side.Frozen() {
			return p.fail(now, fmt.Errorf("%w: it was continued from an old copy, and can only be closed", ErrChannel))
		}
		return p.cover(now)
	}
	if p.side != nil && p.side.Opening().PartnerKey == signed.Quote.StationKey {
		// The station holds on to the channel that the hello named, and takes no other under its key.
		return p.fail(now, fmt.Errorf("%w: it does not serve under this quote", ErrChannel))
	}
	return p.open(now)
}

func (p *Payer) checkQuote(now Instant, q quote.Quote) error {
	if !p.inTime(now, time.UnixMilli(q.IssuedAtMs), p.since) || now.Session.Add(-p.config.Policy.ClockStart).UnixMilli() > q.ValidUntilMs {
		return fmt.Errorf("%w: quote of %s, own time %s", ErrClock, time.UnixMilli(q.IssuedAtMs).UTC().Format(time.RFC3339), now.Session.Format(time.RFC3339))
	}
	if err := p.config.Policy.check(q); err != nil {
		return err
	}
	return p.config.Policy.Credentials.check(now.Real, q) // last: it may send somebody to look something up
}

// inTime tells whether something was made after the vehicle asked for it and not in its future, by clocks that may differ
// by ClockStart. How long it was under way does not matter.
func (p *Payer) inTime(now Instant, made, asked time.Time) bool {
	slack := p.config.Policy.ClockStart
	return !made.After(now.Session.Add(slack)) && !made.Before(asked.Add(-slack))
}

// usable tells whether the known channel serves under this quote.
func (p *Payer) usable(q quote.Quote) bool {
	return p.channel.State == channel.Open && p.side.Opening().PartnerKey == q.StationKey && p.channel.Serves(q)
}

// open locks a deposit in a new channel.
func (p *Payer) open(now Instant) []Effect {
	q := p.quote.Quote
	currency, err := money.ParseCurrency(q.Currency)
	if err != nil {
		return p.fail(now, err)
	}
	// An idle ledger's time stands still, and jumps with the next vertex: the vehicle's own clock counts, too.
	expiry := p.config.LedgerTime.Add(p.config.Policy.Lifetime)
	if own := now.Real.Add(p.config.Policy.Lifetime); expiry.Before(own) {
		expiry = own
	}
	if least := time.UnixMilli(q.ExpiryMinMs).Add(time.Second); expiry.Before(least) {
		expiry = least
	}
	opening := channel.Opening{
		Network: p.config.Network, Opener: p.config.DID, Partner: q.Station,
		OpenerKey: p.config.ChannelKey.Public(), PartnerKey: q.StationKey, Payout: q.Payout,
		Deposit: p.config.Policy.depositFor(q), Nonce: p.config.Nonce,
		Terms: channel.Terms{
			Currency: currency, Window: time.Duration(q.WindowSeconds) * time.Second, Expiry: expiry.Truncate(time.Second).UTC(),
		},
	}
	side, err := channel.NewSide(opening, channel.Opener)
	if err != nil {
		return p.fail(now, fmt.Errorf("%w: %w", ErrChannel, err))
	}
	p.record.KeyIndex = p.config.KeyIndex
	p.bindSide(ChannelRecord{ID: side.ID(), Peer: q.Station, KeyIndex: p.config.KeyIndex, Expiry: opening.Terms.Expiry}, side)
	p.enter(now, PhaseOpening)
	op := p.operate(OpOpen, opening.Encode())
	note := fmt.Sprintf("opening a channel with a deposit of %s %s", opening.Deposit.Cents(), currency)
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, note, nil)}
}

// cover tops an existing channel up to what the quote asks for, or accepts at once.
func (p *Payer) cover(now Instant) []Effect {
	missing := p.quote.Quote.DepositMin - p.side.Spendable()
	if missing <= 0 {
		return p.accept(now)
	}
	if p.config.Policy.TopUp <= 0 {
		return p.fail(now, fmt.Errorf("%w: %s missing in the channel", ErrPolicy, missing))
	}
	p.enter(now, PhaseOpening)
	op := p.topUp(channel.Opener, max(missing, p.config.Policy.TopUp))
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, "topping the channel up", nil)}
}

// accept binds this side to the quote.
func (p *Payer) accept(now Instant) []Effect {
	p.record.Base, p.record.ReturnMw = p.side.Lanes(), p.returnPower()
	p.enter(now, PhaseAccepting)
	p.sentAt, p.since = now.Real, now.Session
	return []Effect{p.saved(Batch{}), p.acceptance(), p.report(now, "offer accepted", nil)}
}

func (p *Payer) acceptance() Send {
	return Send{wire.Accept{Quote: p.quote.Hash(), Opening: p.side.Opening().Encode(), Base: p.record.Base, ReturnMw: p.record.ReturnMw}}
}

package session

import (
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/wallet/money"
)

// PayerPolicy is what a vehicle accepts and wants. The zero value of a limit means no limit.
type PayerPolicy struct {
	Service      string
	EVSE         string       // the plug it stands at; empty: any of the station
	Currency     string       // the ledger's
	Quantity     int64        // wanted, in the quote's unit; 0: until full, or stopped
	SoCPermille  int16        // wanted state of charge; 0: none
	Until        time.Time    // session clock; zero: open end
	CostMax      money.Amount // of the whole session
	UnitPriceMax money.Amount // of one unit of the first estimate, VAT included: a kWh, an hour, a piece

	PrepaidMax      money.Amount // exposure that it accepts (I5)
	EndSurchargeMax money.Amount
	SliceMax        money.Amount

	// What the vehicle gives back. The zero values are a vehicle that gives nothing.
	ReturnMw       int64        // milliwatts: the most that may flow back
	ReturnPriceMin money.Amount // of a kWh, VAT included: for less nothing flows back
	ReturnSliceMax money.Amount // exposure that it accepts to a station that takes energy and does not pay (I5)

	Deposit   money.Amount  // locked when a channel opens, unless the quote asks for more
	TopUp     money.Amount  // added when the deposit runs short; 0 never
	WindowMax time.Duration // the longest challenge window that it accepts
	Lifetime  time.Duration // of a new channel, ledger time

	ClockStart   time.Duration // how far the first reading's time may be from its own clock
	SettleWait   time.Duration // real clock: how long it waits to see the session on the ledger
	GoneAfter    time.Duration // real clock: a silent station has left
	FullIsTarget bool          // stop when the vehicle asks for no more power
	StopsItself  bool          // the owner stops the session, when Quantity is reached, too

	Credentials CredentialPolicy // what the station must show of itself; zero: nothing
}

// DefaultPayerPolicy suits a car at a public charger.
func DefaultPayerPolicy() PayerPolicy {
	return PayerPolicy{
		Service: "charging", Currency: "EUR",
		PrepaidMax: 2 * money.Nano, EndSurchargeMax: 5 * money.Nano, SliceMax: 5 * money.Nano, ReturnSliceMax: 5 * money.Nano,
		Deposit: 20 * money.Nano, TopUp: 10 * money.Nano,
		WindowMax: 72 * time.Hour, Lifetime: 30 * 24 * time.Hour,
		ClockStart: 5 * time.Second, SettleWait: time.Minute, GoneAfter: 5 * time.Minute, FullIsTarget: true,
	}
}

// check compares a quote with the policy. Every refusal is ErrPolicy.
func (p PayerPolicy) check(q quote.Quote) error {
	window := time.Duration(q.WindowSeconds) * time.Second
	switch {
	case q.Service != p.Service:
		return fmt.Errorf("%w: service %q, wanted %q", ErrPolicy, q.Service, p.Service)
	case p.EVSE != "" && q.EVSE != p.EVSE:
		return fmt.Errorf("%w: quote for EVSE %q, standing at %q", ErrPolicy, q.EVSE, p.EVSE)
	case q.Currency != p.Currency:
		return fmt.Errorf("%w: currency %s, the ledger's is %s", ErrPolicy, q.Currency, p.Currency)
	case q.Prepaid > p.PrepaidMax:
		return fmt.Errorf("%w: start fee %s, at most %s", ErrPolicy, q.Prepaid, p.PrepaidMax)
	case q.EndSurcharge > p.EndSurchargeMax:
		return fmt.Errorf("%w: surcharge at the end up to %s, at most %s", ErrPolicy, q.EndSurcharge, p.EndSurchargeMax)
	case q.Slice > p.SliceMax:
		return fmt.Errorf("%w: slice of %s, at most %s", ErrPolicy, q.Slice, p.SliceMax)
	case p.ReturnMw > 0 && q.ReturnSlice > p.ReturnSliceMax:
		return fmt.Errorf("%w: slice of %s that is given back, at most %s", ErrPolicy, q.ReturnSlice, p.ReturnSliceMax)
	case window > p.WindowMax || window < channel.WindowMin:
		return fmt.Errorf("%w: challenge window %s", ErrPolicy, window)
	}
	if err := q.CheckPrices(); err != nil { // all of the above is what the station says of its tariff
		return fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	if p.UnitPriceMax > 0 {
		price, err := UnitPrice(q)
		if err != nil {
			return err
		}
		if price > p.UnitPriceMax {
			return fmt.Errorf("%w: %s a unit, at most %s", ErrPolicy, price, p.UnitPriceMax)
		}
	}
	return nil
}

// UnitPrice gives the price by which quotes are compared: of one kWh, hour or piece of the quote's first estimate, VAT
// included, rounded up.
func UnitPrice(q quote.Quote) (money.Amount, error) {
	if len(q.Estimates) == 0 || q.Estimates[0].Quantity <= 0 {
		return 0, fmt.Errorf("%w: the quote names no price", ErrPolicy)
	}
	first := q.Estimates[0]
	down, err := (-first.InclVAT).MulDiv(quote.UnitsPerPriced(q.Unit), first.Quantity)
	if err != nil {
		return 0, fmt.Errorf("%w: price: %w", ErrPolicy, err)
	}
	return -down, nil
}

// depositFor gives what a new channel locks.
func (p PayerPolicy) depositFor(q quote.Quote) money.Amount { return max(p.Deposit, q.DepositMin) }

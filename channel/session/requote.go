package session

import (
	"bytes"
	"fmt"

	"joulepay/channel/quote"
)

// A tariff that changes during a session is a new quote, which names the one before it and the time from which it prices.
// The station offers it before that time. The vehicle agrees by a claim under it; every later claim is under it, too, so that
// one that is lost does no harm. It comes into force after the first reading at or after its time, which both sides know
// from the reading itself. Where the vehicle did not agree until then, the station makes that reading the last.

// requotesMax bounds the changes of tariff in a session, so that its receipt can carry them: one for every day of a month.
const requotesMax = 31

// bindQuotes prepares a stored session's quotes, so that the readings bring them into force again.
func (v *visit) bindQuotes(r SessionRecord) error {
	var list []quote.Signed
	for _, raw := range r.Quotes() {
		signed, err := quote.Parse(raw, quote.AnyKey)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
		list = append(list, signed)
	}
	if err := v.bindQuote(list[0]); err != nil {
		return err
	}
	v.record.Earlier = nil
	for _, next := range list[1:] {
		if err := v.agree(next); err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
	}
	v.record.Next, v.record.NextAgreed = r.Next, r.NextAgreed
	if len(r.Next) == 0 || r.NextAgreed {
		return nil
	}
	var err error
	if v.offered, err = quote.Parse(r.Next, quote.AnyKey); err != nil {
		err = fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return err
}

// agree schedules a quote that both sides agreed on.
func (v *visit) agree(next quote.Signed) error {
	if err := v.bill.Follow(next.Quote); err != nil {
		return err
	}
	v.following = append(v.following, next)
	v.record.Next, v.record.NextAgreed = next.Bytes(), true
	return nil
}

// agreed gives the quote that both sides agreed on last, in force or not: claims are under it.
func (v *visit) agreed() quote.Signed {
	if n := len(v.following); n > 0 {
		return v.following[n-1]
	}
	return v.quote
}

// enterQuotes follows the bill: a quote that came into force is the session's.
func (v *visit) enterQuotes() {
	for ; v.entered < v.bill.InForce(); v.entered++ {
		v.record.Earlier = append(v.record.Earlier, v.record.Quote)
		v.quote, v.following = v.following[0], v.following[1:]
		v.record.Quote = v.quote.Bytes()
		if bytes.Equal(v.record.Next, v.record.Quote) {
			v.record.Next, v.record.NextAgreed = nil, false
		}
	}
}

// checkFollowing tells whether a quote may follow the session's: it is new, comes before its time, and can be stored.
func (v *visit) checkFollowing(next quote.Signed) error {
	if err := next.Follows(v.quote); err != nil {
		return err
	}
	if last, _ := v.chain.Last(); !last.Time.Before(next.Quote.From()) {
		return fmt.Errorf("%w: it is to price from %s on, the last reading is of %s", ErrQuoteChanged, next.Quote.From(), last.Time)
	}
	if len(v.record.Earlier) >= requotesMax {
		return fmt.Errorf("%w: the tariff changed %d times", ErrRecord, requotesMax)
	}
	with := v.record
	with.Earlier = append(with.Quotes(), next.Bytes())
	return with.CheckSize()
}

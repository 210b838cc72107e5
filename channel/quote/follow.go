package quote

import (
	"bytes"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/internal/canon"
)

// From gives the time from which on a quote prices, where it follows another within a session; zero for a session's first.
// What is delivered up to the first reading at or after it is still under the quote before.
func (q Quote) From() time.Time {
	if q.FromMs == 0 {
		return time.Time{}
	}
	return time.UnixMilli(q.FromMs).UTC()
}

// begins gives the time at which a quote's prices begin.
func (q Quote) begins() time.Time {
	if q.FromMs != 0 {
		return q.From()
	}
	return time.UnixMilli(q.IssuedAtMs).UTC()
}

func (q Quote) checkFollowing() error {
	switch {
	case len(q.Previous) == 0 && q.FromMs == 0:
		return nil
	case len(q.Previous) != len(channel.Hash{}) || q.FromMs < q.IssuedAtMs:
		return fmt.Errorf("%w: it follows %d bytes from %d on", ErrQuote, len(q.Previous), q.FromMs)
	}
	return nil
}

// Next gives the quote that changes the prices of a session to those of an offer, from a time on. Everything else stays, but
// that whoever signs it does so with the key that the station has by then.
func (s Signed) Next(offer Quote, from, now time.Time) Quote {
	q := s.Quote.priced(offer)
	hash := s.Hash()
	q.Previous, q.FromMs = hash[:], from.UnixMilli()
	q.IssuedAtMs, q.ValidUntilMs = now.UnixMilli(), from.UnixMilli()
	return q
}

// priced gives a quote with the prices of another.
func (q Quote) priced(by Quote) Quote {
	q.Tariff, q.TariffForm, q.Estimates = by.Tariff, by.TariffForm, by.Estimates
	q.Slice, q.Prepaid, q.EndSurcharge, q.DepositMin = by.Slice, by.Prepaid, by.EndSurcharge, by.DepositMin
	q.GiveBack, q.GiveBackForm, q.ReturnSlice = by.GiveBack, by.GiveBackForm, by.ReturnSlice
	return q
}

// Follows returns ErrQuote unless a quote changes the prices of the one before it and nothing else, later than it.
func (s Signed) Follows(before Signed) error {
	hash := before.Hash()
	if !bytes.Equal(s.Quote.Previous, hash[:]) {
		return fmt.Errorf("%w: it does not follow the session's quote", ErrQuote)
	}
	if !s.Quote.From().After(before.Quote.begins()) {
		return fmt.Errorf("%w: it is to price from %s on, the one before from %s", ErrQuote, s.Quote.From(), before.Quote.begins())
	}
	same := s.Quote.priced(before.Quote)
	same.Previous, same.FromMs = before.Quote.Previous, before.Quote.FromMs
	same.IssuedAtMs, same.ValidUntilMs, same.Key = before.Quote.IssuedAtMs, before.Quote.ValidUntilMs, before.Quote.Key
	if !bytes.Equal(canon.Marshal(same), before.body) {
		return fmt.Errorf("%w: it changes more than prices", ErrQuote)
	}
	old, err := before.Quote.ParseTariff()
	if err != nil {
		return err
	}
	tariff, err := s.Quote.ParseTariff()
	if err != nil {
		return err
	}
	if tariff.ID() == old.ID() {
		return fmt.Errorf("%w: its tariff has the id of the one before, %.40q: bills could not tell them apart", ErrQuote, old.ID())
	}
	return s.Quote.checkReturnFollows(before.Quote)
}

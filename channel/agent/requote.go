package agent

import (
	"context"
	"time"

	"joulepay/channel/session"
)

// requoteAhead is how long before a tariff ends the next one is offered: a vehicle that is away for some minutes can still agree.
const requoteAhead = 10 * time.Minute

// requoteEvery is how often an offer is tried again that cannot be made yet.
const requoteEvery = 10 * time.Second

// noteTariff keeps when the tariff of a session ends, for requoteOutlet.
func (v *visit) noteTariff(payee *session.Payee) {
	ends, ok := payee.TariffEnds()
	if !ok {
		v.tariffEnds.Store(0)
		return
	}
	v.tariffEnds.Store(ends.UnixMilli())
}

// requoteOutlet offers the session at an outlet the tariff that follows its own, when that is about to end.
func (s *Station) requoteOutlet(ctx context.Context, o *Outlet, v *visit, now session.Instant) {
	ms := v.tariffEnds.Load()
	if o.Next == nil || ms == 0 || now.Real.Before(o.requoteAt) {
		return
	}
	ends := time.UnixMilli(ms).UTC()
	if left := ends.Sub(now.Session); left <= 0 || left > requoteAhead {
		return // when it is over, the session goes on under it: nothing changes backwards
	}
	o.requoteAt = now.Real.Add(requoteEvery)
	offer, err := o.Next(now, ends)
	if err != nil {
		s.deps.Log.Debug("no tariff follows yet", "session", v.id.String(), "from", ends, "error", err)
		return
	}
	v.hand(ctx, session.Reoffered{Offer: offer, From: ends})()
}

package station

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"joulepay/channel/agent"
	"joulepay/channel/natslink"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/pricing"
)

// PlacesMax bounds the outlets of one station: each is announced, and looked at, several times a second.
const PlacesMax = 256

// ErrPlaces is returned for outlets that vehicles could not tell apart, or that are too many.
var ErrPlaces = errors.New("station: the outlets of a station need EVSE ids of their own")

// Place is one outlet of a station: where a vehicle stands, and what meters there. What is zero follows Config.
type Place struct {
	EVSE        string
	Connector   meter.Connector
	Attestation meter.Attestation
	OCMFKey     []byte // with meter.AttestedOCMF: the meter's public key, SubjectPublicKeyInfo
}

// Only gives the places of a station with one outlet, or the error of making it.
func Only(connector meter.Connector, err error) ([]Place, error) {
	if err != nil {
		return nil, err
	}
	return []Place{{Connector: connector}}, nil
}

// place is an outlet of a running station.
type place struct {
	Place
	station   *Station
	outlet    *agent.Outlet
	announcer *natslink.Announcer
	saidFree  bool // in the last announcement; of the announcing loop only
}

// take makes the outlets of the station, and refuses at the start what could never be signed for a session.
func (s *Station) take(places []Place) error {
	seen := map[string]bool{}
	for _, p := range places {
		if p.EVSE == "" {
			p.EVSE = s.config.EVSE
		}
		if p.Attestation == 0 {
			p.Attestation, p.OCMFKey = s.config.attestation(), s.config.OCMFKey
		}
		if seen[p.EVSE] || len(s.places) == PlacesMax {
			return fmt.Errorf("%w: %.64q, of %d at most", ErrPlaces, p.EVSE, PlacesMax)
		}
		seen[p.EVSE] = true
		at := &place{Place: p, station: s}
		at.outlet = &agent.Outlet{EVSE: p.EVSE, Connector: p.Connector, Offer: at.offerIfReady, Policy: s.config.Policy}
		if s.config.TariffAt != nil {
			at.outlet.Next = at.next
		}
		if s.config.GiveBack != nil {
			at.outlet.Steer = at.steer
		}
		if err := at.takesBack(); err != nil {
			return err
		}
		if err := at.checkOffer(); err != nil {
			return err
		}
		s.places = append(s.places, at)
	}
	if len(s.places) == 0 {
		return fmt.Errorf("%w: there is none", ErrPlaces)
	}
	return nil
}

// free tells whether the outlet has no session and could serve one.
func (at *place) free() bool {
	a := at.station.agent
	return a == nil || a.Free(at.outlet) && ready(at.Connector) == nil
}

// offerIfReady offers nothing that the outlet cannot serve now.
func (at *place) offerIfReady(now session.Instant) (quote.Quote, error) {
	if err := ready(at.Connector); err != nil {
		return quote.Quote{}, err
	}
	q, _, err := at.quoteAt(now)
	return q, err
}

// next gives the quote whose prices follow from a time on.
func (at *place) next(now session.Instant, from time.Time) (quote.Quote, error) {
	q, _, err := at.quoteAt(session.Instant{Session: from, Real: now.Real})
	return q, err
}

// quoteAt builds the quote for a session that begins now, and gives the tariff in it.
func (at *place) quoteAt(now session.Instant) (quote.Quote, *pricing.Tariff, error) {
	s := at.station
	c, w := s.config, s.party.Wallet
	tariff, err := s.tariff(now.Session)
	if err != nil {
		return quote.Quote{}, nil, err
	}
	in := quote.Inputs{
		Network: s.party.Ledger.Trusted().ID, Station: w.DID(), Payout: c.Payout, MeterKey: w.Meter().Public(),
		Attestation: at.Attestation, OCMFKey: at.OCMFKey, Service: c.Service, EVSE: at.EVSE, Unit: c.Unit, Tariff: tariff,
		TimeZone: c.TimeZone, MaxPowerMw: at.Connector.MaxPowerMilliwatts(), ClaimEvery: c.ClaimEvery,
		Window: c.Window, SettleAt: c.SettleAt, SettleEvery: c.SettleEvery, Credential: c.Credential,
		UnpaidMax: c.UnpaidMax, Deferred: c.Deferred,
	}
	at.quoteBack(&in)
	if c.Unit == meter.Seconds {
		in.Patience = c.Policy.GoneAfter // a vehicle that does not pay goes on standing there
	}
	if c.Lifetime > 0 {
		in.ExpiryMin = now.Real.Add(c.Lifetime)
	}
	q, err := quote.Build(in, now.Session)
	return q, tariff, err
}

// checkOffer refuses what could never be signed for a session.
func (at *place) checkOffer() error {
	q, _, err := at.quoteAt(at.station.config.Clock.Now())
	if err != nil {
		return err
	}
	q.StationKey = q.MeterKey // each session has its own
	return q.Check()
}

// announce makes the outlet and its price known.
func (at *place) announce() {
	log := at.station.log
	if raw, err := at.announcement(); err != nil {
		log.Error("announcement", "evse", at.EVSE, "error", err)
	} else if err := at.announcer.Publish(raw); err != nil {
		log.Debug("announcement not sent", "error", err)
	}
}

const tariffWordsMax = 500

func (at *place) announcement() ([]byte, error) {
	now := at.station.config.Clock.Now()
	q, tariff, err := at.quoteAt(now)
	if err != nil {
		return nil, err
	}
	price, err := session.UnitPrice(q)
	if err != nil {
		return nil, err
	}
	returnPrice, err := q.ReturnPrice(now.Session)
	if err != nil {
		return nil, err
	}
	words := quote.TariffWords(tariff, meter.Unit(q.Unit).String())
	if len(words) > tariffWordsMax {
		words = strings.ToValidUTF8(words[:tariffWordsMax], "") // not the half of a letter
	}
	return quote.SignAnnouncement(quote.Announcement{
		Network: q.Network, Station: q.Station, Service: q.Service, EVSE: q.EVSE, Currency: q.Currency,
		MaxPowerMw: q.MaxPowerMw, UnitPrice: price, Tariff: words, Free: at.free(), AtMs: now.Session.UnixMilli(),
		Unit: q.Unit, Estimates: q.Estimates, MaxReturnMw: q.MaxReturnMw, ReturnPrice: returnPrice,
	}, at.station.party.Wallet.Account()), nil
}

// Package station owns a charger as a process runs it: its offer, its outlet, its announcements, and what its API shows.
// It leaves the session to channel/agent, the meter to package meter and its adapters, and flags to cmd/chargepoint.
// It keeps the promise of a quote: what it announces, offers and bills follows from one tariff.
package station

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"joulepay/channel/agent"
	"joulepay/channel/natslink"
	"joulepay/channel/quote"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// announceEvery is how often a station makes itself known; who asks is answered at once with what it said last. Whether it is
// free it says as soon as that changes, which it looks for every announceLook.
const (
	announceEvery = 10 * time.Second
	announceLook  = 250 * time.Millisecond
)

// ErrCurrency is returned for a tariff that the ledger cannot settle.
var ErrCurrency = errors.New("station: the tariff is in another currency than the ledger")

// Config says what a station offers.
type Config struct {
	Service     string
	EVSE        string
	Unit        meter.Unit
	Tariff      *pricing.Tariff
	TariffAt    TariffAt      // the tariff of sessions that begin at a time; nil: always Tariff
	TimeZone    string        // IANA name
	ClaimEvery  time.Duration // session clock
	Window      time.Duration // challenge window of new channels
	Lifetime    time.Duration // a channel must last at least so long
	SettleAt    money.Amount  // ask for a withdrawal when so much is unsettled; 0 never
	SettleEvery time.Duration // or after this time; 0 never
	Payout      wallet.DID    // zero: the station's own account
	Credential  []byte        // what others say of the station, as credential.JoinBundle writes it
	Policy      session.PayeePolicy
	// Attestation is who stands behind the readings; zero: the station. meter.AttestedOCMF promises signed ends.
	Attestation meter.Attestation
	OCMFKey     []byte // with it: the meter's public key, SubjectPublicKeyInfo
	Clock       agent.Clock
	PulseEvery  time.Duration // real time; zero: the owner calls Agent().Pulse
	Report      func(session.Progress)
}

// Station is a running charger.
type Station struct {
	config    Config
	party     *party.Party
	log       *slog.Logger
	outlet    *agent.Outlet
	agent     *agent.Station
	link      *secure.Link
	announcer *natslink.Announcer
}

// New puts a station together; nothing runs before Run. connect gives the outlet, told by when it may be replugged.
func New(p *party.Party, c Config, connect func(free func() bool) (meter.Connector, error), log *slog.Logger) (*Station, error) {
	s := &Station{config: c, party: p, log: log}
	tariff, err := s.tariff(c.Clock.Now().Session)
	if err != nil {
		return nil, err
	}
	if got, want := tariff.Currency(), p.Ledger.Trusted().Genesis.Currency; got != want {
		return nil, fmt.Errorf("%w: %s and %s", ErrCurrency, got, want)
	}
	connector, err := connect(s.Free)
	if err != nil {
		return nil, err
	}
	s.outlet = &agent.Outlet{EVSE: c.EVSE, Connector: connector, Offer: s.offerIfReady, Policy: c.Policy}
	if c.TariffAt != nil {
		s.outlet.Next = s.next
	}
	if err := s.checkOffer(); err != nil {
		return nil, err
	}
	if s.link, err = p.Listen(s.trouble); err != nil {
		return nil, err
	}
	if s.announcer, err = natslink.NewAnnouncer(p.Conn, p.Wallet.DID()); err != nil {
		return nil, err
	}
	s.agent = agent.NewStation(agent.Deps{
		Identity: p.Identity(), Store: p.Store, Link: s.link, Settler: p.Port, Clock: c.Clock, Keys: p.Keys(), Log: log,
		Report: s.report, PulseEvery: c.PulseEvery,
	}, s.outlet)
	return s, nil
}

// Agent gives the agent, for whoever paces a simulated clock.
func (s *Station) Agent() *agent.Station { return s.agent }

// Free tells whether the outlet has no session and could serve one.
func (s *Station) Free() bool {
	return s.agent == nil || s.agent.Free(s.outlet) && ready(s.outlet.Connector) == nil
}

// offerIfReady offers nothing that the outlet cannot serve now.
func (s *Station) offerIfReady(now session.Instant) (quote.Quote, error) {
	if err := ready(s.outlet.Connector); err != nil {
		return quote.Quote{}, err
	}
	return s.offer(now)
}

func (s *Station) trouble(err error) { s.log.Warn("broker", "error", err) }

// Run serves until the context ends.
func (s *Station) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.close()
	all.Go(func() { s.announce(ctx) })
	return s.agent.Run(ctx)
}

func (s *Station) close() {
	if err := errors.Join(s.announcer.Close(), s.link.Close()); err != nil {
		s.log.Debug("closing the link", "error", err)
	}
}

// announce makes the station and its price known from time to time, and whenever it becomes free or taken.
func (s *Station) announce(ctx context.Context) {
	ticker := time.NewTicker(announceLook)
	defer ticker.Stop()
	var free bool
	var next time.Time
	for {
		if now := time.Now(); s.Free() != free || !now.Before(next) {
			free, next = s.Free(), now.Add(announceEvery)
			s.announceNow()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Station) announceNow() {
	if raw, err := s.announcement(); err != nil {
		s.log.Error("announcement", "error", err)
	} else if err := s.announcer.Publish(raw); err != nil {
		s.log.Debug("announcement not sent", "error", err)
	}
}

const tariffWordsMax = 500

func (s *Station) announcement() ([]byte, error) {
	now := s.config.Clock.Now()
	q, tariff, err := s.quoteAt(now)
	if err != nil {
		return nil, err
	}
	price, err := session.UnitPrice(q)
	if err != nil {
		return nil, err
	}
	words := tariff.Describe()
	if len(words) > tariffWordsMax {
		words = strings.ToValidUTF8(words[:tariffWordsMax], "") // not the half of a letter
	}
	return quote.SignAnnouncement(quote.Announcement{
		Network: q.Network, Station: q.Station, Service: q.Service, EVSE: q.EVSE, Currency: q.Currency,
		MaxPowerMw: q.MaxPowerMw, UnitPrice: price, Tariff: words, Free: s.Free(), AtMs: now.Session.UnixMilli(),
		Unit: q.Unit, Estimates: q.Estimates,
	}, s.party.Wallet.Account()), nil
}

// offer builds the quote for a session that begins now.
func (s *Station) offer(now session.Instant) (quote.Quote, error) {
	q, _, err := s.quoteAt(now)
	return q, err
}

// quoteAt builds the quote for a session that begins now, and gives the tariff in it.
func (s *Station) quoteAt(now session.Instant) (quote.Quote, *pricing.Tariff, error) {
	c, w := s.config, s.party.Wallet
	tariff, err := s.tariff(now.Session)
	if err != nil {
		return quote.Quote{}, nil, err
	}
	in := quote.Inputs{
		Network: s.party.Ledger.Trusted().ID, Station: w.DID(), Payout: c.Payout, MeterKey: w.Meter().Public(),
		Attestation: c.attestation(), OCMFKey: c.OCMFKey, Service: c.Service, EVSE: c.EVSE, Unit: c.Unit, Tariff: tariff,
		TimeZone: c.TimeZone, MaxPowerMw: s.outlet.Connector.MaxPowerMilliwatts(), ClaimEvery: c.ClaimEvery,
		Window: c.Window, SettleAt: c.SettleAt, SettleEvery: c.SettleEvery, Credential: c.Credential,
	}
	if c.Lifetime > 0 {
		in.ExpiryMin = now.Real.Add(c.Lifetime)
	}
	q, err := quote.Build(in, now.Session)
	return q, tariff, err
}

// checkOffer refuses at the start what could never be signed for a session.
func (s *Station) checkOffer() error {
	q, err := s.offer(s.config.Clock.Now())
	if err != nil {
		return err
	}
	q.StationKey = q.MeterKey // each session has its own
	return q.Check()
}

// report logs what happens, and passes it on.
func (s *Station) report(p session.Progress) {
	if p.Err != nil {
		s.log.Info("session", "session", p.Session.String(), "phase", p.Phase.String(), "error", p.Err)
	} else if p.Note != "" {
		s.log.Debug("session", "session", p.Session.String(), "phase", p.Phase.String(), "note", p.Note)
	}
	if s.config.Report != nil {
		s.config.Report(p)
	}
}

// Default gives the settings of a charger that is started without flags.
func Default(tariff *pricing.Tariff) Config {
	return Config{
		Service: "charging", EVSE: "DE*JLP*E1*1", Unit: meter.MilliwattHours, Tariff: tariff, TimeZone: "Europe/Berlin",
		ClaimEvery: 10 * time.Second, Window: time.Hour, Lifetime: 24 * time.Hour,
		SettleAt: 10 * money.Nano, SettleEvery: time.Hour, Policy: session.DefaultPayeePolicy(), Clock: agent.WallClock{},
	}
}

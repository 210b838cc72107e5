// Package station owns a charger as a process runs it: its offer, its outlet, its announcements, and what its API shows.
// It leaves the session to channel/agent, the meter to package meter and its adapters, and flags to cmd/chargepoint.
// It keeps the promise of a quote: what it announces, offers and bills follows from one tariff.
package station

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"joulepay/channel/agent"
	"joulepay/channel/natslink"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/cmd/internal/metrics"
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
	MarketAt    MarketAt      // the market price behind the tariff, for who asks; nil: there is none
	TimeZone    string        // IANA name
	ClaimEvery  time.Duration // session clock
	Window      time.Duration // challenge window of new channels
	Lifetime    time.Duration // a channel must last at least so long
	SettleAt    money.Amount  // ask for a withdrawal when so much is unsettled; 0 never
	SettleEvery time.Duration // or after this time; 0 never
	Payout      wallet.DID    // zero: the station's own account
	Credential  []byte        // what others say of the station, as credential.JoinBundle writes it
	Policy      session.PayeePolicy
	GiveBack    *GiveBack // of energy that vehicles give back; nil: none is taken
	UnpaidMax   int64     // of pieces: so many are given out before the first is paid; 0 is one
	Deferred    bool      // a session's end is not settled by itself: SettleAt says when
	// Attestation is who stands behind the readings; zero: the station. meter.AttestedOCMF promises signed ends.
	Attestation meter.Attestation
	OCMFKey     []byte // with it: the meter's public key, SubjectPublicKeyInfo
	Clock       agent.Clock
	PulseEvery  time.Duration // real time; zero: the owner calls Agent().Pulse
	Report      func(session.Progress)
}

// Station is a running charger of one outlet or several.
type Station struct {
	config  Config
	party   *party.Party
	log     *slog.Logger
	places  []*place
	agent   *agent.Station
	link    *secure.Link
	counts  *metrics.Sessions
	history History
	live    live
}

// New puts a station together; nothing runs before Run. connect gives its outlets, told by when one may be replugged.
func New(p *party.Party, c Config, connect func(free func() bool) ([]Place, error), log *slog.Logger) (*Station, error) {
	s := &Station{config: c, party: p, log: log, history: HistoryOf(p.Store)}
	s.counts = metrics.NewSessions(p.Ledger.Trusted().Genesis.Currency, time.Now)
	tariff, err := s.tariff(c.Clock.Now().Session)
	if err != nil {
		return nil, err
	}
	if got, want := tariff.Currency(), p.Ledger.Trusted().Genesis.Currency; got != want {
		return nil, fmt.Errorf("%w: %s and %s", ErrCurrency, got, want)
	}
	places, err := connect(s.Free)
	if err != nil {
		return nil, err
	}
	if err := s.take(places); err != nil {
		return nil, err
	}
	if s.link, err = p.Listen(s.trouble); err != nil {
		return nil, err
	}
	var outlets []*agent.Outlet
	for _, at := range s.places {
		outlets = append(outlets, at.outlet)
		if at.announcer, err = natslink.NewAnnouncer(p.Conn, p.Wallet.DID()); err != nil {
			return nil, err
		}
	}
	s.agent = agent.NewStation(agent.Deps{
		Identity: p.Identity(), Store: p.Store, Link: s.link, Settler: p.Port, Clock: c.Clock, Keys: p.Keys(), Log: log,
		Report: s.report, PulseEvery: c.PulseEvery,
	}, outlets...)
	return s, nil
}

// Agent gives the agent, for whoever paces a simulated clock.
func (s *Station) Agent() *agent.Station { return s.agent }

// Metrics gives what a process that runs the station shows of its sessions, its link and its party.
func (s *Station) Metrics() []prometheus.Collector {
	return append(s.party.Metrics(), s.counts, metrics.Link(s.link))
}

// Free tells whether any outlet has no session and could serve one.
func (s *Station) Free() bool { return slices.ContainsFunc(s.places, (*place).free) }

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
	err := s.link.Close()
	for _, at := range s.places {
		err = errors.Join(err, at.announcer.Close())
	}
	if err != nil {
		s.log.Debug("closing the link", "error", err)
	}
}

// announce makes each outlet and its price known from time to time, and whenever it becomes free or taken.
func (s *Station) announce(ctx context.Context) {
	ticker := time.NewTicker(announceLook)
	defer ticker.Stop()
	var next time.Time
	for {
		now := time.Now()
		again := !now.Before(next)
		for _, at := range s.places {
			if free := at.free(); again || free != at.saidFree {
				at.saidFree = free
				at.announce()
			}
		}
		if again {
			next = now.Add(announceEvery)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// report logs what happens, and passes it on.
func (s *Station) report(p session.Progress) {
	if p.Err != nil {
		s.log.Info("session", "session", p.Session.String(), "channel", p.Channel.String(), "phase", p.Phase.String(), "error", p.Err)
	} else if p.Note != "" {
		s.log.Info("session", "session", p.Session.String(), "channel", p.Channel.String(), "phase", p.Phase.String(), "note", p.Note)
	}
	s.counts.Report(p)
	s.live.note(p.Session)
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

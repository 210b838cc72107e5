package agent

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/natslink"
	"joulepay/channel/quote"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/channel/sqlite"
	"joulepay/channel/store"
	"joulepay/internal/natsd"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// BenchmarkClaims measures durable metered claims, both ends, over a real NATS server on loopback: a reading is signed and
// stored by the station, sent, verified, priced, paid by a claim that is signed and stored by the vehicle, sent, verified and
// stored by the station, over secure links. One operation is one claim. So many readings are under way at once that both ends have work, and
// not so many that they queue.
func BenchmarkClaims(b *testing.B) {
	for _, channels := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("channels=%d", channels), func(b *testing.B) {
			runClaims(b, channels, int64(b.N), true).report(b)
		})
	}
}

// BenchmarkClaimsWithAndWithoutSecrecy runs the same claims over links in the clear and over secure ones, in turns of which
// each goes first in half, so that both meet the same machine. It gives the medians, and what secrecy costs: of the rate, the
// median of the turns. One operation is a pair of claims.
func BenchmarkClaimsWithAndWithoutSecrecy(b *testing.B) {
	const turns = 10
	for _, channels := range []int{1, 16} {
		b.Run(fmt.Sprintf("channels=%d", channels), func(b *testing.B) {
			var rates, cpu [2][]float64 // in the clear, and in secret
			var losses []float64
			claims := int64(max(b.N/turns, 1))
			for turn := range turns {
				for i := range 2 {
					which := (turn + i) % 2
					c := runClaims(b, channels, claims, which == 1)
					rates[which] = append(rates[which], float64(claims)/c.ended.Sub(c.started).Seconds())
					cpu[which] = append(cpu[which], float64(c.cpu.Microseconds())/float64(claims))
				}
				losses = append(losses, 100*(1-rates[1][turn]/rates[0][turn]))
			}
			b.ReportMetric(median(rates[0]), "clear-claims/s")
			b.ReportMetric(median(rates[1]), "secret-claims/s")
			b.ReportMetric(median(losses), "loss-%")
			b.ReportMetric(median(cpu[0]), "clear-cpu-µs")
			b.ReportMetric(median(cpu[1]), "secret-cpu-µs")
		})
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// readingsUnderWay gives the pipeline's depth of each channel: the outstanding limit of the station's policy.
func readingsUnderWay(channels int) int { return min(max(1024/channels, 2), 32) }

// runClaims brings so many claims to a station, and gives what was counted and timed.
func runClaims(b *testing.B, channels int, claims int64, secret bool) *claimCounter {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	broker, err := natsd.Start(natsd.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = broker.Close() }()

	ledger := newLedgerTwin()
	counter := &claimCounter{depth: readingsUnderWay(channels), target: claims, secret: secret, done: make(chan struct{}), pending: map[channel.SessionID][]time.Time{}, seen: map[channel.SessionID]uint64{}}
	station, did := startBenchStation(ctx, b, &work, broker, ledger, counter, channels)
	counter.station = station
	vehicles := openBenchStore(ctx, b, "vehicles.db")
	var ready sync.WaitGroup
	ready.Add(channels)
	counter.ready = func() { ready.Done() }
	for range channels {
		startBenchVehicle(ctx, b, &work, broker, ledger, vehicles, did, counter)
	}
	ready.Wait()

	before := cpuTime(b)
	b.ResetTimer()
	counter.begin()
	<-counter.done
	b.StopTimer()
	counter.cpu = cpuTime(b) - before
	return counter
}

func openBenchStore(ctx context.Context, b *testing.B, name string) store.Store {
	s, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(b.TempDir(), name)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

var benchNetwork = wallet.NetworkID{1}

func deps(w *wallet.Wallet, s store.Store, l link.Link, settler Settler, report func(session.Progress)) Deps {
	return Deps{
		Identity: Identity{Wallet: w, Network: benchNetwork}, Store: s, Link: l, Settler: settler,
		Clock: WallClock{}, Log: slog.New(slog.DiscardHandler), Report: report, PulseEvery: 200 * time.Millisecond,
	}
}

func startBenchStation(ctx context.Context, b *testing.B, work *sync.WaitGroup, broker *natsd.Server, ledger Settler, counter *claimCounter, outlets int) (*Station, wallet.DID) {
	w := wallet.Generate()
	conn, err := broker.Dial(natsd.DialOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	l, err := counter.stationLink(conn, w)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	policy := session.DefaultPayeePolicy()
	policy.OutstandingMax, policy.ReadEvery = counter.depth, time.Nanosecond
	offer := func(now session.Instant) (quote.Quote, error) {
		return quote.Build(quote.Inputs{
			Network: benchNetwork, Station: w.DID(), MeterKey: w.Meter().Public(), Attestation: meter.AttestedByStation,
			Service: "charging", Unit: meter.MilliwattHours, Tariff: pricing.Default(), TimeZone: "Europe/Berlin",
			MaxPowerMw: 50_000_000, ClaimEvery: 10 * time.Second, Window: time.Hour,
		}, now.Session)
	}
	var all []*Outlet
	for i := range outlets {
		all = append(all, &Outlet{EVSE: fmt.Sprint(i), Connector: fastMeter{}, Offer: offer, Policy: policy})
	}
	station := NewStation(deps(w, openBenchStore(ctx, b, "station.db"), l, ledger, counter.progress), all...)
	work.Go(func() { _ = station.Run(ctx) })
	return station, w.DID()
}

func startBenchVehicle(ctx context.Context, b *testing.B, work *sync.WaitGroup, broker *natsd.Server, ledger Settler, s store.Store, station wallet.DID, counter *claimCounter) {
	conn := counter.conn(b, broker)
	w := wallet.Generate()
	l, err := counter.vehicleLink(conn, w)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	comparison, err := meter.NewComparison(meter.SideDC, meter.RelativePPMDefault, 1_000_000)
	if err != nil {
		b.Fatal(err)
	}
	v := NewVehicle(deps(w, &sharedStore{Store: s, mine: map[channel.ID]bool{}}, l, ledger, nil), fastMeter{}, comparison)
	policy := session.DefaultPayerPolicy()
	policy.Deposit, policy.FullIsTarget, policy.SliceMax = 1_000_000*money.Nano, false, money.Nano*1000
	work.Go(func() { _ = v.Run(ctx) })
	work.Go(func() {
		_, _ = v.Charge(ctx, Visit{Station: station, Addr: natslink.StationAddr(station), Policy: policy, LedgerTime: time.Now()})
	})
}

// fastMeter is a meter that always has something new to say: 10 mWh a millisecond, 36 kW. Station and vehicle see the same.
type fastMeter struct{}

var fastMeterStart = time.Now()

func (fastMeter) Plugged() bool                   { return true }
func (fastMeter) MaxPowerMilliwatts() int64       { return 50_000_000 }
func (fastMeter) Start(time.Time, int64) error    { return nil }
func (fastMeter) SetLimit(time.Time, int64) error { return nil }
func (fastMeter) Stop(time.Time) error            { return nil }
func (fastMeter) Sample(now time.Time) (meter.Sample, error) {
	return meter.Sample{
		Time: now, Register: now.Sub(fastMeterStart).Milliseconds() * 10, Unit: meter.MilliwattHours,
		PowerMilliwatts: 36_000_000, StateOfChargePermille: meter.StateOfChargeUnknown, State: meter.Charging,
	}, nil
}

// ledgerTwin opens every channel at once: the ledger takes no part in claims.
type ledgerTwin struct {
	mu       sync.Mutex // guards openings
	openings map[channel.ID]channel.Opening
}

func newLedgerTwin() *ledgerTwin { return &ledgerTwin{openings: map[channel.ID]channel.Opening{}} }

func (l *ledgerTwin) Prepare(_ context.Context, op session.OpRecord) ([]byte, error) {
	if op.Kind == session.OpOpen {
		o, err := channel.DecodeOpening(op.Body)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.openings[o.ID()] = o
	}
	return op.Body, nil
}

func (l *ledgerTwin) Submit(_ context.Context, payload []byte) ([32]byte, error) {
	return sha256.Sum256(payload), nil
}

func (l *ledgerTwin) View(_ context.Context, id channel.ID) (session.View, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, ok := l.openings[id]
	if !ok {
		return session.View{}, store.ErrNotFound
	}
	return session.View{
		Opening: o, Funds: channel.Funds{Deposited: channel.PerParty{o.Deposit, 0}}, State: channel.Open,
		Expiry: o.Terms.Expiry, Time: time.Now(), Final: true,
	}, nil
}

// claimCounter keeps every session's pipeline full, and counts and times what comes out of it.
type claimCounter struct {
	station *Station
	depth   int
	target  int64
	secret  bool
	cpu     time.Duration
	count   atomic.Int64
	started time.Time
	ended   time.Time
	done    chan struct{}
	ready   func()

	mu        sync.Mutex // guards below
	sessions  []channel.SessionID
	seen      map[channel.SessionID]uint64 // claims
	pending   map[channel.SessionID][]time.Time
	latencies []time.Duration
	conns     []*nats.Conn
	running   bool
}

// connsMax is how many connections the vehicles share: as many as a broker serves easily in one process.
const connsMax = 16

func (c *claimCounter) conn(b *testing.B, broker *natsd.Server) *nats.Conn {
	if len(c.conns) == connsMax {
		c.conns = append(c.conns[1:], c.conns[0])
		return c.conns[connsMax-1]
	}
	conn, err := broker.Dial(natsd.DialOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	c.conns = append(c.conns, conn)
	return conn
}

// progress hears of every reading and every claim of the station, in the goroutine of the session.
func (c *claimCounter) progress(p session.Progress) {
	if p.Phase != session.PhaseCharging || p.Note != "" || p.Err != nil {
		return
	}
	c.mu.Lock()
	claims, known := c.seen[p.Session]
	switch {
	case !known:
		c.seen[p.Session] = p.Claims
		c.sessions = append(c.sessions, p.Session)
		c.mu.Unlock()
		c.ready()
		return
	case p.Claims == claims:
		c.pending[p.Session] = append(c.pending[p.Session], time.Now())
		c.mu.Unlock()
		return
	}
	c.seen[p.Session] = p.Claims
	if waiting := c.pending[p.Session]; len(waiting) > 0 {
		c.latencies = append(c.latencies, time.Since(waiting[0]))
		c.pending[p.Session] = waiting[1:]
	}
	c.mu.Unlock()
	if c.count.Add(1) == c.target {
		c.ended = time.Now()
		close(c.done)
	}
	c.feed(p.Session)
}

func (c *claimCounter) feed(id channel.SessionID) {
	if v := c.station.find(id); v != nil {
		sample, err := fastMeter{}.Sample(time.Now())
		select {
		case v.inbox <- envelope{event: session.Sampled{Sample: sample, Err: err}}:
		default: // so many wait that this one changes nothing
		}
	}
}

func (c *claimCounter) begin() {
	c.mu.Lock()
	c.started, c.running = time.Now(), true
	sessions := slices.Clone(c.sessions)
	c.mu.Unlock()
	for range c.depth {
		for _, id := range sessions {
			c.feed(id)
		}
	}
}

func (c *claimCounter) stationLink(conn *nats.Conn, w *wallet.Wallet) (link.Link, error) {
	l, err := natslink.ListenStation(conn, w.DID(), nil)
	if err != nil || !c.secret {
		return l, err
	}
	return secure.Listen(l, secure.NewIdentity(w, benchNetwork), secure.Options{}), nil
}

func (c *claimCounter) vehicleLink(conn *nats.Conn, w *wallet.Wallet) (link.Link, error) {
	l, err := natslink.DialPeer(conn, natslink.NewToken(), nil)
	if err != nil || !c.secret {
		return l, err
	}
	return secure.Dial(l, secure.NewIdentity(w, benchNetwork), secure.Options{}), nil
}

func (c *claimCounter) report(b *testing.B) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.latencies)
	at := func(share float64) float64 {
		if len(c.latencies) == 0 {
			return 0
		}
		return float64(c.latencies[int(share*float64(len(c.latencies)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(float64(c.target)/c.ended.Sub(c.started).Seconds(), "claims/s")
	b.ReportMetric(at(0.50), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(float64(c.cpu.Microseconds())/float64(c.target), "cpu-µs/claim")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sharedStore is one vehicle's part of a store that all vehicles of the benchmark share, so that their commits form groups
// as they do on an operator's side.
type sharedStore struct {
	store.Store
	mu   sync.Mutex // guards mine
	mine map[channel.ID]bool
}

func (s *sharedStore) Commit(ctx context.Context, batch session.Batch) error {
	s.mu.Lock()
	for _, r := range batch.Channels {
		s.mine[r.ID] = true
	}
	s.mu.Unlock()
	return s.Store.Commit(ctx, batch)
}

func (s *sharedStore) PendingOps(ctx context.Context) ([]session.OpRecord, error) {
	all, err := s.Store.PendingOps(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(all, func(r session.OpRecord) bool { return !s.mine[r.Channel] }), err
}

// Unclosed gives none: the ledger of the benchmark closes nothing, so there is nothing to keep.
func (s *sharedStore) Unclosed(context.Context) ([]session.ChannelRecord, error) { return nil, nil }

package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/channel/quote"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/internal/natsd"
	"joulepay/meter"
	"joulepay/meter/counter"
	"joulepay/pricing"
	"joulepay/wallet"
)

// BenchmarkPassages measures passages of toll gates over a real NATS server on loopback, both ends durable, over secure links. One
// operation is one passage: a vehicle stands before the barrier, is counted, the reading is signed and stored, paid by a claim that
// is signed and stored, and the barrier opens; the time of that is p50 and p99. A stay is one session of many passages; with a
// visit each, a passage is a whole session, from the greeting to its end, in a channel that is open. No barrier opens unpaid.
func BenchmarkPassages(b *testing.B) {
	for _, lanes := range []int{1, 16} {
		b.Run(fmt.Sprintf("stay/lanes=%d", lanes), func(b *testing.B) { runPassages(b, lanes, passagesMost) })
		b.Run(fmt.Sprintf("visit/lanes=%d", lanes), func(b *testing.B) { runPassages(b, lanes, 1) })
	}
}

func dial(b *testing.B, broker *natsd.Server) *nats.Conn {
	conn, err := broker.Dial(natsd.DialOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	return conn
}

// passagesMost is how many a session has: half of what a tariff prices in one.
const passagesMost = 5000

// lane is a gate and the vehicle that drives through it.
type lane struct {
	gate    *counter.Gate
	opened  chan int64
	own     *counter.Tally
	vehicle *Vehicle
	visit   Visit
	took    []time.Duration
}

func runPassages(b *testing.B, lanes, perVisit int) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	broker, err := natsd.Start(natsd.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = broker.Close() }()
	ledger, w := newLedgerTwin(), wallet.Generate()
	var all []*lane
	var outlets []*Outlet
	for i := range lanes {
		l, o := newLane(b, w, i)
		all, outlets = append(all, l), append(outlets, o)
	}
	stationLink, err := (&claimCounter{secret: true}).stationLink(dial(b, broker), w)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = stationLink.Close() })
	d := deps(w, openBenchStore(ctx, b, "station.db"), stationLink, ledger, nil)
	d.PulseEvery = 25 * time.Millisecond
	station := NewStation(d, outlets...)
	work.Go(func() { _ = station.Run(ctx) })
	for i, l := range all {
		l.drive(ctx, b, &work, broker, ledger, w.DID(), i)
	}
	var ready sync.WaitGroup
	for _, l := range all { // the first visit opens the channel
		ready.Go(func() { l.pass(ctx, b, 1, 1) })
	}
	ready.Wait()
	before := cpuTime(b)
	b.ResetTimer()
	began := time.Now()
	var passing sync.WaitGroup
	for i, l := range all {
		l.took = l.took[:0]
		passing.Go(func() { l.pass(ctx, b, (b.N+lanes-1-i)/lanes, perVisit) })
	}
	passing.Wait()
	b.StopTimer()
	var took []time.Duration
	for _, l := range all {
		took = append(took, l.took...)
	}
	slices.Sort(took)
	at := func(share int) float64 { return float64(took[(share*len(took)+99)/100-1].Microseconds()) / 1000 }
	b.ReportMetric(float64(len(took))/time.Since(began).Seconds(), "passages/s")
	b.ReportMetric(at(50), "p50-ms")
	b.ReportMetric(at(99), "p99-ms")
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(len(took)), "cpu-µs/passage")
}

var tollTariff = []byte(`{"id":"toll","currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":0.001,"step_size":1}]}]}`)

func newLane(b *testing.B, w *wallet.Wallet, i int) (*lane, *Outlet) {
	c, err := counter.New(0, nil)
	if err != nil {
		b.Fatal(err)
	}
	l := &lane{opened: make(chan int64, 1)}
	if l.gate, err = counter.NewGate(c, false, 0, func(_ time.Time, register int64) { l.opened <- register }); err != nil {
		b.Fatal(err)
	}
	if l.own, err = counter.NewTally(0, nil); err != nil {
		b.Fatal(err)
	}
	tariff, err := pricing.ParseTariff(tollTariff)
	if err != nil {
		b.Fatal(err)
	}
	policy := session.DefaultPayeePolicy()
	policy.SampleEvery = 25 * time.Millisecond
	evse := fmt.Sprint(i)
	return l, &Outlet{EVSE: evse, Connector: l.gate, Policy: policy, Offer: func(now session.Instant) (quote.Quote, error) {
		return quote.Build(quote.Inputs{
			Network: benchNetwork, Station: w.DID(), MeterKey: w.Meter().Public(), Attestation: meter.AttestedByStation,
			Service: "toll", EVSE: evse, Unit: meter.Count, Tariff: tariff, TimeZone: "Europe/Berlin",
			ClaimEvery: 10 * time.Second, Window: time.Hour, UnpaidMax: 1, Deferred: true,
		}, now.Session)
	}}
}

// drive makes the vehicle of a lane.
func (l *lane) drive(ctx context.Context, b *testing.B, work *sync.WaitGroup, broker *natsd.Server, ledger Settler, station wallet.DID, i int) {
	w := wallet.Generate()
	vehicleLink, err := (&claimCounter{secret: true}).vehicleLink(dial(b, broker), w)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = vehicleLink.Close() })
	comparison, err := meter.NewComparison(meter.SideDC, 0, 1)
	if err != nil {
		b.Fatal(err)
	}
	d := deps(w, openBenchStore(ctx, b, fmt.Sprintf("vehicle%d.db", i)), vehicleLink, ledger, nil)
	d.PulseEvery = 25 * time.Millisecond
	l.vehicle = NewVehicle(d, l.own, comparison)
	policy := session.DefaultPayerPolicy()
	policy.Service, policy.EVSE, policy.FullIsTarget, policy.StopsItself = "toll", fmt.Sprint(i), false, true
	l.visit = Visit{Station: station, Addr: secure.AddrOf(station), Policy: policy, LedgerTime: time.Now()}
	work.Go(func() { _ = l.vehicle.Run(ctx) })
}

// pass drives through n times, so many to a visit.
func (l *lane) pass(ctx context.Context, b *testing.B, n, perVisit int) {
	for n > 0 {
		now := min(n, perVisit)
		n -= now
		began := time.Now()
		over := make(chan error, 1)
		go func() {
			_, err := l.vehicle.Charge(ctx, l.visit)
			over <- err
		}()
		for range now {
			if err := l.gate.Arrive(time.Now()); err != nil {
				b.Error(err)
			}
			<-l.opened
			if err := l.own.Add(1); err != nil {
				b.Error(err)
			}
			l.took = append(l.took, time.Since(began))
			began = time.Now()
		}
		l.vehicle.Stop(ctx)
		if err := <-over; err != nil {
			b.Error(err)
		}
	}
}

package apiload

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	channelstore "joulepay/channel/sqlite"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/cmd/internal/stationcmd"
	"joulepay/cmd/internal/vehicle"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/pricing"
	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	operate = "a-token-with-which-one-operates"
	// powerMw is the outlet's, milliwatts.
	powerMw = 50_000_000
)

var eur = money.Currency{'E', 'U', 'R'}

// world is a charger as its process runs it, with broker and ledger inside, and a wallet that may issue.
type world struct {
	*stationcmd.Charger
	dir    string
	wallet *wallet.Wallet
	client *client.Client
	change func(*stationcmd.Options)
}

// start runs a charger. fill writes into its directory before.
func start(t testing.TB, fill func(dir string, w *wallet.Wallet)) *world {
	t.Helper()
	return startWith(t, fill, func(*stationcmd.Options) {})
}

func startWith(t testing.TB, fill func(dir string, w *wallet.Wallet), change func(*stationcmd.Options)) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), wallet: wallet.Generate(), change: change}
	w.begin(t)
	if fill != nil {
		fill(w.dir, w.wallet)
	}
	w.run(t)
	t.Cleanup(func() { w.Close() })
	return w
}

// again ends the charger and runs it anew.
func (w *world) again(t testing.TB) {
	t.Helper()
	w.Close()
	w.run(t)
}

func (w *world) run(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err, "listen")
	o := stationcmd.Options{
		Dir: w.dir, Wallet: w.wallet, NATS: stationcmd.Embedded, NATSListen: "127.0.0.1:0", Ledger: stationcmd.Embedded,
		Meter: meter.Spec{Kind: meter.KindSim}, PowerMw: powerMw, Log: slog.New(slog.DiscardHandler), OnNATS: func(error) {},
		Tokens: []api.Token{{Scope: api.ScopeOperate, Secret: operate}},
		Settings: func(*party.Party) (station.Config, error) {
			settings := station.Default(pricing.Default())
			settings.ClaimEvery, settings.PulseEvery = time.Second, 250*time.Millisecond
			settings.Policy.SampleEvery = 250 * time.Millisecond
			return settings, nil
		},
	}
	w.change(&o)
	w.Charger, err = stationcmd.Start(context.Background(), o, listener)
	fatal(t, err, "start the charger")
	w.client, err = client.New(w.URL, client.Options{Token: operate})
	fatal(t, err, "client")
}

// begin writes a genesis under which vertices need no credit: a test is in more of a hurry than people are.
func (w *world) begin(t testing.TB) {
	t.Helper()
	g := operator.DevGenesis(w.wallet.DID(), time.Now())
	g.Limits.CreditInterval, g.Limits.CreditCap, g.Limits.RegistrationCredit = 0, 0, 0
	genesis, err := settle.NewGenesis(g)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(w.dir, "ledger")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "genesis.bin"), genesis.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// issue puts money on an account, once for an account.
func (w *world) issue(t testing.TB, to wallet.DID, amount money.Amount) {
	t.Helper()
	_, err := w.client.Issue(context.Background(), client.IssueRequest{To: to, Amount: money.Of(amount, eur), Reference: "for " + to.String()[10:50]})
	if err != nil {
		t.Fatal(err)
	}
}

// drive lets a vehicle charge until the test ends, and returns once it pays.
func (w *world) drive(t testing.TB) wallet.DID {
	t.Helper()
	did, paying, ended := w.plugIn(t, 5_000_000_000)
	select {
	case <-paying:
	case err := <-ended:
		t.Fatalf("the vehicle ended: %v", err)
	case <-time.After(patience):
		t.Fatal("the vehicle does not pay")
	}
	return did
}

// patience is far above what a busy machine takes.
const patience = 3 * time.Minute

// visited lets a vehicle take 50 Wh, and gives the session once it has its receipt. It looks whenever something happens.
func (w *world) visited(t testing.TB) client.SessionID {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	did, _, ended := w.plugIn(t, 50_000)
	for _, err := range w.client.Events(ctx, client.EventQuery{}) {
		fatal(t, err, "events")
		select {
		case err := <-ended:
			fatal(t, err, "visit")
		default:
		}
		page, err := w.client.Sessions(ctx, client.SessionQuery{Party: did, State: client.SessionFinal})
		fatal(t, err, "sessions")
		if len(page.Items) == 0 {
			continue
		}
		if _, err := w.client.Receipt(ctx, page.Items[0].ID); err == nil {
			return page.Items[0].ID
		}
	}
	t.Fatal("the visit does not end")
	return client.SessionID{}
}

// plugIn begins a visit. What it gives says when the vehicle has paid more than once, and how the visit ended.
func (w *world) plugIn(t testing.TB, milliwattHours int64) (did wallet.DID, paying <-chan struct{}, ended <-chan error) {
	t.Helper()
	own := wallet.Generate()
	w.issue(t, own.DID(), 500*money.Nano)
	p, err := party.Open(context.Background(), party.Options{
		Wallet: own, Dir: t.TempDir(), NATS: w.NATS, Ledger: w.URL, Name: "vehicle", Log: slog.New(slog.DiscardHandler),
	})
	fatal(t, err, "vehicle")
	paid, once := make(chan struct{}), sync.Once{}
	battery := sim.DefaultBattery()
	battery.CapacityMilliwattHours, battery.StateOfChargePermille = 10_000_000_000, 100
	config := vehicle.Config{
		Policy: session.DefaultPayerPolicy(), Measure: meter.Spec{Kind: meter.KindSim}, Clock: agent.WallClock{}, Battery: battery,
		PulseEvery: 250 * time.Millisecond, Report: func(p session.Progress) {
			if p.Claims > 1 {
				once.Do(func() { close(paid) })
			}
		},
	}
	config.Policy.Quantity = milliwattHours
	car, err := vehicle.New(p, config, w.wallet.DID(), slog.New(slog.DiscardHandler))
	fatal(t, err, "vehicle")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var all sync.WaitGroup
	all.Go(func() { _ = car.Run(ctx) }) // which ends with ctx
	all.Go(func() {
		defer cancel()
		_, err := car.Charge(ctx, nil)
		done <- err
	})
	t.Cleanup(func() {
		cancel()
		all.Wait()
		_ = car.Close() // what it was plugged into ends with the test too
		p.Close()
	})
	return own.DID(), paid, done
}

// visits writes so many sessions that are over into a station's store, of 100 vehicles in turn, with so many readings each.
func visits(t testing.TB, dir string, w *wallet.Wallet, sessions, readings int) {
	t.Helper()
	s, err := channelstore.Open(context.Background(), channelstore.Options{Path: filepath.Join(dir, "sessions.db")})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Add(-time.Duration(sessions) * time.Minute).Truncate(time.Millisecond)
	const together = 200
	for from := 0; from < sessions; from += together {
		var batch session.Batch
		for i := from; i < min(from+together, sessions); i++ {
			batch.Merge(visit(t, w, i, begin.Add(time.Duration(i)*time.Minute), readings))
		}
		if err := s.Commit(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// vehicleNumber gives the vehicles that visited.
func vehicleNumber(i int) wallet.DID {
	return wallet.DIDOf(wallet.NewPrivateKey([32]byte{7, byte(i), byte(i >> 8)}).Public())
}

func visit(t testing.TB, w *wallet.Wallet, i int, at time.Time, readings int) session.Batch {
	t.Helper()
	id := channel.SessionID{0xee, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
	q, err := quote.Build(quote.Inputs{
		Network: wallet.NetworkID{9}, Station: w.DID(), MeterKey: w.Meter().Public(), Attestation: meter.AttestedByStation, Service: "charging",
		EVSE: "DE*JLP*E1*1", Unit: meter.MilliwattHours, Tariff: pricing.Default(), TimeZone: "Europe/Berlin", MaxPowerMw: powerMw,
		ClaimEvery: 10 * time.Second, Window: time.Hour,
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	q.Session, q.StationKey, q.IssuedAtMs, q.ValidUntilMs = id, w.Channel(1).Public(), at.UnixMilli(), at.UnixMilli()
	signed := quote.Sign(q, w.Account())
	op := session.NewOp(session.OpWithdraw, channel.ID{byte(i), byte(i >> 8)}, id, id[:])
	op.State, op.Vertex = session.OpFinal, [32]byte{byte(i), byte(i >> 8), 1}
	r := session.SessionRecord{
		ID: id, Role: session.RolePayee, Phase: session.PhaseEnded, Peer: vehicleNumber(i % 100), Service: "charging", Paid: 2 * money.Nano, Cost: 2 * money.Nano,
		Claims: 7, StartedMs: at.UnixMilli(), Vertices: []session.OpID{op.ID}, Quote: signed.Bytes(), SoCPermille: 800,
	}
	if i%50 == 0 {
		r.Phase = session.PhaseFailed
	}
	var batch session.Batch
	chain := meter.NewChain(id)
	for n := range readings {
		state := meter.Charging
		if n == readings-1 {
			state = meter.Ended
		}
		sample := meter.Sample{Time: at.Add(time.Duration(n) * 10 * time.Second), Register: int64(i)*1000 + int64(n)*100_000, Unit: meter.MilliwattHours,
			PowerMilliwatts: powerMw, StateOfChargePermille: 500, State: state}
		reading, err := chain.Next(sample, meter.AttestedByStation)
		if err != nil {
			t.Fatal(err)
		}
		s := meter.Sign(reading, w.Meter(), wallet.NetworkID{9})
		if err := chain.Accept(s.Reading); err != nil {
			t.Fatal(err)
		}
		batch.Readings = append(batch.Readings, session.ReadingRecord{Session: id, Sequence: reading.Sequence, Signed: s.Encode()})
		r.Sequence, r.EndedMs, r.Quantity = reading.Sequence, reading.Time.UnixMilli(), int64(n)*100_000
	}
	batch.Sessions, batch.Ops = []session.SessionRecord{r}, []session.OpRecord{op}
	return batch
}

// from gives a client of its own address of this machine: each has its own rate.
func (w *world) from(t testing.TB, n int) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(n+1))}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func fatal(t testing.TB, err error, what string) {
	t.Helper()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", what, err))
	}
}

func decode(r io.Reader, into any) error { return json.NewDecoder(r).Decode(into) }

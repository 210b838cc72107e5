package stationcmd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"joulepay/channel/session"
	"joulepay/cmd/internal/metrics"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/internal/natsd"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/settle/api"
	"joulepay/settle/web"
	"joulepay/wallet"
	"joulepay/wallet/credential/status"
)

// Embedded stands in place of a URL for what runs in this process.
const Embedded = "embedded"

// Options say what a charger is made of.
type Options struct {
	Dir        string // of all state; made when missing
	Wallet     *wallet.Wallet
	NATS       string // URL, or Embedded
	NATSListen string // host:port of the embedded broker
	TLS        party.TLS
	Ledger     string // URL, or Embedded
	Meter      meter.Spec
	ReturnMw   int64            // of a simulated outlet, back from the vehicle; 0: it takes nothing back
	PowerMw    int64            // of a simulated outlet or an attached program, milliwatts
	OCPP       station.OCPP     // of a charging station, with a meter of that kind
	Sale       *station.Sale    // of a station that sells something else than energy, instead of Meter and PowerMw
	MeterKey   *ocmf.PrivateKey // with which any other meter signs the ends of a session; nil: it does not
	Log        *slog.Logger
	OnNATS     func(error) // hears of trouble with the connection
	// StatusLists are those of credentials that this party issued; nil: its API serves none.
	StatusLists status.Lists
	Tokens      []api.Token // of operators, for the API
	Origins     []string    // of other sites whose pages may use the API
	// Settings finishes the station's settings once the ledger, and so the currency, is known.
	Settings func(*party.Party) (station.Config, error)
}

// Charger is a running charger with its API, and with broker and ledger where they are embedded.
type Charger struct {
	Party   *party.Party
	Station *station.Station
	URL     string // of the API
	NATS    string
	Ledger  string
	OCPP    string // what to enter in the charging station; empty without one
	Resumed int    // sessions that were not over when it started

	options Options
	front   station.Front
	shown   *prometheus.Registry // of the API
	broker  *operator.Broker
	node    *operator.Node
	failed  chan error // what ended by itself, at most one of each part
	close   []func()
}

// parts is how many parts of a charger can end by themselves: station, API and ledger.
const parts = 3

// Start brings everything up and serves the API on the listener, which Close closes. What was interrupted resumes. When ctx
// ends, so does everything, at once; Drain ends sessions politely before.
func Start(ctx context.Context, o Options, listener net.Listener) (*Charger, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &Charger{options: o, failed: make(chan error, parts), URL: "http://" + reachable(listener.Addr()), NATS: o.NATS, Ledger: o.Ledger}
	c.later(cancel)
	for _, start := range []func(context.Context, net.Listener) error{c.startBroker, c.startLedger, c.startStation} {
		if err := start(ctx, listener); err != nil {
			c.Close()
			return nil, errors.Join(err, unlessClosed(listener.Close()))
		}
	}
	return c, nil
}

func (c *Charger) later(f func()) { c.close = append(c.close, f) }

// Close ends everything, in the reverse order of its start. What was acknowledged is stored.
func (c *Charger) Close() {
	for i := len(c.close) - 1; i >= 0; i-- {
		c.close[i]()
	}
	c.close = nil
}

// Drain takes no vehicle any more, and returns once every session has ended and is settled, or ctx ends.
func (c *Charger) Drain(ctx context.Context) error { return c.Station.Agent().Drain(ctx) }

// Failed gives what a part of the charger ended with that should have gone on.
func (c *Charger) Failed() <-chan error { return c.failed }

// closing ends a part, and logs what goes wrong: nobody waits for it.
func (c *Charger) closing(part io.Closer) {
	c.later(func() {
		if err := part.Close(); err != nil {
			c.options.Log.Error("closing", "error", err)
		}
	})
}

func (c *Charger) startBroker(context.Context, net.Listener) error {
	if c.options.NATS != Embedded {
		return nil
	}
	certificate, err := c.options.TLS.Certificate()
	if err != nil {
		return err
	}
	broker, err := operator.StartBroker(filepath.Join(c.options.Dir, "broker"), c.options.NATSListen, certificate, c.options.Log)
	if err != nil {
		return err
	}
	broker.Own(c.options.Wallet)
	c.broker, c.NATS = broker, broker.ClientURL()
	c.closing(broker)
	return nil
}

// startLedger starts the embedded ledger, whose API must answer before the charger can meet it.
func (c *Charger) startLedger(ctx context.Context, listener net.Listener) error {
	if c.options.Ledger != Embedded {
		return nil
	}
	node, err := operator.StartNode(ctx, operator.Options{
		Dir: filepath.Join(c.options.Dir, "ledger"), Wallet: c.options.Wallet, Broker: c.broker, NATS: c.NATS, Log: c.options.Log,
	})
	if err != nil {
		return err
	}
	c.node, c.Ledger = node, c.URL
	c.closing(node)
	go func() {
		select {
		case <-node.Done():
			c.fail(node.Err())
		case <-ctx.Done():
		}
	}()
	config := node.Config()
	c.shown = config.Registry
	config.Claims = api.FirstClaims(&c.front, config.Claims)
	return c.serve(ctx, listener, config)
}

// startStation opens the party, resumes what was interrupted, and serves.
func (c *Charger) startStation(ctx context.Context, listener net.Listener) error {
	trusted, err := c.options.TLS.Trusted()
	if err != nil {
		return err
	}
	p, err := party.Open(ctx, party.Options{
		Wallet: c.options.Wallet, Dir: c.options.Dir, Station: true, NATS: c.NATS, TLS: trusted, Ledger: c.Ledger, Name: program, Log: c.options.Log, OnNATS: c.options.OnNATS,
	})
	if err != nil {
		return err
	}
	c.Party = p
	c.later(p.Close)
	settings, err := c.options.Settings(p)
	if err != nil {
		return err
	}
	if c.Resumed, err = unfinished(ctx, p); err != nil {
		return err
	}
	c.Station, err = station.New(p, settings, c.connect(ctx, p, settings), c.options.Log)
	if err != nil {
		return err
	}
	if c.shown == nil {
		c.shown = metrics.New()
		c.shown.MustRegister(metrics.Disk(c.options.Dir))
	}
	c.shown.MustRegister(c.Station.Metrics()...)
	c.front.Show(c.Station)
	c.run(ctx)
	if c.node != nil {
		return nil
	}
	return c.serve(ctx, listener, c.remoteConfig())
}

// unfinished counts the sessions that the station will resume.
func unfinished(ctx context.Context, p *party.Party) (int, error) {
	records, err := p.Store.Unfinished(ctx)
	n := 0
	for _, r := range records {
		if r.Role == session.RolePayee {
			n++
		}
	}
	return n, err
}

// run runs the station until Close.
func (c *Charger) run(ctx context.Context) {
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.fail(c.Station.Run(running))
	}()
	c.later(func() { cancel(); <-done })
}

// fail notes that a part ended by itself.
func (c *Charger) fail(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		c.failed <- err // there is room for each part
	}
}

// remoteConfig serves what a charger has; the ledger's resources are for the ledger's own API.
func (c *Charger) remoteConfig() api.Config {
	return api.Config{
		Network: c.Party.Ledger, Claims: &c.front,
		Checks: []api.Check{{Name: "broker", Well: c.brokerWell}, {Name: "ledger", Well: c.ledgerWell}, {Name: "disk", Well: metrics.DiskWell(c.options.Dir)}},
		Now:    time.Now, Logger: c.options.Log, Registry: c.shown,
	}
}

func (c *Charger) brokerWell(context.Context) error {
	if !c.Party.Conn.IsConnected() {
		return natsd.ErrDisconnected
	}
	return nil
}

func (c *Charger) ledgerWell(ctx context.Context) error {
	_, err := c.Party.Ledger.Network(ctx)
	return err
}

// shutdownTimeMax is for answers in flight.
const shutdownTimeMax = 5 * time.Second

// serve answers until Close.
func (c *Charger) serve(ctx context.Context, listener net.Listener, config api.Config) error {
	config.Sessions, config.Stations, config.Tariffs = &c.front, &c.front, &c.front
	config.Events, config.Dashboard = append(config.Events, &c.front), web.Handler()
	config.StatusLists, config.Loopback = c.options.StatusLists, isLoopback(listener.Addr())
	config.Tokens, config.Origins = c.options.Tokens, c.options.Origins
	serving, stop := context.WithCancel(ctx)
	config.Lifetime = serving
	handler, err := api.New(config)
	if err != nil {
		stop()
		return err
	}
	server := api.Server(serving, handler)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			c.fail(err)
		}
	}()
	c.later(func() {
		stop()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeMax)
		defer cancel()
		if err := server.Shutdown(limited); err != nil {
			c.options.Log.Warn("answers were cut off", "error", err)
		}
		<-done
	})
	return nil
}

func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// reachable gives host:port of a listener as a client on this machine writes it.
func reachable(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}).String()
	}
	return address.String()
}

// Package api owns the HTTP API of a process: its routes, who may call them, their limits, and the OpenAPI document
// that describes them. It leaves the ledger, sessions, stations and tariffs to what implements its interfaces, and
// listening, TLS and shutdown to the command.
// It keeps invariant I9 for requests: every body, rate, wait and page is bounded, what is unknown is refused, and
// every refusal is a typed problem document.
//
// Start with New. The interfaces have the methods of client.Client, so a process may also pass on what another serves.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/settle/once"
	"joulepay/wallet"
	"joulepay/wallet/credential/status"
)

// ErrConfig is returned for a configuration with which the API cannot work.
var ErrConfig = errors.New("api: configuration")

// Network says which ledger this process follows. Serves and Version are filled in by the API.
type Network interface {
	Network(context.Context) (client.Network, error)
}

// Ledger answers for what the ledger holds. Submit makes a vertex durable before it returns; Await returns once a
// vertex is final or refused, or with its state when the context ends.
type Ledger interface {
	Network
	Account(context.Context, wallet.DID) (client.Account, error)
	Channels(context.Context, client.ChannelQuery) (client.Page[client.Channel], error)
	DID(ctx context.Context, d wallet.DID, proof bool) (did.Resolution, error)
	Channel(context.Context, client.ID) (client.Channel, error)
	Vertices(context.Context, client.VertexQuery) (client.Page[client.Vertex], error)
	Vertex(context.Context, client.ID) (client.Vertex, error)
	AwaitVertex(context.Context, client.ID) (client.Vertex, error)
	PostVertex(context.Context, []byte) (client.Vertex, error)
	Transfers(context.Context, client.EntryQuery) (client.Page[client.Transfer], error)
	Settlements(context.Context, client.EntryQuery) (client.Page[client.Settlement], error)
	Issues(context.Context, client.EntryQuery) (client.Page[client.Issue], error)
	Redemptions(context.Context, client.EntryQuery) (client.Page[client.Redemption], error)
	Checkpoints(context.Context, client.CheckpointQuery) (client.Page[client.Checkpoint], error)
}

// Claims answers for the best claim of each lane.
type Claims interface {
	Claims(ctx context.Context, channel client.ID) (client.Page[client.Claim], error)
}

// Sessions answers for visits and their receipts.
type Sessions interface {
	Sessions(context.Context, client.SessionQuery) (client.Page[client.Session], error)
	Session(context.Context, client.SessionID) (client.Session, error)
	Readings(context.Context, client.SessionID, client.ReadingQuery) (client.Page[client.Reading], error)
	Receipt(context.Context, client.SessionID) (json.RawMessage, error)
}

// Stations answers for the stations that are known.
type Stations interface {
	Stations(context.Context, client.StationQuery) (client.Page[client.Station], error)
}

// Tariffs answers for the tariffs on offer, and what they come to.
type Tariffs interface {
	Tariffs(context.Context, client.OfferQuery) (client.Page[client.Tariff], error)
	Estimates(context.Context, client.OfferQuery) (client.Page[client.Estimate], error)
	Prices(context.Context, client.PriceQuery) (client.Page[client.PriceSlot], error)
}

// Issuer issues with a key that the process holds. The same reference issues once.
type Issuer interface {
	Issue(context.Context, client.IssueRequest) (client.Issue, error)
}

// Events gives what happens from now on. The channel is closed when the context ends, or when the reader falls behind. The
// API follows each source once, for all who follow it.
type Events interface {
	Events(context.Context) (<-chan client.Event, error)
}

// Check tells whether one thing that the process needs is well.
type Check struct {
	Name string
	Well func(context.Context) error
}

// Config says what a process serves. What is nil answers with problem type not-served-here.
type Config struct {
	Network   Network // may be nil when Ledger is set
	Ledger    Ledger
	Claims    Claims
	Sessions  Sessions
	Stations  Stations
	Tariffs   Tariffs
	Issuer    Issuer
	Payer     Payer
	Once      once.Store // of idempotency keys; nil: they are forgotten with the process
	Events    []Events   // merged
	Snapshots Snapshots
	// StatusLists are those of credentials that this party issued.
	StatusLists status.Lists
	Dashboard   http.Handler // the page at / and what is below /assets/; nil: there is none
	Checks      []Check      // of /readyz

	// Loopback says that the listener is bound to a loopback address: then accounts and sessions are open to read.
	Loopback bool
	Tokens   []Token // of operators; empty: nobody is one
	// Origins are those of other sites whose pages may use the API, such as "https://board.example"; empty: none (CORS is off).
	Origins []string

	Lifetime context.Context      // ends the following of events; nil: they are followed as long as the process runs
	Now      func() time.Time     // wall clock, for rates and durations; required
	Logger   *slog.Logger         // nil: no logs
	Registry *prometheus.Registry // of /metrics; nil: one of its own
	Rate     Rate                 // zero: RateDefault
	Wait     time.Duration        // how long a request may wait for finality; zero: client.WaitMax
	Version  string               // of the software
}

// server is a checked configuration.
type server struct {
	Config
	keys         keyring // of Tokens
	protection   *http.CrossOriginProtection
	routes       []route
	limiter      *limiter
	metrics      *metrics
	openAPI      []byte
	feed         *feed
	eventReaders chan struct{} // one for each caller that follows events

	inHand inHand

	snapshotsInHand chan struct{}
}

// New makes the handler of every route.
func New(c Config) (http.Handler, error) {
	s := &server{Config: c}
	if s.Network == nil && s.Ledger != nil {
		s.Network = s.Ledger
	}
	if s.Network == nil || s.Now == nil {
		return nil, fmt.Errorf("%w: a network and a clock are required", ErrConfig)
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Registry == nil {
		s.Registry = prometheus.NewRegistry()
	}
	if s.Rate == (Rate{}) {
		s.Rate = RateDefault
	}
	if s.Wait <= 0 || s.Wait > client.WaitMax {
		s.Wait = client.WaitMax
	}
	var err error
	if s.keys, err = newKeyring(s.Tokens); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if s.protection, err = protect(s.Origins); err != nil {
		return nil, err
	}
	if s.openAPI, err = OpenAPI(); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(s.Registry, func() int { return len(s.eventReaders) }); err != nil {
		return nil, err
	}
	s.limiter = newLimiter(s.Rate)
	if s.Once == nil {
		s.Once = once.NewMemory()
	}
	if s.Lifetime == nil {
		s.Lifetime = context.Background()
	}
	s.feed = &feed{sources: s.Events, lifetime: s.Lifetime}
	s.eventReaders = make(chan struct{}, eventReadersMax)
	s.snapshotsInHand = make(chan struct{}, snapshotsMax)
	s.routes = s.allRoutes()
	return s.handler(), nil
}

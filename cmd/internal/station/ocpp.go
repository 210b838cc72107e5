package station

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"joulepay/channel/agent"
	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocpp"
)

// ErrOpen is returned for a central system that anybody on the network could connect to.
var ErrOpen = errors.New("station: a central system beyond this machine needs a password for its station")

// OCPP says how a charger serves a charging station.
type OCPP struct {
	Listener       net.Listener     // where the charging station connects; closed with the central system
	Certificate    *tls.Certificate // security profile 2; nil: no TLS
	Station        string           // its identity; empty: the first that connects
	Password       string           // of HTTP basic authentication; empty: none is asked for
	Connector      int              // connectorId of 1.6, evseId of 2.0.1
	MaxPowerMw     int64
	StepMwh        int64 // the last digit of the meter's signed register; 0: a watt-hour
	MeterKey       ocmf.PublicKey
	SignedRequired bool
	Contracts      map[string]string // DID → contract id
	MeterEvery     time.Duration
	Report         func(ocpp.Event)
}

// CentralSystem is a charging station behind OCPP, served.
type CentralSystem struct {
	URL    string // to enter in the charging station
	Outlet *ocpp.Outlet
	system *ocpp.System
	server *http.Server
	done   chan struct{}
}

// Times and sizes of the server. Everything after the handshake is bounded by package ocpp.
const (
	handshakeMax       = 10 * time.Second
	handshakeHeaderMax = 16 << 10
)

// ServeOCPP serves a charging station until it is closed. The register goes on where the last session left it.
func ServeOCPP(ctx context.Context, p *party.Party, clock agent.Clock, o OCPP, log *slog.Logger) (*CentralSystem, error) {
	last, err := registerOf(ctx, p.Store)
	if err != nil {
		return nil, err
	}
	system, err := ocpp.New(ocpp.Config{
		Now: func() time.Time { return clock.Now().Session }, MeterEvery: o.MeterEvery, SignedRequired: o.SignedRequired,
		Contracts: o.Contracts, Report: o.Report,
		Stations: []ocpp.StationConfig{{
			ID: o.Station, Password: o.Password, MeterKey: o.MeterKey,
			Connectors: []ocpp.ConnectorConfig{{Number: o.Connector, MaxPowerMw: o.MaxPowerMw, StepMwh: o.StepMwh, RegisterMwh: last.register}},
		}},
	})
	if err != nil {
		return nil, err
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	listener := o.Listener
	c := &CentralSystem{Outlet: system.Station(0).Outlet(o.Connector), system: system, done: make(chan struct{})}
	c.URL = o.url(listener.Addr())
	if o.Certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*o.Certificate}, MinVersion: tls.VersionTLS12})
	}
	c.server = &http.Server{
		Handler: system, ReadHeaderTimeout: handshakeMax, MaxHeaderBytes: handshakeHeaderMax,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(c.done)
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the central system", "error", err)
		}
	}()
	return c, nil
}

// Check returns ErrOpen for a central system that must not be served.
func (o OCPP) Check() error {
	if tcp, ok := o.Listener.Addr().(*net.TCPAddr); o.Password == "" && (!ok || !tcp.IP.IsLoopback()) {
		return ErrOpen
	}
	return nil
}

// url gives what to enter in the charging station.
func (o OCPP) url(address net.Addr) string {
	scheme, name := "ws", o.Station
	if o.Certificate != nil {
		scheme = "wss"
	}
	if name == "" {
		name = "STATION"
	}
	return scheme + "://" + address.String() + "/ocpp/" + name
}

// Close ends the connection of the charging station.
func (c *CentralSystem) Close() error {
	err := c.server.Close()
	<-c.done
	return errors.Join(err, c.system.Close())
}

// ready tells why an outlet cannot serve anybody now; simulated ones always can.
func ready(connector meter.Connector) error {
	if r, ok := connector.(interface{ Ready() error }); ok {
		return r.Ready()
	}
	return nil
}

func (c Config) attestation() meter.Attestation {
	if c.Attestation == 0 {
		return meter.AttestedByStation
	}
	return c.Attestation
}

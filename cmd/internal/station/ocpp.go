package station

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"joulepay/channel/agent"
	"joulepay/channel/store"
	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocpp"
)

// ErrOpen is returned for a central system that anybody on the network could connect to.
var ErrOpen = errors.New("station: a central system beyond this machine needs a password for each station")

// OCPP says how a charger serves charging stations.
type OCPP struct {
	Listener    net.Listener     // where they connect; closed with the central system
	Certificate *tls.Certificate // security profile 2; nil: no TLS
	Stations    []OCPPStation
	Contracts   map[string]string // DID → contract id
	MeterEvery  time.Duration
	Dir         string // of what a restart must not lose; made when missing
	Report      func(ocpp.Event)
}

// OCPPStation is a charging station that may connect.
type OCPPStation struct {
	ID         string // its identity; empty: the first that connects
	Password   string // of HTTP basic authentication; empty: none is asked for
	Connectors []OCPPConnector
}

// OCPPConnector is one connector of a charging station, and the outlet that it is.
type OCPPConnector struct {
	EVSE           string // of the outlet; empty: that of Config
	Number         int    // connectorId of 1.6, evseId of 2.0.1
	MaxPowerMw     int64
	StepMwh        int64 // the last digit of the meter's signed register; 0: a watt-hour
	MeterKey       ocmf.PublicKey
	SignedRequired bool
}

// CentralSystem serves charging stations behind OCPP.
type CentralSystem struct {
	URL    string // to enter in the charging station
	Places []Place
	system *ocpp.System
	server *http.Server
	done   chan struct{}
}

// Times and sizes of the server. Everything after the handshake is bounded by package ocpp.
const (
	handshakeMax       = 10 * time.Second
	handshakeHeaderMax = 16 << 10
)

// ServeOCPP serves charging stations until it is closed. What a restart interrupted goes on. evse is that of a connector
// which has none of its own.
func ServeOCPP(ctx context.Context, p *party.Party, clock agent.Clock, evse string, o OCPP, log *slog.Logger) (*CentralSystem, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	memory, err := openOCPPMemory(o.Dir)
	if err != nil {
		return nil, err
	}
	stations, err := o.recalled(ctx, p.Store, memory, evse)
	if err != nil {
		return nil, err
	}
	system, err := ocpp.New(ocpp.Config{
		Now: func() time.Time { return clock.Now().Session }, MeterEvery: o.MeterEvery, Contracts: o.Contracts, Report: o.Report,
		Memory: memory, Stations: stations,
	})
	if err != nil {
		return nil, err
	}
	c := &CentralSystem{URL: o.url(o.Listener.Addr()), Places: o.places(system), system: system, done: make(chan struct{})}
	c.serve(o, log)
	return c, nil
}

// recalled gives the stations with what is known of each connector from before.
func (o OCPP) recalled(ctx context.Context, s store.Store, memory ocppMemory, evse string) ([]ocpp.StationConfig, error) {
	var out []ocpp.StationConfig
	outlets := 0
	for _, st := range o.Stations {
		outlets += len(st.Connectors)
	}
	last, err := registers(ctx, s, outlets, evseOf)
	if err != nil {
		return nil, err
	}
	goesOn, err := interrupted(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, st := range o.Stations {
		config := ocpp.StationConfig{ID: st.ID, Password: st.Password}
		for _, c := range st.Connectors {
			at := cmp.Or(c.EVSE, evse)
			kept, err := memory.kept(st.ID, c.Number)
			if err != nil {
				return nil, err
			}
			config.Connectors = append(config.Connectors, ocpp.ConnectorConfig{
				Number: c.Number, MaxPowerMw: c.MaxPowerMw, StepMwh: c.StepMwh, MeterKey: c.MeterKey, SignedRequired: c.SignedRequired,
				RegisterMwh: last[at].register, Kept: kept, GoesOn: goesOn[at],
			})
		}
		out = append(out, config)
	}
	return out, nil
}

// places gives the outlets of all connectors, in the order of the configuration.
func (o OCPP) places(system *ocpp.System) []Place {
	var out []Place
	for i, st := range o.Stations {
		for _, c := range st.Connectors {
			at := Place{EVSE: c.EVSE, Connector: system.Station(i).Outlet(c.Number)}
			if c.SignedRequired {
				at.Attestation, at.OCMFKey = meter.AttestedOCMF, c.MeterKey.DER()
			}
			out = append(out, at)
		}
	}
	return out
}

func (c *CentralSystem) serve(o OCPP, log *slog.Logger) {
	listener := o.Listener
	if o.Certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*o.Certificate}, MinVersion: tls.VersionTLS12})
	}
	c.server = &http.Server{
		Handler: c.system, ReadHeaderTimeout: handshakeMax, MaxHeaderBytes: handshakeHeaderMax,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(c.done)
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the central system", "error", err)
		}
	}()
}

// Check returns ErrOpen for a central system that must not be served.
func (o OCPP) Check() error {
	tcp, ok := o.Listener.Addr().(*net.TCPAddr)
	open := slices.ContainsFunc(o.Stations, func(s OCPPStation) bool { return s.Password == "" })
	if open && (!ok || !tcp.IP.IsLoopback()) {
		return ErrOpen
	}
	return nil
}

// url gives what to enter in the charging station.
func (o OCPP) url(address net.Addr) string {
	scheme, name := "ws", "STATION"
	if o.Certificate != nil {
		scheme = "wss"
	}
	if len(o.Stations) == 1 {
		name = cmp.Or(o.Stations[0].ID, name)
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

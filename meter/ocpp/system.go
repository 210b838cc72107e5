package ocpp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"joulepay/meter/ocmf"
)

// Config is what a central system is made of.
type Config struct {
	Now         func() time.Time // the session clock: of samples, and told to stations as the time
	Stations    []StationConfig
	MeterEvery  time.Duration     // how often stations are asked to report their meters; a claim interval or less
	Contracts   map[string]string // DID → contract id, where a vehicle's token is not made of its DID
	CallTimeout time.Duration     // real time: for an answer of a station
	Report      func(Event)       // tells people; may be nil; must not block nor call back
	Memory      Memory            // what a restart must not lose; nil: it is lost
}

// StationConfig is one station that may connect.
type StationConfig struct {
	ID         string // the last part of the URL; empty: the first that connects
	Password   string // of HTTP basic authentication, the ID being the user; empty: none is asked for
	Connectors []ConnectorConfig
}

// ConnectorConfig is one connector: the connectorId of 1.6, the evseId of 2.0.1.
type ConnectorConfig struct {
	Number         int
	MaxPowerMw     int64
	StepMwh        int64          // the last digit of the meter's signed register; 0: a watt-hour
	MeterKey       ocmf.PublicKey // of its meter; zero: the first that its records travel with is kept
	SignedRequired bool           // bill only what the meter signed
	RegisterMwh    int64          // where the register of the Outlet goes on
	Kept           []byte         // what Memory kept of the connector; nil: nothing
	GoesOn         Unfinished     // the session at the connector that is not over; zero: none
}

// Unfinished is a session that a restart interrupted.
type Unfinished struct {
	Holder   string // DID; empty: there is none
	Stopping bool   // it was told to stop before
}

// EventKind says what an event tells.
type EventKind string

// Kinds of events.
const (
	EventRefused      EventKind = "refused" // a handshake; Err says why
	EventConnected    EventKind = "connected"
	EventDisconnected EventKind = "disconnected"
	EventBooted       EventKind = "booted"
	EventStatus       EventKind = "status"
	EventBegan        EventKind = "began"
	EventEnded        EventKind = "ended"
	EventStray        EventKind = "stray"    // a transaction that nobody pays for
	EventQuirk        EventKind = "quirk"    // Detail names a Quirk
	EventUnsigned     EventKind = "unsigned" // a signed record does not hold; the station stands behind the readings
	EventFault        EventKind = "fault"    // the station does not do as it should; Frame is the proof, where there is one
	EventCall         EventKind = "call"     // a call failed
	EventProtocol     EventKind = "protocol" // the station sent what cannot be read
)

// Event tells the operator what happens.
type Event struct {
	Kind      EventKind
	At        time.Time
	Station   string
	Connector int // 0: the station
	Detail    string
	Err       error
	Frame     []byte
	EnergyMwh int64 // of EventEnded: what was delivered
	Signed    bool  // of EventEnded: the meter signed it
}

// Subprotocols of the two versions (OCPP-J 1.6, section 3.1.2; 2.0.1, part 4, section 3.1.2).
const (
	subprotocol16  = "ocpp1.6"
	subprotocol201 = "ocpp2.0.1"
)

// System is the central system. It is an http.Handler for ws://host/any/path/STATION.
type System struct {
	config      Config
	stations    []*Station
	transaction atomic.Int64

	mu     sync.Mutex // guards below
	open   int        // connections, and handshakes under way
	closed bool
	all    sync.WaitGroup
	done   chan struct{}
}

// Defaults of a Config.
const (
	meterEveryDefault  = 5 * time.Second
	callTimeoutDefault = 30 * time.Second
)

// New makes a central system. It serves nothing by itself. It returns ErrConfig, or ErrKept.
func New(c Config) (*System, error) {
	if c.MeterEvery == 0 {
		c.MeterEvery = meterEveryDefault
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = callTimeoutDefault
	}
	if c.Now == nil || c.MeterEvery < time.Second || len(c.Stations) == 0 || len(c.Stations) > StationsMax {
		return nil, fmt.Errorf("%w: want a clock, 1 to %d stations and meters read at most every second", ErrConfig, StationsMax)
	}
	for did, contract := range c.Contracts {
		if contract == "" || len(contract) > tokenSize {
			return nil, fmt.Errorf("%w: contract id of %s: want 1 to %d characters", ErrConfig, did, tokenSize)
		}
	}
	s := &System{config: c, done: make(chan struct{})}
	// Numbers of transactions of 1.6 must not return after a restart: they begin at the seconds of the clock, above those kept.
	s.transaction.Store(c.Now().Unix() & 0x3fffffff)
	ids := map[string]bool{}
	for _, sc := range c.Stations {
		if ids[sc.ID] {
			return nil, fmt.Errorf("%w: station %.60q twice", ErrConfig, sc.ID)
		}
		ids[sc.ID] = true
		if err := sc.check(); err != nil {
			return nil, err
		}
		sc.Connectors = slices.Clone(sc.Connectors)
		for i := range sc.Connectors {
			sc.Connectors[i].StepMwh = max(sc.Connectors[i].StepMwh, stepDefaultMwh)
		}
		st, err := newStation(s, sc)
		if err != nil {
			return nil, err
		}
		s.stations = append(s.stations, st)
	}
	return s, nil
}

func (c StationConfig) check() error {
	if len(c.ID) > stationIDMax || len(c.Connectors) == 0 || len(c.Connectors) > ConnectorsMax {
		return fmt.Errorf("%w: station %.60q: want an id of up to %d characters and 1 to %d connectors", ErrConfig, c.ID, stationIDMax, ConnectorsMax)
	}
	seen := map[int]bool{}
	for _, o := range c.Connectors {
		if o.Number < 1 || o.Number > ConnectorsMax || o.MaxPowerMw <= 0 || o.RegisterMwh < 0 || o.StepMwh < 0 || o.StepMwh > stepMaxMwh || seen[o.Number] {
			return fmt.Errorf("%w: connector %d of station %.60q", ErrConfig, o.Number, c.ID)
		}
		seen[o.Number] = true
	}
	return nil
}

// stepMaxMwh bounds the last digit of a register: 100 Wh, a tenth of a kWh.
const stepMaxMwh = 100_000

// stationIDMax bounds an identity: 48 characters in 2.0.1.
const stationIDMax = 48

// Station gives the stations, in the order of the configuration.
func (s *System) Station(i int) *Station { return s.stations[i] }

func (s *System) tell(e Event) {
	if s.config.Report != nil {
		s.config.Report(e)
	}
}

func (s *System) nextTransaction() string { return strconv.FormatInt(s.transaction.Add(1), 10) }

// find gives the station that a URL names. A place without an id is taken by the first that asks.
func (s *System) find(id, user, password string) (*Station, error) {
	var free *Station
	for _, st := range s.stations {
		switch st.ID() {
		case id:
			return st, st.admits(user, password)
		case "":
			free = st
		}
	}
	if free == nil || id == "" || len(id) > stationIDMax {
		return nil, fmt.Errorf("%w: %.60q", ErrUnknownStation, id)
	}
	return free, free.claim(id, user, password)
}

// claim gives a place without an id to a station that knows its password.
func (st *Station) claim(id, user, password string) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.id != "" {
		return fmt.Errorf("%w: %.60q", ErrUnknownStation, id)
	}
	st.id = id
	if err := st.admits(user, password); err != nil {
		st.id = ""
		return err
	}
	return nil
}

// ServeHTTP lets a station in and serves it until it leaves or the system is closed.
func (s *System) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := stationID(r.URL)
	if err := s.enter(); err != nil {
		s.refuse(w, id, err, http.StatusServiceUnavailable)
		return
	}
	defer s.leave()
	user, password, _ := r.BasicAuth()
	st, err := s.find(id, user, password)
	switch {
	case errors.Is(err, ErrPassword):
		w.Header().Set("WWW-Authenticate", `Basic realm="ocpp"`)
		s.refuse(w, id, err, http.StatusUnauthorized)
		return
	case err != nil:
		s.refuse(w, id, err, http.StatusNotFound)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol201, subprotocol16},
		// Stations send no origin, or any. A page in a browser sends its own, and must not play a station that has no password.
		InsecureSkipVerify: st.config.Password != "",
	})
	if err != nil {
		s.tell(Event{Kind: EventRefused, At: s.config.Now(), Station: id, Err: fmt.Errorf("%w: %w", ErrHandshake, err)})
		return
	}
	defer func() { _ = ws.CloseNow() }() // after a polite close it does nothing
	d := dialectOf(ws.Subprotocol())
	if d == nil {
		s.tell(Event{Kind: EventRefused, At: s.config.Now(), Station: id, Err: ErrSubprotocol})
		_ = ws.Close(websocket.StatusProtocolError, "want ocpp1.6 or ocpp2.0.1")
		return
	}
	s.serve(r.Context(), st, ws, d)
}

func dialectOf(subprotocol string) dialect {
	switch subprotocol {
	case subprotocol16:
		return v16{}
	case subprotocol201:
		return v201{}
	}
	return nil
}

// stationID is the last part of the path, as OCPP-J puts it.
func stationID(u *url.URL) string {
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	id, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil || len(id) > textMax {
		return ""
	}
	return id
}

func (s *System) refuse(w http.ResponseWriter, id string, err error, status int) {
	s.tell(Event{Kind: EventRefused, At: s.config.Now(), Station: id, Err: err})
	http.Error(w, http.StatusText(status), status)
}

func (s *System) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.open >= ConnectionsMax {
		return ErrTooMany
	}
	s.open++
	s.all.Add(1)
	return nil
}

func (s *System) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.all.Done()
}

// Close ends all connections and waits for them. The outlets stay, without a station.
func (s *System) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	s.all.Wait()
	return nil
}

// serve runs one connection. A new one of the same station takes the place of the old: the station knows best when it lost it.
func (s *System) serve(ctx context.Context, st *Station, ws *websocket.Conn, d dialect) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := &link{ctx: ctx, end: cancel, dialect: d, wakes: make(chan struct{}, 1)}
	l.conn = newConn(ws, s.config.CallTimeout, func(f Frame) Frame { return st.answer(d, f) }, st.trouble)
	st.attach(l)
	var work sync.WaitGroup
	work.Go(func() { st.control(l) })
	work.Go(l.ping)
	work.Go(func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	})
	err := l.run(ctx)
	cancel()
	work.Wait()
	st.detach(l, err)
}

func (st *Station) attach(l *link) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.link != nil {
		st.link.end()
	}
	st.link = l
	for _, o := range st.outlets {
		o.reconnected()
	}
	for id := range st.strays {
		st.strays[id] = false
	}
	st.report(Event{Kind: EventConnected, Detail: l.dialect.name()})
	l.kick()
}

func (st *Station) detach(l *link, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.link != l {
		return // another connection has taken its place
	}
	st.link, st.lostAt = nil, st.system.config.Now()
	st.report(Event{Kind: EventDisconnected, Err: err})
}

// trouble tells of what cannot be read.
func (st *Station) trouble(err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.report(Event{Kind: EventProtocol, Err: err})
}

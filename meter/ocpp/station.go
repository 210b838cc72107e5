package ocpp

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Identity is how a station introduces itself when it boots.
type Identity struct {
	Vendor, Model, Serial, Firmware string
}

// dialect is a version of OCPP: what a station may ask, and how it is told what to do.
type dialect interface {
	name() string
	// handle answers one call. It returns ErrAction or ErrPayload.
	handle(st *Station, action string, payload []byte) (any, error)
	configure(c caller, o setup) error
	remoteStart(c caller, connector int, token string) error
	remoteStop(c caller, transaction string) error
	limit(c caller, connector int, transaction string, milliwatts int64) error
	look(c caller, connector int) error // asks for the state of a connector, and what it meters
}

// caller makes calls at a station.
type caller interface {
	call(action string, request, result any) error
	count() int32 // of the calls made so far: a number that does not repeat
}

// setup is what a station is asked to do for the sessions to come.
type setup struct {
	meterEvery time.Duration
}

// Station is one charging station: what is known of it across reconnections.
type Station struct {
	system *System
	config StationConfig

	mu       sync.Mutex // guards all below, and the outlets; outlets itself never changes
	id       string
	identity Identity
	booted   bool  // it told its identity
	alive    bool  // it said something that only a station says which was accepted before
	link     *link // nil while it is not connected
	lostAt   time.Time
	beganAt  time.Time // when this process began to wait for it
	outlets  map[int]*Outlet
	strays   map[string]bool // transactions that nobody pays for; true once they were told to stop
}

func newStation(s *System, c StationConfig) (*Station, error) {
	st := &Station{system: s, config: c, id: c.ID, outlets: map[int]*Outlet{}, strays: map[string]bool{}, beganAt: s.config.Now()}
	st.lostAt = st.beganAt
	for _, config := range c.Connectors {
		o := newOutlet(st, config)
		if err := o.recall(config.Kept, config.GoesOn); err != nil {
			return nil, fmt.Errorf("connector %d of station %.60q: %w", o.config.Number, c.ID, err)
		}
		st.outlets[config.Number] = o
	}
	return st, nil
}

// pageAfter gives the last page of a meter that any outlet billed: one meter may count for several.
func (st *Station) pageAfter(serial string) (page uint64, known bool) {
	for _, o := range st.outlets {
		if o.lastMeter == serial && serial != "" {
			page, known = max(page, o.lastPage), true
		}
	}
	return page, known
}

// Outlet gives a connector of the station; nil when it was not configured.
func (st *Station) Outlet(number int) *Outlet { return st.outlets[number] }

// ID gives the station's identity in the URL; empty while the first that comes is awaited.
func (st *Station) ID() string {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.id
}

// Identity gives what the station said when it booted; false before.
func (st *Station) Identity() (Identity, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.identity, st.booted
}

// admits checks who wants to connect as this station. It returns ErrPassword or nil.
func (st *Station) admits(user, password string) error {
	if st.config.Password == "" {
		return nil
	}
	if user != st.id || subtle.ConstantTimeCompare([]byte(password), []byte(st.config.Password)) != 1 {
		return fmt.Errorf("%w: station %.60q", ErrPassword, st.id)
	}
	return nil
}

// report tells the operator. It is called with the lock held: nothing may call back.
func (st *Station) report(e Event) {
	e.At, e.Station = st.system.config.Now(), st.id
	st.system.tell(e)
}

// booting takes what a station says when it starts. A fault of the time before is forgiven.
func (st *Station) booting(id Identity) {
	st.identity, st.booted = id, true
	for _, o := range st.outlets {
		o.fault = nil
	}
	st.report(Event{Kind: EventBooted, Detail: strings.TrimSpace(id.Vendor + " " + id.Model + " " + id.Firmware)})
}

// status takes the state of a connector; 0 is the station itself.
func (st *Station) status(connector int, s Status) {
	o := st.outlets[connector]
	if o == nil {
		return
	}
	if o.status != s {
		st.report(Event{Kind: EventStatus, Connector: connector, Detail: string(s)})
	}
	o.status = s
	st.kick()
}

// authorises tells whether a token may charge: only that of a vehicle which holds an outlet here, and pays.
func (st *Station) authorises(token string) bool {
	for _, o := range st.outlets {
		if sameToken(o.token(), token) {
			return true
		}
	}
	return false
}

// transactionOf finds a running or just ended transaction.
func (st *Station) transactionOf(id string) (*Outlet, *transaction) {
	for _, o := range st.outlets {
		if o.tx != nil && o.tx.id == id {
			return o, o.tx
		}
	}
	return nil, nil
}

// stray notes a transaction that nobody pays for, and has it stopped.
func (st *Station) stray(connector int, id string) {
	if _, known := st.strays[id]; known {
		return
	}
	if len(st.strays) >= straysMax {
		for old := range st.strays {
			delete(st.strays, old)
			break
		}
	}
	st.strays[id] = false
	st.report(Event{Kind: EventStray, Connector: connector, Detail: "a transaction that nobody pays for is stopped"})
	st.kick()
}

// kick lets the control loop look again.
func (st *Station) kick() {
	if st.link != nil {
		st.link.kick()
	}
}

// connected tells whether the station can be reached.
func (st *Station) connected() bool { return st.link != nil }

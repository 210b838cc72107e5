package ocpp

import (
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocmf"
)

// Outlet is one connector of a charging station as a session drives it. It implements meter.Connector and meter.Holder.
//
// Its register counts what the connector delivered to its holders, from where ConnectorConfig.RegisterMwh left off: OCPP
// tells a station's register only when a transaction begins, and some stations count every transaction from zero.
// The times that it is given are of the clock of Config.Now.
type Outlet struct {
	st     *Station
	config ConnectorConfig

	// All below is guarded by st.mu.
	status    Status
	holder    string // DID, "" for nobody
	total     int64  // register without the running transaction, mWh
	tx        *transaction
	final     *meter.Sample // of the transaction that ended
	given     int64         // the highest register handed out
	givenAt   time.Time     // and the latest time
	failure   error         // ends the session of this holder
	key       ocmf.PublicKey
	lastMeter string // the meter whose records were billed last
	lastPage  uint64 // and the page of the last
	awaited   string // the holder whose session goes on after a restart, before it holds the outlet; "" otherwise
	away      bool   // and it was over before its session went on
	recalled  bool   // the transaction, or its end, is one of before a restart
	kept      []byte // what was made durable last
	fault     error  // the station does not do as it should: nobody is served until it boots anew

	run       bool // what the session wants
	runAt     time.Time
	limitMw   int64 // and how much of it
	stopped   bool
	stoppedAt time.Time
	asked     *command // what the station was told of it
}

// command is what a station was told for the holder of an outlet.
type command struct {
	attach     bool // the start is for a transaction that runs already, since the cable was plugged in
	startSent  bool
	refused    error     // why the last start was refused
	refusedAt  time.Time // and when
	acceptedAt time.Time // of the start
	limitMw    int64     // as the station confirmed it
	pausedMwh  int64     // the register when the limit became zero
	zeroSent   bool      // on the way to a stop
	stopSent   bool
	stopAt     time.Time
	stopMwh    int64
	evict      bool // the transaction is ended by the central system
}

const limitUnknown = -1

func newCommand() *command { return &command{limitMw: limitUnknown} }

var (
	_ meter.Connector = (*Outlet)(nil)
	_ meter.Holder    = (*Outlet)(nil)
)

func newOutlet(st *Station, c ConnectorConfig) *Outlet {
	return &Outlet{st: st, config: c, total: c.RegisterMwh, given: c.RegisterMwh, asked: newCommand(), key: c.MeterKey}
}

// Hold implements meter.Holder. A holder begins with a clean slate; what the station still does for the one before is
// nobody's.
func (o *Outlet) Hold(did string) {
	o.st.mu.Lock()
	defer o.st.mu.Unlock()
	if o.resumes(did) {
		return
	}
	if o.holder = did; did == "" {
		o.run = false // nobody holds it, nothing flows
		o.st.kick()
		return
	}
	o.total = max(o.given, o.total)
	if o.delivers() && o.tx.token != "" {
		o.st.stray(o.config.Number, o.tx.id)
	}
	if !o.withCable() {
		o.tx = nil
	}
	o.final, o.failure, o.asked = nil, nil, newCommand()
	o.run, o.stopped, o.limitMw, o.recalled, o.away = false, false, 0, false, false
	o.st.note(o.st.keep()) // else the end of this holder's last visit could be taken for that of the next
}

// withCable tells whether a transaction runs that began with the cable, and that nobody was authorised for yet.
func (o *Outlet) withCable() bool { return o.delivers() && o.tx.token == "" }

// token gives the idToken of the holder; "" without one.
func (o *Outlet) token() string {
	if o.holder == "" {
		return ""
	}
	if contract, ok := o.st.system.config.Contracts[o.holder]; ok {
		return contract
	}
	return Token(o.holder)
}

// Plugged implements meter.Connector.
func (o *Outlet) Plugged() bool {
	o.st.mu.Lock()
	defer o.st.mu.Unlock()
	return o.st.connected() && (o.status.plugged() || o.delivers())
}

// Ready tells why the connector cannot serve anybody now; nil when it can.
func (o *Outlet) Ready() error {
	o.st.mu.Lock()
	defer o.st.mu.Unlock()
	switch {
	case o.fault != nil:
		return o.fault
	case !o.st.connected():
		return ErrOffline
	case !o.status.usable():
		return fmt.Errorf("%w: the connector is %s", meter.ErrNotPlugged, o.status)
	}
	return nil
}

// delivers tells whether a transaction runs.
func (o *Outlet) delivers() bool { return o.tx != nil && !o.tx.ended() }

// MaxPowerMilliwatts implements meter.Connector.
func (o *Outlet) MaxPowerMilliwatts() int64 { return o.config.MaxPowerMw }

// Start implements meter.Connector: the station is told to start a transaction for the holder. It returns at once; a
// station that cannot be reached now is told when it is back.
func (o *Outlet) Start(now time.Time, limitMilliwatts int64) error {
	o.st.mu.Lock()
	defer o.st.mu.Unlock()
	switch {
	case o.fault != nil:
		return o.fault
	case limitMilliwatts < 0:
		return fmt.Errorf("%w: %d mW", meter.ErrLimit, limitMilliwatts)
	case o.run:
		return meter.ErrStarted
	case o.recalled:
		o.run, o.runAt, o.stopped, o.limitMw, o.away = true, now, false, limitMilliwatts, o.final != nil
		o.st.kick()
		return nil // the transaction runs, or is over, which the next sample tells
	case o.holder == "" || !o.status.usable():
		return fmt.Errorf("%w: the connector is %s", meter.ErrNotPlugged, o.status)
	}
	if o.withCable() {
		o.tx.token, o.tx.seenAt = o.token(), o.st.system.config.Now()
		o.asked.attach = true
	}
	o.run, o.runAt, o.stopped, o.limitMw = true, now, false, limitMilliwatts
	o.st.kick()
	return nil
}

// SetLimit implements meter.Connector.
func (o *Outlet) SetLimit(_ time.Time, limitMilliwatts int64) error {
	o.st.mu.Lock()
	defer o.st.mu.Unlock()
	switch {
	case limitMilliwatts < 0:
		return fmt.Errorf("%w: %d mW", meter.ErrLimit, limitMilliwatts)
	case !o.run:
		return meter.ErrNotStarted
	}
	if limitMilliwatts == 0 && o.limitMw != 0 && o.tx != nil {
		o.asked.pausedMwh = o.tx.lastMwh
	}
	o.limitMw = limitMilliwatts
	o.st.kick()
	return nil
}

// stopAgain is how long after a stop a station that did not follow is told again.
const stopAgain = 30 * time.Second

// Stop implements meter.Connector. While the station has not ended its transaction, it gives meter.ErrPending.
func (o *Outlet) Stop(now time.Time) error {
	o.st.mu.Lock()
	defer o.st.mu.Unlock()
	o.run, o.limitMw = false, 0
	if o.awaited != "" && !o.stopped {
		o.st.kick()
		return nil // nothing flows until its session says how it goes on
	}
	if !o.stopped {
		o.stopped, o.stoppedAt = true, now
	}
	if !o.delivers() || o.withCable() {
		return nil
	}
	if o.asked.stopSent && now.Sub(o.asked.stopAt) > stopAgain {
		o.asked.stopSent = false
	}
	o.st.kick()
	return meter.ErrPending
}

// Sample implements meter.Source. While a transaction runs it gives what the station reported last, with the moment at
// which it came. An error comes with a sample that has the last good register and, as evidence, the frame that is at fault.
func (o *Outlet) Sample(now time.Time) (meter.Sample, error) {
	o.st.mu.Lock()
	defer o.st.mu.Unlock()
	sample, err := o.sample(now)
	if o.away && o.run && err == nil {
		if sample.Evidence != "" { // the time of the record is that of the last reading, and nothing may be read after it
			err = ErrEndedAway
		} else {
			sample.Time = now
		}
	}
	if sample.Time.Before(o.givenAt) {
		sample.Time = o.givenAt
	}
	sample.Register = max(sample.Register, o.given)
	o.given, o.givenAt = sample.Register, sample.Time
	return sample, err
}

func (o *Outlet) sample(now time.Time) (meter.Sample, error) {
	s := meter.Sample{
		Time: now, Register: o.total, Unit: meter.MilliwattHours, State: meter.SuspendedStation,
		StateOfChargePermille: meter.StateOfChargeUnknown,
	}
	switch {
	case o.final != nil:
		return *o.final, o.failure
	case o.failure != nil:
		s.State = meter.Ended
		return s, o.failure
	case o.tx == nil || o.withCable():
		err := o.waits(now, &s)
		return s, err
	}
	return o.running(now, s)
}

// waits is what there is to say while no transaction runs.
func (o *Outlet) waits(now time.Time, s *meter.Sample) error {
	switch {
	case o.stopped:
		s.State, s.Time = meter.Ended, o.stoppedAt
		return nil
	case o.fault != nil:
		return o.fault
	case !o.st.connected() && now.Sub(o.st.lostAt) > o.silenceMax() && !o.st.returns(now):
		return fmt.Errorf("%w: since %s", ErrOffline, o.st.lostAt.UTC().Format(time.RFC3339))
	case o.run && o.asked.refused != nil:
		return o.refused(now)
	case o.run && o.asked.startSent && !o.asked.acceptedAt.IsZero() && now.Sub(o.asked.acceptedAt) > startPatience:
		o.failure = ErrNoTransaction
		return o.failure
	}
	return nil
}

// refused asks a station again that refused to start, for a while.
func (o *Outlet) refused(now time.Time) error {
	a := o.asked
	if now.Sub(o.runAt) > refusedPatience {
		o.failure = fmt.Errorf("%w: %w", ErrRefused, a.refused)
		return o.failure
	}
	if a.startSent && now.Sub(a.refusedAt) >= refusedAgain {
		a.startSent = false
		o.st.kick()
	}
	return nil
}

// running is what there is to say of a transaction that runs.
func (o *Outlet) running(now time.Time, s meter.Sample) (meter.Sample, error) {
	tx := o.tx
	s.Register, s.Time, s.StateOfChargePermille = o.total+tx.billable(), tx.seenAt, tx.soc
	switch {
	case tx.broken != nil:
		s.State, s.Evidence = meter.Ended, string(tx.proof)
		return s, tx.broken
	case o.fault != nil:
		s.State = meter.Ended
		return s, o.fault
	case o.stopped && (now.Sub(o.stoppedAt) <= stopPatience || o.st.returns(now)):
		return s, meter.ErrPending
	case o.stopped:
		o.failed(ErrDoesNotStop)
		s.State = meter.Ended
		return s, nil
	case now.Sub(tx.seenAt) > o.silenceMax() && !o.st.returns(now):
		return s, fmt.Errorf("%w: since %s", ErrSilent, tx.seenAt.UTC().Format(time.RFC3339))
	}
	s.State, s.PowerMilliwatts = o.state(), tx.powerMw
	return s, nil
}

// silenceMax is how long a station that delivers may report nothing.
func (o *Outlet) silenceMax() time.Duration {
	return silenceIntervals*o.st.system.config.MeterEvery + silenceSlack
}

func (o *Outlet) state() meter.State {
	switch {
	case o.limitMw == 0 || o.status == StatusSuspendedEVSE:
		return meter.SuspendedStation
	case o.status == StatusSuspendedEV || o.status == StatusFinishing:
		return meter.SuspendedVehicle
	}
	return meter.Charging
}

// failed shuts the outlet until the station boots anew, and says so once.
func (o *Outlet) failed(err error) {
	if o.fault == nil {
		o.fault = err
		o.st.report(Event{Kind: EventFault, Connector: o.config.Number, Err: err})
	}
}

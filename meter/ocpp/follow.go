package ocpp

import (
	"errors"
	"fmt"
	"time"

	"joulepay/meter"
)

// start is what a station says when it begins a transaction.
type start struct {
	connector int
	id        string // of 2.0.1; empty in 1.6, where the central system chooses
	key       string // tells a repetition from another transaction
	token     string
	at        time.Time
	register  int64 // mWh
	known     bool  // whether it told the register
	looks     []look
}

// began takes the begin of a transaction, and tells under which id it runs and whether it may. A repetition gets the same
// answer as the first time.
func (st *Station) began(s start, frame []byte) (id string, may bool) {
	o := st.outlets[s.connector]
	if o != nil && o.tx != nil && (o.tx.key == s.key || s.id != "" && o.tx.id == s.id) {
		return o.tx.id, true
	}
	id = s.id
	if id == "" {
		id = st.system.nextTransaction()
	}
	if o == nil || !o.takes(s) {
		st.stray(s.connector, id)
		return id, false
	}
	now := st.system.config.Now()
	o.tx = newTransaction(id, s.token, o.config.MaxPowerMw, o.config.StepMwh, s.at, now)
	o.tx.key = s.key
	if s.known {
		o.tx.begin(s.register)
	}
	o.final = nil
	st.report(Event{Kind: EventBegan, Connector: s.connector, Detail: "transaction " + id})
	for _, l := range s.looks {
		o.follow(l, frame)
	}
	if o.config.SignedRequired {
		o.checkBegin()
	}
	st.kick()
	return id, true
}

// takes tells whether a transaction that begins is the one that a session wants. One that began when the cable was plugged in
// has no token, and delivers nothing until somebody pays.
func (o *Outlet) takes(s start) bool {
	if o.delivers() || o.fault != nil {
		return false
	}
	return s.token == "" || o.run && sameToken(s.token, o.token())
}

// checkBegin refuses a signature that does not hold before much has flowed.
func (o *Outlet) checkBegin() {
	err := checkBegin(o.tx.records, o.key, o.tx.quirks)
	if err == nil && o.tx.unread != nil {
		err = fmt.Errorf("%w: %w", ErrUnsigned, o.tx.unread)
	}
	if err != nil {
		o.tx.broken = err
		o.failed(err)
		o.evict()
	}
}

// evict has the running transaction ended, whatever the session wants.
func (o *Outlet) evict() {
	o.asked.evict = true
	o.st.kick()
}

// follow takes what a station says of a transaction. One that is not known runs without a session.
func (st *Station) follow(connector int, id string, looks []look, frame []byte) {
	o, tx := st.transactionOf(id)
	switch {
	case tx == nil:
		st.stray(connector, id)
	case !tx.ended():
		for _, l := range looks {
			o.follow(l, frame)
		}
	}
}

// follow takes what the station says of the running transaction.
func (o *Outlet) follow(l look, frame []byte) {
	tx := o.tx
	was := len(tx.quirks)
	if tx.broken == nil {
		if err := tx.follow(l, o.st.system.config.Now()); err != nil {
			o.breaks(err, frame)
		}
	}
	if len(tx.quirks) != was {
		o.tellQuirks()
	}
	o.watch()
}

// evidenceMark begins the evidence of a reading that ends a session for what the station said.
const evidenceMark = "OCPP|"

// breaks ends the billing of a transaction. The frame stays as proof, as far as it fits a reading.
func (o *Outlet) breaks(err error, frame []byte) {
	proof := append([]byte(evidenceMark), frame...)
	o.tx.proof = proof[:min(len(proof), meter.EvidenceSizeMax)]
	o.st.report(Event{Kind: EventFault, Connector: o.config.Number, Err: err, Frame: frame})
	o.evict()
}

func (o *Outlet) tellQuirks() {
	for _, q := range o.tx.quirks.list() {
		o.st.report(Event{Kind: EventQuirk, Connector: o.config.Number, Detail: string(q)})
	}
}

// Energy that may still be counted after a station was told to stop: the vehicle has some seconds to ramp down, and its meter
// reports late.
const (
	rampSeconds = 15
	rampMwh     = 10_000 // 10 Wh
)

// watch meters whether the station does what it said it would.
func (o *Outlet) watch() {
	a, tx := o.asked, o.tx
	most := o.config.MaxPowerMw/3600*rampSeconds + rampMwh
	switch {
	case a.stopSent && tx.lastMwh-a.stopMwh > most:
		o.failed(fmt.Errorf("%w: %d mWh after it was told to end the transaction", ErrUnpaidEnergy, tx.lastMwh-a.stopMwh))
	case o.run && o.limitMw == 0 && !a.stopSent && tx.started && tx.lastMwh-a.pausedMwh > most:
		o.failed(fmt.Errorf("%w: %d mWh at a limit of zero", ErrUnpaidEnergy, tx.lastMwh-a.pausedMwh))
		o.evict()
	case tx.token == "" && tx.started && tx.delta() > most:
		o.failed(fmt.Errorf("%w: %d mWh that nobody asked for", ErrUnpaidEnergy, tx.delta()))
		o.evict()
	}
}

// ends takes the end of a transaction.
func (st *Station) ends(id string, at time.Time, register int64, known bool, looks []look, frame []byte) {
	o, tx := st.transactionOf(id)
	if tx == nil {
		delete(st.strays, id)
		return
	}
	if tx.ended() {
		return // repeated: the first counts
	}
	for _, l := range looks {
		tx.keep(l)
		if l.hasRegister && !known {
			o.follow(l, frame)
		}
	}
	if !known && tx.started {
		register, known = tx.lastMwh, true
	}
	if err := tx.end(register, known, at); err != nil && tx.proof == nil {
		o.breaks(err, frame)
	}
	o.close(frame)
}

// close settles what a transaction delivered: by its signed records where they hold, else by the register at its stop.
func (o *Outlet) close(frame []byte) {
	tx, now := o.tx, o.st.system.config.Now()
	billed := max(o.given-o.total, 0) // what readings already billed of it
	final := meter.Sample{
		Time: now, Register: o.total + max(tx.delta(), billed), Unit: meter.MilliwattHours, State: meter.Ended,
		StateOfChargePermille: tx.soc,
	}
	if tx.broken != nil {
		final.Register, final.Evidence, o.failure = o.total+max(tx.billable(), billed), string(tx.proof), tx.broken
	}
	signed, err := o.signed(billed)
	switch {
	case err == nil && tx.broken == nil:
		final.Register, final.Evidence = o.total+signed.energyMwh, signed.evidence
		o.key, o.lastPage, o.lastMeter = signed.key, signed.page, signed.meter
	case err != nil && o.config.SignedRequired:
		final.Register = o.total + billed
		o.failure = err
		o.unsigned(err, frame)
	case err != nil && len(tx.records) > 0:
		o.st.report(Event{Kind: EventUnsigned, Connector: o.config.Number, Err: err, Frame: frame})
	}
	o.tellQuirks()
	o.st.report(Event{Kind: EventEnded, Connector: o.config.Number, EnergyMwh: final.Register - o.total, Signed: err == nil})
	o.final, o.total = &final, final.Register
	o.asked.evict = false
}

// unsigned tells of a transaction that the meter should have signed. A signature that does not hold shuts the outlet; a record
// that does not fit its transaction is that one's trouble.
func (o *Outlet) unsigned(err error, frame []byte) {
	if errors.Is(err, ErrUnsigned) {
		o.failed(err)
		return
	}
	o.st.report(Event{Kind: EventUnsigned, Connector: o.config.Number, Err: err, Frame: frame})
}

// signed verifies what the meter signed of the transaction, against what was billed of it.
func (o *Outlet) signed(billed int64) (signedStop, error) {
	tx := o.tx
	if tx.unread != nil {
		return signedStop{}, fmt.Errorf("%w: %w", ErrUnsigned, tx.unread)
	}
	stop, err := verifySigned(tx.records, claimed{
		token: tx.token, begin: tx.beganAt, end: tx.endedAt, heard: o.st.system.config.Now(), deltaMwh: tx.delta(), deltaKnown: tx.started, stepMwh: tx.stepMwh,
		pinned: o.key, pageAfter: o.st.pageAfter,
	}, tx.quirks)
	if err == nil && stop.energyMwh < billed {
		return signedStop{}, fmt.Errorf("%w: %d mWh signed, %d mWh read before", ErrSigned, stop.energyMwh, billed)
	}
	return stop, err
}

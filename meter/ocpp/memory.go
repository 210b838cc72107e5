package ocpp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocmf"
)

// Memory makes durable what stations say once only: which transaction runs and for whom, the records of its meter, how it
// ended, and the meter's key and page. A station is answered after that: a crash at any instant loses nothing that it will
// not repeat.
type Memory interface {
	// Keep stores what is to be known of a connector in place of what was, and returns once it is durable. The station is
	// named as StationConfig does. It must not call back.
	Keep(station string, connector int, state []byte) error
}

// keptVersion changes with the meaning of a field.
const keptVersion = 1

// KeptSizeMax bounds what is kept of a connector: its records, as many as a transaction may have, each in base64.
const KeptSizeMax = recordsMax*2*ocmf.RecordSizeMax + 64<<10

// kept is what is known of a connector across restarts, JSON.
type kept struct {
	Version     int              `json:"version"`
	MeterKey    []byte           `json:"meter_key,omitempty"` // SubjectPublicKeyInfo
	Meter       string           `json:"meter,omitempty"`     // its serial
	Page        uint64           `json:"page,omitempty"`      // of its last record that was billed
	Holder      string           `json:"holder,omitempty"`    // of what follows
	Total       int64            `json:"total_mwh"`           // the outlet's register, without a transaction that runs
	Transaction *keptTransaction `json:"transaction,omitempty"`
	Final       *keptFinal       `json:"final,omitempty"`
}

// keptTransaction is one that runs. What it delivered is in the readings that the session stores.
type keptTransaction struct {
	ID      string        `json:"id"`
	Key     string        `json:"key,omitempty"`
	Token   string        `json:"token,omitempty"`
	Began   time.Time     `json:"began"`
	Start   int64         `json:"start_mwh"`
	Started bool          `json:"started"` // the register at the start is known
	WhAsKWh bool          `json:"wh_as_kwh,omitempty"`
	Labels  bool          `json:"labels_seen,omitempty"`
	Records []signedValue `json:"records,omitempty"`
	Unread  string        `json:"unread,omitempty"`
	Broken  string        `json:"broken,omitempty"`
	Proof   []byte        `json:"proof,omitempty"`
	Quirks  []Quirk       `json:"quirks,omitempty"`
}

// keptFinal is how one ended for a session that has not made its last reading of it.
type keptFinal struct {
	At       time.Time `json:"at"`
	Register int64     `json:"register_mwh"`
	SoC      int16     `json:"soc_permille"`
	Evidence []byte    `json:"evidence,omitempty"`
	Failure  string    `json:"failure,omitempty"`
}

// keep makes durable what changed at the station's outlets.
func (st *Station) keep() error {
	memory := st.system.config.Memory
	if memory == nil {
		return nil
	}
	for n := range ConnectorsMax + 1 {
		o := st.outlets[n]
		if o == nil {
			continue
		}
		state, err := json.Marshal(o.keeps())
		if err == nil && !bytes.Equal(state, o.kept) {
			err = memory.Keep(st.config.ID, n, state)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMemory, err)
		}
		o.kept = state
	}
	return nil
}

// note tells the operator of what could not be kept; the next answer to the station tries again.
func (st *Station) note(err error) {
	if err != nil {
		st.report(Event{Kind: EventProtocol, Err: err})
	}
}

func (o *Outlet) keeps() kept {
	k := kept{Version: keptVersion, MeterKey: o.key.DER(), Meter: o.lastMeter, Page: o.lastPage, Holder: o.holder, Total: o.total}
	if o.awaited != "" {
		k.Holder = o.awaited
	}
	if o.delivers() {
		t := o.tx
		k.Transaction = &keptTransaction{
			ID: t.id, Key: t.key, Token: t.token, Began: t.beganAt, Start: t.startMwh, Started: t.started, WhAsKWh: t.kWhIsWh, Labels: t.labelSeen,
			Records: t.records, Unread: textOf(t.unread), Broken: textOf(t.broken), Proof: t.proof, Quirks: t.quirks.list(),
		}
	}
	if f := o.final; f != nil {
		k.Final = &keptFinal{At: f.Time, Register: f.Register, SoC: f.StateOfChargePermille, Evidence: []byte(f.Evidence), Failure: textOf(o.failure)}
	}
	return k
}

// recall takes what was kept. A transaction goes on for the session that does; any other has to be stopped.
func (o *Outlet) recall(state []byte, goesOn Unfinished) error {
	if state == nil {
		return nil
	}
	var k kept
	if len(state) > KeptSizeMax {
		return fmt.Errorf("%w: %d bytes", ErrKept, len(state))
	}
	if err := json.Unmarshal(state, &k); err != nil {
		return fmt.Errorf("%w: %w", ErrKept, err)
	}
	if err := k.check(); err != nil {
		return err
	}
	if len(o.key.DER()) == 0 && len(k.MeterKey) > 0 {
		key, err := ocmf.ParsePublicKey(k.MeterKey)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrKept, err)
		}
		o.key = key
	}
	o.lastMeter, o.lastPage = k.Meter, k.Page
	o.total = max(o.total, k.Total)
	if number, err := strconv.ParseInt(k.Transaction.id(), 10, 64); err == nil && number > o.st.system.transaction.Load() && number < 1<<40 {
		o.st.system.transaction.Store(number)
	}
	switch {
	case goesOn.Holder == "" || goesOn.Holder != k.Holder:
		if k.Transaction != nil {
			o.st.strays[k.Transaction.ID] = false
		}
	case k.Transaction != nil || k.Final != nil:
		o.goesOn(k, goesOn)
	}
	return nil
}

func (t *keptTransaction) id() string {
	if t == nil {
		return ""
	}
	return t.ID
}

// registerMax bounds a register that is kept, so that sums fit: a billion MWh.
const registerMax = 1 << 60

// check refuses what no central system keeps.
func (k kept) check() error {
	t, f := k.Transaction, k.Final
	switch {
	case k.Version != keptVersion:
		return fmt.Errorf("%w: version %d", ErrKept, k.Version)
	case k.Total < 0 || k.Total > registerMax || len(k.Holder) > textMax || len(k.Meter) > ocmf.RecordSizeMax || t != nil && f != nil:
		return ErrKept
	case t != nil && (t.ID == "" || len(t.ID) > textMax || t.Start < 0 || t.Start > registerMax || t.Began.IsZero() || len(t.Records) > recordsMax):
		return fmt.Errorf("%w: its transaction", ErrKept)
	case f != nil && (f.At.IsZero() || f.Register < 0 || f.Register > registerMax || len(f.Evidence) > meter.EvidenceSizeMax):
		return fmt.Errorf("%w: the end of its transaction", ErrKept)
	}
	return nil
}

// goesOn brings back what a session goes on with.
func (o *Outlet) goesOn(k kept, session Unfinished) {
	now := o.st.system.config.Now()
	o.awaited, o.recalled, o.total, o.asked.startSent = k.Holder, true, k.Total, true
	if session.Stopping {
		o.stopped, o.stoppedAt = true, now
	}
	if f := k.Final; f != nil {
		o.final = &meter.Sample{
			Time: f.At, Register: f.Register, Unit: meter.MilliwattHours, State: meter.Ended, StateOfChargePermille: f.SoC, Evidence: string(f.Evidence),
		}
		o.failure = errorOf(f.Failure)
		return
	}
	t := k.Transaction
	o.tx = newTransaction(t.ID, t.Token, o.config.MaxPowerMw, o.config.StepMwh, t.Began, now)
	o.tx.key, o.tx.kWhIsWh, o.tx.labelSeen, o.tx.records, o.tx.proof = t.Key, t.WhAsKWh, t.Labels, t.Records, t.Proof
	o.tx.unread, o.tx.broken = errorOf(t.Unread), errorOf(t.Broken)
	for _, q := range t.Quirks {
		o.tx.quirks[q] = true
	}
	if t.Started {
		o.tx.begin(t.Start)
		o.tx.lastMwh = max(t.Start, t.Start+o.config.RegisterMwh-k.Total) // what the session's readings billed of it
	}
	o.asked.evict = o.tx.broken != nil
	if o.withCable() { // nobody was authorised for it yet: it is begun as if there had been no restart
		o.awaited, o.recalled, o.asked.startSent = "", false, false
	}
}

// resumes tells whether a holder is the one whose session goes on after a restart, and keeps the outlet as it is for it.
func (o *Outlet) resumes(did string) bool {
	if o.awaited == "" {
		return false
	}
	same := did == o.awaited
	o.awaited = ""
	if same {
		o.holder = did
	}
	return same
}

// rests tells whether a transaction that was recalled waits for its session: nothing may flow, and nothing is ended.
func (o *Outlet) rests() bool {
	return o.delivers() && o.recalled && !o.run && !o.stopped && !o.asked.evict && o.fault == nil
}

// returns tells whether a station is given time to connect, after a restart of the central system.
func (st *Station) returns(now time.Time) bool {
	return !st.alive && now.Sub(st.beganAt) <= returnPatience
}

// returned lets patience with what goes on after a restart begin when the station is back.
func (o *Outlet) returned() {
	now := o.st.system.config.Now()
	if o.recalled && o.tx != nil {
		o.tx.seenAt = now
	}
	if o.recalled && o.stopped {
		o.stoppedAt = now
	}
}

// keptErrors are those that are kept as what they are.
var keptErrors = []error{ErrRegisterFell, ErrRegisterJumped, ErrRegisterStuck, ErrUnsigned, ErrSigned, ErrUnpaidEnergy, ErrDoesNotStop}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// errorOf gives an error that was kept, as far as what it is matters to anybody.
func errorOf(text string) error {
	if text == "" {
		return nil
	}
	if i := slices.IndexFunc(keptErrors, func(err error) bool { return strings.HasPrefix(text, err.Error()) }); i >= 0 {
		return fmt.Errorf("%w%s", keptErrors[i], strings.TrimPrefix(text, keptErrors[i].Error()))
	}
	return errors.New(text)
}

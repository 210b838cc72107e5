package ocpp

import (
	"fmt"
	"time"

	"joulepay/meter"
)

// Tolerances of a register, generous where a station only reports late, and narrow where money is.
const (
	// jumpFactor and jumpSlackMwh are what a register may rise beyond the outlet's power: its clock stamps are rough.
	jumpFactor   = 2
	jumpSlackMwh = 200_000 // 200 Wh: 15 s at 50 kW
	// stepDefaultMwh is what readings between start and stop are rounded down to: the stop of OCPP 1.6 is in whole Wh.
	stepDefaultMwh = 1000
	// stuckMwh is how much energy the reported power may add up to while the register stands still.
	stuckMwh = 500_000
)

// transaction is what a station reports of one transaction: the pure part, which no connection is needed for.
type transaction struct {
	id      string // by the station (2.0.1), or a number of ours (1.6)
	key     string // tells a repeated start from another one
	token   string
	maxMw   int64 // of the outlet
	stepMwh int64 // the last digit of its signed register
	beganAt time.Time
	endedAt time.Time // both by the station's clock; zero when not yet

	startMwh int64 // the register at the start
	started  bool  // startMwh is known
	lastMwh  int64 // the last good register
	lastAt   time.Time
	seenAt   time.Time // by our clock: when the station last said something of it
	stopMwh  int64     // the register at the stop
	stopped  bool      // stopMwh is known

	powerMw   int64
	soc       int16
	idleMwh   int64     // what the reported power adds up to since the register last rose
	powerAt   time.Time // when power was last reported
	kWhIsWh   bool
	labelSeen bool

	sequence int64 // of the last event of 2.0.1
	counted  bool  // there was one

	records []signedValue
	unread  error // a signed value that could not be read
	quirks  quirks
	broken  error  // why it is not billed any further
	proof   []byte // the frame that broke it
}

func newTransaction(id, token string, maxMw, stepMwh int64, at, now time.Time) *transaction {
	return &transaction{
		id: id, token: token, maxMw: maxMw, stepMwh: stepMwh, beganAt: at, lastAt: at, seenAt: now, soc: meter.StateOfChargeUnknown, quirks: quirks{},
	}
}

// begin takes the register at the start.
func (t *transaction) begin(register int64) {
	if !t.started {
		t.startMwh, t.lastMwh, t.started = register, register, true
	}
}

// delta gives what was delivered, by the unsigned register, at most up to where it could be believed.
func (t *transaction) delta() int64 { return t.lastMwh - t.startMwh }

// billable gives what readings between start and stop may bill.
func (t *transaction) billable() int64 { return t.delta() / t.stepMwh * t.stepMwh }

// follow takes what a message says. What was said before, or is older than what was said since, changes nothing; what
// contradicts it ends the billing, with a typed error, for good.
func (t *transaction) follow(l look, now time.Time) error {
	if t.broken != nil {
		return t.broken
	}
	t.keep(l)
	if l.at.Before(t.lastAt) {
		return nil // it was queued, and the register has been seen higher since
	}
	t.seenAt = now
	if l.hasSoC {
		t.soc = l.socPermille
	}
	if l.hasRegister {
		if err := t.rise(l); err != nil {
			t.broken = err
			return err
		}
	}
	if err := t.power(l); err != nil {
		t.broken = err
		return err
	}
	return nil
}

// keep collects signed records.
func (t *transaction) keep(l look) {
	for _, v := range l.signed {
		if len(t.records) < recordsMax && !t.has(v) {
			t.records = append(t.records, v)
		}
	}
	if l.signedFormat != nil {
		t.unread = l.signedFormat
	}
}

func (t *transaction) has(v signedValue) bool {
	for _, known := range t.records {
		if known == v {
			return true
		}
	}
	return false
}

// rise moves the register on.
func (t *transaction) rise(l look) error {
	register := t.labelled(l)
	if !t.started {
		t.begin(register)
		t.lastAt = l.at
		return nil
	}
	switch {
	case register < t.lastMwh && t.lastMwh-register < t.stepMwh && l.at.Equal(t.lastAt):
		return nil // the same moment, with less digits
	case register < t.lastMwh:
		return fmt.Errorf("%w: from %d to %d mWh", ErrRegisterFell, t.lastMwh, register)
	case register-t.startMwh > t.most(l.at):
		return fmt.Errorf("%w: %d mWh in %s", ErrRegisterJumped, register-t.startMwh, l.at.Sub(t.beganAt))
	}
	if register > t.lastMwh {
		t.idleMwh = 0
	}
	t.lastMwh, t.lastAt = register, l.at
	return nil
}

// most is what the outlet can have delivered since the start, generously.
func (t *transaction) most(at time.Time) int64 {
	const second, hour = int64(time.Second), 3600
	seconds := int64(at.Sub(t.beganAt))/second + 1
	if seconds < 0 || seconds > 1<<31 {
		seconds = 1 << 31
	}
	return jumpFactor*(t.maxMw/hour+1)*seconds + jumpSlackMwh
}

// labelled reads a register that is labelled kWh as Wh when kWh is impossible and Wh is not. The first that rises decides
// for the whole transaction, unless something was delivered before under another label.
func (t *transaction) labelled(l look) int64 {
	if !l.saysKWh {
		return l.registerMwh
	}
	asWh := l.registerMwh / 1000
	if !t.labelSeen && t.started && l.registerMwh > t.startMwh {
		t.labelSeen = true
		t.kWhIsWh = t.delta() == 0 && l.registerMwh-t.startMwh > t.most(l.at) && t.startMwh%1000 == 0 && asWh >= t.startMwh/1000 &&
			asWh-t.startMwh/1000 <= t.most(l.at)
		if t.kWhIsWh {
			t.quirks[QuirkKWhLabel] = true
			t.startMwh /= 1000
			t.lastMwh = t.startMwh
		}
	}
	if t.kWhIsWh {
		return asWh
	}
	return l.registerMwh
}

// power adds up the power that is reported while the register stands still.
func (t *transaction) power(l look) error {
	if !l.hasPower {
		return nil
	}
	if !t.powerAt.IsZero() && t.powerMw > 0 && l.at.After(t.powerAt) {
		seconds := int64(l.at.Sub(t.powerAt) / time.Second)
		t.idleMwh += min(t.powerMw, 2*t.maxMw) / 3600 * min(seconds, 1<<20)
	}
	t.powerMw, t.powerAt = l.powerMw, l.at
	if t.idleMwh > stuckMwh {
		return fmt.Errorf("%w: at %d mWh", ErrRegisterStuck, t.lastMwh)
	}
	return nil
}

// end takes the register at the stop. One that lies a little below what was seen before was rounded.
func (t *transaction) end(register int64, known bool, at time.Time) error {
	if t.broken == nil && known && t.started {
		switch {
		case register < t.startMwh+t.billable():
			t.broken = fmt.Errorf("%w: from %d to %d mWh at the stop", ErrRegisterFell, t.lastMwh, register)
		case register-t.startMwh > t.most(at):
			t.broken = fmt.Errorf("%w: %d mWh at the stop", ErrRegisterJumped, register-t.startMwh)
		case register < t.lastMwh:
			t.quirks[QuirkStopRounded] = true
			fallthrough
		default:
			t.stopMwh, t.stopped, t.lastMwh = register, true, register
		}
	}
	t.endedAt = at
	return t.broken
}

func (t *transaction) ended() bool { return !t.endedAt.IsZero() }

package world

import (
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet/money"
)

// Violation says which invariant broke, and how. The same scenario and seed break it at the same event again.
type Violation struct {
	Invariant string // as design and documentation number them
	At        time.Time
	Event     uint64
	Detail    string
}

// Error implements error.
func (v *Violation) Error() string {
	return fmt.Sprintf("%v: %s at %s, event %d: %s", ErrInvariant, v.Invariant, v.At.Format(time.RFC3339Nano), v.Event, v.Detail)
}

// Unwrap makes errors.Is(err, ErrInvariant) true.
func (v *Violation) Unwrap() error { return ErrInvariant }

// oracle checks the invariants from the outside: from what is stored, sent and on the ledger, not from what the machines
// believe. It keeps its own memory, which no crash touches.
type oracle struct {
	world  *World
	checks map[string]int64
	books  books

	moved   bool // the ledger, since the last event
	touched []sideKey

	sides    map[sideKey]session.ChannelRecord        // as last stored
	channels []channel.ID                             // in the order in which they were first stored
	lanes    map[channel.ID][2]settle.Lane            // as last seen on the ledger
	bodies   map[channel.ID]map[claimKey]channel.Hash // what was signed for each sequence, until the channel is closed
	finals   map[uint64]proof.Hash                    // of the last finalsKept checkpoints

	tickets  map[channel.SessionID]*ticket           // of sessions of stations that go on
	readings map[channel.SessionID]map[uint64][]byte // of them
	silent   []channel.SessionID                     // whose readings are forgotten with the next event
	read     int                                     // readings, ever
	takings  map[*attacker]*taking
	risk     money.Amount // what is delivered and not paid in all sessions
	riskMax  money.Amount // the most of it since somebody asked

	began   map[channel.SessionID]time.Time // when the vehicle first stored the session
	ended   map[channel.SessionID]bool      // for the vehicle
	running int                             // sessions that began and have not ended
	over    int
	settled map[channel.SessionID]time.Time // when the station knew it to be on the ledger
}

// finalsKept bounds the checkpoints that are remembered: nobody is told of one again so long after.
const finalsKept = 1000

type sideKey struct {
	party   *party
	channel channel.ID
}

type claimKey struct {
	lane     channel.Lane
	sequence uint64
}

func newOracle(w *World) *oracle {
	return &oracle{
		world: w, checks: map[string]int64{}, books: newBooks(), sides: map[sideKey]session.ChannelRecord{}, lanes: map[channel.ID][2]settle.Lane{},
		bodies: map[channel.ID]map[claimKey]channel.Hash{}, finals: map[uint64]proof.Hash{},
		tickets: map[channel.SessionID]*ticket{}, readings: map[channel.SessionID]map[uint64][]byte{}, takings: map[*attacker]*taking{},
		began: map[channel.SessionID]time.Time{}, ended: map[channel.SessionID]bool{}, settled: map[channel.SessionID]time.Time{},
	}
}

// hold counts a check, and ends the run when it does not hold.
func (o *oracle) hold(invariant string, ok bool, format string, args ...any) {
	o.checks[invariant]++
	if !ok {
		o.world.fail(&Violation{invariant, o.world.clock.Now(), o.world.clock.Ran(), fmt.Sprintf(format, args...)})
	}
}

// ledgerMoved notes that the ledger may have changed.
func (o *oracle) ledgerMoved() { o.moved = true }

// stored notes what a party has made durable.
func (o *oracle) stored(p *party, b session.Batch) {
	for _, r := range b.Channels {
		o.touched = append(o.touched, sideKey{p, r.ID})
		if _, known := o.lanes[r.ID]; !known {
			o.lanes[r.ID] = [2]settle.Lane{}
			o.channels = append(o.channels, r.ID)
		}
		if p.watched != nil {
			p.watch(r.ID)
		}
	}
	for _, r := range b.Readings {
		o.storedReading(p, r)
	}
	for _, r := range b.Sessions {
		o.storedSession(p, r)
	}
}

// storedSession notes when things happened, and hands on to what checks each side.
func (o *oracle) storedSession(p *party, r session.SessionRecord) {
	if _, known := o.began[r.ID]; !known {
		o.began[r.ID] = o.world.clock.Now()
		o.running++
	}
	if r.Role == session.RolePayee {
		o.storedPayee(p, r)
		return
	}
	if r.Phase.Over() && !o.ended[r.ID] {
		o.ended[r.ID] = true
		o.running--
		o.over++
	}
	o.storedPayer(p, r)
}

// riskSince gives the most that was delivered and not paid at a time since it was asked last.
func (o *oracle) riskSince() money.Amount {
	most := o.riskMax
	o.riskMax = o.risk
	return most
}

// check looks at everything that the last event changed.
func (o *oracle) check() {
	if o.moved {
		o.checkMoney(false)
		o.checkLanes()
	}
	for _, key := range o.touched {
		o.checkSide(key)
	}
	for _, id := range o.silent {
		delete(o.readings, id)
	}
	o.moved, o.touched, o.silent = false, o.touched[:0], o.silent[:0]
}

// final is I7: what is final is never undone.
func (o *oracle) final(number uint64, c proof.Checkpoint) {
	if number != c.Number {
		return // told late: a later one is final already
	}
	hash, known := o.finals[number]
	o.hold("I7", !known || hash == c.Hash(), "checkpoint %d was final and is another one now", number)
	o.finals[number] = c.Hash()
	delete(o.finals, number-finalsKept)
}

package world

import (
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
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

	sides    map[sideKey]session.ChannelRecord // as last stored
	channels []channel.ID                      // in the order in which they were first stored
	lanes    map[channel.ID][2]settle.Lane     // as last seen on the ledger
	bodies   map[claimKey]channel.Hash         // what was signed for each sequence
	readings map[readingKey][]byte
	finals   map[uint64]proof.Hash

	risks   map[channel.SessionID]money.Amount // what is delivered and not paid, of sessions of stations
	risk    money.Amount                       // their sum
	riskMax money.Amount                       // the most of it since somebody asked

	claims  map[channel.SessionID]uint64 // of sessions of stations that go on
	quotes  map[channel.SessionID]quote.Quote
	began   map[channel.SessionID]time.Time // when the vehicle first stored the session
	ended   map[channel.SessionID]bool      // for the vehicle
	running int                             // sessions that began and have not ended
	over    int
	settled map[channel.SessionID]time.Time // when the station knew it to be on the ledger
}

type sideKey struct {
	party   *party
	channel channel.ID
}

type claimKey struct {
	channel  channel.ID
	lane     channel.Lane
	sequence uint64
}

type readingKey struct {
	session  channel.SessionID
	sequence uint64
}

func newOracle(w *World) *oracle {
	return &oracle{
		world: w, checks: map[string]int64{}, books: newBooks(), sides: map[sideKey]session.ChannelRecord{}, lanes: map[channel.ID][2]settle.Lane{},
		bodies: map[claimKey]channel.Hash{}, readings: map[readingKey][]byte{}, finals: map[uint64]proof.Hash{},
		risks: map[channel.SessionID]money.Amount{}, claims: map[channel.SessionID]uint64{}, quotes: map[channel.SessionID]quote.Quote{}, ended: map[channel.SessionID]bool{}, began: map[channel.SessionID]time.Time{}, settled: map[channel.SessionID]time.Time{},
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
	for _, r := range b.Sessions {
		o.storedSession(r)
	}
	for _, r := range b.Readings {
		o.readings[readingKey{r.Session, r.Sequence}] = r.Signed
	}
}

// storedSession notes when things happened, and checks I5 for what a station has delivered and priced so far.
func (o *oracle) storedSession(r session.SessionRecord) {
	now := o.world.clock.Now()
	if _, known := o.began[r.ID]; !known {
		o.began[r.ID] = now
		o.running++
	}
	if r.Role == session.RolePayer && r.Phase.Over() && !o.ended[r.ID] {
		o.ended[r.ID] = true
		o.running--
		o.over++
	}
	if r.Role != session.RolePayee {
		return
	}
	if _, known := o.settled[r.ID]; !known && r.Phase == session.PhaseEnded {
		o.settled[r.ID] = now
	}
	q, known := o.quotes[r.ID]
	if !known {
		signed, err := quote.Parse(r.Quote, quote.AnyKey)
		if err != nil {
			o.world.fail(err)
			return
		}
		q = signed.Quote
		o.quotes[r.ID] = q
	}
	declared := q.Slice + q.Prepaid
	if r.Phase >= session.PhaseFinal {
		declared += q.EndSurcharge
	}
	o.risk += max(r.Cost-r.Paid, 0) - o.risks[r.ID]
	o.riskMax = max(o.riskMax, o.risk)
	o.risks[r.ID] = max(r.Cost-r.Paid, 0)
	if n := r.Claims - o.claims[r.ID]; n > 0 {
		o.world.electric.recorder.AddClaims(now, int(n))
	}
	o.claims[r.ID] = r.Claims
	if r.Phase.Over() {
		delete(o.claims, r.ID)
		o.risk -= o.risks[r.ID]
		delete(o.risks, r.ID)
		delete(o.quotes, r.ID)
	}
	o.hold("I5", r.Cost-r.Paid <= declared, "session %.8s owes %s, declared are %s", r.ID, r.Cost-r.Paid, declared)
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
	o.moved, o.touched = false, o.touched[:0]
}

// final is I7: what is final is never undone.
func (o *oracle) final(number uint64, c proof.Checkpoint) {
	if number != c.Number {
		return // told late: a later one is final already
	}
	hash, known := o.finals[number]
	o.hold("I7", !known || hash == c.Hash(), "checkpoint %d was final and is another one now", number)
	o.finals[number] = c.Hash()
}

package world

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
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

	moved   bool // the ledger, since the last event
	touched []sideKey

	sides    map[sideKey]session.ChannelRecord // as last stored
	channels []channel.ID                      // in the order in which they were first stored
	lanes    map[channel.ID][2]settle.Lane     // as last seen on the ledger
	bodies   map[claimKey]channel.Hash         // what was signed for each sequence
	readings map[readingKey][]byte
	finals   map[uint64]proof.Hash

	quotes  map[channel.SessionID]quote.Quote
	began   map[channel.SessionID]time.Time // when the vehicle first stored the session
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
		world: w, checks: map[string]int64{}, sides: map[sideKey]session.ChannelRecord{}, lanes: map[channel.ID][2]settle.Lane{},
		bodies: map[claimKey]channel.Hash{}, readings: map[readingKey][]byte{}, finals: map[uint64]proof.Hash{},
		quotes: map[channel.SessionID]quote.Quote{}, began: map[channel.SessionID]time.Time{}, settled: map[channel.SessionID]time.Time{},
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
	}
	if r.Role != session.RolePayee {
		return
	}
	if _, known := o.settled[r.ID]; !known && r.Phase == session.PhaseEnded {
		o.settled[r.ID] = now
	}
	q, known := o.quotes[r.ID]
	if !known {
		signed, err := quote.Parse(r.Quote)
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
	o.hold("I5", r.Cost-r.Paid <= declared, "session %.8s owes %s, declared are %s", r.ID, r.Cost-r.Paid, declared)
}

// check looks at everything that the last event changed.
func (o *oracle) check() {
	if o.moved {
		o.checkMoney()
		o.checkLanes()
	}
	for _, key := range o.touched {
		o.checkSide(key)
	}
	o.moved, o.touched = false, o.touched[:0]
}

// checkMoney is I1: by the ledger's own audit of all slots, and by a sum over the accounts and channels that we know.
func (o *oracle) checkMoney() {
	state := o.world.ledger.core.State()
	o.hold("I1", state.Audit() == nil, "the ledger's audit fails: %v", state.Audit())
	issued, balances, locked := o.money()
	o.hold("I1", balances+locked == issued, "%s on accounts and %s in channels, issued are %s", balances, locked, issued)
}

// money sums up what the ledger holds.
func (o *oracle) money() (issued, balances, locked money.Amount) {
	l := o.world.ledger
	for _, p := range o.world.parties() {
		balances += l.account(p.did).Balance
	}
	for _, id := range o.channels {
		if c, ok := l.channel(id); ok {
			held, err := c.Locked()
			o.world.fail(err)
			locked += held
		}
	}
	return l.issued, balances, locked
}

// channel gives a channel as the ledger has it now.
func (l *ledger) channel(id channel.ID) (settle.Channel, bool) {
	raw, ok := l.core.State().Slot(settle.ChannelKey(id))
	if !ok {
		return settle.Channel{}, false
	}
	c, err := settle.DecodeChannel(raw)
	l.world.fail(err)
	return c, true
}

// checkLanes is I2 on the ledger: no lane falls, and none is above what its payer has signed.
func (o *oracle) checkLanes() {
	for _, id := range o.channels {
		c, ok := o.world.ledger.channel(id)
		if !ok {
			continue
		}
		for n, now := range c.Lanes {
			before := o.lanes[id][n]
			fell := now.Maximum < before.Maximum || now.Owed < before.Owed || now.Owed == before.Owed && now.Sequence < before.Sequence
			o.hold("I2", !fell, "lane %d of channel %.8s fell on the ledger from %s to %s", n, id, before.Maximum, now.Maximum)
			if payer := o.side(c.Opening, channel.Lane(n).Payer()); payer != nil {
				o.hold("I2", now.Maximum <= payer.Side.Out.Owed(), "lane %d of channel %.8s is at %s, signed were %s",
					n, id, now.Maximum, payer.Side.Out.Owed())
			}
		}
		o.lanes[id] = c.Lanes
	}
}

// side gives what a party last stored of a channel, nil when nothing.
func (o *oracle) side(opening channel.Opening, who channel.Party) *session.ChannelRecord {
	did := opening.Opener
	if who == channel.Partner {
		did = opening.Partner
	}
	p := o.party(did)
	if r, ok := o.sides[sideKey{p, opening.ID()}]; ok {
		return &r
	}
	return nil
}

func (o *oracle) party(did wallet.DID) *party {
	for _, p := range o.world.parties() {
		if p.did == did {
			return p
		}
	}
	return nil
}

// checkSide is I2 and I3 for one side of a channel, from what it stored.
func (o *oracle) checkSide(key sideKey) {
	r, err := key.party.disk.Channel(context.Background(), key.channel)
	if err != nil {
		o.world.fail(err)
		return
	}
	before, side, who := o.sides[key], r.Side, fmt.Sprintf("%s, channel %.8s", key.party.name, key.channel)
	o.hold("I2", !before.Side.Out.Above(side.Out) && !before.Side.In.Above(side.In) && side.Sequence >= before.Side.Sequence,
		"%s: a lane fell from %s and %s to %s and %s", who, before.Side.Out.Owed(), before.Side.In.Owed(), side.Out.Owed(), side.In.Owed())
	o.hold("I3", !before.Side.Frozen || side.Frozen && side.Out == before.Side.Out && side.In == before.Side.In,
		"%s: signed or accepted after a close was signed", who)
	o.sides[key] = r

	lanes := channel.PerLane{}
	lanes[side.Me.Pays()], lanes[side.Me.Other().Pays()] = side.Out.Owed(), side.In.Owed()
	mine, theirs := channel.Due(side.Funds, lanes, side.Me), channel.Due(side.Funds, lanes, side.Me.Other())
	o.hold("I3", mine >= 0, "%s: signed %s more than it has", who, -mine)
	o.hold("I3", theirs >= 0, "%s: accepted %s more than is there", who, -theirs)
	if share, err := channel.Payout(side.Funds, lanes); o.world.failure == nil {
		o.hold("I3", err == nil && share[side.Me] == mine, "%s: is due %s, would be paid %s (%v)", who, mine, share[side.Me], err)
	}
	if peer := o.side(side.Opening, side.Me.Other()); peer != nil {
		o.hold("I2", !side.In.Above(peer.Side.Out), "%s: accepted %s, the peer has stored %s", who, side.In.Owed(), peer.Side.Out.Owed())
	}
	o.checkFunds(who, r)
}

// checkFunds is the premise of I3: a side counts on no money that the ledger does not have.
func (o *oracle) checkFunds(who string, r session.ChannelRecord) {
	c, ok := o.world.ledger.channel(r.ID)
	if !ok {
		return
	}
	for p := range c.Funds.Deposited {
		o.hold("I3", r.Side.Funds.Deposited[p] <= c.Funds.Deposited[p], "%s: counts on %s, deposited are %s",
			who, r.Side.Funds.Deposited[p], c.Funds.Deposited[p])
	}
	o.hold("I3", r.Side.Funds.Withdrawn[r.Side.Me.Other()] >= c.Funds.Withdrawn[r.Side.Me.Other()],
		"%s: the peer took out %s, agreed were %s", who, c.Funds.Withdrawn[r.Side.Me.Other()], r.Side.Funds.Withdrawn[r.Side.Me.Other()])
}

// sent is I4: what leaves a machine is durable in it, and one sequence has one body for ever.
func (o *oracle) sent(p *party, f wire.Frame) {
	switch m := f.Message.(type) {
	case wire.Claim:
		o.sentBest(p, m.Best)
	case wire.Hello:
		o.sentKnown(p, m.Known)
	case wire.Offer:
		o.sentKnown(p, m.Known)
	case wire.Demand:
		o.sentBest(p, m.Back)
		o.acknowledged(p, f.Session, m.Accepted)
		o.sentReading(p, f.Session, m.Reading)
	case wire.Done:
		o.sentBest(p, m.Back)
		o.acknowledged(p, f.Session, m.Accepted)
	case wire.Withdraw:
		o.sentWithdrawal(p, m.Withdrawal)
	}
}

func (o *oracle) sentKnown(p *party, k wire.Known) {
	for _, raw := range k.Lanes {
		o.sentBest(p, raw)
	}
}

func (o *oracle) sentBest(p *party, raw []byte) {
	if len(raw) == 0 {
		return
	}
	best, err := channel.DecodeBest(raw)
	if err != nil {
		o.world.fail(err)
		return
	}
	c := best.Signed.Claim
	r, err := p.disk.Channel(context.Background(), c.Channel)
	durable := r.Side.Out
	if err == nil && c.Lane != r.Side.Me.Pays() {
		durable = r.Side.In
	}
	o.hold("I4", err == nil && !best.Above(durable), "%s sends a claim of %s, durable is %s", p.name, best.Owed(), durable.Owed())
	key := claimKey{c.Channel, c.Lane, c.Sequence}
	body, known := o.bodies[key]
	o.hold("I4", !known || body == c.Hash(), "%s: two bodies for sequence %d of channel %.8s", p.name, c.Sequence, c.Channel)
	o.bodies[key] = c.Hash()
}

// acknowledged is the promise not to lose a claim.
func (o *oracle) acknowledged(p *party, id channel.SessionID, amount money.Amount) {
	if amount == 0 {
		return
	}
	s, err := p.disk.Session(context.Background(), id)
	if err != nil {
		o.world.fail(err)
		return
	}
	r, err := p.disk.Channel(context.Background(), s.Channel)
	o.hold("I4", err == nil && amount <= r.Side.In.Owed(), "%s acknowledges %s, durable is %s", p.name, amount, r.Side.In.Owed())
}

func (o *oracle) sentReading(p *party, id channel.SessionID, raw []byte) {
	signed, err := meter.DecodeSigned(raw)
	stored := o.readings[readingKey{id, signed.Reading.Sequence}]
	o.hold("I4", err == nil && bytes.Equal(stored, raw), "%s sends a reading that is not durable: %d", p.name, signed.Reading.Sequence)
}

func (o *oracle) sentWithdrawal(p *party, raw []byte) {
	w, err := channel.DecodeSignedWithdrawal(raw)
	if err != nil {
		o.world.fail(err)
		return
	}
	r, err := p.disk.Channel(context.Background(), w.Withdrawal.Channel)
	o.hold("I4", err == nil && w.Withdrawal.Sequence <= r.Side.Withdrawal, "%s signs withdrawal %d, durable is %d",
		p.name, w.Withdrawal.Sequence, r.Side.Withdrawal)
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

// atEnd checks what holds once everything is over: claims are on the ledger, nobody honest was short, and nothing was
// billed that did not flow.
func (o *oracle) atEnd() {
	o.checkMoney()
	for _, id := range o.channels {
		if c, ok := o.world.ledger.channel(id); ok {
			o.checkOutcome(id, c)
		}
	}
	for _, s := range o.world.stations {
		o.checkBilled(s)
	}
}

func (o *oracle) checkOutcome(id channel.ID, c settle.Channel) {
	for _, who := range []channel.Party{channel.Opener, channel.Partner} {
		r := o.side(c.Opening, who)
		if r == nil {
			continue
		}
		in, out := r.Side.In.Owed(), r.Side.Out.Owed()
		o.hold("settled", c.Lanes[who.Other().Pays()].Maximum >= in, "party %d of channel %.8s accepted %s, the ledger knows %s",
			who, id, in, c.Lanes[who.Other().Pays()].Maximum)
		meant := o.paidIn(c.Opening, who)
		o.hold("I4", c.Funds.Deposited[who] == meant, "party %d of channel %.8s paid in %s, meant were %s",
			who, id, c.Funds.Deposited[who], meant)
		if c.State != channel.Closed {
			continue
		}
		got, due := c.Funds.Withdrawn[who]+c.Payout[who], c.Funds.Deposited[who]+in-out
		o.hold("I3", got >= due, "party %d of channel %.8s got %s, was due %s", who, id, got, due)
	}
}

// paidIn gives what a party's stored operations put into a channel: each takes effect once.
func (o *oracle) paidIn(opening channel.Opening, who channel.Party) money.Amount {
	p, sum := o.party(opening.Opener), opening.Deposit
	if who == channel.Partner {
		p, sum = o.party(opening.Partner), 0
	}
	all, err := p.disk.Sessions(context.Background(), channel.SessionID{}, sessionsMax)
	o.world.fail(err)
	for _, r := range all {
		for _, id := range r.Vertices {
			op, err := p.disk.Op(context.Background(), id)
			o.world.fail(err)
			if op.Kind == session.OpTopUp && op.Channel == opening.ID() && op.State == session.OpFinal {
				t, err := session.DecodeTopUp(op.Body)
				o.world.fail(err)
				sum += t.Amount
			}
		}
	}
	return sum
}

// checkBilled compares what a station billed with what flowed through its cable.
func (o *oracle) checkBilled(s *station) {
	all, err := s.disk.Sessions(context.Background(), channel.SessionID{}, sessionsMax)
	o.world.fail(err)
	var billed int64
	for _, r := range all {
		billed += r.Quantity
	}
	state, err := s.cable.State(o.world.clock.Now())
	o.world.fail(err)
	if s.spec.InflatePPM == 0 {
		o.hold("I6", billed <= state.Register, "%s billed %d mWh, delivered were %d", s.name, billed, state.Register)
	}
}

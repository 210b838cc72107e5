package session

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// visit is what both machines hold of a session: its record, the quote, the channel's side, the chain of readings and
// the bill that prices them.
type visit struct {
	record  SessionRecord
	channel ChannelRecord // meaningful once side is set
	side    *channel.Side
	quote   quote.Signed
	chain   meter.Chain
	meter   *wallet.Verifier
	bill    *quote.Bill

	following []quote.Signed // agreed on and not in force yet, in order
	offered   quote.Signed   // the record's Next, until it is agreed on

	view   View
	viewAt time.Time // real clock; zero before the first view
	lookAt time.Time // real clock: when to look again

	entered      int  // quotes of the session that came into force after its first
	toppingUp    bool // a top-up of this side is under way
	topUpFinal   bool // it is final, and shows in the next view
	topUpRefused bool // the ledger refused one: the account is empty

	heardAt time.Time // real clock: last message of the peer
	sentAt  time.Time // real clock: last message that waits for an answer
}

// Phase tells where the session stands.
func (v *visit) Phase() Phase { return v.record.Phase }

// bindQuote prepares the parts of a visit that follow from the quote.
func (v *visit) bindQuote(q quote.Signed) error {
	verifier, err := wallet.NewVerifier(q.Quote.MeterKey)
	if err != nil {
		return fmt.Errorf("%w: meter key: %w", ErrPolicy, err)
	}
	b, err := quote.NewBill(q.Quote)
	if err != nil {
		return err
	}
	v.quote, v.meter, v.bill = q, verifier, b
	v.chain = meter.NewChain(v.record.ID)
	v.record.Quote = q.Bytes()
	return nil
}

// bindSide attaches a channel.
func (v *visit) bindSide(record ChannelRecord, side *channel.Side) {
	v.channel, v.side = record, side
	v.record.Channel = side.ID()
}

// restoreReadings rebuilds chain and bill from stored readings, calling each after every one.
func (v *visit) restoreReadings(readings []ReadingRecord, each func(meter.Signed) error) error {
	for _, stored := range readings {
		signed, err := meter.DecodeSigned(stored.Signed)
		if err != nil {
			return fmt.Errorf("%w: reading %d: %w", ErrRecord, stored.Sequence, err)
		}
		if err := v.take(signed.Reading); err != nil {
			return fmt.Errorf("%w: reading %d: %w", ErrRecord, stored.Sequence, err)
		}
		if err := each(signed); err != nil {
			return err
		}
	}
	return nil
}

// take adds a reading to chain and bill, and its figures to the record.
func (v *visit) take(r meter.Reading) error {
	if err := v.chain.Check(r); err != nil {
		return err
	}
	cost, err := v.bill.Add(r)
	v.enterQuotes()
	if err != nil {
		return err // the chain goes on without it: nobody is shown a reading that has no price
	}
	if err := v.chain.Accept(r); err != nil {
		return err
	}
	if r.Sequence == 0 {
		v.record.StartedMs = r.Time.UnixMilli()
	}
	v.record.Sequence, v.record.Quantity, v.record.Cost = r.Sequence, v.bill.Quantity(r), cost
	v.record.Returned = v.bill.Returned(r)
	v.record.Power, v.record.SoCPermille = r.PowerMilliwatts, r.StateOfChargePermille
	v.record.EndedMs = r.Time.UnixMilli()
	return nil
}

// due gives what the vehicle's lane must reach for the session's cost so far: base + N + what came back on the
// station's lane.
func (v *visit) due(back money.Amount) (money.Amount, error) {
	net, err := v.record.Base[0].Sub(v.record.Base[1])
	if err != nil {
		return 0, err
	}
	return money.Sum(net, v.record.Cost, back)
}

// lane gives the amount of the vehicle's lane (0) or the station's (1), as this side knows it.
func (v *visit) lane(l channel.Lane) money.Amount { return v.side.Lanes()[l] }

// paid updates the record's net claims of this session.
func (v *visit) paid() {
	lanes := v.side.Lanes()
	v.record.Paid = (lanes[0] - v.record.Base[0]) - (lanes[1] - v.record.Base[1])
}

// mayDefer tells whether the quote leaves what is not settled yet for later.
func (v *visit) mayDefer() bool {
	q := v.quote.Quote
	return q.Deferred && (q.SettleAmount == 0 || v.lane(0)-v.channel.Settled[0] < q.SettleAmount)
}

// paidUp enters the phase in which the ledger is to know, and keeps what each lane came to, for the receipt.
func (v *visit) paidUp() {
	v.record.Phase, v.record.Closing = PhaseSettling, known(v.side).Lanes
}

// saved gives a Persist of session and channel as they are now, with more records beside them.
func (v *visit) saved(more Batch) Persist {
	more.Sessions = append(more.Sessions, v.record)
	if v.side != nil {
		v.channel.ID, v.channel.Side = v.side.ID(), v.side.Snapshot()
		more.Channels = append(more.Channels, v.channel)
	}
	return Persist{Batch: more}
}

// operate adds a ledger operation to the session and gives the record to persist.
func (v *visit) operate(kind OpKind, body []byte) OpRecord {
	op := NewOp(kind, v.record.Channel, v.record.ID, body)
	if !slices.Contains(v.record.Vertices, op.ID) {
		v.record.Vertices = append(v.record.Vertices, op.ID)
	}
	return op
}

// seen takes a certified view into account.
func (v *visit) seen(now Instant, view View) {
	v.view, v.viewAt = view, now.Real
	if !view.Final || v.side == nil {
		return
	}
	v.side.Deposited(view.Funds.Deposited)
	v.side.OnLedger(view.Funds.Withdrawn, view.Lanes)
	v.channel.State, v.channel.Expiry = view.State, view.Expiry
	for l := range view.Lanes {
		v.channel.Settled[l] = max(v.channel.Settled[l], view.Lanes[l])
	}
}

// report makes a Report of the visit as it stands.
func (v *visit) report(now Instant, note string, err error) Report {
	p := Progress{
		Session: v.record.ID, Channel: v.record.Channel, Role: v.record.Role, Phase: v.record.Phase, Peer: v.record.Peer, At: now.Session,
		Service:  v.record.Service,
		Quantity: v.record.Quantity, Returned: v.record.Returned, Power: v.record.Power, SoCPermille: v.record.SoCPermille,
		Cost: v.record.Cost, Paid: v.record.Paid, Claims: v.record.Claims, Reason: v.record.Reason, Note: note, Err: err,
	}
	if v.record.StartedMs != 0 {
		p.Elapsed = time.Duration(v.record.EndedMs-v.record.StartedMs) * time.Millisecond
	}
	return Report{Event: p}
}

// known gives both lanes' bests for resync.
func known(side *channel.Side) wire.Known {
	var k wire.Known
	if side == nil {
		return k
	}
	put := func(b channel.Best) {
		if !b.IsZero() {
			k.Lanes[b.Signed.Claim.Lane] = b.Encode()
		}
	}
	put(side.Out())
	put(side.In())
	return k
}

// resync joins what the peer knows with what this side knows. It gives true when something changed. A side that continues from
// a copy may sign from here on, if the copy was the latest word.
func resync(side *channel.Side, k wire.Known) (bool, error) {
	changed := false
	for lane, raw := range k.Lanes {
		if len(raw) == 0 {
			continue
		}
		best, err := channel.DecodeBest(raw)
		if err != nil {
			return changed, err
		}
		join := side.Accept
		if channel.Lane(lane) == side.Me().Pays() {
			join = side.Adopt
		}
		rose, err := join(best)
		if err != nil {
			return changed, err
		}
		changed = changed || rose
	}
	side.Synced(changed)
	return changed, nil
}

// topUp adds a top-up of a party to the session and gives the record to persist. Operations are named by their bodies, so
// the nonce differs for every top-up of a channel, whichever session asks.
func (v *visit) topUp(by channel.Party, amount money.Amount) OpRecord {
	v.toppingUp = true
	nonce := binary.BigEndian.Uint64(v.record.ID[:]) + uint64(len(v.record.Vertices))
	return v.operate(OpTopUp, TopUp{Party: by, Amount: amount, Nonce: nonce}.Encode())
}

// noteTopUp takes a stored operation into account after a restart.
func (v *visit) noteTopUp(op OpRecord) {
	if op.Kind == OpTopUp {
		v.toppingUp = v.toppingUp || op.State == OpPending
		v.topUpRefused = v.topUpRefused || op.State == OpRefused
	}
}

// seeTopUp ends a top-up that a view shows. Its money may have been seen before its outcome was told.
func (v *visit) seeTopUp(by channel.Party, before channel.Funds) {
	if v.topUpFinal || v.side.Funds().Deposited[by] != before.Deposited[by] {
		v.toppingUp, v.topUpFinal = false, false
	}
}

// mayTopUp tells whether to ask the ledger for a top-up: not while one is under way, and not again after a refusal.
func (v *visit) mayTopUp(policy money.Amount) bool {
	return policy > 0 && !v.toppingUp && !v.topUpRefused
}

// sameSession tells whether a hello belongs here.
func sameSession(h wire.Hello, r SessionRecord) bool { return h.Vehicle == r.Peer }

// lanesAgree tells whether both sides start from the same amounts.
func lanesAgree(base channel.PerLane, side *channel.Side) error {
	if base != side.Lanes() {
		return fmt.Errorf("%w: lanes start at %s and %s, not %s and %s", ErrChannel,
			side.Lanes()[0], side.Lanes()[1], base[0], base[1])
	}
	return nil
}

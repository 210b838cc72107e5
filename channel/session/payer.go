package session

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// PayerConfig is what a vehicle brings to a session.
type PayerConfig struct {
	Network    wallet.NetworkID
	Account    wallet.PrivateKey // signs the hello
	ChannelKey wallet.PrivateKey // of the channel in use, or for a new one
	KeyIndex   uint32            // of ChannelKey
	Comparison meter.Comparison  // how far the station's meter may be from its own (I6)
	LedgerTime time.Time         // of the latest final checkpoint, for the expiry of a new channel
	Nonce      [16]byte          // random, for a new channel's opening
	Policy     PayerPolicy
}

// Payer is the vehicle's machine of one session.
type Payer struct {
	visit
	config PayerConfig

	sample    meter.Sample // its own meter's last word
	sampled   bool
	waiting   *wire.Demand // a reading that the own meter does not confirm yet
	since     time.Time    // own session clock when it greeted, or accepted; after a restart as the quote has it
	clockFrom time.Time    // own session clock when the baseline was read, or earlier
	beganAt   time.Time    // real clock: when the current phase began
}

// NewPayer begins a session with a station. known is an open channel with it, or nil.
func NewPayer(config PayerConfig, now Instant, id channel.SessionID, station wallet.DID, known *ChannelRecord) (*Payer, []Effect, error) {
	p := &Payer{config: config}
	p.record = SessionRecord{
		ID: id, Role: RolePayer, Phase: PhaseGreeting, Peer: station, KeyIndex: config.KeyIndex,
		Service: config.Policy.Service, Wanted: config.Policy.Quantity, SoCPermille: meter.StateOfChargeUnknown,
	}
	if known != nil {
		side, err := channel.Restore(known.Side)
		if err != nil {
			return nil, nil, err
		}
		p.bindSide(*known, side)
		p.record.KeyIndex = known.KeyIndex
	}
	p.enter(now, PhaseGreeting)
	p.sentAt, p.since = now.Real, now.Session
	return p, []Effect{p.saved(Batch{}), p.hello(now, false), p.report(now, "asking the station", nil)}, nil
}

// RestorePayer continues a stored session after a restart.
// ops are the session's ledger operations; the outcome of those that have one is told again by a Concluded.
func RestorePayer(config PayerConfig, now Instant, record SessionRecord, ch *ChannelRecord, readings []ReadingRecord, ops []OpRecord) (*Payer, []Effect, error) {
	p := &Payer{config: config}
	p.record = record
	if ch != nil {
		side, err := channel.Restore(ch.Side)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrRecord, err)
		}
		p.bindSide(*ch, side)
	}
	if len(record.Quote) > 0 {
		signed, err := quote.Parse(record.Quote)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrRecord, err)
		}
		if err := p.bindQuote(signed); err != nil {
			return nil, nil, err
		}
		p.since = time.UnixMilli(signed.Quote.IssuedAtMs)
		err = p.restoreReadings(readings, func(s meter.Signed) error { return p.price(s.Reading) })
		if err != nil {
			return nil, nil, err
		}
	}
	if len(readings) > 0 {
		// The baseline's own time, less what the station's clock may have been ahead.
		p.clockFrom = time.UnixMilli(p.record.StartedMs).UTC().Add(-config.Policy.ClockStart)
	}
	for _, op := range ops {
		p.noteTopUp(op)
	}
	p.enter(now, record.Phase)
	return p, p.resend(now), nil
}

// Record gives the session as it would be stored now.
func (p *Payer) Record() SessionRecord { return p.record }

func (p *Payer) enter(now Instant, phase Phase) {
	p.record.Phase = phase
	p.beganAt, p.heardAt = now.Real, now.Real
}

// Step reacts to one event.
func (p *Payer) Step(now Instant, event Event) []Effect {
	switch e := event.(type) {
	case Received:
		if _, refused := e.Message.(wire.Refuse); !refused { // a station that only refuses is not there for this session
			p.heardAt = now.Real
		}
		return p.received(now, e.Message)
	case Sampled:
		if e.Err == nil {
			p.sample, p.sampled = e.Sample, true
		}
		return append(p.tryAgain(now), p.pass(now)...)
	case Tick:
		return p.pass(now)
	case Viewed:
		return p.viewed(now, e)
	case Concluded:
		return p.concluded(now, e)
	case StopAsked:
		return p.stop(now, e.Reason)
	}
	return nil
}

func (p *Payer) received(now Instant, message wire.Message) []Effect {
	switch m := message.(type) {
	case wire.Offer:
		return p.offered(now, m)
	case wire.Demand:
		return p.demanded(now, m)
	case wire.Done:
		return p.finished(now, m)
	case wire.Withdraw:
		return p.countersign(now, m)
	case wire.Refuse:
		return p.refused(now, m)
	}
	return []Effect{p.report(now, "", fmt.Errorf("%w: %T", ErrUnexpected, message))}
}

// fail ends a session in which no energy flowed.
func (p *Payer) fail(now Instant, err error) []Effect {
	p.enter(now, PhaseFailed)
	p.record.Failure = err.Error()
	effects := []Effect{p.saved(Batch{})}
	if p.side != nil {
		effects = append(effects, p.stopMessage())
	}
	return append(effects, p.report(now, "", err))
}

func (p *Payer) hello(now Instant, resume bool) Send {
	h := wire.Hello{
		Vehicle: wallet.DIDOf(p.config.Account.Public()), Station: p.record.Peer, AtMs: now.Session.UnixMilli(),
		Service: p.record.Service, Quantity: p.record.Wanted, Resume: resume, Known: known(p.side),
	}
	if p.side != nil {
		h.Channel = p.side.ID()
	}
	h.Signature = p.config.Account.Sign(wallet.DomainHello, p.config.Network, h.SigningBytes(p.record.ID))
	return Send{h}
}

// offered checks a quote and finds the channel to pay with.
func (p *Payer) offered(now Instant, o wire.Offer) []Effect {
	if p.record.Phase != PhaseGreeting {
		return nil // a repetition
	}
	signed, err := quote.Parse(o.Quote)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	if q := signed.Quote; q.Station != p.record.Peer || q.Session != p.record.ID || q.Network != p.config.Network {
		return []Effect{p.report(now, "", fmt.Errorf("%w: for another station, session or network", ErrQuoteChanged))}
	}
	if err := p.checkQuote(now, signed.Quote); err != nil {
		return p.fail(now, err)
	}
	if err := p.bindQuote(signed); err != nil {
		return p.fail(now, err)
	}
	if p.side != nil && p.usable(signed.Quote) {
		if _, err := resync(p.side, o.Known); err != nil {
			return p.fail(now, fmt.Errorf("%w: %w", ErrChannel, err))
		}
		return p.cover(now)
	}
	if p.side != nil && p.side.Opening().PartnerKey == signed.Quote.StationKey {
		// The station holds on to the channel that the hello named, and takes no other under its key.
		return p.fail(now, fmt.Errorf("%w: it does not serve under this quote", ErrChannel))
	}
	return p.open(now)
}

func (p *Payer) checkQuote(now Instant, q quote.Quote) error {
	if !p.inTime(now, time.UnixMilli(q.IssuedAtMs), p.since) || now.Session.Add(-p.config.Policy.ClockStart).UnixMilli() > q.ValidUntilMs {
		return fmt.Errorf("%w: quote of %s, own time %s", ErrClock, time.UnixMilli(q.IssuedAtMs).UTC().Format(time.RFC3339), now.Session.Format(time.RFC3339))
	}
	return p.config.Policy.check(q)
}

// inTime tells whether something was made after the vehicle asked for it and not in its future, by clocks that may differ
// by ClockStart. How long it was under way does not matter.
func (p *Payer) inTime(now Instant, made, asked time.Time) bool {
	slack := p.config.Policy.ClockStart
	return !made.After(now.Session.Add(slack)) && !made.Before(asked.Add(-slack))
}

// usable tells whether the known channel serves under this quote.
func (p *Payer) usable(q quote.Quote) bool {
	return p.channel.State == channel.Open && p.side.Opening().PartnerKey == q.StationKey && p.channel.Serves(q)
}

// open locks a deposit in a new channel.
func (p *Payer) open(now Instant) []Effect {
	q := p.quote.Quote
	currency, err := money.ParseCurrency(q.Currency)
	if err != nil {
		return p.fail(now, err)
	}
	// An idle ledger's time stands still, and jumps with the next vertex: the vehicle's own clock counts, too.
	expiry := p.config.LedgerTime.Add(p.config.Policy.Lifetime)
	if own := now.Real.Add(p.config.Policy.Lifetime); expiry.Before(own) {
		expiry = own
	}
	if least := time.UnixMilli(q.ExpiryMinMs).Add(time.Second); expiry.Before(least) {
		expiry = least
	}
	opening := channel.Opening{
		Network: p.config.Network, Opener: wallet.DIDOf(p.config.Account.Public()), Partner: q.Station,
		OpenerKey: p.config.ChannelKey.Public(), PartnerKey: q.StationKey, Payout: q.Payout,
		Deposit: p.config.Policy.depositFor(q), Nonce: p.config.Nonce,
		Terms: channel.Terms{
			Currency: currency, Window: time.Duration(q.WindowSeconds) * time.Second, Expiry: expiry.Truncate(time.Second).UTC(),
		},
	}
	side, err := channel.NewSide(opening, channel.Opener)
	if err != nil {
		return p.fail(now, fmt.Errorf("%w: %w", ErrChannel, err))
	}
	p.record.KeyIndex = p.config.KeyIndex
	p.bindSide(ChannelRecord{ID: side.ID(), Peer: q.Station, KeyIndex: p.config.KeyIndex, Expiry: opening.Terms.Expiry}, side)
	p.enter(now, PhaseOpening)
	op := p.operate(OpOpen, opening.Encode())
	note := fmt.Sprintf("opening a channel with a deposit of %s %s", opening.Deposit.Cents(), currency)
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, note, nil)}
}

// cover tops an existing channel up to what the quote asks for, or accepts at once.
func (p *Payer) cover(now Instant) []Effect {
	missing := p.quote.Quote.DepositMin - p.side.Spendable()
	if missing <= 0 {
		return p.accept(now)
	}
	if p.config.Policy.TopUp <= 0 {
		return p.fail(now, fmt.Errorf("%w: %s missing in the channel", ErrPolicy, missing))
	}
	p.enter(now, PhaseOpening)
	op := p.topUp(channel.Opener, max(missing, p.config.Policy.TopUp))
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, "topping the channel up", nil)}
}

// accept binds this side to the quote.
func (p *Payer) accept(now Instant) []Effect {
	p.record.Base = p.side.Lanes()
	p.enter(now, PhaseAccepting)
	p.sentAt, p.since = now.Real, now.Session
	return []Effect{p.saved(Batch{}), p.acceptance(), p.report(now, "offer accepted", nil)}
}

func (p *Payer) acceptance() Send {
	return Send{wire.Accept{Quote: p.quote.Hash(), Opening: p.side.Opening().Encode(), Base: p.record.Base}}
}

// demanded verifies a reading, prices it, and signs for it.
func (p *Payer) demanded(now Instant, d wire.Demand) []Effect {
	if p.record.Phase < PhaseAccepting || p.record.Phase > PhaseFinal {
		return p.late(now)
	}
	signed, err := meter.DecodeSigned(d.Reading)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	if last, started := p.chain.Last(); started && signed.Reading.Sequence <= last.Sequence {
		return p.repeated(now, d)
	}
	p.waiting = nil
	if err := p.confirm(now, signed); err != nil {
		if errors.Is(err, ErrMeasure) {
			p.waiting = &d
		}
		return p.doubt(now, err)
	}
	if err := p.acceptBack(d.Back); err != nil {
		return p.backRefused(now, err)
	}
	if err := p.take(signed.Reading); err != nil {
		return []Effect{p.report(now, "", err)}
	}
	if err := p.price(signed.Reading); err != nil {
		return p.doubt(now, err)
	}
	p.begin(now, signed.Reading)
	stored := ReadingRecord{Session: p.record.ID, Sequence: signed.Reading.Sequence, Signed: d.Reading}
	effects := p.pay(now, Batch{Readings: []ReadingRecord{stored}})
	if owed, err := p.due(p.lane(1)); err == nil && d.Required > max(owed, p.lane(0)) {
		effects = append(effects, p.doubt(now, fmt.Errorf("%w: %s, by own count %s", ErrOverDemand, d.Required, owed))...)
	}
	return append(effects, p.decide(now, signed.Reading)...)
}

// late answers a demand that comes when nothing more can be signed.
func (p *Payer) late(now Instant) []Effect {
	if p.record.Phase == PhaseFailed && p.side != nil {
		return []Effect{p.stopMessage()}
	}
	return nil
}

// begin notes the baseline.
func (p *Payer) begin(now Instant, r meter.Reading) {
	if r.Sequence == 0 {
		p.clockFrom = now.Session
		if r.Time.Before(p.clockFrom) {
			p.clockFrom = r.Time // it was under way for so long, or their clocks differ by so much: at most ClockStart
		}
		p.record.MeasureBase = p.sample.Register
		p.enter(now, PhaseCharging)
	}
	if r.State == meter.Ended {
		p.enter(now, PhaseFinal)
	}
}

// price sets the record's cost, with the surcharges of the end for a final reading.
func (p *Payer) price(r meter.Reading) error {
	if r.State != meter.Ended {
		return nil // take has set the running cost
	}
	final, err := p.bill.Final()
	if err != nil {
		return err
	}
	p.record.Cost = final
	return nil
}

// repeated answers a demand that was answered before: the claim was lost, or the money is on its way.
func (p *Payer) repeated(now Instant, d wire.Demand) []Effect {
	if err := p.acceptBack(d.Back); err != nil {
		return p.backRefused(now, err)
	}
	if p.owes() {
		return p.pay(now, Batch{})
	}
	effects := []Effect{Send{wire.Claim{Best: p.side.Out().Encode()}}}
	if p.record.Phase == PhaseStopping {
		effects = append(effects, p.stopMessage())
	}
	return effects
}

func (p *Payer) acceptBack(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	best, err := channel.DecodeBest(raw)
	if err != nil {
		return err
	}
	_, err = p.side.Accept(best)
	return err
}

// backRefused looks at the ledger when the station's own lane seems uncovered: it may have topped up.
func (p *Payer) backRefused(now Instant, err error) []Effect {
	effects := []Effect{p.report(now, "", err)}
	if errors.Is(err, channel.ErrUncovered) {
		effects = append(effects, p.look(now)...)
	}
	return effects
}

// confirm checks a reading against everything that the vehicle knows for itself (I6).
func (p *Payer) confirm(now Instant, s meter.Signed) error {
	if err := s.VerifyWith(p.meter, p.config.Network); err != nil {
		return err
	}
	if err := p.chain.Check(s.Reading); err != nil {
		return err
	}
	if uint8(s.Reading.Unit) != p.quote.Quote.Unit {
		return fmt.Errorf("%w: unit %s", ErrQuoteChanged, s.Reading.Unit)
	}
	if err := p.confirmTime(now, s.Reading); err != nil {
		return err
	}
	return p.confirmQuantity(s.Reading)
}

// confirmTime accepts no reading from the vehicle's future. One from its past was delayed, which costs it nothing; but the
// baseline, from which time is counted, is none from before the vehicle accepted.
func (p *Payer) confirmTime(now Instant, r meter.Reading) error {
	if r.Sequence == 0 {
		if !p.inTime(now, r.Time, p.since) {
			return fmt.Errorf("%w: baseline of %s, own time %s", ErrClock, r.Time.Format(time.RFC3339), now.Session.UTC().Format(time.RFC3339))
		}
		return nil
	}
	const drift, slack = 200, 2 * time.Second // 0.5 % and 2 s
	own := now.Session.Sub(p.clockFrom)
	claimed := r.Time.Sub(time.UnixMilli(p.record.StartedMs))
	if claimed > own+own/drift+slack {
		return fmt.Errorf("%w: reading %s into the session, own clock %s", ErrClock, claimed, own)
	}
	return nil
}

func (p *Payer) confirmQuantity(r meter.Reading) error {
	if r.Unit != meter.MilliwattHours {
		return nil // time is confirmed by the clock, pieces by the vehicle's own count of what it asked for
	}
	if !p.sampled {
		return ErrMeasure
	}
	if r.Sequence == 0 {
		return nil
	}
	err := p.config.Comparison.Check(p.bill.Quantity(r), p.sample.Register-p.record.MeasureBase)
	if err != nil && p.sample.Time.Before(r.Time) {
		return fmt.Errorf("%w up to the reading yet: %w", ErrMeasure, err)
	}
	return err
}

// tryAgain takes up the reading that waited for the own meter.
func (p *Payer) tryAgain(now Instant) []Effect {
	if p.waiting == nil {
		return nil
	}
	return p.demanded(now, *p.waiting)
}

// doubt reacts to a reading that is not signed for: what may pass by itself is waited for, what cannot ends the session.
func (p *Payer) doubt(now Instant, err error) []Effect {
	effects := []Effect{p.report(now, "", err)}
	switch {
	case errors.Is(err, meter.ErrGap), errors.Is(err, ErrMeasure), errors.Is(err, wallet.ErrSignature), errors.Is(err, meter.ErrSession):
		return effects // an earlier reading is on its way, the own meter will speak, or somebody else sent this
	case !p.started():
		return p.fail(now, err)
	case p.record.Phase == PhaseFinal || p.record.Phase == PhaseStopping:
		if p.record.Failure != "" {
			return effects // the first cause is stored, whatever follows from it
		}
		p.record.Failure = err.Error()
		return append(effects, p.saved(Batch{}))
	}
	p.record.Failure = err.Error()
	return append(effects, p.stop(now, wire.ReasonMeter)...)
}

func (p *Payer) started() bool { _, ok := p.chain.Last(); return ok }

// owes tells whether the last reading has no claim yet.
func (p *Payer) owes() bool {
	last, ok := p.chain.Last()
	return ok && p.side.Out().Signed.Claim.Reading != channel.Hash(last.Hash())
}

// pay signs a claim for the last reading, stores it with the given records, and sends it. Without cover it asks the
// ledger for a top-up and pays when that is final; when there is no more money, it pays what is covered and stops.
func (p *Payer) pay(now Instant, with Batch) []Effect {
	owed, err := p.due(p.lane(1))
	if err != nil {
		return []Effect{p.saved(with), p.report(now, "", err)}
	}
	last, _ := p.chain.Last()
	draft := channel.Draft{
		Amount: max(owed, p.lane(0)), Quantity: p.record.Quantity, Unit: p.quote.Quote.Unit,
		Reading: last.Hash(), Quote: p.quote.Hash(), Session: p.record.ID,
	}
	if p.config.Policy.CostMax > 0 && p.record.Cost > p.config.Policy.CostMax {
		draft.Amount = p.lane(0)
	}
	uncovered := draft.Amount > p.lane(0) && draft.Amount-p.lane(0) > p.side.Spendable()
	if uncovered {
		if p.mayTopUp(p.config.Policy.TopUp) {
			missing := draft.Amount - p.lane(0) - p.side.Spendable()
			with.Ops = append(with.Ops, p.topUp(channel.Opener, max(missing, p.config.Policy.TopUp)))
		}
		if p.toppingUp {
			return []Effect{p.saved(with), p.report(now, "waiting for a top-up", nil)}
		}
		draft.Amount = p.lane(0) + max(0, p.side.Spendable()) // as far as the money reaches
	}
	claim, err := p.side.Pay(draft, p.config.ChannelKey)
	if err != nil {
		return []Effect{p.saved(with), p.report(now, "", err)}
	}
	p.record.Claims++
	p.paid()
	p.sentAt = now.Real
	best := channel.Best{Signed: claim}
	effects := []Effect{p.saved(with), Send{wire.Claim{Best: best.Encode()}}, p.report(now, "", nil)}
	if uncovered {
		effects = append(effects, p.report(now, "", fmt.Errorf("%w: %s of %s", channel.ErrUncovered, draft.Amount, owed)))
		return append(effects, p.stop(now, wire.ReasonUncovered)...)
	}
	return append(effects, p.topUpAhead(now)...)
}

// topUpAhead adds money before the deposit runs short: two slices and the end's surcharge must stay covered.
func (p *Payer) topUpAhead(now Instant) []Effect {
	q := p.quote.Quote
	if p.record.Phase != PhaseCharging || !p.mayTopUp(p.config.Policy.TopUp) || p.side.Spendable() >= 2*q.Slice+q.EndSurcharge {
		return nil
	}
	op := p.topUp(channel.Opener, p.config.Policy.TopUp)
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, "topping the channel up", nil)}
}

// decide stops the session when the vehicle has what it wants or may not spend more.
func (p *Payer) decide(now Instant, r meter.Reading) []Effect {
	if p.record.Phase != PhaseCharging || r.Sequence == 0 {
		return nil
	}
	q, policy := p.quote.Quote, p.config.Policy
	switch {
	case policy.Quantity > 0 && p.record.Quantity >= policy.Quantity,
		policy.SoCPermille > 0 && r.StateOfChargePermille >= policy.SoCPermille,
		!policy.Until.IsZero() && !r.Time.Before(policy.Until),
		policy.FullIsTarget && r.State == meter.SuspendedVehicle:
		return p.stop(now, wire.ReasonTarget)
	case policy.CostMax > 0 && p.record.Cost+2*q.Slice+q.EndSurcharge > policy.CostMax:
		return p.stop(now, wire.ReasonCost)
	case !p.toppingUp && !p.mayTopUp(policy.TopUp) && p.side.Spendable() < 2*q.Slice+q.EndSurcharge:
		return p.stop(now, wire.ReasonUncovered)
	}
	return nil
}

// stop asks the station for the last reading.
func (p *Payer) stop(now Instant, reason wire.Reason) []Effect {
	switch {
	case p.record.Phase >= PhaseStopping:
		return nil
	case !p.started():
		p.record.Reason = reason
		return p.fail(now, fmt.Errorf("%w: stopped before energy flowed", ErrPolicy))
	}
	p.record.Reason = reason
	p.enter(now, PhaseStopping)
	p.sentAt = now.Real
	return []Effect{p.saved(Batch{}), p.stopMessage(), p.report(now, "stopping", nil)}
}

func (p *Payer) stopMessage() Send {
	s := wire.Stop{Reason: p.record.Reason}
	if s.Reason == "" {
		s.Reason = wire.ReasonUser
	}
	s.Signature = p.config.ChannelKey.Sign(wallet.DomainStop, p.config.Network, s.SigningBytes(p.record.ID))
	return Send{s}
}

// finished takes the station's word that the final claim is stored; the ledger has to confirm it.
func (p *Payer) finished(now Instant, d wire.Done) []Effect {
	if p.record.Phase < PhaseCharging || p.record.Phase >= PhaseSettling {
		return nil
	}
	if err := p.acceptBack(d.Back); err != nil {
		return p.backRefused(now, err)
	}
	if p.record.Phase == PhaseFinal && d.Accepted < p.lane(0) && now.Real.Sub(p.beganAt) < answerMax {
		return nil // the claim was lost, and is repeated in time; or the station has closed the channel without it
	}
	if p.record.Reason == "" || p.record.Phase == PhaseCharging {
		p.record.Reason = d.Reason
	}
	p.paid()
	p.enter(now, PhaseSettling)
	p.paidUp()
	return []Effect{p.saved(Batch{}), Look{p.record.Channel}, p.report(now, "paid; the ledger is to confirm", nil)}
}

// countersign agrees to a withdrawal of what the station is due.
func (p *Payer) countersign(now Instant, w wire.Withdraw) []Effect {
	if p.side == nil {
		return nil
	}
	proposed, err := channel.DecodeSignedWithdrawal(w.Withdrawal)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	signed, err := p.side.CountersignWithdrawal(proposed, p.config.ChannelKey)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	return []Effect{p.saved(Batch{}), Send{wire.Withdraw{Withdrawal: signed.Encode()}}}
}

func (p *Payer) refused(now Instant, r wire.Refuse) []Effect {
	err := fmt.Errorf("%w: %s: %.200q", ErrRefused, r.Code, r.Detail)
	if p.record.Phase < PhaseCharging && !p.started() {
		return p.fail(now, err)
	}
	return []Effect{p.report(now, "", err)}
}

func (p *Payer) viewed(now Instant, e Viewed) []Effect {
	p.lookAt = now.Real.Add(lookEvery)
	if e.Err != nil || !e.View.Final || p.side == nil {
		return nil
	}
	before := p.side.Funds()
	p.seen(now, e.View)
	p.seeTopUp(channel.Opener, before)
	switch {
	case p.record.Phase == PhaseOpening && p.side.Spendable() >= p.quote.Quote.DepositMin:
		return p.accept(now)
	case p.record.Phase == PhaseSettling && p.channel.Settled[0] >= p.lane(0) && p.channel.Settled[1] >= p.lane(1):
		p.enter(now, PhaseEnded)
		return []Effect{p.saved(Batch{}), p.report(now, "settled on the ledger", nil)}
	case p.started() && p.record.Phase <= PhaseFinal && p.owes():
		return append([]Effect{p.saved(Batch{})}, p.pay(now, Batch{})...)
	case p.side.Funds() != before:
		return []Effect{p.saved(Batch{})}
	}
	return nil
}

func (p *Payer) concluded(now Instant, e Concluded) []Effect {
	if e.Err != nil {
		err := fmt.Errorf("%s: %w", e.Op.Kind, e.Err)
		if p.record.Phase == PhaseOpening {
			return p.fail(now, err)
		}
		p.toppingUp, p.topUpRefused = false, p.topUpRefused || e.Op.Kind == OpTopUp
		effects := append([]Effect{p.report(now, "", err)}, p.stop(now, wire.ReasonUncovered)...)
		if p.started() && p.record.Phase <= PhaseFinal && p.owes() {
			effects = append(effects, p.pay(now, Batch{})...)
		}
		return effects
	}
	if e.Op.Kind == OpOpen && p.record.Phase == PhaseOpening {
		p.channel.State = channel.Open
		return p.accept(now)
	}
	p.topUpFinal = p.topUpFinal || e.Op.Kind == OpTopUp
	return []Effect{Look{p.record.Channel}}
}

// pass lets real time pass: repetition, resumption, patience.
func (p *Payer) pass(now Instant) []Effect {
	waited, silent := now.Real.Sub(p.beganAt), now.Real.Sub(p.heardAt)
	switch p.record.Phase {
	case PhaseGreeting:
		if waited > answerMax {
			return p.fail(now, ErrNoAnswer)
		}
	case PhaseSettling:
		return p.awaitLedger(now, waited)
	case PhaseOpening:
		return p.look(now)
	case PhaseEnded, PhaseFailed:
		return nil
	}
	var effects []Effect
	if p.toppingUp {
		effects = p.look(now)
	}
	if silent > p.config.Policy.GoneAfter || p.stuck(waited) {
		return append(effects, p.giveUp(now)...)
	}
	if now.Real.Sub(p.sentAt) < resendAfter || (p.record.Phase == PhaseCharging && silent < silenceMax+p.quote.Quote.ClaimEvery()) {
		return effects
	}
	return append(effects, p.resend(now)...)
}

// stuck tells whether a station that talks brings a session neither to its beginning nor to its end.
func (p *Payer) stuck(waited time.Duration) bool {
	return p.record.Phase != PhaseCharging && !p.toppingUp && waited > p.config.Policy.GoneAfter
}

// resend repeats the question that waits for an answer; a running session that fell silent is resumed.
func (p *Payer) resend(now Instant) []Effect {
	p.sentAt = now.Real
	switch p.record.Phase {
	case PhaseGreeting:
		return []Effect{p.hello(now, false)}
	case PhaseAccepting:
		return []Effect{p.hello(now, true), p.acceptance()}
	case PhaseCharging:
		return []Effect{p.hello(now, true)}
	case PhaseStopping:
		return []Effect{p.hello(now, true), p.stopMessage()}
	case PhaseFinal:
		if p.owes() {
			return p.pay(now, Batch{})
		}
		return []Effect{p.hello(now, true), Send{wire.Claim{Best: p.side.Out().Encode()}}}
	}
	return nil
}

func (p *Payer) look(now Instant) []Effect {
	if p.side == nil || now.Real.Before(p.lookAt) {
		return nil
	}
	p.lookAt = now.Real.Add(lookEvery)
	return []Effect{Look{p.record.Channel}}
}

// awaitLedger looks until the session is on the ledger. It need not wait for ever: what it signed is all it can owe.
func (p *Payer) awaitLedger(now Instant, waited time.Duration) []Effect {
	if waited > p.config.Policy.SettleWait {
		p.enter(now, PhaseEnded)
		return []Effect{p.saved(Batch{}), p.report(now, "the station has not settled yet; the receipt follows when it has", nil)}
	}
	return p.look(now)
}

// giveUp leaves a station that fell silent. Nothing more is owed than what was signed.
func (p *Payer) giveUp(now Instant) []Effect {
	if !p.started() {
		return p.fail(now, ErrNoAnswer)
	}
	p.record.Failure = ErrNoAnswer.Error()
	p.enter(now, PhaseSettling)
	p.paidUp()
	return []Effect{p.saved(Batch{}), p.report(now, "the station went away", ErrNoAnswer)}
}

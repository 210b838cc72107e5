package session

import (
	"errors"
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

// PayeeConfig is what a station brings to a session.
type PayeeConfig struct {
	Account    wallet.PrivateKey // signs the quote
	ChannelKey wallet.PrivateKey // of the channel in use, or for a new one
	KeyIndex   uint32            // of ChannelKey
	MeterKey   wallet.PrivateKey // signs the readings
	Offer      quote.Quote       // everything but session, station key and times, which NewPayee fills in
	Policy     PayeePolicy
}

// PayeePolicy is the station's own choice; the vehicle need not know it.
type PayeePolicy struct {
	OutstandingMax int           // readings that may wait for their claims; 1 unless throughput matters more than order
	ReadEvery      time.Duration // session clock; 0: half the claim interval
	SampleEvery    time.Duration // session clock: how far apart samples come, so that a pause begins in time
	GoneAfter      time.Duration // real clock: a vehicle that owes for so long has left, whatever it says
	QuoteValid     time.Duration // session clock: how long the offer stands
	TopUp          money.Amount  // what the station locks when it must pay back more than it received; 0 never
}

// DefaultPayeePolicy suits a charger.
func DefaultPayeePolicy() PayeePolicy {
	return PayeePolicy{
		OutstandingMax: 1, SampleEvery: time.Second, GoneAfter: time.Minute, QuoteValid: 5 * time.Minute,
	}
}

func (p PayeePolicy) readEvery(q quote.Quote) time.Duration {
	if p.ReadEvery > 0 {
		return p.ReadEvery
	}
	return q.ClaimEvery() / 2
}

// Payee is the station's machine of one session.
type Payee struct {
	visit
	config  PayeeConfig
	network wallet.NetworkID

	unpaid       []demand     // readings that wait for payment, oldest first
	sample       meter.Sample // the connector's last word
	sampled      bool
	started      bool      // the connector was told to start, by this process
	startedAt    time.Time // session clock; a sample from before still tells of the session before
	paused       bool      // its limit is zero
	exposed      time.Time // session clock: since when energy may have flowed unpaid
	settledAt    time.Time // session clock: when the station last asked for a withdrawal
	progressAt   time.Time // real clock: when the vehicle last moved the session on, or owed nothing
	cosignBy     time.Time // real clock: until when a counter-signature is awaited; zero when none is
	inFlight     []OpID    // operations in the outbox that settle
	cosignFailed bool      // the vehicle did not counter-sign in time
}

// demand is a reading with what it asks for.
type demand struct {
	reading  []byte
	hash     channel.Hash
	required money.Amount
	at       time.Time // session clock
}

// NewPayee answers a vehicle's Hello with an offer. known is the channel that the Hello names, or nil.
func NewPayee(config PayeeConfig, now Instant, id channel.SessionID, hello wire.Hello, known *ChannelRecord) (*Payee, []Effect, error) {
	p := &Payee{config: config, network: config.Offer.Network}
	if err := p.checkHello(id, hello); err != nil {
		return nil, nil, err
	}
	p.record = SessionRecord{
		ID: id, Role: RolePayee, Phase: PhaseGreeting, Peer: hello.Vehicle, KeyIndex: config.KeyIndex,
		Service: hello.Service, Wanted: hello.Quantity, SoCPermille: meter.StateOfChargeUnknown,
	}
	offer := config.Offer
	offer.Session, offer.StationKey = id, config.ChannelKey.Public()
	offer.IssuedAtMs = now.Session.UnixMilli()
	offer.ValidUntilMs = now.Session.Add(config.Policy.QuoteValid).UnixMilli()
	if err := offer.Check(); err != nil {
		return nil, nil, err
	}
	if err := p.bindQuote(quote.Sign(offer, config.Account)); err != nil {
		return nil, nil, err
	}
	if known != nil {
		side, err := channel.Restore(known.Side)
		if err != nil {
			return nil, nil, err
		}
		p.bindSide(*known, side)
		if _, err := resync(side, hello.Known); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrChannel, err)
		}
	}
	p.heardAt, p.progressAt = now.Real, now.Real
	return p, []Effect{p.saved(Batch{}), p.offer(), p.report(now, "a vehicle asks", nil)}, nil
}

// RestorePayee continues a stored session after a restart. The connector is taken to be off.
// ops are the session's ledger operations; the outcome of those that have one is told again by a Concluded. A session that is
// over needs neither configuration, readings nor operations: it only answers.
func RestorePayee(config PayeeConfig, now Instant, record SessionRecord, ch *ChannelRecord, readings []ReadingRecord, ops []OpRecord) (*Payee, error) {
	p := &Payee{config: config, network: config.Offer.Network}
	p.record = record
	if ch != nil {
		side, err := channel.Restore(ch.Side)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRecord, err)
		}
		p.bindSide(*ch, side)
	}
	if record.Phase.Over() {
		return p, nil // it answers from its records alone
	}
	signed, err := quote.Parse(record.Quote)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if err := p.bindQuote(signed); err != nil {
		return nil, err
	}
	err = p.restoreReadings(readings, func(s meter.Signed) error { return p.addDemand(s, s.Encode()) })
	if err != nil {
		return nil, err
	}
	if p.side != nil {
		p.settlePaid()
	}
	for _, op := range ops {
		if op.Kind != OpTopUp && op.State == OpPending {
			p.inFlight = append(p.inFlight, op.ID)
		}
		p.noteTopUp(op)
	}
	p.heardAt, p.progressAt, p.paused = now.Real, now.Real, true
	if len(readings) == 0 && record.Phase == PhaseCharging {
		p.record.Phase = PhaseAccepting
	}
	return p, nil
}

// Record gives the session as it would be stored now.
func (p *Payee) Record() SessionRecord { return p.record }

// Outstanding tells whether a reading waits for its claim.
func (p *Payee) Outstanding() bool { return len(p.unpaid) > 0 }

// Step reacts to one event.
func (p *Payee) Step(now Instant, event Event) []Effect {
	if p.record.Phase.Over() {
		return p.over(event)
	}
	switch e := event.(type) {
	case Received:
		p.heardAt = now.Real
		return p.received(now, e.Message)
	case Sampled:
		return p.measured(now, e)
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

// over answers a vehicle that does not know yet that the session ended.
func (p *Payee) over(event Event) []Effect {
	switch e := event.(type) {
	case Received:
		switch m := e.Message.(type) {
		case wire.Hello, wire.Claim, wire.Stop:
			if p.record.StartedMs == 0 {
				return []Effect{Send{wire.Refuse{Code: wire.CodeUnknownSession, Detail: "the session ended before it began"}}}
			}
			return []Effect{Send{p.done()}}
		case wire.Withdraw:
			_, effects := p.cosigned(m)
			return effects
		}
	case Concluded:
		return nil
	}
	return nil
}

func (p *Payee) received(now Instant, message wire.Message) []Effect {
	switch m := message.(type) {
	case wire.Hello:
		return p.greeted(now, m)
	case wire.Accept:
		return p.accepted(now, m)
	case wire.Claim:
		return p.claimed(now, m)
	case wire.Stop:
		return p.asked(now, m)
	case wire.Withdraw:
		done, effects := p.cosigned(m)
		if done {
			p.cosignBy = time.Time{}
		}
		return effects
	case wire.Refuse:
		return []Effect{p.report(now, "", fmt.Errorf("%w: %s: %.200q", ErrRefused, m.Code, m.Detail))}
	}
	return []Effect{p.report(now, "", fmt.Errorf("%w: %T", ErrUnexpected, message))}
}

// refuse tells the vehicle and the operator why a message is not acted on.
func (p *Payee) refuse(now Instant, code wire.Code, err error) []Effect {
	return []Effect{Send{wire.NewRefuse(code, err)}, p.report(now, "", err)}
}

func (p *Payee) checkHello(id channel.SessionID, h wire.Hello) error {
	return CheckHello(h, id, wallet.DIDOf(p.config.Account.Public()), p.network)
}

// greeted answers a repeated Hello, or one that resumes.
func (p *Payee) greeted(now Instant, h wire.Hello) []Effect {
	if err := p.checkHello(p.record.ID, h); err != nil || !sameSession(h, p.record) {
		return p.refuse(now, wire.CodeIdentity, fmt.Errorf("%w: hello of %s", ErrIdentity, h.Vehicle.Short()))
	}
	if p.record.Phase <= PhaseAccepting && !p.sentBaseline() {
		return []Effect{p.offer()}
	}
	var effects []Effect
	if rose, err := resync(p.side, h.Known); err != nil {
		return p.refuse(now, wire.CodeClaim, err)
	} else if rose {
		p.record.Claims++
		effects = append(effects, p.afterClaim(now)...)
	}
	return append(effects, p.resend(now, true)...)
}

func (p *Payee) offer() Send {
	return Send{wire.Offer{Quote: p.quote.Bytes(), Known: known(p.side)}}
}

func (p *Payee) sentBaseline() bool {
	_, started := p.chain.Last()
	return started
}

// accepted binds the channel that the vehicle names and waits to see it certified.
func (p *Payee) accepted(now Instant, a wire.Accept) []Effect {
	if p.record.Phase != PhaseGreeting {
		if p.sentBaseline() {
			return p.resend(now, true)
		}
		return nil // a repetition
	}
	if a.Quote != p.quote.Hash() {
		return p.refuse(now, wire.CodeQuote, fmt.Errorf("%w: accepted another quote", ErrQuoteChanged))
	}
	if now.Session.UnixMilli() > p.quote.Quote.ValidUntilMs {
		return p.refuse(now, wire.CodeQuote, fmt.Errorf("%w: the quote is no longer good", ErrQuoteChanged))
	}
	if err := p.bindChannel(a); err != nil {
		return p.refuse(now, wire.CodeChannel, err)
	}
	p.record.Base, p.record.Phase = a.Base, PhaseAccepting
	p.progressAt = now.Real
	return []Effect{p.saved(Batch{}), Look{p.record.Channel}, p.report(now, "offer accepted", nil)}
}

func (p *Payee) bindChannel(a wire.Accept) error {
	opening, err := channel.DecodeOpening(a.Opening)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChannel, err)
	}
	if p.side != nil && p.side.ID() != opening.ID() {
		// Under the key of a known channel there may be others, whose claims a new Side would forget.
		return fmt.Errorf("%w: another one than the hello named", ErrChannel)
	}
	if p.side == nil {
		if err := p.checkOpening(opening); err != nil {
			return err
		}
		side, err := channel.NewSide(opening, channel.Partner)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrChannel, err)
		}
		p.bindSide(ChannelRecord{ID: side.ID(), Peer: opening.Opener, KeyIndex: p.config.KeyIndex}, side)
	}
	if p.side.Frozen() {
		return fmt.Errorf("%w: it is closing", ErrChannel)
	}
	return lanesAgree(a.Base, p.side)
}

func (p *Payee) checkOpening(o channel.Opening) error {
	q := p.quote.Quote
	switch {
	case o.Network != p.network, o.Partner != q.Station, o.Opener != p.record.Peer, o.Payout != q.Payout:
		return fmt.Errorf("%w: opened for other parties", ErrChannel)
	case o.PartnerKey != q.StationKey:
		return fmt.Errorf("%w: opened for another key than the quote's", ErrChannel)
	case o.Terms.Currency.String() != q.Currency, o.Terms.Window < time.Duration(q.WindowSeconds)*time.Second:
		return fmt.Errorf("%w: other terms than the quote's", ErrChannel)
	case o.Terms.Expiry.UnixMilli() < q.ExpiryMinMs:
		return fmt.Errorf("%w: expires %s, too early", ErrChannel, o.Terms.Expiry.Format(time.RFC3339))
	}
	return nil
}

// viewed takes in the ledger's word: it starts a session that waited for its channel, and ends one whose channel closes.
func (p *Payee) viewed(now Instant, e Viewed) []Effect {
	p.lookAt = now.Real.Add(lookEvery)
	if p.side == nil {
		return nil // nothing was asked
	}
	if e.Err != nil {
		if p.record.Phase < PhaseCharging {
			return nil // looked at again until the vehicle gives up
		}
		return []Effect{p.report(now, "", fmt.Errorf("ledger: %w", e.Err))}
	}
	before := p.side.Snapshot().Funds
	p.seen(now, e.View)
	if !e.View.Final {
		return nil
	}
	if p.record.Phase >= PhaseCharging {
		p.lookAt = now.Real.Add(p.window() / 8)
	}
	if p.record.Phase <= PhaseStopping && (e.View.State != channel.Open || p.expiring()) {
		return append([]Effect{p.saved(Batch{})}, p.stop(now, wire.ReasonStation)...)
	}
	p.seeTopUp(channel.Partner, before)
	if p.record.Phase == PhaseFinal && len(p.unpaid) == 0 && !p.toppingUp {
		return p.afterClaim(now) // all is claimed: only what the station owes was waited for
	}
	if p.side.Snapshot().Funds == before {
		return nil
	}
	return append([]Effect{p.saved(Batch{})}, p.resend(now, true)...)
}

func (p *Payee) window() time.Duration { return p.side.Opening().Terms.Window }

// expiring tells whether the channel ends too soon for a claim to be settled: no accepting after expiry minus margin.
func (p *Payee) expiring() bool {
	margin := max(p.window()/4, 5*time.Second)
	return !p.view.Time.Before(p.view.Expiry.Add(-margin))
}

// certain tells whether the channel was seen, certified and open, less than a quarter of its window ago; and whether what
// was seen was itself that new, for a ledger that stands still shows the past.
func (p *Payee) certain(now Instant) bool {
	quarter := p.window() / 4
	seen := p.view.Final && p.view.State == channel.Open && !p.viewAt.IsZero() && now.Real.Sub(p.viewAt) <= quarter
	return seen && (p.view.At.IsZero() || now.Real.Sub(p.view.At) <= quarter+certifiedSlack)
}

// covers tells whether the channel's money reaches what the quote asks for at the start.
func (p *Payee) covers() bool {
	return p.side.Coverage()-p.lane(0) >= p.quote.Quote.DepositMin
}

// measured takes the connector's word and makes a reading of it when one is due.
func (p *Payee) measured(now Instant, e Sampled) []Effect {
	if e.Err != nil {
		return append(p.unmeasured(now, e.Err), p.pass(now)...)
	}
	p.sample, p.sampled = e.Sample, true
	var effects []Effect
	switch p.record.Phase {
	case PhaseAccepting:
		if p.certain(now) && p.covers() && !p.sentBaseline() {
			effects = p.read(now)
		}
	case PhaseCharging:
		effects = p.charging(now)
	case PhaseStopping:
		effects = p.finish(now)
	}
	return append(effects, p.pass(now)...)
}

// unmeasured ends a session whose meter fails, with the last that is known of it.
func (p *Payee) unmeasured(now Instant, err error) []Effect {
	effects := []Effect{p.report(now, "", fmt.Errorf("meter: %w", err))}
	if p.record.Phase == PhaseCharging {
		effects = append(effects, p.stop(now, wire.ReasonMeter)...)
	}
	if p.record.Phase == PhaseStopping {
		effects = append(effects, p.finish(now)...)
	}
	return effects
}

// charging keeps the exposure within one claim interval (I5) and reads when a reading is due.
func (p *Payee) charging(now Instant) []Effect {
	if p.sample.State == meter.Ended && p.started && p.sample.Time.After(p.startedAt) {
		return p.stop(now, wire.ReasonTarget)
	}
	var effects []Effect
	last, _ := p.chain.Last()
	due := now.Session.Sub(last.Time) >= p.config.Policy.readEvery(p.quote.Quote)
	if due && len(p.unpaid) < p.config.Policy.OutstandingMax {
		effects = p.read(now)
	}
	if p.record.Phase != PhaseCharging || !p.started {
		return effects
	}
	exposed := now.Session.Add(p.config.Policy.SampleEvery).Sub(p.exposed) > p.quote.Quote.ClaimEvery()
	mustPause := (len(p.unpaid) > 0 && exposed) || !p.certain(now)
	switch {
	case mustPause && !p.paused:
		p.paused = true
		effects = append(effects, Actuate{CommandLimit, 0}, p.report(now, "paused: a claim or the ledger's word is missing", nil))
	case !mustPause && p.paused && len(p.unpaid) == 0:
		p.paused, p.exposed = false, now.Session.Add(-p.unread())
		effects = append(effects, Actuate{CommandLimit, p.quote.Quote.MaxPowerMw}, p.report(now, "resumed", nil))
	}
	return effects
}

// read signs the next reading, stores it and demands its price.
func (p *Payee) read(now Instant) []Effect {
	reading, err := p.next()
	if err == nil {
		err = p.take(reading)
	}
	if err != nil {
		return append([]Effect{p.report(now, "", fmt.Errorf("meter: %w", err))}, p.stop(now, wire.ReasonMeter)...)
	}
	signed := meter.Sign(reading, p.config.MeterKey, p.network)
	raw := signed.Encode()
	var effects []Effect
	ops := p.payBack(now, signed.Reading.Hash(), &effects)
	if err := p.addDemand(signed, raw); err != nil {
		return append(effects, p.report(now, "", err))
	}
	stored := ReadingRecord{Session: p.record.ID, Sequence: reading.Sequence, Signed: raw}
	p.sentAt = now.Real
	effects = append(effects, p.saved(Batch{Readings: []ReadingRecord{stored}, Ops: ops}))
	return append(effects, p.demand(p.unpaid[len(p.unpaid)-1]), p.report(now, "", nil))
}

// next makes a reading of the last sample. The final reading always exists: when the meter contradicts the chain, it
// repeats the last register, so that nothing is billed beyond what was proved.
func (p *Payee) next() (meter.Reading, error) {
	by := meter.Attestation(p.quote.Quote.Attestation)
	sample := p.sample
	if p.record.Phase != PhaseFinal {
		if sample.State == meter.Ended {
			sample.State = meter.SuspendedStation // of the session before: this one has not ended
		}
		return p.chain.Next(sample, by)
	}
	sample.State = meter.Ended
	if reading, err := p.chain.Next(sample, by); p.sampled && err == nil {
		return reading, nil
	}
	last, _ := p.chain.Last()
	return p.chain.Next(meter.Sample{
		Time: last.Time, Register: last.Register, Unit: last.Unit,
		StateOfChargePermille: last.StateOfChargePermille, State: meter.Ended,
	}, by)
}

// payBack raises the station's own lane when the session's net cost fell below what was accepted: V2G, or a negative
// price. What its deposit does not cover waits for a top-up.
func (p *Payee) payBack(now Instant, reading channel.Hash, effects *[]Effect) []OpRecord {
	owed, err := p.due(0)
	if err != nil {
		*effects = append(*effects, p.report(now, "", err))
		return nil
	}
	back := p.lane(0) - owed
	if back <= p.lane(1) {
		return nil
	}
	draft := channel.Draft{
		Amount: back, Quantity: p.record.Quantity, Unit: p.quote.Quote.Unit,
		Reading: reading, Quote: p.quote.Hash(), Session: p.record.ID,
	}
	_, err = p.side.Pay(draft, p.config.ChannelKey)
	if err == nil {
		p.paid()
		return nil
	}
	*effects = append(*effects, p.report(now, "", err))
	if !p.mayTopUp(p.config.Policy.TopUp) {
		return nil
	}
	return []OpRecord{p.topUp(channel.Partner, max(p.config.Policy.TopUp, back-p.lane(1)-p.side.Spendable()))}
}

// addDemand queues a reading with what the vehicle's lane must reach for it.
func (p *Payee) addDemand(s meter.Signed, raw []byte) error {
	cost := p.record.Cost
	if s.Reading.State == meter.Ended {
		final, err := p.bill.Final()
		if err != nil {
			return err
		}
		cost = final
		p.record.Cost = final
	}
	net, err := p.record.Base[0].Sub(p.record.Base[1])
	if err != nil {
		return err
	}
	required, err := money.Sum(net, cost, p.lane(1))
	if err != nil {
		return err
	}
	p.unpaid = append(p.unpaid, demand{raw, s.Reading.Hash(), max(required, p.lane(0)), s.Reading.Time})
	return nil
}

func (p *Payee) demand(d demand) Send {
	m := wire.Demand{Reading: d.reading, Required: d.required, Accepted: p.lane(0), Covered: p.side.Coverage()}
	if out := p.side.Out(); !out.IsZero() {
		m.Back = out.Encode()
	}
	if p.record.Phase == PhaseFinal && d.reading != nil {
		if last := p.unpaid[len(p.unpaid)-1]; last.hash == d.hash {
			m.Final, m.Reason = true, p.record.Reason
		}
	}
	return Send{m}
}

// resend repeats what waits for the vehicle's answer, when it is time or when forced.
func (p *Payee) resend(now Instant, force bool) []Effect {
	if !force && now.Real.Sub(p.sentAt) < resendAfter {
		return nil
	}
	p.sentAt = now.Real
	var effects []Effect
	switch {
	case p.record.Phase == PhaseGreeting || (p.record.Phase == PhaseAccepting && !p.sentBaseline()):
		return nil // the vehicle repeats its own question
	case p.record.Phase >= PhaseSettling:
		effects = append(effects, Send{p.done()})
	default:
		for _, d := range p.unpaid {
			effects = append(effects, p.demand(d))
		}
	}
	if len(p.channel.Proposal) > 0 && !p.cosignBy.IsZero() {
		effects = append(effects, Send{wire.Withdraw{Withdrawal: p.channel.Proposal}})
	}
	return effects
}

// claimed stores a claim and goes on with what it pays for.
func (p *Payee) claimed(now Instant, c wire.Claim) []Effect {
	if p.side == nil || p.record.Phase < PhaseAccepting {
		return p.refuse(now, wire.CodeClaim, fmt.Errorf("%w: a claim before a channel", ErrUnexpected))
	}
	best, err := channel.DecodeBest(c.Best)
	if err != nil {
		return p.refuse(now, wire.CodeClaim, err)
	}
	rose, err := p.side.Accept(best)
	if err != nil {
		effects := []Effect{p.report(now, "", err)}
		if errors.Is(err, channel.ErrUncovered) && now.Real.Sub(p.viewAt) >= lookEvery {
			effects = append(effects, Look{p.record.Channel}) // a top-up may cover it by now
		}
		return effects
	}
	if !rose {
		return nil
	}
	p.record.Claims++
	return p.afterClaim(now)
}

// afterClaim stores a higher best and starts, resumes or ends what waited for it.
func (p *Payee) afterClaim(now Instant) []Effect {
	p.progressAt = now.Real
	p.paid()
	p.settlePaid()
	effects := []Effect{}
	var ops []OpRecord
	switch p.record.Phase {
	case PhaseAccepting:
		if len(p.unpaid) == 0 && p.sentBaseline() {
			p.record.Phase = PhaseCharging
		}
	case PhaseFinal:
		if len(p.unpaid) == 0 {
			last, _ := p.chain.Last()
			ops = p.payBack(now, last.Hash(), &effects)
			if !p.toppingUp { // else the rest of what the vehicle is owed comes first
				p.paidUp()
			}
		}
	}
	effects = append(effects, p.saved(Batch{Ops: ops}))
	switch p.record.Phase {
	case PhaseCharging:
		effects = append(effects, p.flow(now)...)
		effects = append(effects, p.periodic(now)...)
	case PhaseSettling:
		effects = append(effects, Send{p.done()})
		effects = append(effects, p.settle(now)...)
	}
	return append(effects, p.report(now, "", nil))
}

// settlePaid drops the demands up to the reading that the best claim names, as far as its amount covers them. The amount
// alone does not tell: a reading that costs nothing is answered, too, so that the vehicle knows all of the chain.
func (p *Payee) settlePaid() {
	claim := p.side.In().Signed.Claim
	n := slices.IndexFunc(p.unpaid, func(d demand) bool { return d.hash == claim.Reading })
	for n >= 0 && p.unpaid[n].required > p.lane(0) {
		n--
	}
	if n >= 0 {
		p.exposed = p.unpaid[n].at
		p.unpaid = p.unpaid[n+1:]
	}
}

// flow lets energy flow after the baseline is paid.
func (p *Payee) flow(now Instant) []Effect {
	if p.started || len(p.unpaid) > 0 || !p.sampled {
		return nil
	}
	p.started, p.paused, p.exposed, p.startedAt = true, false, now.Session.Add(-p.unread()), now.Session
	return []Effect{Actuate{CommandStart, p.quote.Quote.MaxPowerMw}}
}

// unread gives how long full power flows to what was delivered since the last reading, before a pause or a restart: it is
// as unpaid as what flows next.
func (p *Payee) unread() time.Duration {
	last, _ := p.chain.Last()
	power := p.quote.Quote.MaxPowerMw
	if p.sample.Unit != meter.MilliwattHours || power <= 0 {
		return 0
	}
	const millisecondsPerHour = 3_600_000
	return time.Duration(max(0, p.sample.Register-last.Register)*millisecondsPerHour/power) * time.Millisecond
}

func (p *Payee) done() wire.Done {
	d := wire.Done{Accepted: p.lane(0), Reason: p.record.Reason}
	if out := p.side.Out(); !out.IsZero() {
		d.Back = out.Encode()
	}
	return d
}

// asked ends the session because the vehicle says so.
func (p *Payee) asked(now Instant, s wire.Stop) []Effect {
	if p.side == nil {
		p.record.Phase, p.record.Reason = PhaseFailed, s.Reason
		return []Effect{p.saved(Batch{}), p.report(now, "the vehicle left before a channel was named", nil)}
	}
	key := p.side.Opening().OpenerKey
	if err := wallet.Verify(key, wallet.DomainStop, p.network, s.SigningBytes(p.record.ID), s.Signature); err != nil {
		return p.refuse(now, wire.CodeIdentity, fmt.Errorf("%w: %w", ErrIdentity, err))
	}
	if len(s.Reason) > 16 {
		s.Reason = wire.ReasonUser
	}
	return p.stop(now, s.Reason)
}

// stop turns the connector off; the last reading follows with the next sample.
func (p *Payee) stop(now Instant, reason wire.Reason) []Effect {
	switch {
	case p.record.Phase >= PhaseStopping:
		return p.resend(now, true)
	case !p.sentBaseline():
		p.record.Phase, p.record.Reason = PhaseFailed, reason
		return []Effect{p.saved(Batch{}), Actuate{Command: CommandStop}, p.report(now, "ended before energy flowed", nil)}
	}
	p.record.Phase, p.record.Reason = PhaseStopping, reason
	return []Effect{Actuate{Command: CommandStop}, p.saved(Batch{}), p.report(now, "stopping", nil)}
}

// finish makes the last reading and demands the whole price. Where no last reading can be priced, the session ends with
// what is claimed.
func (p *Payee) finish(now Instant) []Effect {
	p.record.Phase = PhaseFinal
	if last, _ := p.chain.Last(); last.State == meter.Ended {
		return append([]Effect{p.saved(Batch{})}, p.resend(now, true)...)
	}
	effects := p.read(now)
	if last, _ := p.chain.Last(); last.State != meter.Ended {
		effects = append(effects, p.conclude(now)...)
	}
	return effects
}

// conclude ends the payments: what is claimed is brought to the ledger.
func (p *Payee) conclude(now Instant) []Effect {
	p.unpaid = nil
	p.paidUp()
	effects := []Effect{p.saved(Batch{}), Send{p.done()}}
	return append(effects, p.settle(now)...)
}

// pass lets real time pass: repetition, patience, looking at the ledger.
func (p *Payee) pass(now Instant) []Effect {
	effects := p.resend(now, false)
	if len(p.unpaid) == 0 && p.cosignBy.IsZero() && p.record.Phase < PhaseSettling {
		effects = nil // nothing waits
	}
	if p.side != nil && p.record.Phase < PhaseSettling && !now.Real.Before(p.lookAt) {
		p.lookAt = now.Real.Add(max(lookEvery, time.Second))
		effects = append(effects, Look{p.record.Channel})
	}
	if !p.cosignBy.IsZero() && now.Real.After(p.cosignBy) {
		p.cosignBy, p.cosignFailed = time.Time{}, true
	}
	if p.record.Phase == PhaseSettling && p.cosignBy.IsZero() {
		effects = append(effects, p.settle(now)...)
	}
	if p.record.Phase == PhaseCharging && len(p.unpaid) == 0 {
		p.progressAt = now.Real
	}
	if now.Real.Sub(p.progressAt) > p.config.Policy.GoneAfter {
		effects = append(effects, p.gone(now)...)
	}
	return effects
}

// gone hangs up on a vehicle that does not answer: what it signed is brought to the ledger by closing alone.
func (p *Payee) gone(now Instant) []Effect {
	switch {
	case p.record.Phase >= PhaseSettling:
		return nil
	case p.side == nil || !p.sentBaseline():
		p.record.Phase, p.record.Reason = PhaseFailed, wire.ReasonUnpaid
		return []Effect{p.saved(Batch{}), p.report(now, "the vehicle went away", nil)}
	case p.record.Phase < PhaseFinal:
		return p.stop(now, wire.ReasonUnpaid)
	case len(p.unpaid) == 0:
		return p.conclude(now) // it is the station that owes, and cannot
	}
	p.paidUp()
	p.record.Abandoned = true
	p.record.Reason = wire.ReasonUnpaid
	request := p.side.RequestClose(p.config.ChannelKey)
	op := p.settling(OpCloseRequest, append(request.Encode(), EncodeBests(p.side.In(), p.side.Out())...))
	return []Effect{p.saved(Batch{Ops: []OpRecord{op}}), p.report(now, "the vehicle went away: closing the channel alone", nil)}
}

package session

import (
	"fmt"
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
	DID        wallet.DID
	Account    wallet.PrivateKey // its current key, which signs the quote
	ChannelKey wallet.PrivateKey // of the channel in use, or for a new one
	KeyIndex   uint32            // of ChannelKey
	MeterKey   wallet.PrivateKey // signs the readings
	Offer      quote.Quote       // everything but session, station key and times, which NewPayee fills in
	Keys       quote.Keys        // which key the vehicle has now: an ErrUndecided while that is being looked up
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
	ran          bool      // since then the connector was seen to run
	paused       bool      // its limit is zero
	paidRegister int64     // of the last reading that is paid
	permitted    int64     // of pieces: the register up to which the outlet may count
	exposed      time.Time // session clock: since when energy may have flowed unpaid
	settledAt    time.Time // session clock: when the station last asked for a withdrawal
	progressAt   time.Time // real clock: when the vehicle last moved the session on, or owed nothing
	stopAskedAt  time.Time // real clock: when the connector was told to stop, by this process
	cosignBy     time.Time // real clock: until when a counter-signature is awaited; zero when none is
	wanted       int64     // what the station's controller wants of the outlet, milliwatts
	steers       bool      // it said so
	limited      int64     // the limit of energy that the connector was told last, while it is not paused
	inFlight     []OpID    // operations in the outbox that settle
	offeredAt    time.Time // real clock: when the vehicle was last asked to agree to a new quote
	cosignFailed bool      // the vehicle did not counter-sign in time
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
	if err := p.bindQuotes(record); err != nil {
		return nil, err
	}
	err := p.restoreReadings(readings, func(s meter.Signed) error { return p.addDemand(s, s.Encode()) })
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

// Outstanding tells whether a reading waits for its claim, or the station's own money for the ledger: a simulated clock should wait, too.
func (p *Payee) Outstanding() bool { return len(p.unpaid) > 0 || p.toppingUp }

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
	case Reoffered:
		return p.reoffered(now, e)
	case Steered:
		return p.steered(now, e)
	case StopAsked:
		return p.stop(now, e.Reason)
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

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

// PayerConfig is what a vehicle brings to a session.
type PayerConfig struct {
	Network    wallet.NetworkID
	DID        wallet.DID
	Account    wallet.PrivateKey // its current key, which signs the hello
	ChannelKey wallet.PrivateKey // of the channel in use, or for a new one
	KeyIndex   uint32            // of ChannelKey
	Comparison meter.Comparison  // how far the station's meter may be from its own (I6)
	LedgerTime time.Time         // of the latest final checkpoint, for the expiry of a new channel
	Nonce      [16]byte          // random, for a new channel's opening
	Keys       quote.Keys        // which key the station has now: an ErrUndecided while that is being looked up
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
	backSince time.Time    // real clock: since when the station's own lane seems uncovered; zero: it does not

	given         []given      // own measurements of what was given back, since the last reading that is paid for
	securedAt     time.Time    // own session clock: up to then all that was given back is paid for
	securedReturn int64        // own register of it at that time
	pricedAt      time.Time    // own session clock: for which pricedReturn holds
	pricedReturn  money.Amount // of a kWh that is given back
	permitted     *int64       // what the battery was told that may flow back; nil: nothing yet

	waits error // why an offer is not accepted, or not yet
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
		if err := p.bindQuotes(record); err != nil {
			return nil, nil, err
		}
		p.since = time.UnixMilli(p.quote.Quote.IssuedAtMs)
		err := p.restoreReadings(readings, func(s meter.Signed) error { return p.price(s.Reading) })
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
	return append(p.react(now, event), p.permit(now)...)
}

func (p *Payer) react(now Instant, event Event) []Effect {
	switch e := event.(type) {
	case Received:
		if _, refused := e.Message.(wire.Refuse); !refused { // a station that only refuses is not there for this session
			p.heardAt = now.Real
		}
		return p.received(now, e.Message)
	case Sampled:
		if e.Err == nil {
			p.sample, p.sampled = e.Sample, true
			p.noteGiven()
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
	case wire.Requote:
		return p.requoted(now, m)
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
	// The stop frees the station's outlet, which else waits for its patience.
	return []Effect{p.saved(Batch{}), p.stopMessage(), p.report(now, "", err)}
}

package session

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/meter"
)

// measured takes the connector's word and makes a reading of it when one is due.
func (p *Payee) measured(now Instant, e Sampled) []Effect {
	switch {
	case errors.Is(e.Err, meter.ErrPending):
		return p.pass(now) // the outlet follows in a moment
	case e.Err != nil:
		if e.Sample.Evidence != "" {
			p.sample, p.sampled = e.Sample, true // the last good register, and why there is no further one
		}
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
		if e.Sample.State == meter.Ended || now.Real.Sub(p.stopAskedAt) > stopSampleMax {
			effects = p.finish(now)
		}
	}
	return append(effects, p.pass(now)...)
}

// stopSampleMax is how long the last reading waits for a sample from after the stop: one that was on its way before says
// less than was delivered. A connector that cannot be told to stop has no other.
const stopSampleMax = 5 * time.Second

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
	if p.endedByItself() {
		return p.stop(now, wire.ReasonTarget)
	}
	if p.outOfTariff() {
		return p.stop(now, wire.ReasonTariff)
	}
	var effects []Effect
	last, _ := p.chain.Last()
	due := now.Session.Sub(last.Time) >= p.config.Policy.readEvery(p.quote.Quote) && p.sample.Time.After(last.Time) // else it says nothing new
	// A pause that is over ends before the next reading: that one would be unpaid, and look like a reason to pause.
	resumes := p.started && p.paused && len(p.unpaid) == 0 && p.certain(now) && p.sample.Register == last.Register
	if (due || p.piecesDue(last)) && !resumes && len(p.unpaid) < p.config.Policy.OutstandingMax {
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
		effects = append(effects, Actuate{CommandLimit, p.limit()}, p.report(now, "resumed", nil))
	}
	return append(effects, p.follow(now)...)
}

// endedGrace is how long a connector that was told to start may still speak of the session before: it was sampled while the
// command was on its way.
const endedGrace = 2 * time.Second

// endedByItself tells whether the connector ran in this session, and ended it; or was told to start, and did not.
func (p *Payee) endedByItself() bool {
	if !p.started || !p.sample.Time.After(p.startedAt) {
		return false
	}
	if p.sample.State != meter.Ended {
		p.ran = true
		return false
	}
	return p.ran || p.sample.Time.Sub(p.startedAt) > endedGrace
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
	signed, err := meter.SignWithEvidence(reading, []byte(p.proof(reading)), p.config.MeterKey, p.network)
	if err != nil {
		return []Effect{p.report(now, "", err)}
	}
	raw := signed.Encode()
	var effects []Effect
	ops := p.payBack(now, p.chain.Hash(), &effects)
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
	sample := p.sample
	by := sample.Attested(meter.Attestation(p.quote.Quote.Attestation))
	if p.record.Phase != PhaseFinal {
		if sample.State == meter.Ended {
			sample.State = meter.SuspendedStation // of the session before: this one has not ended
		}
		return p.chain.Next(sample, by)
	}
	sample.State = meter.Ended
	if reading, err := p.chain.Next(sample, by); p.sampled && err == nil && p.proves(reading) {
		return reading, nil
	}
	last, _ := p.chain.Last()
	without := meter.Sample{
		Time: last.Time, Register: last.Register, Exported: last.Exported, Unit: last.Unit,
		StateOfChargePermille: last.StateOfChargePermille, State: meter.Ended,
	}
	return p.chain.Next(without, without.Attested(meter.Attestation(p.quote.Quote.Attestation)))
}

// proves tells whether the vehicle may be asked to pay for a final reading: where the meter's signature is promised, not on
// the station's word.
func (p *Payee) proves(r meter.Reading) bool {
	return meter.Attestation(p.quote.Quote.Attestation) != meter.AttestedOCMF || r.Attestation == meter.AttestedOCMF
}

// proof gives the evidence of the sample that a reading was made of; none where the reading repeats the one before.
func (p *Payee) proof(r meter.Reading) string {
	if r.Attestation != p.sample.Attested(meter.Attestation(p.quote.Quote.Attestation)) || r.Register != p.sample.Register {
		return ""
	}
	return p.sample.Evidence
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
		Reading: reading, Quote: p.agreed().Hash(), Session: p.record.ID,
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

// flow lets energy flow after the baseline is paid.
func (p *Payee) flow(now Instant) []Effect {
	if p.started || len(p.unpaid) > 0 || !p.sampled {
		return nil
	}
	p.started, p.paused, p.exposed, p.startedAt = true, false, now.Session.Add(-p.unread()), now.Session
	p.ran = false
	return []Effect{Actuate{CommandStart, p.limit()}}
}

package world

import (
	"context"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/simulations/scenario"
)

// wakeUp resumes the session that was under way, or begins the one that was not.
func (v *vehicle) wakeUp() {
	v.wake()
	v.beat, v.closing, v.wanted = beat{number: v.beat.number + 1}, false, map[channel.ID]time.Time{}
	unfinished, err := v.disk.Unfinished(context.Background())
	v.world.fail(err)
	if v.cheat != nil {
		unfinished = nil // it begins anew
	}
	if len(unfinished) > 1 {
		v.world.fail(fmt.Errorf("%s: %d sessions at once", v.name, len(unfinished)))
		return
	}
	if len(unfinished) == 0 {
		if v.source != nil {
			v.after(tryAgainAfter, v.begin)
		}
		v.closeLater()
		return
	}
	stored, err := agent.Load(context.Background(), v.disk, unfinished[0].ID)
	if err != nil {
		v.world.fail(fmt.Errorf("%s: %w", v.name, err))
		return
	}
	config := v.config(stored.Record.KeyIndex, v.world.scenario.Start)
	config.Policy.Quantity = stored.Record.Wanted
	payer, effects, err := session.RestorePayer(config, v.world.now(), stored.Record, stored.Channel, stored.Readings, stored.Ops)
	if err != nil {
		v.world.fail(fmt.Errorf("%s: %w", v.name, err))
		return
	}
	current := &visit{id: stored.Record.ID, machine: payer, peer: link.Addr(v.stationOf(stored.Record).name)}
	v.visits = []*visit{current}
	if !v.execute(current, effects) {
		return
	}
	for _, outcome := range stored.Outcomes() {
		if !v.step(current, outcome) {
			return
		}
	}
	v.goOn(current)
}

// stationOf gives the station of a stored session.
func (v *vehicle) stationOf(r session.SessionRecord) *station {
	for _, s := range v.world.stations {
		if s.did == r.Peer {
			return s
		}
	}
	return v.world.stations[0]
}

// begin asks the ledger for its time, and the station for a session.
func (v *vehicle) begin() {
	if v.source == nil || v.session() != nil {
		return
	}
	asked := false
	v.ask(func(l *ledger, answer func(func())) {
		at := l.core.Finality().Final().Checkpoint.Time.Time()
		answer(func() {
			asked = true
			v.hello(at)
		})
	})
	v.after(tryAgainAfter, func() {
		if !asked {
			v.begin()
		}
	})
}

func (v *vehicle) hello(ledgerTime time.Time) {
	if v.source == nil || v.session() != nil {
		return
	}
	ctx := context.Background()
	known, err := v.openChannel()
	index := uint32(0)
	if known != nil {
		index = known.KeyIndex
	} else if err == nil {
		index, err = v.disk.NextKeyIndex(ctx)
	}
	if err != nil {
		v.world.fail(fmt.Errorf("%s: %w", v.name, err))
		return
	}
	config := v.config(index, ledgerTime)
	if wanted := v.visit.EnergyMilliwattHours; wanted > 0 && v.at.spec.Service == scenario.ServiceCharging {
		delivered, _ := v.registers()
		config.Policy.Quantity = max(1, wanted-(delivered-v.base))
	}
	var id channel.SessionID
	for i := range id {
		id[i] = byte(v.random.Uint32())
	}
	for i := range config.Nonce {
		config.Nonce[i] = byte(v.random.Uint32())
	}
	payer, effects, err := session.NewPayer(config, v.world.now(), id, v.at.did, known)
	if err != nil {
		v.world.fail(fmt.Errorf("%s: %w", v.name, err))
		return
	}
	v.tries++
	v.asked = id
	v.stop.sessions = append(v.stop.sessions, id)
	current := &visit{id: id, machine: payer, peer: v.at.addr}
	v.visits = []*visit{current}
	if v.execute(current, effects) {
		v.goOn(current)
	}
}

// openChannel finds a channel with the station that can be used again; nil when there is none.
func (v *vehicle) openChannel() (*session.ChannelRecord, error) {
	records, err := v.disk.Channels(context.Background())
	if err != nil || v.cheat.opensAnew() {
		return nil, err
	}
	for i := len(records) - 1; i >= 0; i-- {
		if r := records[i]; r.Peer == v.at.did && r.State == channel.Open && !r.Side.Frozen {
			return &r, nil
		}
	}
	return nil, nil
}

func (v *vehicle) config(index uint32, ledgerTime time.Time) session.PayerConfig {
	service := scenario.ServiceCharging
	if v.at != nil {
		service = v.at.spec.Service
	}
	comparison, err := comparison(service)
	v.world.fail(err)
	return session.PayerConfig{
		Network: v.world.ledger.trusted.ID, DID: v.wallet.DID(), Account: v.wallet.Account(), ChannelKey: v.wallet.Channel(index), KeyIndex: index,
		Comparison: comparison, LedgerTime: ledgerTime, Policy: v.policy(service),
	}
}

func (v *vehicle) received(d link.Datagram) {
	frame, err := wire.Decode(d.Payload)
	if err != nil {
		v.world.fail(fmt.Errorf("%s: %w", v.name, err)) // nobody here sends what does not decode
		return
	}
	if v.cheat.takes(frame) {
		return
	}
	if m, ok := frame.Message.(wire.Close); ok {
		v.closeAgreed(m)
		return
	}
	if current := v.find(frame.Session); current != nil && v.step(current, session.Received{Message: frame.Message}) {
		v.goOn(current)
	}
}

// goOn looks what follows from where the session stands now.
func (v *vehicle) goOn(current *visit) {
	record := current.machine.Record()
	satisfied := v.satisfied(record)
	if v.at != nil && v.asked == record.ID && record.Phase >= session.PhaseSettling && satisfied && !v.stays() {
		v.depart("has what it wants")
	}
	if !record.Phase.Over() {
		v.pulseLater()
		return
	}
	v.visits = nil
	v.closeLater()
	switch {
	case v.stays() && satisfied:
		v.world.clock.At(v.leaveAt, func() {
			if v.at != nil && v.asked == record.ID {
				v.depart("time is up")
			}
		})
	case v.source == nil: // on the road, or still in the queue
	case v.asked != record.ID:
		v.begin() // it stood here while the last visit settled
	case v.tries >= triesMax:
		v.depart("gives up")
	default:
		v.after(tryAgainAfter, v.begin)
	}
}

// measures as soon as there is an offer: the station's first reading is compared with an own one.
func (v *vehicle) measures(current *visit, before session.Phase) {
	if current.machine.Record().Phase == session.PhaseAccepting && before != session.PhaseAccepting {
		v.after(0, v.pulse)
	}
}

// stays tells whether the vehicle remains where it is, though it has what it wants.
func (v *vehicle) stays() bool { return v.visit.Remains && v.world.clock.Now().Before(v.leaveAt) }

// satisfied tells whether a visit needs no other session.
func (v *vehicle) satisfied(r session.SessionRecord) bool {
	switch r.Reason {
	case wire.ReasonTarget, wire.ReasonCost, wire.ReasonUser:
		return true
	}
	return !v.leaveAt.IsZero() && !v.world.clock.Now().Before(v.leaveAt)
}

// pulseLater measures and lets time pass for the session, once a step.
func (v *vehicle) pulseLater() {
	v.beatLater(&v.beat, v.world.scenario.Step, v.pulse)
}

// pulse measures, and lets time pass for the session.
func (v *vehicle) pulse() {
	v.beat.restart()
	if current := v.session(); current != nil && v.step(current, v.sample()) {
		v.goOn(current)
	}
}

func (v *vehicle) sample() session.Sampled {
	if v.source == nil {
		return session.Sampled{Err: meter.ErrNotPlugged}
	}
	sample, err := v.source.Sample(v.world.clock.Now())
	return session.Sampled{Sample: sample, Err: err}
}

package world

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/pricing"
	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// station is a charger with one outlet. What it does about messages is what agent.Station does, in virtual time.
type station struct {
	party
	spec      scenario.Station
	tariff    *pricing.Tariff
	giveBack  *pricing.Tariff // of energy that vehicles give back; nil: none is taken
	goods     goods
	cable     *sim.Cable // of goods that are energy; nil
	connector meter.Connector
	queue     []*vehicle // who stands at the outlet, the first of them plugged in
	place     int        // in the plant; -1: it sells no energy
	steered   bool       // by the site's controller
	allowed   int64      // by it, milliwatts; 0 until it has seen who is plugged in

	// What follows is memory of the process: it dies with it.
	drive *agent.Drive
	using *visit // whose energy flows, or may flow
	beat  beat
}

func newStation(w *World, spec scenario.Station) (*station, error) {
	s := &station{spec: spec, place: -1}
	s.init(w, spec.Name)
	for _, t := range w.scenario.Tariffs {
		if t.Name == spec.Tariff {
			s.tariff = t.Tariff
		}
	}
	var err error
	if s.goods, err = newGoods(s, spec); err != nil {
		return nil, err
	}
	s.connector = s.goods.connector()
	if spec.GiveBack > 0 {
		if s.giveBack, err = giveBack(spec.GiveBack, w.scenario.Ledger.Currency); err != nil {
			return nil, err
		}
	}
	s.cheat = newStationAttack(s)
	s.boot, s.halt, s.receive, s.stepped = s.wakeUp, s.fallOver, s.received, s.reads
	_, err = s.offer(w.now())
	return s, err
}

// wakeUp resumes what is stored.
func (s *station) wakeUp() {
	s.wake()
	s.drive, s.using, s.beat = agent.NewDrive(s.connector), nil, beat{number: s.beat.number + 1}
	unfinished, err := s.disk.Unfinished(context.Background())
	s.world.fail(err)
	for _, record := range unfinished {
		v, stored, err := s.restore(record.ID)
		if err != nil {
			s.world.fail(fmt.Errorf("%s: %w", s.name, err))
			return
		}
		s.visits = append(s.visits, v)
		if record.Phase < session.PhaseSettling {
			s.using = v
			s.beginSteered(v)
		}
		for _, outcome := range stored.Outcomes() {
			if !s.stepVisit(v, outcome) {
				return
			}
		}
	}
	s.pulseLater()
}

// fallOver opens the contactor, as hardware does when its controller dies.
func (s *station) fallOver() {
	s.world.fail(s.connector.Stop(s.world.clock.Now()))
	s.sleep()
}

func (s *station) restore(id channel.SessionID) (*visit, agent.Stored, error) {
	stored, err := agent.Load(context.Background(), s.disk, id)
	if err != nil {
		return nil, stored, err
	}
	index := stored.Record.KeyIndex
	if stored.Channel != nil {
		index = stored.Channel.KeyIndex
	}
	config := s.config(index)
	config.Offer.Network = s.world.ledger.trusted.ID
	payee, err := session.RestorePayee(config, s.world.now(), stored.Record, stored.Channel, stored.Readings, stored.Ops)
	return &visit{id: id, machine: payee, actuate: s.actuate}, stored, err
}

func (s *station) config(index uint32) session.PayeeConfig {
	policy := session.DefaultPayeePolicy()
	policy.SampleEvery, policy.GoneAfter = s.world.scenario.Step, s.spec.GoneAfter
	if s.spec.Funds > 0 {
		const parts = 5 // of its money, one for each vehicle that it pays at a time
		policy.TopUp = s.spec.Funds / parts
	}
	return session.PayeeConfig{
		DID: s.wallet.DID(), Account: s.wallet.Account(), ChannelKey: s.wallet.Channel(index), KeyIndex: index, MeterKey: s.wallet.Meter(), Policy: policy,
	}
}

// offer builds the quote for a session that begins now.
func (s *station) offer(now session.Instant) (quote.Quote, error) {
	return quote.Build(quote.Inputs{
		Network: s.world.ledger.trusted.ID, Station: s.did, MeterKey: s.wallet.Meter().Public(),
		Attestation: meter.AttestedByStation, Service: s.spec.Service, EVSE: s.name, Unit: services[s.spec.Service].unit, Tariff: s.tariff,
		GiveBack: s.giveBack, MaxReturnMw: s.spec.ReturnMilliwatts,
		UnpaidMax: services[s.spec.Service].unpaidMax, Deferred: services[s.spec.Service].deferred,
		TimeZone: s.spec.TimeZone, MaxPowerMw: s.connector.MaxPowerMilliwatts(), ClaimEvery: s.spec.ClaimEvery,
		Window: s.world.scenario.Ledger.Window, SettleAt: s.spec.SettleAt, SettleEvery: s.spec.SettleEvery,
	}, now.Session)
}

func (s *station) actuate(a session.Actuate) error {
	if s.cheat.withholds(a) {
		return nil
	}
	return s.drive.Actuate(s.world.now(), a)
}

// malformed drops what does not decode. Nobody honest sends that.
func (s *station) malformed(from link.Addr, err error) {
	if end := s.world.network.ends[from]; end == nil || end.cheat == nil {
		s.world.fail(fmt.Errorf("%s: %w", s.name, err))
	}
	s.world.fired["malformed datagram"]++
}

// received routes a datagram to its session, or begins one.
func (s *station) received(d link.Datagram) {
	frame, err := wire.Decode(d.Payload)
	if err != nil {
		s.malformed(d.From, err)
		return
	}
	if s.cheat.takes(frame) {
		return
	}
	if v := s.find(frame.Session); v != nil {
		if _, hello := frame.Message.(wire.Hello); hello || v.peer == "" {
			v.peer = d.From
		}
		s.stepVisit(v, session.Received{Message: frame.Message})
		return
	}
	switch m := frame.Message.(type) {
	case wire.Hello:
		err = s.admit(d.From, frame.Session, m)
	case wire.Close:
		err = s.cosignClose(d.From, frame.Session, m)
	default:
		err = s.answerOver(d.From, frame)
	}
	if err != nil && s.up {
		s.world.trace(s.name, "refuses: %v", err)
		s.send(d.From, wire.Frame{Session: frame.Session, Message: agent.Refusal(err)})
	}
}

// admit begins a session for a vehicle that says hello, when the outlet is free.
func (s *station) admit(from link.Addr, id channel.SessionID, h wire.Hello) error {
	ctx := context.Background()
	if _, err := s.disk.Session(ctx, id); err == nil {
		return s.answerOver(from, wire.Frame{Session: id, Message: h})
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch {
	case h.Resume:
		return fmt.Errorf("%w: nothing is known of session %s", session.ErrUnexpected, id)
	case s.using != nil:
		return agent.ErrBusy
	}
	known, err := s.known(h)
	if err != nil {
		return err
	}
	var index uint32
	if known != nil {
		index = known.KeyIndex
	} else if index, err = s.disk.NextKeyIndex(ctx); err != nil {
		return err
	}
	config := s.config(index)
	if config.Offer, err = s.offer(s.world.now()); err != nil {
		return err
	}
	payee, effects, err := session.NewPayee(config, s.world.now(), id, h, known)
	if err != nil {
		return err
	}
	v := &visit{id: id, machine: payee, peer: from, actuate: s.actuate}
	s.visits, s.using = append(s.visits, v), v
	if s.execute(v, effects) {
		s.noteVisit(v)
		s.beginSteered(v)
		s.pulseLater()
	}
	return nil
}

// known gives the channel that a hello names, when it is ours with this vehicle and usable.
func (s *station) known(h wire.Hello) (*session.ChannelRecord, error) {
	if h.Channel == (channel.ID{}) {
		return nil, nil
	}
	r, err := s.disk.Channel(context.Background(), h.Channel)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case r.Peer != h.Vehicle || r.State == channel.Closing || r.State == channel.Closed || r.Side.Frozen:
		return nil, nil
	case s.inUse(r.ID):
		return nil, fmt.Errorf("%w: %s", agent.ErrBusy, r.ID)
	}
	return &r, nil
}

// answerOver answers a message of a session that ended: the vehicle may not know it yet.
func (s *station) answerOver(from link.Addr, f wire.Frame) error {
	v, _, err := s.restore(f.Session)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: nothing is known of session %s", session.ErrUnexpected, f.Session)
	}
	if err != nil {
		return err
	}
	v.peer, v.actuate = from, nil
	s.step(v, session.Received{Message: f.Message})
	return nil
}

// stepVisit steps a session and forgets it when it is over.
func (s *station) stepVisit(v *visit, e session.Event) bool {
	if !s.step(v, e) {
		return false
	}
	s.noteVisit(v)
	return true
}

func (s *station) noteVisit(v *visit) {
	phase := v.machine.Record().Phase
	if phase >= session.PhaseSettling && s.using == v {
		s.using = nil
	}
	if phase.Over() {
		s.visits = slices.DeleteFunc(s.visits, func(other *visit) bool { return other == v })
	}
}

// reads as soon as a reading is due: the first one, when the ledger has said that the channel is open; the last one, when the
// outlet is off.
func (s *station) reads(v *visit, before session.Phase) {
	switch phase := v.machine.Record().Phase; {
	case phase == session.PhaseStopping && before != phase, phase == session.PhaseAccepting && v.looked:
		v.looked = false
		s.after(0, func() { s.sampleFor(v) })
	}
}

// pulseLater samples the outlet and lets time pass for all sessions, once a step, while there are any.
func (s *station) pulseLater() {
	if len(s.visits) == 0 {
		return
	}
	s.beatLater(&s.beat, s.world.scenario.Step, func() {
		for _, v := range slices.Clone(s.visits) {
			var e session.Event = session.Tick{}
			if v == s.using {
				e = s.sample()
			}
			if !s.stepVisit(v, e) {
				return
			}
		}
		s.pulseLater()
	})
}

// sampleFor samples the outlet for the session that uses it, now and not with the next pulse.
func (s *station) sampleFor(v *visit) {
	if !s.up || s.using != v {
		return
	}
	s.beat.restart() // the next reading is due a step after this one
	if s.stepVisit(v, s.sample()) {
		s.pulseLater()
	}
}

// sample takes the outlet's word, after bringing it to what was asked for.
func (s *station) sample() session.Sampled {
	now := s.world.now()
	if err := s.drive.Retry(now); err != nil {
		return session.Sampled{Err: err}
	}
	s.goods.look(now.Session)
	sample, err := s.connector.Sample(now.Session)
	return session.Sampled{Sample: sample, Err: err}
}

// arrive puts a vehicle to the outlet, or behind those who stand there.
func (s *station) arrive(v *vehicle) {
	s.queue = append(s.queue, v)
	if s.queue[0] == v {
		v.plugIn(s)
	}
}

// leave takes a vehicle away and lets the next one plug in.
func (s *station) leave(v *vehicle) {
	i := slices.Index(s.queue, v)
	if i < 0 {
		return
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	if i > 0 {
		return
	}
	s.goods.release(s.world.clock.Now())
	s.allowed = 0
	if len(s.queue) > 0 {
		s.queue[0].plugIn(s)
	}
}

// giveBack gives the tariff of energy that is given back at one price, tax included.
func giveBack(price money.Amount, currency money.Currency) (*pricing.Tariff, error) {
	return pricing.ParseTariff(fmt.Appendf(nil,
		`{"id":"give-back","currency":%q,"tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY","price":%s,"step_size":0}]}]}`,
		currency, price))
}

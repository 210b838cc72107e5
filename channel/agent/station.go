package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
)

// Outlet is one connector of a station with what it offers.
type Outlet struct {
	EVSE      string
	Connector meter.Connector
	// Offer gives the quote for a session that begins now; session, station key and times are filled in by the machine.
	Offer  func(session.Instant) (quote.Quote, error)
	Policy session.PayeePolicy

	drive *Drive
}

// Station runs the payee's side: it answers vehicles, meters, is paid, and settles.
type Station struct {
	deps    Deps
	outlets []*Outlet
	looks   *looks
	outbox  *Outbox
	keeper  *keeper

	mu       sync.Mutex // guards all below
	visits   map[channel.SessionID]*visit
	using    map[*Outlet]channel.SessionID // the session whose energy flows, or may flow
	draining bool                          // takes no vehicle any more

	broken chan error // why Run cannot go on; room for one
}

// NewStation makes a station of one or more outlets. Run starts it.
func NewStation(deps Deps, outlets ...*Outlet) *Station {
	for _, o := range outlets {
		o.drive = NewDrive(o.Connector)
	}
	s := &Station{
		deps: deps, outlets: outlets,
		visits: map[channel.SessionID]*visit{}, using: map[*Outlet]channel.SessionID{},
		broken: make(chan error, 1),
	}
	s.looks = newLooks(deps.Settler, func(id channel.SessionID, v session.Viewed) { s.deliver(id, v) })
	s.outbox = NewOutbox(deps.Store, deps.Settler, deps.Log, func(c session.Concluded) { s.deliver(c.Op.Session, c) })
	s.keeper = newKeeper(deps, s.outbox, s.channelInUse)
	return s
}

// Outbox gives the station's outbox, for operations that people ask for.
func (s *Station) Outbox() *Outbox { return s.outbox }

// Run resumes what is stored, then serves until the context ends, and waits for everything that it started. It ends by
// itself with ErrStoring: a station that cannot store must not deliver.
func (s *Station) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.resume(ctx, &all); err != nil {
		return err
	}
	all.Go(func() { s.outbox.Run(ctx) })
	all.Go(func() { s.looks.run(ctx) })
	all.Go(func() { s.keeper.run(ctx) })
	if s.deps.PulseEvery > 0 {
		all.Go(func() { pulseEvery(ctx, s.deps.PulseEvery, s.Pulse) })
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.broken:
			return err
		case d, ok := <-s.deps.Link.Receive():
			if !ok {
				return fmt.Errorf("station: %w", link.ErrClosed)
			}
			s.receive(ctx, &all, d)
		}
	}
}

// pulseEvery calls pulse at a steady pace of real time.
func pulseEvery(ctx context.Context, every time.Duration, pulse func(context.Context)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			pulse(ctx)
		}
	}
}

// resume brings back the sessions that were not over.
func (s *Station) resume(ctx context.Context, all *sync.WaitGroup) error {
	unfinished, err := s.deps.Store.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("reading unfinished sessions: %w", err)
	}
	for _, record := range unfinished {
		if record.Role != session.RolePayee {
			continue
		}
		outlet := s.outletFor(record)
		v := newVisit(record.ID, s.deps, "")
		machine, st, err := s.restored(ctx, record.ID, outlet)
		if err != nil {
			s.deps.Log.Error("a stored session cannot be resumed", "session", record.ID.String(), "error", err)
			continue
		}
		v.machine = machine
		s.start(ctx, all, v, outlet, nil)
		for _, event := range st.Outcomes() {
			v.deliver(ctx, event)
		}
	}
	return nil
}

// outletFor finds the outlet of a stored session by the EVSE in its quote.
func (s *Station) outletFor(record session.SessionRecord) *Outlet {
	if q, err := quote.Parse(record.Quote); err == nil {
		for _, o := range s.outlets {
			if o.EVSE == q.Quote.EVSE {
				return o
			}
		}
	}
	return s.outlets[0]
}

func (s *Station) restored(ctx context.Context, id channel.SessionID, outlet *Outlet) (*session.Payee, Stored, error) {
	st, err := Load(ctx, s.deps.Store, id)
	if err != nil {
		return nil, st, err
	}
	config := s.config(outlet, st.Record.KeyIndex)
	if st.Channel != nil {
		config = s.config(outlet, st.Channel.KeyIndex)
	}
	config.Offer.Network = s.deps.Identity.Network
	payee, err := session.RestorePayee(config, s.deps.Clock.Now(), st.Record, st.Channel, st.Readings, st.Ops)
	return payee, st, err
}

func (s *Station) config(outlet *Outlet, keyIndex uint32) session.PayeeConfig {
	w := s.deps.Identity.Wallet
	return session.PayeeConfig{
		Account: w.Account(), ChannelKey: w.Channel(keyIndex), KeyIndex: keyIndex, MeterKey: w.Meter(), Policy: outlet.Policy,
	}
}

// start runs a visit's goroutine.
func (s *Station) start(ctx context.Context, all *sync.WaitGroup, v *visit, outlet *Outlet, begin []session.Effect) {
	v.ports = Ports{
		Store: s.deps.Store, Send: sendOn(s.deps.Link, v.addr), Submit: s.outbox.Notify, Look: s.looks.ask, Report: s.deps.report,
		Actuate: func(a session.Actuate) error { return outlet.drive.Actuate(s.deps.Clock.Now(), a) },
	}
	v.restore = func(ctx context.Context) (machine, error) {
		payee, _, err := s.restored(ctx, v.id, outlet)
		return payee, err
	}
	v.each = func() { s.note(v, outlet) }
	s.mu.Lock()
	s.visits[v.id] = v
	if v.machine.Record().Phase < session.PhaseSettling {
		s.using[outlet] = v.id
	}
	s.mu.Unlock()
	all.Go(func() {
		v.run(ctx, begin, func(r session.SessionRecord) bool { return r.Phase.Over() })
		s.finished(v, outlet)
	})
}

// note keeps what others may ask about a visit, after every batch of steps.
func (s *Station) note(v *visit, outlet *Outlet) {
	payee := v.machine.(*session.Payee)
	v.outstanding.Store(payee.Outstanding() || payee.Record().Phase != session.PhaseCharging)
	if payee.Record().Phase >= session.PhaseSettling {
		s.free(v, outlet)
	}
}

func (s *Station) free(v *visit, outlet *Outlet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.using[outlet] == v.id {
		delete(s.using, outlet)
	}
}

func (s *Station) finished(v *visit, outlet *Outlet) {
	if v.err != nil {
		// The process stops, or the store failed: energy must not flow unmetered.
		if err := outlet.drive.Off(s.deps.Clock.Now()); err != nil {
			s.deps.Log.Error("the outlet does not stop", "evse", outlet.EVSE, "error", err)
		}
	}
	if errors.Is(v.err, ErrStoring) {
		select {
		case s.broken <- v.err:
		default: // another session said so already
		}
	}
	s.free(v, outlet)
	s.mu.Lock()
	delete(s.visits, v.id)
	s.mu.Unlock()
	s.keeper.nudge()
}

func (s *Station) find(id channel.SessionID) *visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.visits[id]
}

func (s *Station) deliver(id channel.SessionID, event session.Event) {
	if v := s.find(id); v != nil {
		v.deliver(context.Background(), event)
	}
}

func (s *Station) channelInUse(id channel.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.visits {
		if v.channel() == id {
			return true
		}
	}
	return false
}

// receive routes one datagram to its session, or begins one.
func (s *Station) receive(ctx context.Context, all *sync.WaitGroup, d link.Datagram) {
	frame, err := wire.Decode(d.Payload)
	if err != nil {
		s.deps.Log.Debug("datagram refused", "error", err)
		return
	}
	if v := s.find(frame.Session); v != nil {
		e := envelope{event: session.Received{Message: frame.Message}}
		if _, hello := frame.Message.(wire.Hello); hello || v.addr() == "" {
			e.from = d.From
		}
		v.post(e)
		return
	}
	switch m := frame.Message.(type) {
	case wire.Hello:
		err = s.admit(ctx, all, d.From, frame.Session, m)
	case wire.Close:
		err = s.cosignClose(ctx, d.From, frame.Session, m)
	default:
		err = s.answerOver(ctx, d.From, frame)
	}
	if err != nil {
		s.deps.Log.Info("vehicle refused", "session", frame.Session.String(), "error", err)
		s.send(d.From, frame.Session, Refusal(err))
	}
}

func (s *Station) send(to link.Addr, id channel.SessionID, m wire.Message) {
	_ = s.deps.Link.Send(to, wire.Frame{Session: id, Message: m}.Encode())
}

// Refusal maps an error of a station to what the vehicle is told.
func Refusal(err error) wire.Refuse {
	code := wire.CodeInternal
	switch {
	case errors.Is(err, ErrBusy):
		code = wire.CodeBusy
	case errors.Is(err, session.ErrIdentity):
		code = wire.CodeIdentity
	case errors.Is(err, session.ErrChannel):
		code = wire.CodeChannel
	case errors.Is(err, session.ErrUnexpected):
		code = wire.CodeUnknownSession
	}
	return wire.NewRefuse(code, err)
}

// Pulse samples the outlets in use and lets time pass for every session. It returns when all have taken it in.
func (s *Station) Pulse(ctx context.Context) {
	var waits []func()
	for v, event := range s.pulses() {
		waits = append(waits, v.hand(ctx, event))
	}
	for _, wait := range waits {
		wait()
	}
}

// pulses gives for every session what it is to take in: a sample while its outlet is in use, else the passing of time.
func (s *Station) pulses() map[*visit]session.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := map[*visit]session.Event{}
	for _, v := range s.visits {
		events[v] = session.Tick{}
	}
	for outlet, id := range s.using {
		if v := s.visits[id]; v != nil {
			events[v] = outlet.sample(s.deps.Clock.Now())
		}
	}
	return events
}

// sample takes the outlet's word, after bringing it to what was asked for.
func (o *Outlet) sample(now session.Instant) session.Sampled {
	if err := o.drive.Retry(now); err != nil {
		return session.Sampled{Err: err}
	}
	sample, err := o.Connector.Sample(now.Session)
	return session.Sampled{Sample: sample, Err: err}
}

// Outstanding tells whether any session waits for its vehicle or the ledger. A simulated session clock stands still
// meanwhile.
func (s *Station) Outstanding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.visits {
		if v.outstanding.Load() {
			return true
		}
	}
	return false
}

// Free tells whether an outlet takes a vehicle: it has no session, and the station goes on.
func (s *Station) Free(o *Outlet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, used := s.using[o]
	return !used && !s.draining
}

// StopSession ends a running session from the station's side.
func (s *Station) StopSession(ctx context.Context, id channel.SessionID) error {
	v := s.find(id)
	if v == nil {
		return fmt.Errorf("%w: session %s is not running", session.ErrUnexpected, id)
	}
	v.deliver(ctx, session.StopAsked{Reason: wire.ReasonStation})
	return nil
}

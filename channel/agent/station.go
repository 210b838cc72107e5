package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
)

// Station runs the payee's side: it answers vehicles, meters, is paid, and settles.
type Station struct {
	deps      Deps
	outlets   []*Outlet
	looks     *looks
	outbox    *Outbox
	usage     *usage
	keeper    *keeper
	strangers chan stranger
	broken    chan error // why Run cannot go on; room for one

	mu       sync.Mutex // guards all below
	visits   map[channel.SessionID]*visit
	using    map[*Outlet]channel.SessionID // the session whose energy flows, or may flow
	draining bool                          // takes no vehicle any more
}

// NewStation makes a station of one or more outlets. Run starts it.
func NewStation(deps Deps, outlets ...*Outlet) *Station {
	for _, o := range outlets {
		o.drive, o.wake = NewDrive(o.Connector), make(chan struct{}, 1)
	}
	s := &Station{
		deps: deps, outlets: outlets, usage: newUsage(),
		strangers: make(chan stranger, strangersMax), broken: make(chan error, 1),
		visits: map[channel.SessionID]*visit{}, using: map[*Outlet]channel.SessionID{},
	}
	s.looks = newLooks(deps.Settler, s.viewed)
	s.outbox = NewOutbox(deps.Store, deps.Settler, deps.Log, func(c session.Concluded) { s.deliver(c.Op.Session, c) })
	s.keeper = newKeeper(deps, s.outbox, s.usage)
	return s
}

// Outbox gives the station's outbox, for operations that people ask for.
func (s *Station) Outbox() *Outbox { return s.outbox }

// Run resumes what is stored, then serves until the context ends, and waits for everything that it started. It ends by
// itself with ErrStoring: a station that cannot store must not deliver. It is called once.
func (s *Station) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, o := range s.outlets {
		s.off(o) // it may have kept running while this process was not there
	}
	if err := s.resume(ctx, &all); err != nil {
		return err
	}
	all.Go(func() { s.fail(s.outbox.Run(ctx)) })
	all.Go(func() { s.looks.run(ctx) })
	all.Go(func() { s.keeper.run(ctx) })
	all.Go(func() { s.receiveStrangers(ctx, &all) })
	s.startPulses(ctx, &all)
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
			s.receive(d)
		}
	}
}

// fail ends Run for an error that no session can live with; nil is none.
func (s *Station) fail(err error) {
	if err == nil {
		return
	}
	select {
	case s.broken <- err:
	default: // somebody said so already
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
		payee, st, err := s.restored(ctx, record.ID, outlet)
		if err == nil && record.Channel != (channel.ID{}) {
			err = s.usage.begin(record.Channel, record.ID)
		}
		if err != nil {
			s.deps.Log.Error("a stored session cannot be resumed", "session", record.ID.String(), "error", err)
			continue
		}
		v := newVisit(record.ID, s.deps, "") // where the vehicle is, its next hello tells
		v.machine, v.before = payee, st.Outcomes()
		s.enter(v, outlet, true)
		s.serve(ctx, all, v, outlet)
	}
	return nil
}

// outletFor finds the outlet of a stored session by the EVSE in its quote: one that no other session uses.
func (s *Station) outletFor(record session.SessionRecord) *Outlet {
	evse := evseOf(record)
	for _, o := range s.outlets {
		if o.EVSE == evse && (record.Phase >= session.PhaseSettling || s.at(o) == nil) {
			return o
		}
	}
	return goneOutlet(evse)
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
		DID: w.DID(), Account: w.Account(), ChannelKey: w.Channel(keyIndex), KeyIndex: keyIndex, MeterKey: w.Meter(),
		Keys: s.deps.Keys, Policy: outlet.Policy,
	}
}

// enter makes a visit known. A station that drains takes only those that it had before.
func (s *Station) enter(v *visit, outlet *Outlet, hadBefore bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining && !hadBefore {
		return false
	}
	s.visits[v.id] = v
	if v.machine.Phase() < session.PhaseSettling {
		s.using[outlet] = v.id
		outlet.hold(v.machine.Record().Peer.String())
		s.feed(outlet, v)
	}
	return true
}

// serve runs the goroutine of a visit that was entered.
func (s *Station) serve(ctx context.Context, all *sync.WaitGroup, v *visit, outlet *Outlet) {
	v.ports = Ports{
		Store: ownChannels{s.deps.Store, s.usage, v.id}, Send: sendOn(s.deps.Link, v.addr), Submit: s.outbox.Notify,
		Look: s.looks.ask, Report: s.deps.report,
		Actuate: func(a session.Actuate) error { return s.actuate(outlet, a) },
	}
	v.each = func() { s.note(v, outlet) }
	v.hears = func(m wire.Message, from link.Addr) bool { return s.hears(v, m, from) }
	all.Go(func() {
		v.run(ctx)
		s.finished(v, outlet)
	})
}

// hears takes messages of the session's vehicle only, and notices where it is: only a hello that it signed moves its address.
func (s *Station) hears(v *visit, m wire.Message, from link.Addr) bool {
	if from != v.proven { // to read an address costs more than to compare it
		if checkPeer(from, v.machine.Record().Peer) != nil {
			return false
		}
		v.proven = from
	}
	if lacks, ok := m.(wire.Missing); ok {
		s.lacks(v, lacks.From)
		return false
	}
	h, ok := m.(wire.Hello)
	if !ok {
		return true
	}
	if h.Vehicle != v.machine.Record().Peer || s.checkHello(h, v.id) != nil {
		return false
	}
	v.peer.Store(from)
	return true
}

// note keeps what others may ask about a visit, after every batch of steps.
func (s *Station) note(v *visit, outlet *Outlet) {
	payee := v.machine.(*session.Payee)
	phase := payee.Phase()
	v.outstanding.Store(payee.Outstanding() || phase != session.PhaseCharging)
	v.noteTariff(payee)
	if phase >= session.PhaseSettling && !v.settling.Swap(true) {
		s.free(v, outlet)
	}
}

// free gives back an outlet, and tells whether the visit had it.
func (s *Station) free(v *visit, outlet *Outlet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.using[outlet] != v.id {
		return false
	}
	delete(s.using, outlet)
	outlet.hold("")
	s.feed(outlet, nil)
	return true
}

func (s *Station) finished(v *visit, outlet *Outlet) {
	if s.at(outlet) == v {
		s.off(outlet) // the process stops, or the store failed: energy must not flow unmetered
	}
	switch {
	case endsAll(v.err):
		s.fail(v.err)
	case v.err != nil && !errors.Is(v.err, ErrStopped):
		s.deps.Log.Error("a session cannot go on", "session", v.id.String(), "error", v.err)
	}
	s.free(v, outlet)
	s.mu.Lock()
	delete(s.visits, v.id)
	s.mu.Unlock()
	s.usage.end(v.id)
	s.keeper.nudge()
}

func (s *Station) find(id channel.SessionID) *visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.visits[id]
}

// deliver gives a session what nobody repeats. It does not wait for longer than the session lives.
func (s *Station) deliver(id channel.SessionID, event session.Event) {
	if v := s.find(id); v != nil {
		v.deliver(context.Background(), event)
	}
}

// viewed hands over the ledger's word on a channel. A session that waited for it wants the register at once.
func (s *Station) viewed(id channel.SessionID, v session.Viewed) {
	s.deliver(id, v)
	s.mu.Lock()
	defer s.mu.Unlock()
	for o, user := range s.using {
		if user == id {
			o.nudge()
		}
	}
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

// Free tells whether an outlet takes a vehicle: it has no session, it is off, and the station goes on.
func (s *Station) Free(o *Outlet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, used := s.using[o]
	return !used && !s.draining && !o.drive.Stopping()
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
